package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
)

func svr(t testing.TB, r gatekeep.Record) svrDocument {
	t.Helper()
	var out bytes.Buffer
	if err := SVR(&out, r, Options{}); err != nil {
		t.Fatal(err)
	}
	var doc svrDocument
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestSVRSpeaksOnlyOfOpenGates(t *testing.T) {
	for name, r := range sealed(t) {
		err := SVR(io.Discard, r, Options{})
		if opens := r.Decision.Outcome.Opens(); opens != (err == nil) || !opens && !errors.Is(err, ErrNoSVR) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSVRNamesTheRegimesThatPassed(t *testing.T) {
	for name, want := range map[string][]string{
		"open":      {"GATEKEEP_CORE_PASSED", "GATEKEEP_FREEZE_PASSED", "GATEKEEP_RBAC_PASSED", "GATEKEEP_SUPPLY_CHAIN_PASSED", "GATEKEEP_ENVIRONMENT_PROD_EU"},
		"waived":    {"GATEKEEP_CORE_PASSED", "GATEKEEP_FREEZE_PASSED", "GATEKEEP_RBAC_PASSED", "GATEKEEP_ENVIRONMENT_PROD_EU"},
		"emergency": {"GATEKEEP_CORE_PASSED", "GATEKEEP_FREEZE_PASSED", "GATEKEEP_SUPPLY_CHAIN_PASSED", "GATEKEEP_ENVIRONMENT_PROD_EU"},
	} {
		if diff := cmp.Diff(want, svr(t, sealed(t)[name]).Predicate.Properties); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// The policy is required from version 0.2 on, and says by what was verified.
func TestSVRNamesSubjectsVerifierAndPolicy(t *testing.T) {
	r := sealed(t)["release"]
	doc := svr(t, r)
	if len(doc.Subject) != 3 || len(doc.Predicate.Verifier.Policies) != 1 || doc.Predicate.TimeCreated != "2026-11-23T12:00:00Z" {
		t.Errorf("statement: %+v", doc)
	}
	for _, s := range doc.Subject {
		if len(s.Digest["sha256"]) != 64 || s.Name == "" {
			t.Errorf("subject: %+v", s)
		}
	}
	if got := "sha256:" + doc.Predicate.Verifier.Policies[0].Digest["sha256"]; got != r.Case.Policy.Digest {
		t.Errorf("policy is %s", got)
	}
	if doc.Predicate.Extension.DecisionID != r.ID || doc.Predicate.Extension.Environment != "prod-eu" {
		t.Errorf("extension: %+v", doc.Predicate.Extension)
	}
}

// Each of these records says "pass", and something in it does not hold.
func TestSVRIsRefusedWhereTheRecordDoesNotBearIt(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*gatekeep.Record)
		want  string
	}{
		"a rule stands against it":   {func(r *gatekeep.Record) { r.Decision.Results[2].Outcome = gatekeep.Fail }, "stands against it"},
		"a rule could not judge":     {func(r *gatekeep.Record) { r.Decision.Results[2].Outcome = gatekeep.Indeterminate }, "stands against it"},
		"no such outcome":            {func(r *gatekeep.Record) { r.Decision.Results[2].Outcome = 99 }, "stands against it"},
		"no regimes":                 {func(r *gatekeep.Record) { r.Regimes = nil }, "no regime passed"},
		"no results":                 {func(r *gatekeep.Record) { r.Decision.Results = nil }, "no regime passed"},
		"no environment":             {func(r *gatekeep.Record) { r.Case.Request.Environment = "" }, "which environment"},
		"no digest of the subject":   {func(r *gatekeep.Record) { r.Case.Subject.Digest = "sha256:x" }, "is no digest"},
		"no digest of the policy":    {func(r *gatekeep.Record) { r.Case.Policy.Digest = "" }, "is no digest"},
		"no digest of some artifact": {func(r *gatekeep.Record) { r.Case.Subject.Artifacts = map[string]gatekeep.Artifact{"md5:1": {}} }, "is no digest"},
		"waived as a whole":          {func(r *gatekeep.Record) { r.Decision.Outcome = gatekeep.Waived }, "the outcome is waived"},
	} {
		r := record()
		r.Decision.Results = slices.Clone(r.Decision.Results)
		c.spoil(&r)
		var out bytes.Buffer
		if err := SVR(&out, r, Options{}); !errors.Is(err, ErrNoSVR) || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, out.Len())
		}
	}
}

func TestSVRDoesNotLetOneRegimePassForAnother(t *testing.T) {
	r := record()
	r.Regimes = append(r.Regimes, gatekeep.Regime{ID: "pci-dss"})
	if got := svr(t, r).Predicate.Properties; slices.Contains(got, "GATEKEEP_PCI_DSS_PASSED") {
		t.Errorf("pci-dss gave no result, and the properties are %v", got)
	}
}

func TestSVRIsCanonical(t *testing.T) {
	got := render(t, "svr", record(), options)
	if !strings.HasPrefix(got, `{"_type":"https://in-toto.io/Statement/v1","predicate":{"https://gatekeep.dev/svr/ext/v1":{`) || !strings.HasSuffix(got, "}\n") {
		t.Errorf("statement: %s", got)
	}
}
