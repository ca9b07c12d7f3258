package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/gatekeep-dev/gatekeep"
)

var update = flag.Bool("update", false, "write the golden files")

var options = Options{Width: 80, EvidencePath: "evidence/dec-0123456789abcdef.gatekeep", VerifyCommand: "gatekeep evidence verify evidence/dec-0123456789abcdef.gatekeep"}

func render(t testing.TB, format string, r gatekeep.Record, o Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := Formats[format](&out, r, o); errors.Is(err, ErrNoSVR) && out.Len() == 0 {
		return err.Error() + "\n"
	} else if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGoldens(t *testing.T) {
	endings := map[string]string{"text": "txt", "json": "json", "sarif": "sarif", "junit": "xml", "markdown": "md", "csv": "csv"}
	for name, r := range records() {
		for format, ending := range endings {
			golden(t, name+"."+ending, render(t, format, r, options))
		}
	}
	golden(t, "shut-40.txt", render(t, "text", shut(), Options{Width: 40}))
	golden(t, "shut-colour.txt", render(t, "text", shut(), Options{Colour: true}))
}

// golden holds a report against the file that somebody looked at.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (run with -update to accept):\n%s", path, diff)
	}
}

// What a format shows is in the json report: from it each can be made again.
func TestEveryFormatIsAFunctionOfTheJSONReport(t *testing.T) {
	for name, r := range records() {
		if name == "hostile" {
			continue // JSON replaces the bytes that are not UTF-8
		}
		var again gatekeep.Record
		if err := json.Unmarshal([]byte(render(t, "json", r, options)), &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, again); diff != "" {
			t.Errorf("%s: json changes the record: %s", name, diff)
		}
		for _, format := range Names() {
			if diff := cmp.Diff(render(t, format, r, options), render(t, format, again, options)); diff != "" {
				t.Errorf("%s %s: %s", name, format, diff)
			}
		}
	}
}

func TestReportsAreTheSameEachTime(t *testing.T) {
	for name, r := range records() {
		for _, format := range Names() {
			first := render(t, format, r, options)
			if diff := cmp.Diff(first, render(t, format, r, options)); diff != "" {
				t.Errorf("%s %s differs from itself: %s", name, format, diff)
			}
		}
	}
}

// Whatever the rules said, a gate that is not open never looks clean.
func TestShutNeverLooksClean(t *testing.T) {
	for _, outcome := range []gatekeep.Outcome{gatekeep.Indeterminate, gatekeep.Fail, gatekeep.Waived, gatekeep.NotApplicable, gatekeep.Outcome(99)} {
		for _, mode := range []gatekeep.Mode{gatekeep.Enforce, gatekeep.Warn, gatekeep.Observe, ""} {
			for name, base := range map[string]gatekeep.Record{"all pass": record(), "waived": waived(), "empty": {}, "shut": shut(), "warnings only": warnings()} {
				r := base
				r.Mode, r.Decision.Outcome = mode, outcome
				where := name + " " + outcome.String() + " " + string(mode)
				if got := render(t, "text", r, Options{}); !strings.HasPrefix(got, "SHUT") {
					t.Errorf("%s: text begins %q", where, firstLine(got))
				}
				if got := render(t, "markdown", r, Options{}); !strings.Contains(firstLine(got), "gatekeep: SHUT") {
					t.Errorf("%s: markdown begins %q", where, firstLine(got))
				}
				if n := sarifLevels(t, render(t, "sarif", r, Options{}))["error"]; n == 0 {
					t.Errorf("%s: sarif has no error", where)
				}
				var suites junitSuites
				if err := xml.Unmarshal([]byte(render(t, "junit", r, Options{})), &suites); err != nil {
					t.Fatal(err)
				}
				if suites.Failures+suites.Errors == 0 {
					t.Errorf("%s: junit has neither failure nor error", where)
				}
				neverClean(t, where, r)
			}
		}
	}
}

