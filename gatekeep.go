// Package gatekeep holds the nouns of the gate and nothing else: a Request comes
// in, evidence is gathered into a Case and verified into Facts, a pure function
// turns Facts into a Decision, and the whole is a Record that can be sealed.
//
// The package imports the standard library only. Every other package speaks in
// these words.
package gatekeep

import (
	"fmt"
	"strings"
	"time"
)

// Outcome is what a rule, or a whole decision, says. The zero value keeps the
// gate shut.
type Outcome int

// The outcomes, from "could not judge" to "nothing stands against it".
const (
	Indeterminate Outcome = iota
	Fail
	Waived
	NotApplicable
	Pass
)

var outcomeNames = [...]string{"indeterminate", "fail", "waived", "not_applicable", "pass"}

// String is the name used in every format.
func (o Outcome) String() string {
	if o < 0 || int(o) >= len(outcomeNames) {
		return outcomeNames[Indeterminate]
	}
	return outcomeNames[o]
}

// Opens tells whether a decision with this outcome opens the gate.
func (o Outcome) Opens() bool { return o == Pass }

// MarshalText writes the name of the outcome.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads a name of an outcome and refuses any other word.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, name := range outcomeNames {
		if name == string(text) {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("reading outcome: unknown outcome %q", text)
}

// Mode says what the edge does with an outcome. It never reaches a rule.
type Mode string

// The modes. Only enforce turns an outcome into an exit code.
const (
	Enforce Mode = "enforce"
	Warn    Mode = "warn"
	Observe Mode = "observe"
)

// Kinds of subject.
const (
	KindImage     = "oci_image"
	KindIndex     = "oci_index"
	KindFile      = "file"
	KindDirectory = "directory"
	KindRelease   = "release"
)

// Subject is what would be deployed, named by digest.
type Subject struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`   // repository or path, without tag or digest
	Ref    string `json:"ref"`    // as the caller wrote it; for messages only
	Digest string `json:"digest"` // "sha256:" and 64 hex digits
	// Artifacts are the things that would run, by digest: an image stands for
	// itself, an index for each of its platforms, a release for all of its members.
	Artifacts map[string]Artifact `json:"artifacts"`
}

// Artifact is one thing that would run.
type Artifact struct {
	Name     string `json:"name"`
	Platform string `json:"platform,omitempty"` // "linux/amd64", with variant where there is one
	// CoveredBy are the digests whose attestations speak about this artifact: its
	// own, and that of the index it belongs to.
	CoveredBy []string `json:"covered_by"`
}

// Stages of a delivery in which a gate may stand.
const (
	StageBuild      = "build"
	StagePlan       = "plan"
	StagePredeploy  = "predeploy"
	StageAdmission  = "admission"
	StagePostdeploy = "postdeploy"
	StagePeriodic   = "periodic"
)

// Request is the untrusted question: may this actor do this with these subjects
// in this environment? Nothing in it is evidence.
type Request struct {
	ID          string    `json:"id"`
	Nonce       string    `json:"nonce"`
	RequestedAt time.Time `json:"requested_at"`
	Stage       string    `json:"stage"`
	Environment string    `json:"environment"`
	Service     string    `json:"service"`
	Action      string    `json:"action"`            // deploy, rollback, promote, destroy, ...
	Targets     []string  `json:"targets,omitempty"` // regions of this wave
	Regimes     []string  `json:"regimes,omitempty"` // added to those that are derived
	Actor       Actor     `json:"actor"`
	OnBehalfOf  string    `json:"on_behalf_of,omitempty"` // the person behind a workload
	Emergency   bool      `json:"emergency"`
	Change      string    `json:"change,omitempty"`   // number of the change record
	Plan        string    `json:"plan,omitempty"`     // digest of the infrastructure plan
	Commit      string    `json:"commit,omitempty"`   // full hash of the source commit
	Strategy    string    `json:"strategy,omitempty"` // canary, blue_green, rolling, recreate
}

// Actor is who asks.
type Actor struct {
	Principal string `json:"principal"`
	Issuer    string `json:"issuer,omitempty"`  // for workload identities
	Subject   string `json:"subject,omitempty"` // for workload identities
}

// BindingLines are the fields that an approval is bound to, in the order in which
// they are hashed. Rules compute the same digest again.
func BindingLines(r Request, subjectDigest string) []string {
	orDash := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	return []string{
		"gatekeep-binding-v1",
		r.Service,
		r.Action,
		subjectDigest,
		r.Environment,
		strings.Join(sorted(r.Targets), ","),
		orDash(r.Plan),
		"-", // digest of a migration set
		"-", // digest of a flag set
		orDash(r.Change),
	}
}
