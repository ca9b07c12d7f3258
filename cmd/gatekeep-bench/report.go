package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// row is what one size took.
type row struct {
	components       int
	bytes            int64
	check, seal, opa usage
}

// report is everything that docs/benchmarks.md says.
type report struct {
	machine    string
	versions   string // of the OPA beside gatekeep
	version    usage  // of gatekeep version
	rows       []row
	evidence   evidence
	benchmarks string
}

func newReport() *report {
	return &report{machine: fmt.Sprintf("%d cores, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())}
}

// target is one promise, and whether it is kept.
type target struct {
	promise  string
	measured string
	met      bool
}

const mib = 1 << 20

// at is the row of a size, or an empty one.
func (r *report) at(components int) (row, bool) {
	for _, row := range r.rows {
		if row.components == components {
			return row, true
		}
	}
	return row{}, false
}

// targets compares the figures with docs' promises. What was not measured is not met.
func (r *report) targets() []target {
	small, haveSmall := r.at(100)
	large, haveLarge := r.at(10_000)
	return []target{
		{"10,000 components: at most half of the CPU of `opa eval`", ratio(large.check.CPU, large.opa.CPU),
			haveLarge && 2*large.check.CPU <= large.opa.CPU},
		{"10,000 components: less than 100 MiB", memory(large.check.RSS), haveLarge && large.check.RSS < 100*mib},
		{"100 components: less than 60 ms CPU", milliseconds(small.check.CPU), haveSmall && small.check.CPU < 60*time.Millisecond},
		{"`gatekeep version`: less than 20 ms CPU", milliseconds(r.version.CPU), r.version.CPU > 0 && r.version.CPU < 20*time.Millisecond},
	}
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}

func memory(bytes int64) string { return fmt.Sprintf("%.0f MiB", float64(bytes)/mib) }

// ratio says how many times b a is.
func ratio(a, b time.Duration) string {
	if b == 0 {
		return "not known"
	}
	return fmt.Sprintf("%.2f ×", float64(a)/float64(b))
}

// thousands writes 10000 as 10,000.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

const method = `
Each figure is the median of %d runs of a whole process after one that warms up. The
programs take turns, run by run. CPU is user and system time of all threads, garbage
collection included; memory is the largest resident set. Both come from the kernel
(getrusage). Wall time is not shown: it tells more of what else the machine did.

**gatekeep check** resolves a tag in a registry on loopback, fetches five signed
referrers (CycloneDX SBOM, SLSA provenance, vulnerability scan with %d findings, secret
scan, static analysis), verifies the signature of each (ECDSA P-256), verifies the
signature of the policy bundle, reads the SBOM into an index, judges by the regimes
core and supply_chain, and opens (exit code 0). **With evidence** also seals and signs
all of it into a bundle on disk. The SBOM is synthetic, about %d bytes a component:
name, version, purl, licence, two hashes, dependencies.

**opa eval** is stock OPA %s over the same rules without their tests, with the same
data of the bundle laid over them, and the very ` + "`decision/input.json`" + ` that
gatekeep judged, taken out of its evidence. It is given the raw CycloneDX document as
data, and a small module that defines ` + "`data.sboms[ref]`" + ` from that document by
comprehension, since the rules look components up there. Its outcome is checked to be
` + "`pass`" + ` too. OPA is not asked to fetch anything, to verify a signature, to reject
JSON with two readings, or to decode the other four statements: their content stands in
its input already. It parses every rule of the policy, gatekeep those of the active
regimes. gatekeep collects garbage more rarely than OPA as released (GOGC 800, not 100).

Run it again with ` + "`make bench`" + `.
`

// markdown is the whole page.
func (r *report) markdown() string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nWritten by `make bench`. Machine: " + r.machine + ".\n\n## Targets\n\n| target | measured | met |\n|---|--:|---|\n")
	for _, t := range slices.Concat(r.targets(), r.decodeTargets(), r.evidenceTargets()) {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", t.promise, t.measured, map[bool]string{true: "yes", false: "**no**"}[t.met])
	}
	b.WriteString("\n## Whole processes\n\n")
	b.WriteString("| components | SBOM | gatekeep check | with evidence | opa eval | check / opa |\n|--:|--:|--:|--:|--:|--:|\n")
	perComponent := 0
	for _, row := range r.rows {
		fmt.Fprintf(&b, "| %s | %.1f MB | %s, %s | %s, %s | %s, %s | %s |\n", thousands(row.components), float64(row.bytes)/1e6,
			milliseconds(row.check.CPU), memory(row.check.RSS), milliseconds(row.seal.CPU), memory(row.seal.RSS),
			milliseconds(row.opa.CPU), memory(row.opa.RSS), ratio(row.check.CPU, row.opa.CPU))
		perComponent = int(row.bytes) / max(row.components, 1)
	}
	fmt.Fprintf(&b, "\nCPU time, largest resident memory. `gatekeep version` takes %s and %s.\n", milliseconds(r.version.CPU), memory(r.version.RSS))
	b.WriteString(r.growth())
	b.WriteString(r.decodeTable())
	b.WriteString(r.evidenceTable())
	b.WriteString("\n## Method\n")
	fmt.Fprintf(&b, method, runs, findings, perComponent, r.versions)
	b.WriteString("\n## Parts\n\nGo benchmarks of the parts; here the time is wall time.\n\n```\n" + r.benchmarks + "```\n")
	return b.String()
}

// growth tells what the SBOM itself costs, apart from what every run costs.
func (r *report) growth() string {
	small, haveSmall := r.at(100)
	large, haveLarge := r.at(10_000)
	if !haveSmall || !haveLarge {
		return ""
	}
	return fmt.Sprintf("From 100 to 10,000 components a check grows by %s CPU, `opa eval` by %s.\n",
		milliseconds(large.check.CPU-small.check.CPU), milliseconds(large.opa.CPU-small.opa.CPU))
}

// parts are the benchmarks that stand in the page, by package.
var parts = [][2]string{
	{"./internal/attest/sbom", "Decode|Library|Encodings"},
	{"./internal/strictjson", "Envelope"},
	{"./internal/policy", "BuiltIn"},
	{"./internal/evidence", "Seal|Verify"},
	{"./internal/ledger", "Append|Tessera|Verify|One"},
}

// goBenchmarks runs the parts from the root of the module.
func goBenchmarks(ctx context.Context, progress io.Writer) (string, error) {
	var text strings.Builder
	for _, part := range parts {
		fmt.Fprintf(progress, "running benchmarks of %s\n", part[0])
		var out, complaints bytes.Buffer
		c := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", part[1], "-benchmem", part[0])
		c.Env = append(os.Environ(), "LC_ALL=C")
		c.Stdout, c.Stderr = &out, &complaints
		if err := c.Run(); err != nil {
			return "", fmt.Errorf("running benchmarks of %s: %w\n%s%s", part[0], err, out.Bytes(), complaints.Bytes())
		}
		text.WriteString(benchmarkLines(part[0], out.String()))
	}
	return text.String(), nil
}

// benchmarkLines keeps the results of a benchmark run, below the name of its package.
func benchmarkLines(pkg, output string) string {
	lines := strings.TrimPrefix(pkg, "./") + "\n"
	for line := range strings.Lines(output) {
		if strings.HasPrefix(line, "Benchmark") {
			lines += "  " + line
		}
	}
	return lines
}
