// Package intoto reads the small predicates of the in-toto Attestation Framework and
// of SLSA, and tells as claims what rules ask of them: who verified what with which
// result, which tests ran, what was released.
//
// The texts are JSON that strictjson.Check and jsonscan.RefuseFolded have passed.
// Unknown fields are ignored, as the framework asks of consumers; a field that a
// specification requires and that is missing or of another kind is an error.
package intoto

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/instant"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
)

// ErrTooLarge marks a list that is over its bound.
var ErrTooLarge = jsonscan.ErrLimit

// Bounds of the lists in one predicate; the longest seen have 3,000 tests and a
// hundred of anything else.
const (
	maxTests = 200_000
	maxItems = 10_000
)

// Claims are what rules see of a predicate: text, numbers, truth values, and lists of
// text, by names in snake_case.
type Claims = map[string]any

// decode reads one JSON object into a struct of pointers and plain fields.
func decode(raw []byte, what string, into any) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("reading %s: %w", what, err)
	}
	return nil
}

// missing names the first required text that is empty.
func missing(what string, fields ...[2]string) error {
	for _, f := range fields {
		if f[1] == "" {
			return fmt.Errorf("reading %s: %s is missing", what, f[0])
		}
	}
	return nil
}

// list is texts as the policy store takes them, never null.
func list(texts []string) []any {
	out := make([]any, 0, len(texts))
	for _, text := range texts {
		out = append(out, text)
	}
	return out
}

// digests is a DigestSet as the policy store takes it, never null.
func digests(set map[string]string) map[string]any {
	out := make(map[string]any, len(set))
	for algorithm, value := range set {
		out[algorithm] = value
	}
	return out
}

func bounded(what string, n, limit int) error {
	if n > limit {
		return fmt.Errorf("reading %s: more than %d entries: %w", what, limit, ErrTooLarge)
	}
	return nil
}

// resource is a ResourceDescriptor (in-toto/attestation, spec/v1/resource_descriptor.md).
type resource struct {
	Name   string            `json:"name"`
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest"`
}

// Release reads https://in-toto.io/attestation/release/v0.1 and v0.2: which package
// and version the subjects are files of.
func Release(raw []byte) (Claims, error) {
	const what = "release"
	var p struct {
		PURL       string `json:"purl"`
		PackageID  string `json:"packageId"`
		ReleaseID  string `json:"releaseId"`
		Repository string `json:"repository"` // GitHub
		Tag        string `json:"tag"`
	}
	if err := decode(raw, what, &p); err != nil {
		return nil, err
	}
	// spec/predicates/release.md: "purl ... Required"; GitHub's own releases name the
	// repository and the tag beside it.
	if err := missing(what, [2]string{"purl", p.PURL}); err != nil {
		return nil, err
	}
	return Claims{"purl": p.PURL, "package_id": p.PackageID, "release_id": p.ReleaseID, "repository": p.Repository, "tag": p.Tag}, nil
}

// Reference reads https://in-toto.io/attestation/reference/v0.1: documents that are
// too large to carry, by digest.
func Reference(raw []byte) (Claims, error) {
	const what = "reference"
	var p struct {
		Attester struct {
			ID string `json:"id"`
		} `json:"attester"`
		References []struct {
			Location  string            `json:"downloadLocation"`
			Digest    map[string]string `json:"digest"`
			MediaType string            `json:"mediaType"`
		} `json:"references"`
	}
	if err := decode(raw, what, &p); err != nil {
		return nil, err
	}
	if err := missing(what, [2]string{"attester.id", p.Attester.ID}); err != nil {
		return nil, err
	}
	if err := bounded(what, len(p.References), maxItems); err != nil {
		return nil, err
	}
	references := []any{}
	for i, r := range p.References {
		// spec/predicates/reference.md: "digest ... required"
		if len(r.Digest) == 0 {
			return nil, fmt.Errorf("reading %s: references[%d] has no digest, so it refers to nothing certain", what, i)
		}
		references = append(references, map[string]any{"location": r.Location, "digest": digests(r.Digest), "media_type": r.MediaType})
	}
	return Claims{"attester": p.Attester.ID, "references": references}, nil
}