// warnings has rules that fail and cannot tell, all of severity warn.
func warnings() gatekeep.Record {
	r := shut()
	for i := range r.Decision.Results {
		r.Decision.Results[i].Severity = "warn"
	}
	r.Decision.Results[1].Outcome = gatekeep.Indeterminate
	return r
}

func TestOpenGateHasNoErrors(t *testing.T) {
	for name, r := range map[string]gatekeep.Record{"open": record(), "waived": waived(), "warnings": warnings()} {
		r.Decision.Outcome = gatekeep.Pass
		if got := render(t, "text", r, Options{}); !strings.HasPrefix(got, "OPEN\n") {
			t.Errorf("%s: text begins %q", name, firstLine(got))
		}
		if n := sarifLevels(t, render(t, "sarif", r, Options{}))["error"]; n != 0 {
			t.Errorf("%s: sarif has %d errors", name, n)
		}
		var suites junitSuites
		if err := xml.Unmarshal([]byte(render(t, "junit", r, Options{})), &suites); err != nil || suites.Failures+suites.Errors != 0 {
			t.Errorf("%s: junit has %d failures and %d errors, %v", name, suites.Failures, suites.Errors, err)
		}
	}
}

func TestCouldNotJudgeIsSaidInEveryFormat(t *testing.T) {
	for _, r := range []gatekeep.Record{couldNotJudge(), silent()} {
		for _, format := range []string{"text", "markdown", "sarif", "junit"} {
			if got := render(t, format, r, options); !strings.Contains(got, "could not judge") {
				t.Errorf("%s does not say it:\n%s", format, got)
			}
		}
	}
}

func firstLine(s string) string { return strings.SplitN(s, "\n", 2)[0] }

func TestFindingUnderManyControlsIsShownOnce(t *testing.T) {
	got := render(t, "text", shut(), Options{Width: 200})
	if n := strings.Count(got, "CVE-2026-9999 (critical)"); n != 1 {
		t.Errorf("the finding is shown %d times:\n%s", n, got)
	}
	if !strings.Contains(got, "for pci_dss 6.3.3, soc2 CC7.1\n") {
		t.Errorf("its controls are not named:\n%s", got)
	}
	if n := strings.Count(got, "directory of 2026-11-23"); n != 1 {
		t.Errorf("the note is shown %d times:\n%s", n, got)
	}
}

func TestLongListsAreCutAndSaySo(t *testing.T) {
	got := render(t, "text", long(), Options{Width: 100, Limit: 5})
	for _, want := range []string{
		"What stands against it (32)", "… and 27 more (see --format json)", // 30 CVEs, approvals, and the rule that gives no reason
		"Evidence that was not believed (33)", "… and 28 more (see --format json)",
		"… and 25 more: 2 fail, 7 waived, 8 pass, 8 n.a. (see --format json)",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing:\n%s", want, got)
		}
	}
}

func TestTextFitsTheTerminal(t *testing.T) {
	for name, r := range records() {
		for _, width := range []int{1, 20, 40, 80, 200} {
			for line := range strings.Lines(render(t, "text", r, Options{Width: width})) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > max(width, minWidth) {
					t.Errorf("%s at %d: %d columns: %q", name, width, n, line)
				}
			}
		}
	}
}

var colour = regexp.MustCompile("\x1b\\[[0-9]*m")

func TestColourIsOnlyColour(t *testing.T) {
	for name, r := range records() {
		plainText, coloured := render(t, "text", r, Options{}), render(t, "text", r, Options{Colour: true})
		if colour.ReplaceAllString(coloured, "") != plainText || coloured == plainText {
			t.Errorf("%s: without its colours the text is another", name)
		}
	}
}

