package report

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

// ErrNoSVR is wrapped by errors about decisions of which a simple verification result
// cannot speak.
var ErrNoSVR = errors.New("there is no simple verification result")

// Names that the statement uses. The verifier is that of the verification summary
// which signs a bundle.
const (
	svrType      = "https://in-toto.io/attestation/svr/v0.2"
	svrVerifier  = "https://gatekeep.dev/verifier/v1"
	svrStatement = "https://in-toto.io/Statement/v1"
)

// The parts of an in-toto Statement v1 with a Simple Verification Result v0.2.
type (
	svrDocument struct {
		Type          string        `json:"_type"`
		Subject       []svrResource `json:"subject"`
		PredicateType string        `json:"predicateType"`
		Predicate     svrPredicate  `json:"predicate"`
	}
	svrResource struct {
		Name   string            `json:"name,omitempty"`
		URI    string            `json:"uri,omitempty"`
		Digest map[string]string `json:"digest"`
	}
	svrPredicate struct {
		Verifier struct {
			ID       string        `json:"id"`
			Policies []svrResource `json:"policies"`
		} `json:"verifier"`
		TimeCreated string   `json:"timeCreated"`
		Properties  []string `json:"properties"`
		// in-toto attestation, parsing rules: producers may add fields whose names are URIs.
		Extension svrExtension `json:"https://gatekeep.dev/svr/ext/v1"`
	}
	svrExtension struct {
		DecisionID  string `json:"decisionID"`
		Environment string `json:"environment"`
	}
)

// SVR writes an unsigned in-toto Statement v1 with a Simple Verification Result v0.2,
// for consumers that want no detail, in canonical form (RFC 8785) and a line end.
//
// Its properties are those that passed, and it has no word for a failure: "Indicates
// the passing properties verified for the artifact." So a decision that keeps the gate
// shut has none, and neither has one of which no regime passed; the error wraps
// ErrNoSVR. A regime with a waived control has not passed. The environment is a
// property, since what may run in one need not in another.
func SVR(w io.Writer, r gatekeep.Record, _ Options) error {
	doc, err := svrOf(r)
	if err != nil {
		return fmt.Errorf("writing svr report: %w", err)
	}
	out, _, err := digest.JCS(doc)
	if err != nil {
		return fmt.Errorf("writing svr report: %w", err)
	}
	if _, err := w.Write(append(out, '\n')); err != nil {
		return fmt.Errorf("writing svr report: %w", err)
	}
	return nil
}

func svrOf(r gatekeep.Record) (svrDocument, error) {
	if !r.Decision.Outcome.Opens() {
		return svrDocument{}, fmt.Errorf("%w: the outcome is %s, and it can only say what passed", ErrNoSVR, r.Decision.Outcome)
	}
	if items := view.Of(r).Items; len(items) > 0 && items[0].Standing <= view.Unknown {
		return svrDocument{}, fmt.Errorf("%w: the record says %s, and rule %s stands against it", ErrNoSVR, r.Decision.Outcome, items[0].Rule)
	}
	if r.DecidedAt.IsZero() || r.Case.Request.Environment == "" {
		return svrDocument{}, fmt.Errorf("%w: the record does not say when or for which environment it was decided", ErrNoSVR)
	}
	doc := svrDocument{Type: svrStatement, PredicateType: svrType}
	p := &doc.Predicate
	p.Verifier.ID = svrVerifier
	p.TimeCreated = r.DecidedAt.UTC().Format(time.RFC3339Nano)
	p.Extension = svrExtension{r.ID, r.Case.Request.Environment}
	for _, id := range passed(r) {
		p.Properties = append(p.Properties, "GATEKEEP_"+id+"_PASSED")
	}
	if len(p.Properties) == 0 {
		return svrDocument{}, fmt.Errorf("%w: no regime passed as a whole", ErrNoSVR)
	}
	p.Properties = append(p.Properties, "GATEKEEP_ENVIRONMENT_"+property(r.Case.Request.Environment))
	policy, err := svrDigest(r.Case.Policy.Digest)
	if err != nil {
		return svrDocument{}, err
	}
	p.Verifier.Policies = []svrResource{{URI: "urn:gatekeep:policy:" + url.PathEscape(r.Case.Policy.Name), Digest: policy}}
	s := r.Case.Subject
	named := map[string]string{s.Digest: s.Name}
	for d, a := range s.Artifacts {
		if d != s.Digest {
			named[d] = view.Joined("#", a.Name, a.Platform)
		}
	}
	for _, d := range slices.Sorted(maps.Keys(named)) {
		set, err := svrDigest(d)
		if err != nil {
			return svrDocument{}, err
		}
		doc.Subject = append(doc.Subject, svrResource{Name: named[d], Digest: set})
	}
	return doc, nil
}

func svrDigest(d string) (map[string]string, error) {
	if !digest.Valid(d) {
		return nil, fmt.Errorf("%w: %q is no digest", ErrNoSVR, view.Clean(d))
	}
	return map[string]string{"sha256": strings.TrimPrefix(d, "sha256:")}, nil
}

// passed are the regimes whose controls all passed, as parts of properties. Where two
// regimes have one name as a property, both must have passed.
func passed(r gatekeep.Record) []string {
	held := map[string]bool{}
	for _, regime := range r.Regimes {
		id := property(regime.ID)
		earlier, seen := held[id]
		held[id] = (earlier || !seen) && view.Result(r.Decision, regime.ID) == gatekeep.Pass
	}
	maps.DeleteFunc(held, func(_ string, ok bool) bool { return !ok })
	return slices.Sorted(maps.Keys(held))
}

// property is a name as part of a property: capitals, digits and underscores.
func property(id string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			return c
		}
		return '_'
	}, strings.ToUpper(id))
}
