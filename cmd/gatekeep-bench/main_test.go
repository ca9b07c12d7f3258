package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
)

func TestMedianIsTakenOfEachFigureOnItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		samples []usage
		want    usage
	}{
		"none": {nil, usage{}},
		"one":  {[]usage{{3, 4}}, usage{3, 4}},
		"odd":  {[]usage{{5, 1}, {1, 5}, {3, 9}}, usage{3, 5}},
		"even": {[]usage{{4, 40}, {1, 10}, {3, 30}, {2, 20}}, usage{3, 30}},
	} {
		if got := medianOf(c.samples); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestThousandsAreSetApart(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1_000: "1,000", 50_000: "50,000", 1_234_567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// figures are those of a report in which every target is just met.
func figures() *report {
	return &report{
		machine: "2 cores", versions: "1.22.2", version: usage{19 * time.Millisecond, 20 * mib},
		rows: []row{
			{components: 100, bytes: 51_000, check: usage{59 * time.Millisecond, 40 * mib}, opa: usage{100 * time.Millisecond, 50 * mib}},
			{components: 10_000, bytes: 5_100_000, check: usage{150 * time.Millisecond, 99 * mib}, opa: usage{300 * time.Millisecond, 110 * mib}},
		},
		benchmarks: "internal/x\n  BenchmarkX 1\n",
	}
}

func TestTargetsAreMetOnlyWhereTheFiguresSaySo(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*report)
		missed int // index of the target, or -1
	}{
		"all met":              {func(*report) {}, -1},
		"half of OPA is over":  {func(r *report) { r.rows[1].check.CPU++ }, 0},
		"memory at the limit":  {func(r *report) { r.rows[1].check.RSS = 100 * mib }, 1},
		"small check too slow": {func(r *report) { r.rows[0].check.CPU = 60 * time.Millisecond }, 2},
		"version too slow":     {func(r *report) { r.version.CPU = 20 * time.Millisecond }, 3},
		"version not measured": {func(r *report) { r.version = usage{} }, 3},
		"small not measured":   {func(r *report) { r.rows = r.rows[1:] }, 2},
	} {
		r := figures()
		c.change(r)
		for i, target := range r.targets() {
			if target.met != (i != c.missed) {
				t.Errorf("%s: %q is met: %v", name, target.promise, target.met)
			}
		}
	}
	r := figures()
	r.rows = nil
	for _, target := range r.targets()[:3] {
		if target.met {
			t.Errorf("nothing was measured, and %q is met", target.promise)
		}
	}
}

func TestPageShowsFiguresRatiosAndMissedTargets(t *testing.T) {
	r := figures()
	r.version.CPU = 25 * time.Millisecond
	page := r.markdown()
	for _, want := range []string{
		"| 10,000 | 5.1 MB | 150 ms, 99 MiB | 0 ms, 0 MiB | 300 ms, 110 MiB | 0.50 × |",
		"| `gatekeep version`: less than 20 ms CPU | 25 ms | **no** |",
		"| 100 components: less than 60 ms CPU | 59 ms | yes |",
		"grows by 91 ms CPU, `opa eval` by 200 ms", "stock OPA 1.22.2", "about 510 bytes a component", "  BenchmarkX 1\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing in\n%s", want, page)
		}
	}
	if strings.Contains(page, "%!") {
		t.Errorf("a verb of the format went wrong:\n%s", page)
	}
}

