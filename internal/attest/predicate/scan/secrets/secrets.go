// Package secrets reads what scanners for secrets write: gitleaks, TruffleHog and
// GitLab. Of a secret only its kind and place are read, never the secret itself nor
// the line around it.
package secrets

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// gitleak is an entry of gitleaks: version 8 in mixed case, version 7 in lower case.
type gitleak struct {
	RuleID      string `json:"RuleID"`
	Rule        string `json:"rule"`
	File        string `json:"File"`
	Commit      string `json:"Commit"`
	StartLine   int    `json:"StartLine"`
	LineNumber  int    `json:"lineNumber"`
	StartColumn int    `json:"StartColumn"`
	Fingerprint string `json:"Fingerprint"`
}

// Gitleaks reads the JSON of gitleaks: an array of what was found. Old versions write
// null where they found nothing.
func Gitleaks(d *finding.Document) (*finding.Report, error) {
	r := &finding.Report{Format: "gitleaks", Tool: "gitleaks", Kinds: []string{finding.KindSecrets}}
	switch {
	case string(d.Raw) == "null":
		return r, nil
	case d.Items == nil || d.Stream:
		return nil, errors.New("not an array")
	}
	err := finding.Each(d, func(_ int, g *gitleak) error {
		if g.File == "" && g.Commit == "" {
			return errors.New("neither file nor commit")
		}
		line := max(g.StartLine, g.LineNumber)
		return r.AddSecret(finding.Secret{Kind: finding.Either(g.RuleID, g.Rule), Location: finding.At(g.File, line), Fingerprint: g.Fingerprint},
			g.Commit, fmt.Sprint(g.StartColumn))
	})
	return r, err
}

// truffle is a line of TruffleHog 3, or of its log, or of version 2.
type truffle struct {
	Source struct {
		Data map[string]map[string]any `json:"Data"`
	} `json:"SourceMetadata"`
	SourceName string `json:"SourceName"`
	Detector   string `json:"DetectorName"`
	Decoder    string `json:"DecoderName"`
	Verified   bool   `json:"Verified"`

	Level  string `json:"level"`
	Logger string `json:"logger"`
	Msg    string `json:"msg"`

	Reason string            `json:"reason"`
	Path   string            `json:"path"`
	Hash   string            `json:"commitHash"`
	Found  []json.RawMessage `json:"stringsFound"`
}

// placed are file and line of a finding, and what else tells two of them apart.
// Addresses are left out: they may have credentials in them.
func (t *truffle) placed() (location string, rest []string) {
	for _, source := range slices.Sorted(maps.Keys(t.Source.Data)) {
		at := t.Source.Data[source]
		text := func(name string) string { value, _ := at[name].(string); return value }
		line, _ := at["line"].(float64)
		file := finding.Either(text("file"), strings.Trim(text("bucket")+"/"+text("key"), "/"), strings.TrimSpace(text("image")+" "+text("layer")))
		location = finding.At(finding.Either(file, t.SourceName), int(line))
		rest = append(rest, text("commit"), text("layer"), text("timestamp"))
	}
	return finding.Either(location, t.SourceName), rest
}

// TruffleHog reads the lines of "trufflehog --json", which are none where nothing was
// found, with or without the lines of its log among them.
func TruffleHog(d *finding.Document) (*finding.Report, error) {
	r := &finding.Report{Format: "trufflehog", Tool: "trufflehog", Kinds: []string{finding.KindSecrets}}
	if d.Items != nil && !d.Stream {
		return nil, errors.New("an array, where lines are wanted")
	}
	err := finding.Each(d, func(_ int, t *truffle) error {
		switch {
		case t.Logger == "trufflehog":
			if t.Level == "error" || t.Level == "fatal" {
				r.Fail("%s", t.Msg)
			}
			return nil
		case t.Detector != "":
			location, rest := t.placed()
			return r.AddSecret(finding.Secret{Kind: t.Detector, Location: location, Live: t.Verified}, append(rest, t.Decoder)...)
		case t.Reason != "" && len(t.Found) > 0:
			return r.AddSecret(finding.Secret{Kind: t.Reason, Location: t.Path}, t.Hash)
		}
		return errors.New("neither a finding (DetectorName) nor a line of the log")
	})
	return r, err
}

// gitlab is the part of a GitLab report that is read.
type gitlab struct {
	Version string `json:"version"`
	Vulns   *[]struct {
		Name        string `json:"name"`
		Category    string `json:"category"`
		Identifiers []struct {
			Type  string `json:"type"`
			Value string `json:"value"`
		} `json:"identifiers"`
		Location struct {
			File      string `json:"file"`
			StartLine int    `json:"start_line"`
			Commit    struct {
				SHA string `json:"sha"`
			} `json:"commit"`
		} `json:"location"`
		Flags []struct {
			Type   string `json:"type"`
			Origin string `json:"origin"`
		} `json:"flags"`
	} `json:"vulnerabilities"`
	Scan struct {
		Type    string `json:"type"`
		Status  string `json:"status"`
		EndTime string `json:"end_time"`
		Scanner struct {
			ID      string `json:"id"`
			Version string `json:"version"`
		} `json:"scanner"`
	} `json:"scan"`
}

// GitLab reads a report of GitLab's secret detection.
func GitLab(d *finding.Document) (*finding.Report, error) {
	r := &finding.Report{Format: "gitlab-secrets", Tool: "gitlab-secrets"}
	err := finding.Each(d, func(_ int, g *gitlab) error {
		if g.Vulns == nil || g.Scan.Type != "secret_detection" {
			return fmt.Errorf("no list of vulnerabilities, or a scan of type %q; want secret_detection", g.Scan.Type)
		}
		r.Looked(finding.KindSecrets)
		r.Tool, r.Version, r.CreatedAt = finding.Either(g.Scan.Scanner.ID, r.Tool), g.Scan.Scanner.Version, g.Scan.EndTime
		if err := r.Dated(); err != nil {
			return fmt.Errorf("scan.end_time: %w", err)
		}
		if g.Scan.Status != "success" {
			r.Fail("its status is %q", g.Scan.Status)
		}
		for i, v := range *g.Vulns {
			kind := ""
			for _, id := range v.Identifiers {
				kind = finding.Either(kind, id.Value)
			}
			kind = finding.Either(kind, v.Name)
			suppressed := ""
			for _, flag := range v.Flags {
				if flag.Type == "flagged-as-likely-false-positive" {
					suppressed = finding.Either(flag.Origin, flag.Type)
				}
			}
			secret := finding.Secret{Kind: kind, Location: finding.At(v.Location.File, v.Location.StartLine), Suppressed: suppressed}
			if err := r.AddSecret(secret, v.Location.Commit.SHA); err != nil {
				return fmt.Errorf("vulnerabilities[%d]: %w", i, err)
			}
		}
		return nil
	})
	return r, err
}
