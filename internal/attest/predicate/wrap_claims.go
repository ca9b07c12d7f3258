package predicate

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/delivery"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/quality"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// as takes a file as the predicate of one type.
func as(uri string) func([]byte, WrapOptions) (string, []byte, error) {
	return func(file []byte, _ WrapOptions) (string, []byte, error) { return uri, file, nil }
}

// wrapTestResult makes a test result of a JUnit report: the names of the tests, and the
// worst that one of them says. A report without tests is no result.
func wrapTestResult(file []byte, _ WrapOptions) (string, []byte, error) {
	const uri = framework + "test-result/v0.1"
	if !bytes.HasPrefix(bytes.TrimLeft(file, " \t\r\n\ufeff"), []byte("<")) {
		return uri, file, strictjson.Check(file, strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth})
	}
	t, err := quality.JUnit(file)
	if err != nil {
		return "", nil, err
	}
	if t.Total == t.Skipped {
		return "", nil, errors.New("the report has no test that ran")
	}
	result := "PASSED"
	if t.Failures+t.Errors > 0 {
		result = "FAILED"
	}
	raw, err := json.Marshal(map[string]any{"result": result, "configuration": []any{},
		"passedTests": list(t.Passed), "warnedTests": list(t.SkippedNames), "failedTests": list(t.Failed)})
	return uri, raw, err
}

// carry puts the document of a tool into a predicate of one of our own kinds.
func carry(kind, tool string, document []byte) (string, []byte, error) {
	raw, err := json.Marshal(carried{tool, document})
	return own(kind), raw, err
}

// ready tells whether a file is such a predicate already.
func ready(file []byte) bool {
	members, err := strictjson.Members(file, strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth})
	return err == nil && members["tool"] != nil && members["document"] != nil
}

// wrapFlags takes a flag set as JSON, whichever way it is written.
func wrapFlags(file []byte, _ WrapOptions) (string, []byte, error) {
	if ready(file) {
		return own("flag-config"), file, nil
	}
	document, err := delivery.JSON(file)
	if err != nil {
		return "", nil, err
	}
	return carry("flag-config", "flagd", document)
}

// wrapMigrations takes a report as it stands; one that is no JSON becomes a text.
func wrapMigrations(file []byte, _ WrapOptions) (string, []byte, error) {
	if ready(file) {
		return own("migration-plan"), file, nil
	}
	m, err := delivery.MigrationReport(file)
	if err != nil {
		return "", nil, err
	}
	document := file
	if m.Tool == "liquibase" {
		if document, err = json.Marshal(string(file)); err != nil {
			return "", nil, err
		}
	}
	return carry("migration-plan", m.Tool, document)
}

// wrapManifests takes a stream of objects as one list.
func wrapManifests(file []byte, _ WrapOptions) (string, []byte, error) {
	if ready(file) {
		return own("manifests"), file, nil
	}
	document, err := delivery.List(file)
	if err != nil {
		return "", nil, err
	}
	return carry("manifests", "kubernetes", document)
}