func TestSBOMHasEveryComponentAtTheSizeThatIsPromised(t *testing.T) {
	var out bytes.Buffer
	if err := writeSBOM(&out, 100); err != nil {
		t.Fatal(err)
	}
	doc, err := sbom.Decode(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if doc.Components != 100 || doc.Unidentified != 0 || len(doc.Index["by_purl"].(map[string]any)) != 100 {
		t.Errorf("%d components, %d without purl", doc.Components, doc.Unidentified)
	}
	if each := out.Len() / 100; each < 540 || each > 600 {
		t.Errorf("%d bytes a component", each)
	}
}

func TestAnswerOfOPAMustBeAPass(t *testing.T) {
	for text, want := range map[string]string{
		`{"result":[{"expressions":[{"value":{"outcome":"pass"}}]}]}`: "",
		`{"result":[{"expressions":[{"value":{"outcome":"fail"}}]}]}`: `says "fail"`,
		`{"result":[{"expressions":[{"value":{}}]}]}`:                 `says ""`,
		`{}`:            "no decision",
		`{"result":[]}`: "no decision",
		``:              "reading",
	} {
		err := opaPasses([]byte(text))
		if got := err == nil; got != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestFactsMustNameOneSBOM(t *testing.T) {
	for text, want := range map[string]string{
		`{"sboms":{"a":[{"ref":"r"}]}}`:                   "r",
		`{"sboms":{}}`:                                    "",
		`{"sboms":{"a":[]}}`:                              "",
		`{"sboms":{"a":[{"ref":"r"},{"ref":"s"}]}}`:       "",
		`{"sboms":{"a":[{"ref":"r"}],"b":[{"ref":"s"}]}}`: "",
	} {
		if got, err := refOf([]byte(text)); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v", text, got, err)
		}
	}
}

func TestResultsOfBenchmarksAreKeptAndPathsAreNot(t *testing.T) {
	out := "goos: linux\npkg: example/x\ncpu: Some CPU\nBenchmarkA-2 \t 3\t 5 ns/op\nPASS\nok  \texample/x\t1s\n"
	if got, want := benchmarkLines("./internal/x", out), "internal/x\n  BenchmarkA-2 \t 3\t 5 ns/op\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWatchTellsWhatAChildUsedAndFailsWithIt(t *testing.T) {
	if _, err := exec.LookPath("true"); err != nil {
		t.Fatalf("looking for a program to watch: %v; install coreutils", err)
	}
	var out bytes.Buffer
	if err := watch(t.Context(), []string{os.DevNull, "true"}, &out); err != nil {
		t.Fatal(err)
	}
	var u usage
	if err := json.Unmarshal(out.Bytes(), &u); err != nil || u.RSS < 1<<16 || u.RSS > 1<<32 {
		t.Errorf("got %+v, %v", u, err)
	}
	if err := watch(t.Context(), []string{os.DevNull, "false"}, &out); err == nil {
		t.Error("a child that failed is no error")
	}
	if err := watch(t.Context(), []string{os.DevNull}, &out); err == nil {
		t.Error("no command is no error")
	}
}

func TestDecodingIsReadFromTheBenchmarks(t *testing.T) {
	r := report{benchmarks: `internal/attest/sbom
  BenchmarkDecode/10000-2         	      94	  11413751 ns/op	 584.30 MB/s	   3988288 live-B	      1141 ns/component	 5779207 B/op	  100185 allocs/op
  BenchmarkDecode/200000-2        	       3	 435131764 ns/op	 313.67 MB/s	  71990504 live-B	 92633160 B/op	 2001588 allocs/op
  BenchmarkLibrary/10000-2        	      12	 110228632 ns/op	  60.50 MB/s	44942129 B/op	  240707 allocs/op
`}
	for _, target := range r.decodeTargets() {
		if !target.met {
			t.Errorf("%s: %s is not met", target.promise, target.measured)
		}
	}
	for _, row := range []string{"| 10,000 | 11.4 ms | 5.5 MiB | 3.8 MiB | 1.14 µs |", "| 10,000, cyclonedx-go | 110.2 ms | 42.9 MiB | | 11.02 µs |"} {
		if !strings.Contains(r.decodeTable(), row) {
			t.Errorf("%q is not in %s", row, r.decodeTable())
		}
	}
	for _, target := range new(report).decodeTargets() {
		if target.met {
			t.Errorf("%s is met without a measurement", target.promise)
		}
	}
}

func TestEvidenceIsHeldAgainstSha256sumOfTheSameBytes(t *testing.T) {
	r := figures()
	r.evidence = evidence{unpacked: 10_000_000, verify: usage{CPU: 100 * time.Millisecond}, sums: usage{CPU: 50 * time.Millisecond}}
	if got := r.evidenceTargets()[0]; !got.met || got.measured != "0.50 ×" {
		t.Errorf("%+v", got)
	}
	r.evidence.verify.CPU++
	if r.evidenceTargets()[0].met {
		t.Error("slower than half is met")
	}
	if (&report{}).evidenceTargets()[0].met {
		t.Error("what was not measured is met")
	}
	r.benchmarks = "internal/ledger\n  BenchmarkAppend-2 \t 1000\t 1100000 ns/op\t 905.5 appends/s\t 1 B/op\n  BenchmarkTessera-2 \t 1000\t 1000000 ns/op\t 2000 appends/s\n"
	if page := r.markdown(); !strings.Contains(page, "append 906 entries a second") || !strings.Contains(page, "publishes 2000 leaves") {
		t.Errorf("the page does not show appends: %s", page)
	}
}
