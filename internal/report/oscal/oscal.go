// Package oscal writes a record as OSCAL assessment results (NIST, version 1.1.3), one
// result for each regime.
//
// It claims what the record claims and no more. A finding is not about a control but
// about a local objective: that the rules which a regime names for the control hold.
// The strength and the limits of that, and the citation, stand beside it. What is
// waived, or could not be judged, is not satisfied. What does not apply is excluded.
package oscal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

// NS is the namespace of the properties that OSCAL itself does not define.
const NS = "https://gatekeep.dev/ns/oscal/v1"

// Version is that of OSCAL.
const Version = "1.1.3"

// ErrNoTime is wrapped by errors about records without a time of decision, or with one
// outside the years 1900 to 2999, for which OSCAL has no word.
var ErrNoTime = errors.New("the record has no time that OSCAL can say")

// writer holds what all parts of one document share.
type writer struct {
	ids
	r    gatekeep.Record
	time string
	doc  assessment
}

// Write writes one record. Errors are those of the writer, or wrap ErrNoTime.
func Write(w io.Writer, r gatekeep.Record) error {
	at := r.DecidedAt.UTC()
	if at.Year() < 1900 || at.Year() > 2999 {
		return fmt.Errorf("writing oscal report: %w", ErrNoTime)
	}
	x := &writer{ids: ids{r.ID, map[string]string{}}, r: r, time: at.Format(time.RFC3339Nano)}
	x.head()
	v := view.Of(r)
	for _, regime := range v.Regimes {
		x.regime(regime)
	}
	if len(v.Regimes) == 0 || v.Silence != nil {
		x.whole(v.Silence)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(document{x.doc}); err != nil {
		return fmt.Errorf("writing oscal report: %w", err)
	}
	return nil
}

// head is what is said of the decision as a whole, and the documents it rests on.
func (x *writer) head() {
	verdict, _ := view.Verdict(x.r)
	q, p := x.r.Case.Request, x.r.Case.Policy
	x.doc.UUID = x.uuid("assessment-results")
	x.doc.Metadata = metadata{
		Title: view.Joined(" ", "Deployment decision", view.Clean(x.r.ID)), Modified: x.time, Version: "1", OSCAL: Version,
		Props: props("decision-id", x.r.ID, "outcome", x.r.Decision.Outcome.String(), "mode", string(x.r.Mode), "verdict", verdict,
			"service", q.Service, "action", q.Action, "environment", q.Environment, "stage", q.Stage,
			"subject-name", x.r.Case.Subject.Name, "subject-digest", x.r.Case.Subject.Digest,
			"policy-name", p.Name, "policy-digest", p.Digest, "policy-revision", fmt.Sprint(p.Revision)),
		Remarks: "Evidence for the controls that are named; not a statement of compliance. Paths of resources are those of the evidence bundle of this decision.",
	}
	decision := x.uuid("resource", "decision")
	x.doc.Plan = reference{"#" + decision, "There is no assessment plan in OSCAL. What was assessed, and how, is the policy that the decision names by digest."}
	x.resource(decision, "The decision", "decision/decision.json", x.r.Facts.Decision)
	x.resource(x.uuid("resource", "input"), "The facts that were judged", "decision/input.json", x.r.Facts.Input)
	for _, s := range x.r.Accepted {
		if digest.Valid(s.ID) {
			x.resource(x.uuid("evidence", s.ID), "Evidence that was believed", "inputs/attestations/"+strings.TrimPrefix(s.ID, "sha256:")+".json", s.ID,
				"kind", s.Kind, "predicate-type", s.PredicateType, "signer", s.Signer, "status", s.Status)
		}
	}
}

func (x *writer) resource(uuid, title, path, sum string, pairs ...string) {
	at := link{Href: path}
	if digest.Valid(sum) {
		at.Hashes = []hash{{"SHA-256", strings.TrimPrefix(sum, "sha256:")}}
	}
	for _, other := range x.doc.Back.Resources {
		if other.UUID == uuid {
			return
		}
	}
	x.doc.Back.Resources = append(x.doc.Back.Resources, resource{UUID: uuid, Title: title, Props: props(pairs...), Links: []link{at}})
}

// open is an empty result about one regime, or about the decision.
func (x *writer) open(key, title, description string, pairs ...string) result {
	return result{
		UUID: x.uuid("result", key), Title: title, Description: description, Start: x.time, End: x.time, Props: props(pairs...),
		Local: x.local(), Reviewed: reviewed{Controls: []selection{{}}},
	}
}

// local names what was assessed and what assessed it.
func (x *writer) local() *local {
	out := &local{Assets: assets{
		Components: []component{{x.uuid("tool"), "software", "gatekeep", "The gate that made the decision.",
			props("version", x.r.Engine.Gatekeep, "opa-version", x.r.Engine.OPA, "go-version", x.r.Engine.Go), status{State: "operational"}}},
		Platforms: []platform{{x.uuid("platform"), "gatekeep", []uses{{x.uuid("tool")}}}},
	}}
	s := x.r.Case.Subject
	// "other": whether it runs is not known before it is deployed.
	out.Components = []component{{x.uuid("subject"), "software", view.Joined(" ", "Subject", view.Clean(s.Name)), "What would be deployed.",
		props("digest", s.Digest, "kind", s.Kind), status{State: "other", Remarks: "Not said by the decision."}}}
	return out
}

// whole is the result of a decision that no regime speaks for.
func (x *writer) whole(silence *view.Item) {
	verdict, _ := view.Verdict(x.r)
	out := x.open("decision", "The decision as a whole", verdict, "outcome", x.r.Decision.Outcome.String())
	out.Reviewed.Controls[0].Description = "No control stands for this."
	if it := silence; it != nil {
		out.Observations = []observation{x.observe([]string{"decision"}, it.Rule, it.Text(), "finding", props("remedy", it.Remedy, "at", it.At))}
	}
	x.doc.Results = append(x.doc.Results, out)
}