func TestTextFromOutsideIsInert(t *testing.T) {
	r := hostile()
	for _, format := range []string{"text", "markdown"} {
		got := render(t, format, r, options)
		for _, c := range got {
			if c != '\n' && (unicode.Is(unicode.C, c) || unicode.Is(unicode.Zl, c)) {
				t.Errorf("%s: character %U", format, c)
			}
		}
		if !utf8.ValidString(got) {
			t.Errorf("%s is not UTF-8", format)
		}
	}
	if lines := strings.Split(render(t, "text", r, options), "\n"); slices.Contains(lines, "OPEN") {
		t.Error("text from outside made a line of its own")
	}
	got := render(t, "markdown", r, options)
	for _, bad := range []string{"<script", "<img", "**bold", "](http", "@everyone", "#1 ", "www.", "https://", "`code", "&lt;", "| **"} {
		if strings.Contains(got, bad) {
			t.Errorf("markdown has %q:\n%s", bad, got)
		}
	}
	if n := strings.Count(got, "</details>"); n != 1 {
		t.Errorf("markdown ends its fold %d times", n)
	}
	for line := range strings.Lines(got) {
		if cells := strings.Count(line, "|"); strings.HasPrefix(line, "|") && cells != 3 && cells != 5 {
			t.Errorf("row of %d cells: %s", cells-1, line)
		}
	}
}

func TestJUnitIsWellFormedAndCounts(t *testing.T) {
	for name, r := range records() {
		got := render(t, "junit", r, options)
		decoder := xml.NewDecoder(strings.NewReader(got))
		decoder.Strict = true
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		var suites junitSuites
		if err := xml.Unmarshal([]byte(got), &suites); err != nil {
			t.Fatal(err)
		}
		var tests, failures, errs, skipped int
		for _, suite := range suites.Suites {
			tests += len(suite.Cases)
			for _, c := range suite.Cases {
				if c.Failure != nil {
					failures++
				}
				if c.Error != nil {
					errs++
				}
				if c.Skipped != nil {
					skipped++
				}
			}
		}
		if diff := cmp.Diff([]int{tests, failures, errs, skipped}, []int{suites.Tests, suites.Failures, suites.Errors, suites.Skipped}); diff != "" {
			t.Errorf("%s: the counts are wrong: %s", name, diff)
		}
	}
}

// sarifLevels checks a SARIF file and counts its results by level.
func sarifLevels(t testing.TB, text string) map[string]int {
	t.Helper()
	var log sarifLog
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		t.Fatal(err)
	}
	levels := map[string]int{}
	for _, result := range log.Runs[0].Results {
		levels[result.Level]++
		if got := log.Runs[0].Tool.Driver.Rules[result.RuleIndex].ID; got != result.RuleID {
			t.Errorf("ruleIndex %d is %q, not %q", result.RuleIndex, got, result.RuleID)
		}
	}
	return levels
}

// The schema is that of the OASIS Standard with errata 01.
func TestSARIFHoldsToTheSchema(t *testing.T) {
	schema, err := jsonschema.Compile("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range records() {
		var log any
		if err := json.Unmarshal([]byte(render(t, "sarif", r, options)), &log); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(log); err != nil {
			t.Errorf("%s: %#v", name, err)
		}
	}
	if err := schema.Validate(map[string]any{"version": "2.1.0", "runs": []any{map[string]any{}}}); err == nil {
		t.Error("a run without a tool holds to the schema")
	}
}

