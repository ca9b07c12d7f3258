// Command gatekeep-docs writes what is generated from the policy: the index of
// rules, OPA's capabilities file, and the reference pages. With -check it writes
// nothing and exits 1 when a file is stale.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/policy"
	"github.com/gatekeep-dev/gatekeep/internal/regimes"
)

func main() {
	root := flag.String("root", ".", "folder of the project")
	check := flag.Bool("check", false, "name stale files and exit 1, writing nothing")
	flag.Parse()
	stale, err := run(*root, *check)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gatekeep-docs:", err)
		os.Exit(2)
	}
	for _, name := range stale {
		if *check {
			fmt.Println("stale:", name)
		} else {
			fmt.Println("wrote", name)
		}
	}
	if *check && len(stale) > 0 {
		fmt.Fprintln(os.Stderr, "gatekeep-docs: run go run ./cmd/gatekeep-docs")
		os.Exit(1)
	}
}

// run generates every file and lists those that differ from what is there.
// Pages of regimes that are no longer declared differ, too, and are removed.
func run(root string, check bool) ([]string, error) {
	files, err := generate(root)
	if err != nil {
		return nil, err
	}
	old, err := filepath.Glob(filepath.Join(root, "docs", "regimes", "*.md"))
	if err != nil {
		return nil, err
	}
	for _, name := range old {
		name, err := filepath.Rel(root, name)
		if err != nil {
			return nil, err
		}
		if _, ok := files[filepath.ToSlash(name)]; !ok {
			files[filepath.ToSlash(name)] = nil
		}
	}
	var stale []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		full := filepath.Join(root, filepath.FromSlash(name))
		have, err := os.ReadFile(full)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		want := files[name]
		if err == nil && want != nil && bytes.Equal(have, want) {
			continue
		}
		stale = append(stale, name)
		if !check {
			if err := write(full, want); err != nil {
				return nil, err
			}
		}
	}
	return stale, nil
}

func write(name string, data []byte) error {
	if data == nil {
		return os.Remove(name)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

// generate makes every generated file, by its path below root.
func generate(root string) (map[string][]byte, error) {
	rego := os.DirFS(filepath.Join(root, "policies", "rego"))
	rules, err := policy.Rules(rego)
	if err != nil {
		return nil, err
	}
	catalogue, err := regimes.Load(rego)
	if err != nil {
		return nil, err
	}
	if orphans := catalogue.Orphans(rules); len(orphans) > 0 {
		fmt.Fprintln(os.Stderr, "gatekeep-docs: no control of any regime names", strings.Join(orphans, ", "))
	}
	files := map[string][]byte{}
	if files["policies/rego/"+policy.IndexFile], err = policy.Index(rego); err != nil {
		return nil, err
	}
	if files["policies/capabilities.json"], err = policy.Capabilities(); err != nil {
		return nil, err
	}
	if files["docs/rejections.md"], err = rejections(filepath.Join(root, "rejection.go"), filepath.Join(root, "internal", "ledger", "entry", "reason.go")); err != nil {
		return nil, err
	}
	files["docs/formats.md"] = formatsPage()
	files["docs/rules.md"] = rulesPage(rules, catalogue)
	for id, regime := range catalogue {
		files["docs/regimes/"+id+".md"] = regimePage(regime, rules)
	}
	return files, nil
}
