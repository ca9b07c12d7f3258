package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Bounds on a policy, so that one that is handed over with a pull request or lies
// in a bundle of evidence cannot exhaust the gate. The built-in library is about
// 200 files and 300 KiB.
const (
	maxFiles     = 5_000
	maxFileBytes = 4 << 20
	maxBytes     = 64 << 20
)

// root is the folder below Source.Rego that holds everything; data documents are
// placed below data.gatekeep after the folders they lie in.
const root = "gatekeep"

// ruleID is "family/rule": families hold underscores, rules hold dashes, so that
// neither needs quoting more than the other in Rego and in paths.
var ruleID = regexp.MustCompile(`^[a-z][a-z0-9_]*/[a-z0-9]+(-[a-z0-9]+)*$`)

// plainPath is what a path of a policy may look like: one spelling on every file
// system, nothing that a listing of digests could read in two ways.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$`)

// Source is a policy before it is loaded.
type Source struct {
	// Rego is rooted at the folder that holds gatekeep/.
	Rego fs.FS
	// Overlay is laid over data.gatekeep. Its members are "params" and "org":
	// objects are merged, lists and scalars replaced.
	Overlay map[string]any
	// BuiltIn says that Rego is that of package policies, whose tests hold every rule
	// to Check. Load does not look for the same mistakes in it again.
	BuiltIn bool
}

// read collects every file of a policy but its tests, by path.
func read(fsys fs.FS) (map[string][]byte, error) {
	if fsys == nil {
		return nil, errors.New("reading policy: no folder is given")
	}
	files := map[string][]byte{}
	total := 0
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() || isTest(name):
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is not a regular file; a policy holds no links", name)
		case !plainPath.MatchString(name):
			return fmt.Errorf("%q: a path holds letters, digits, dots, dashes and underscores only", name)
		case len(files) == maxFiles:
			return fmt.Errorf("more than %d files", maxFiles)
		}
		data, err := readFile(fsys, name)
		if err != nil {
			return err
		}
		if total += len(data); total > maxBytes {
			return fmt.Errorf("more than %d bytes", maxBytes)
		}
		files[name] = data
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading policy: %w", err)
	}
	return files, nil
}

// readFile stops at the bound, whatever size the file claims to have.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var data bytes.Buffer
	if info, err := f.Stat(); err == nil {
		data.Grow(int(min(max(info.Size(), 0), maxFileBytes)) + bytes.MinRead)
	}
	if _, err := data.ReadFrom(io.LimitReader(f, maxFileBytes+1)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if data.Len() > maxFileBytes {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxFileBytes)
	}
	return data.Bytes(), nil
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.rego") }

func isRule(name string) bool { return strings.HasPrefix(name, root+"/rules/") }

// ruleFile is the path of a rule's module.
func ruleFile(id string) string {
	_, rule, _ := strings.Cut(id, "/")
	return path.Join(root, "rules", id, strings.ReplaceAll(rule, "-", "_")+".rego")
}

// modulesFor lists the modules that a decision over rules needs: all that are not
// rules, and the named rules. A rule that has no folder is left out; the router
// says of it that it is not written, and keeps the gate shut.
func modulesFor(files map[string][]byte, rules []string) ([]string, error) {
	var names []string
	for name := range files {
		if path.Ext(name) == ".rego" && !isRule(name) {
			names = append(names, name)
		}
	}
	for _, id := range rules {
		if !ruleID.MatchString(id) {
			return nil, fmt.Errorf("%q is not the id of a rule, which looks like family/rule-name", id)
		}
		if name := ruleFile(id); files[name] != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
