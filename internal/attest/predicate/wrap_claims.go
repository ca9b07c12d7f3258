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

// wrapFlags takes a flag set as JSON, whichever way it is written.
func wrapFlags(file []byte, _ WrapOptions) (string, []byte, error) {
	raw, err := delivery.JSON(file)
	return own("flag-config"), raw, err
}

// wrapMigrations takes a report as it stands; one that is no JSON becomes a text.
func wrapMigrations(file []byte, _ WrapOptions) (string, []byte, error) {
	uri := own("migration-plan")
	if head := bytes.TrimSpace(file); len(head) > 0 && head[0] == '{' {
		return uri, file, strictjson.Check(file, strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth})
	}
	raw, err := json.Marshal(string(file))
	return uri, raw, err
}

// wrapManifests takes a stream of objects as one list.
func wrapManifests(file []byte, _ WrapOptions) (string, []byte, error) {
	raw, err := delivery.List(file)
	return own("manifests"), raw, err
}