// SCAI reads https://in-toto.io/attestation/scai/v0.3 and the attribute report v0.2
// before it: attributes of a build, such as how a compiler hardened it.
func SCAI(raw []byte) (Claims, error) {
	const what = "SCAI report"
	var p struct {
		Attributes []struct {
			Attribute string    `json:"attribute"`
			Target    *resource `json:"target"`
			Evidence  *resource `json:"evidence"`
		} `json:"attributes"`
		Producer *resource `json:"producer"`
	}
	if err := decode(raw, what, &p); err != nil {
		return nil, err
	}
	if len(p.Attributes) == 0 {
		return nil, errors.New("reading SCAI report: it has no attributes")
	}
	if err := bounded(what, len(p.Attributes), maxItems); err != nil {
		return nil, err
	}
	attributes := []any{}
	for i, a := range p.Attributes {
		if a.Attribute == "" {
			return nil, fmt.Errorf("reading %s: attributes[%d].attribute is missing", what, i)
		}
		one := map[string]any{"attribute": a.Attribute, "target": "", "has_evidence": a.Evidence != nil}
		if a.Target != nil {
			one["target"] = either(a.Target.Name, a.Target.URI)
		}
		attributes = append(attributes, one)
	}
	producer := ""
	if p.Producer != nil {
		producer = either(p.Producer.Name, p.Producer.URI)
	}
	return Claims{"attributes": attributes, "producer": producer}, nil
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// RuntimeTrace reads https://in-toto.io/attestation/runtime-trace/v0.1: what a monitor
// saw a build do.
func RuntimeTrace(raw []byte) (Claims, error) {
	const what = "runtime trace"
	var p struct {
		Monitor *struct {
			Type        string          `json:"type"`
			TracePolicy json.RawMessage `json:"tracePolicy"`
		} `json:"monitor"`
		Process *struct {
			HostID string `json:"hostID"`
			Type   string `json:"type"`
			Event  string `json:"event"`
		} `json:"monitoredProcess"`
		Log *struct {
			Process    []json.RawMessage `json:"process"`
			Network    []json.RawMessage `json:"network"`
			FileAccess []json.RawMessage `json:"fileAccess"`
		} `json:"monitorLog"`
	}
	if err := decode(raw, what, &p); err != nil {
		return nil, err
	}
	// spec/predicates/runtime-trace.md: monitor.type, monitoredProcess and monitorLog
	// are required.
	if p.Monitor == nil || p.Monitor.Type == "" || p.Process == nil || p.Log == nil {
		return nil, errors.New("reading runtime trace: monitor.type, monitoredProcess or monitorLog is missing")
	}
	return Claims{"monitor": p.Monitor.Type, "host": p.Process.HostID, "process_type": p.Process.Type, "event": p.Process.Event,
		"processes": len(p.Log.Process), "network_events": len(p.Log.Network), "file_accesses": len(p.Log.FileAccess)}, nil
}

// results are the words of spec/predicates/test-result.md.
var results = []string{"PASSED", "WARNED", "FAILED"}

// TestResult reads https://in-toto.io/attestation/test-result/v0.1.
func TestResult(raw []byte) (Claims, error) {
	const what = "test result"
	var p struct {
		Result        string     `json:"result"`
		Configuration []resource `json:"configuration"`
		URL           string     `json:"url"`
		Passed        []string   `json:"passedTests"`
		Warned        []string   `json:"warnedTests"`
		Failed        []string   `json:"failedTests"`
	}
	if err := decode(raw, what, &p); err != nil {
		return nil, err
	}
	if !slices.Contains(results, p.Result) {
		return nil, fmt.Errorf("reading %s: result %.40q is none of PASSED, WARNED and FAILED", what, p.Result)
	}
	// "configuration ... required": a result that says nothing of what ran is none.
	if p.Configuration == nil {
		return nil, fmt.Errorf("reading %s: configuration is missing", what)
	}
	if err := bounded(what, len(p.Passed)+len(p.Warned)+len(p.Failed), maxTests); err != nil {
		return nil, err
	}
	if p.Result == "PASSED" && len(p.Failed) > 0 {
		return nil, fmt.Errorf("reading %s: result is PASSED and %d tests failed", what, len(p.Failed))
	}
	suites := []any{}
	for _, c := range p.Configuration {
		suites = append(suites, either(c.Name, c.URI))
	}
	return Claims{"result": p.Result, "url": p.URL, "suites": suites, "passed": len(p.Passed), "warned": len(p.Warned),
		"failed": len(p.Failed), "failed_tests": list(first(p.Failed, 100))}, nil
}

// first bounds a list that is kept for messages.
func first(texts []string, n int) []string { return texts[:min(n, len(texts))] }

// checkTime wraps what is wrong with an optional time.
func checkTime(what, field, text string) error {
	if err := instant.Optional(text); err != nil {
		return fmt.Errorf("reading %s: %s: %w", what, field, err)
	}
	return nil
}
