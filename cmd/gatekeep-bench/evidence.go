package main

import (
	"archive/zip"
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// evidenceComponents make an SBOM of some 10 MB.
const evidenceComponents = 18_000

// evidence is what a bundle with a large SBOM costs.
type evidence struct {
	sbom, packed, unpacked      int64 // bytes
	check, seal, verify, replay usage
	sums                        usage // of sha256sum over the unpacked files
}

// evidence seals, verifies and replays one bundle, that a ledger keeps and an authority
// of its own stamps, in turn with sha256sum over the same bytes.
func (w *workload) evidence(ctx context.Context) (evidence, error) {
	fmt.Fprintf(w.progress, "measuring evidence with an SBOM of %d components\n", evidenceComponents)
	var e evidence
	if err := w.image(ctx, evidenceComponents); err != nil {
		return e, err
	}
	for _, args := range [][]string{
		{"key", "timestamp", "--out", w.path("tsa")},
		{"ledger", "init", "--dir", w.path("ledger"), "--log-key", w.path("log.key"), "--key", w.path("gate.key"), "--origin", "bench.example"},
		{"ledger", "trust", "--dir", w.path("ledger"), "--log-public", w.path("log.pub"), "--timestamp-chain", w.path("tsa.pem"), "--out", w.path("trusted_root.json")},
	} {
		if err := w.do(ctx, args...); err != nil {
			return e, err
		}
	}
	bundle, files := w.path("large.zip"), w.path("large")
	sealing := w.check(evidenceComponents, "--key", w.path("gate.key"), "--out", bundle,
		"--ledger", w.path("ledger"), "--log-key", w.path("log.key"), "--timestamp", w.path("tsa.key"))
	if err := w.do(ctx, sealing[1:]...); err != nil {
		return e, err
	}
	paths, err := unpack(bundle, files)
	if err != nil {
		return e, err
	}
	used, err := w.interleaved(ctx,
		command{args: w.check(evidenceComponents)}, command{args: sealing},
		command{args: []string{w.gatekeep, "evidence", "verify", "--key", w.path("gate.pub"), "--trusted-root", w.path("trusted_root.json"), bundle}},
		command{args: []string{w.gatekeep, "evidence", "replay", bundle}},
		command{args: append([]string{"sha256sum"}, paths...)})
	if err != nil {
		return e, err
	}
	e.check, e.seal, e.verify, e.replay, e.sums = used[0], used[1], used[2], used[3], used[4]
	for path, into := range map[string]*int64{w.sbom(evidenceComponents): &e.sbom, bundle: &e.packed} {
		info, err := os.Stat(path)
		if err != nil {
			return e, err
		}
		*into = info.Size()
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return e, err
		}
		e.unpacked += info.Size()
	}
	return e, nil
}

// unpack unpacks an archive into a folder, and names the files.
func unpack(archive, folder string) (paths []string, err error) {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if err := os.CopyFS(folder, r); err != nil {
		return nil, err
	}
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	return paths, err
}

// speed is bytes a second of CPU.
func speed(bytes int64, u usage) float64 {
	if u.CPU == 0 {
		return 0
	}
	return float64(bytes) / u.CPU.Seconds()
}

var appends = regexp.MustCompile(`^\s*Benchmark(\S+?)(?:-\d+)?\s.*\s([\d.]+) appends/s`)

// appendsOf are the durable appends a second of benchmarks, by name.
func appendsOf(text string) map[string]float64 {
	found := map[string]float64{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		if m := appends.FindStringSubmatch(lines.Text()); m != nil {
			found[m[1]], _ = strconv.ParseFloat(m[2], 64) // the expression lets only numbers through
		}
	}
	return found
}

// evidenceTargets are the promises about evidence.
func (r *report) evidenceTargets() []target {
	verify, sums := speed(r.evidence.unpacked, r.evidence.verify), speed(r.evidence.unpacked, r.evidence.sums)
	measured := "not known"
	if sums > 0 {
		measured = fmt.Sprintf("%.2f ×", verify/sums)
	}
	return []target{{"verifying a bundle with an SBOM of 10 MB: at least half as fast as `sha256sum` of the same bytes", measured, sums > 0 && verify >= sums/2}}
}

// evidenceTable shows what evidence costs.
func (r *report) evidenceTable() string {
	e := r.evidence
	var b strings.Builder
	fmt.Fprintf(&b, "\n## Evidence\n\nOne bundle with an SBOM of %.1f MB, logged and stamped: %.1f MB packed, %.1f MB unpacked. Whole\nprocesses, CPU time.\n\n"+
		"| | CPU | memory | bytes a second of CPU |\n|---|--:|--:|--:|\n", float64(e.sbom)/1e6, float64(e.packed)/1e6, float64(e.unpacked)/1e6)
	for _, line := range []struct {
		name string
		used usage
	}{
		{"`check`", e.check}, {"`check` that seals, stamps and logs", e.seal}, {"`evidence verify`", e.verify},
		{"`evidence replay`", e.replay}, {"`sha256sum` of the unpacked files", e.sums},
	} {
		fmt.Fprintf(&b, "| %s | %s | %s | %.0f MB |\n", line.name, milliseconds(line.used.CPU), memory(line.used.RSS), speed(e.unpacked, line.used)/1e6)
	}
	a := appendsOf(r.benchmarks)
	if ours, theirs := a["Append"], a["Tessera"]; ours > 0 && theirs > 0 {
		fmt.Fprintf(&b, "\n256 writers together append %.0f entries a second to a ledger: signed, on the disk, published and\nproved. Tessera alone, in the same run and on the same disk, publishes %.0f leaves a second of the same\nsize, without statements, signatures, ids or proofs.\n", ours, theirs)
	}
	if one, ok := decodings(r.benchmarks)["One"]; ok {
		fmt.Fprintf(&b, "One writer, who opens the ledger anew for each, waits %s.\n", time.Duration(one.time).Round(time.Millisecond))
	}
	return b.String()
}
