package evidence

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestEveryReasonIsInTheSpecification(t *testing.T) {
	spec, err := os.ReadFile("../../docs/evidence-format.md")
	if err != nil {
		t.Fatal(err)
	}
	constant := regexp.MustCompile(`(?m)^\tReason\w+ += "(\w+)"`)
	known := map[string]bool{}
	for _, file := range []string{"reason.go", "archive/refusal.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range constant.FindAllSubmatch(source, -1) {
			known[string(m[1])] = true
			if !strings.Contains(string(spec), "`"+string(m[1])+"`") {
				t.Errorf("%s does not say %s", "docs/evidence-format.md", m[1])
			}
		}
	}
	if len(known) < 30 {
		t.Errorf("only %d reasons were found in the source", len(known))
	}
}
