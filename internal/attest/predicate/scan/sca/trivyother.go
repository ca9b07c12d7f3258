package sca

import (
	"errors"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

type trivyMisconf struct {
	ID       string `json:"ID"`
	AVDID    string `json:"AVDID"`
	Severity string `json:"Severity"`
	Status   string `json:"Status"`
	Message  string `json:"Message"`
	Cause    struct {
		Resource  string `json:"Resource"`
		StartLine int    `json:"StartLine"`
	} `json:"CauseMetadata"`
}

// trivySecret leaves out Match and Code: they may hold the secret.
type trivySecret struct {
	RuleID    string `json:"RuleID"`
	Category  string `json:"Category"`
	StartLine int    `json:"StartLine"`
	EndLine   int    `json:"EndLine"`
}

type trivyLicense struct {
	Severity string `json:"Severity"`
	Category string `json:"Category"`
	PkgName  string `json:"PkgName"`
	FilePath string `json:"FilePath"`
	Name     string `json:"Name"`
}

// misconf takes a check of configuration that failed. Those that passed are listed
// only on demand, and are no flaws.
func (t *trivyReader) misconf(m *trivyMisconf, target, suppressed string) error {
	if err := t.r.Count(); err != nil {
		return err
	}
	id := finding.Either(m.ID, m.AVDID)
	if id == "" {
		return errors.New("a misconfiguration has no id")
	}
	switch m.Status {
	case "PASS":
		return nil
	case "EXCEPTION":
		suppressed = finding.Either(suppressed, "exception")
	}
	at := finding.At(target, m.Cause.StartLine)
	t.flaws.Add(id+":"+finding.Place(target, m.Cause.Resource, at, m.Message), gatekeep.SASTFinding{Rule: id,
		Severity: finding.Flaw(m.Severity), Location: at, BaselineState: "new", Suppression: hidden(suppressed)})
	return nil
}

func (t *trivyReader) secret(s *trivySecret, target, suppressed string) error {
	return t.r.AddSecret(finding.Secret{Kind: finding.Either(s.RuleID, s.Category), Location: finding.At(target, s.StartLine), Suppressed: suppressed})
}

func (t *trivyReader) license(l *trivyLicense, target, suppressed string) error {
	if err := t.r.Count(); err != nil {
		return err
	}
	if l.Name == "" {
		return errors.New("a licence has no name")
	}
	at := finding.Either(l.PkgName, l.FilePath, target)
	t.flaws.Add("license:"+finding.Place(l.Name, at, target), gatekeep.SASTFinding{Rule: "license/" + finding.Line(l.Name),
		Severity: finding.Flaw(l.Severity), Location: at, BaselineState: "new", Suppression: hidden(suppressed)})
	return nil
}

// hidden is what a finding keeps of a scanner's own decision. Only "external" excuses
// a flaw, and no scanner's setting is that.
func hidden(reason string) string {
	if reason == "" {
		return ""
	}
	return "scanner"
}
