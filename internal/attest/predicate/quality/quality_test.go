package quality

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const corpus = "../../../../testdata/corpus/"

// rows are the lines of the corpus about one format: file, expectation, reason.
func rows(t testing.TB, format string) [][3]string {
	t.Helper()
	f, err := os.Open(corpus + "expected.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var found [][3]string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if row := strings.Split(lines.Text(), "\t"); row[1] == format {
			found = append(found, [3]string{row[0], row[2], row[3]})
		}
	}
	if len(found) == 0 {
		t.Fatalf("no rows of format %s", format)
	}
	return found
}

var facts = regexp.MustCompile(`testcases=\d+; failures=\d+; errors=\d+; skipped=\d+`)

func TestRealJUnitReportsCountAsTheirTestsSay(t *testing.T) {
	for _, row := range rows(t, "junit") {
		data, err := os.ReadFile(filepath.Join(corpus, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		got, err := JUnit(data)
		if row[1] == "reject" {
			if err == nil {
				t.Errorf("%s: was read", row[0])
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", row[0], err)
			continue
		}
		counts := fmt.Sprintf("testcases=%d; failures=%d; errors=%d; skipped=%d", got.Total, got.Failures, got.Errors, got.Skipped)
		if want := facts.FindString(row[2]); want != "" && counts != want {
			t.Errorf("%s: %s, want %s", row[0], counts, want)
		}
		if n := len(got.Passed) + len(got.Failed) + len(got.SkippedNames); n != got.Total {
			t.Errorf("%s: %d names for %d tests", row[0], n, got.Total)
		}
	}
}

func TestATestCountsOnceAndAsItsWorstVerdict(t *testing.T) {
	got, err := JUnit([]byte(`<testsuite><testcase classname="a.B" name="c"><skipped/><error/><failure/></testcase><testcase name="d"/></testsuite>`))
	if err != nil {
		t.Fatal(err)
	}
	if got.Total != 2 || got.Failures != 1 || got.Errors != 0 || got.Skipped != 0 || got.Failed[0] != "a.B.c" || got.Passed[0] != "d" {
		t.Errorf("got %+v", got)
	}
}

func TestJavaToolsWriteOtherVersionsAndCharacterSets(t *testing.T) {
	got, err := JUnit([]byte("<?xml version='1.1' encoding='ISO-8859-1'?><testsuite><testcase name='Gr\xfc\xdfe'/></testsuite>"))
	if err != nil || len(got.Passed) != 1 || got.Passed[0] != "Grüße" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatIsNoReportIsRefused(t *testing.T) {
	deep := strings.Repeat("<testsuite>", maxDepth+1) + strings.Repeat("</testsuite>", maxDepth+1)
	for name, c := range map[string]struct{ doc, want string }{
		"another root":     {`<html/>`, "neither testsuites"},
		"nothing":          {``, "no element"},
		"text":             {`all tests passed`, "no element"},
		"cut":              {`<testsuite><testcase name="a">`, "EOF"},
		"two roots":        {`<testsuite/><testsuite/>`, "second root"},
		"an entity":        {`<testsuite><testcase name="&x;"/></testsuite>`, "entity"},
		"a document type":  {`<!DOCTYPE x [<!ENTITY x "y">]><testsuite/>`, "document type"},
		"a test in a test": {`<testsuite><testcase><testcase/></testcase></testsuite>`, "within another"},
		"too deep":         {deep, "deeper"},
		"no known charset": {`<?xml version="1.0" encoding="x-none"?><testsuite/>`, "charset"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := JUnit([]byte(c.doc)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want an error with %q", got, err, c.want)
			}
		})
	}
	if _, err := JUnit([]byte(deep)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestCoberturaTellsItsRates(t *testing.T) {
	got, err := Cobertura([]byte(`<coverage line-rate="0.75" branch-rate="0" lines-valid="4" lines-covered="3"><packages/></coverage>`))
	if err != nil || *got != (Coverage{0.75, 0, 4, 3}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, doc := range []string{`<coverage branch-rate="0"/>`, `<coverage line-rate="75" branch-rate="0"/>`, `<coverage line-rate="NaN" branch-rate="0"/>`, `<testsuite/>`} {
		if got, err := Cobertura([]byte(doc)); err == nil {
			t.Errorf("%s: got %+v", doc, got)
		}
	}
}

func FuzzJUnit(f *testing.F) {
	for _, row := range rows(f, "junit") {
		if data, err := os.ReadFile(filepath.Join(corpus, row[0])); err == nil && len(data) < 1<<16 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := JUnit(data); err == nil && len(got.Passed)+len(got.Failed)+len(got.SkippedNames) != got.Total {
			t.Fatalf("%+v does not add up", got)
		}
		_, _ = Cobertura(data)
	})
}
