// Command gatekeep-vectors runs gatekeep over a corpus of real inputs with known
// outcomes, as a user would, and prints what holds and what does not.
//
// A corpus is a folder with expected.tsv (file, format, expectation, reason) and
// verify.tsv (file, trusted_root, key, subject, identity, issuer, expectation, reason).
// Each row is one process: a panic or a hang fails that row and no other.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// patience is how long one row may take; the slowest real one needs two seconds.
const patience = time.Minute

func main() {
	bin := flag.String("bin", "bin/gatekeep", "gatekeep, or another program that speaks the same protocol")
	corpus := flag.String("corpus", "testdata/corpus", "folder with expected.tsv and verify.tsv")
	workers := flag.Int("workers", 2, "rows at a time")
	verbose := flag.Bool("v", false, "print every row")
	flag.Parse()
	ok, err := run(context.Background(), os.Stdout, options{*bin, *corpus, *workers, *verbose})
	if err != nil {
		fmt.Fprintln(os.Stderr, "gatekeep-vectors:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

type options struct {
	bin, corpus string
	workers     int
	verbose     bool
}

// verdict is what came of one row.
type verdict string

const (
	pass    verdict = "pass"
	fail    verdict = "FAIL"
	crashed verdict = "CRASH" // a panic, a signal or a hang
	listed  verdict = "listed"
)

// result is one row with what came of it.
type result struct {
	class  string // accept, reject, verify-pass, ...
	file   string
	how    string // what was run about it
	got    verdict
	detail string
}

// job is one row to run.
type job struct {
	class, file, how string
	run              func(context.Context) (verdict, string)
}

// run runs every row of both tables and prints totals by class. It is ok if no row
// failed or crashed, and if there were rows.
func run(ctx context.Context, out io.Writer, o options) (ok bool, err error) {
	if o.bin, err = filepath.Abs(o.bin); err != nil {
		return false, err
	}
	if _, err := os.Stat(o.bin); err != nil {
		return false, fmt.Errorf("%w (build it with 'make build')", err)
	}
	expected, err := rows(filepath.Join(o.corpus, "expected.tsv"), 4)
	if err != nil {
		return false, err
	}
	verify, err := rows(filepath.Join(o.corpus, "verify.tsv"), 8)
	if err != nil {
		return false, err
	}
	var jobs []job
	for _, row := range expected {
		jobs = append(jobs, inspection(o, row, verify))
	}
	for _, row := range verify {
		jobs = append(jobs, verifications(o, row)...)
	}
	results := make([]result, len(jobs))
	next := make(chan int)
	var wg sync.WaitGroup
	for range max(1, o.workers) {
		wg.Go(func() {
			for i := range next {
				j := jobs[i]
				got, detail := j.run(ctx)
				results[i] = result{j.class, j.file, j.how, got, detail}
			}
		})
	}
	for i := range jobs {
		next <- i
	}
	close(next)
	wg.Wait()
	return tell(out, o, results), nil
}

// tell prints what failed, what is listed, and totals by class.
func tell(out io.Writer, o options, results []result) (ok bool) {
	totals := map[string]map[verdict]int{}
	var classes []string
	reasons := map[string]int{}
	for _, r := range results {
		if totals[r.class] == nil {
			totals[r.class] = map[verdict]int{}
			classes = append(classes, r.class)
		}
		totals[r.class][r.got]++
		switch {
		case r.got == fail || r.got == crashed || o.verbose:
			fmt.Fprintf(out, "%-6s %-13s %s (%s): %s\n", r.got, r.class, r.file, r.how, r.detail)
		case r.got == listed:
			reasons[r.class+": "+r.detail]++
		}
	}
	if len(reasons) > 0 {
		fmt.Fprintln(out, "\nlisted, and not counted as passed:")
		var lines []string
		for reason, n := range reasons {
			lines = append(lines, fmt.Sprintf("  %4d  %s", n, reason))
		}
		slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[6:], b[6:]) })
		fmt.Fprintln(out, strings.Join(lines, "\n"))
	}
	slices.Sort(classes)
	fmt.Fprintf(out, "\n%-14s %6s %6s %6s %6s %6s\n", "class", "rows", "pass", "fail", "crash", "listed")
	sum := map[verdict]int{}
	for _, class := range classes {
		t := totals[class]
		fmt.Fprintf(out, "%-14s %6d %6d %6d %6d %6d\n", class, t[pass]+t[fail]+t[crashed]+t[listed], t[pass], t[fail], t[crashed], t[listed])
		for v, n := range t {
			sum[v] += n
		}
	}
	fmt.Fprintf(out, "%-14s %6d %6d %6d %6d %6d\n", "all", len(results), sum[pass], sum[fail], sum[crashed], sum[listed])
	return sum[fail] == 0 && sum[crashed] == 0 && sum[pass] > 0
}

// rows reads a table with a head line.
func rows(name string, columns int) ([][]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all [][]string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		cells := strings.Split(lines.Text(), "\t")
		if len(cells) != columns {
			return nil, fmt.Errorf("%s:%d: %d columns, want %d", name, n, len(cells), columns)
		}
		if n > 1 {
			all = append(all, cells)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no rows", name)
	}
	return all, nil
}