func TestSARIFLevels(t *testing.T) {
	for name, want := range map[string]map[string]int{
		"open":            {},
		"shut":            {"error": 2, "warning": 1, "note": 1},
		"could-not-judge": {"error": 2},
		"waived":          {"note": 1},
		"warn-mode":       {"error": 2, "warning": 1, "note": 2},
		"silent":          {"error": 1},
	} {
		if diff := cmp.Diff(want, sarifLevels(t, render(t, "sarif", records()[name], options))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestSARIFIsBoundedAndKeepsTheWorst(t *testing.T) {
	r := record()
	r.Decision.Outcome = gatekeep.Fail
	var findings []gatekeep.Finding
	for i := range maxResults + 100 {
		findings = append(findings, finding("a/b", strings.Repeat("x", i%300)+string(rune('a'+i%26)), strings.Repeat("y", i/300), ""))
	}
	said(&r, "supply-chain/vuln-blocking", gatekeep.Fail, findings...)
	got := render(t, "sarif", r, options)
	if levels := sarifLevels(t, got); levels["error"] != maxResults || !strings.Contains(got, "more findings: see the json report") {
		t.Errorf("levels: %v", levels)
	}
}

func TestMarkdownFitsAComment(t *testing.T) {
	big := long()
	for i := range big.Decision.Results {
		for range 40 {
			other := big.Decision.Results[i]
			other.Control += strings.Repeat("<", 50)
			other.Rule += string(rune('a' + len(big.Decision.Results)%26))
			big.Decision.Results = append(big.Decision.Results, other)
		}
	}
	for name, r := range map[string]gatekeep.Record{"hostile": hostile(), "long": long(), "big": big} {
		for _, limit := range []int{0, 100000} {
			if got := render(t, "markdown", r, Options{Limit: limit}); len(got) > 65536 || strings.Count(got, "<details>") != strings.Count(got, "</details>") {
				t.Errorf("%s: %d bytes", name, len(got))
			}
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriterThatFailsIsAnError(t *testing.T) {
	for _, format := range Names() {
		if err := Formats[format](brokenWriter{}, record(), options); !errors.Is(err, io.ErrClosedPipe) || !strings.HasPrefix(err.Error(), "writing "+format+" report: ") {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  []string
	}{
		{"", 5, []string{""}},
		{"a bc def", 5, []string{"a bc", "def"}},
		{"abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"a bcdefgh", 4, []string{"a", "bcde", "fgh"}},
		{"ééé ééé", 3, []string{"ééé", "ééé"}},
	} {
		if diff := cmp.Diff(c.want, wrap(c.text, c.width)); diff != "" {
			t.Errorf("%q at %d: %s", c.text, c.width, diff)
		}
	}
}

func FuzzFormats(f *testing.F) {
	f.Add(attack, attack)
	f.Add("a b", "c\nd")
	f.Add("\x1b", "\x1b]")
	f.Fuzz(func(t *testing.T, name, message string) {
		r := shut()
		r.Case.Subject.Name, r.Case.Request.Service = name, message
		said(&r, "supply-chain/vuln-blocking", gatekeep.Fail, gatekeep.Finding{Rule: name, Message: message, At: name, Remedy: message})
		for line := range strings.Lines(render(t, "text", r, Options{Width: 40})) {
			line = strings.TrimSuffix(line, "\n")
			if utf8.RuneCountInString(line) > 40 || strings.ContainsFunc(line, unicode.IsControl) || !utf8.ValidString(line) {
				t.Errorf("text: %q", line)
			}
		}
		if err := xml.Unmarshal([]byte(render(t, "junit", r, Options{})), &junitSuites{}); err != nil {
			t.Error(err)
		}
		if n := sarifLevels(t, render(t, "sarif", r, Options{}))["error"]; n == 0 {
			t.Error("sarif has no error")
		}
		neverClean(t, "fuzzed", r)
		if page := render(t, "html", r, Options{}); strings.Contains(page, "<script") || !utf8.ValidString(page) {
			t.Errorf("html: %s", page)
		}
		for _, row := range rows(t, r) {
			for _, cell := range row {
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
					t.Errorf("csv: %q", cell)
				}
			}
		}
		for line := range strings.Lines(render(t, "markdown", r, Options{})) {
			if cells := strings.Count(line, "|"); strings.HasPrefix(line, "|") && cells != 3 && cells != 5 {
				t.Errorf("row of %d cells: %s", cells-1, line)
			}
		}
	})
}
