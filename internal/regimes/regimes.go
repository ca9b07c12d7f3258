// Package regimes reads the catalogues of controls: gatekeep/regimes/<id>/data.yaml,
// one file a regime, the same bytes that rules see as data.gatekeep.regimes. A
// catalogue names rules; rules never name a regime.
package regimes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gatekeep-dev/gatekeep"
)

// Core is the regime of the gate's own invariants. It is always active.
const Core = "core"

// maxBytes bounds one catalogue; the largest built-in one is 20 KiB.
const maxBytes = 1 << 20

// folder is where the catalogues lie.
const folder = "gatekeep/regimes"

var (
	regimeID = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	ruleID   = regexp.MustCompile(`^[a-z][a-z0-9_]*/[a-z0-9]+(-[a-z0-9]+)*$`)
)

// strengths tell how much passing its rules says about a control: all that it asks
// for, a part of it, or something that helps.
var strengths = []string{"direct", "partial", "supporting"}

// Catalogue holds the regimes of a policy by their ids.
type Catalogue map[string]gatekeep.Regime

// UnknownError names regimes that were asked for and are not declared. It is the
// caller's mistake, not evidence against a request.
type UnknownError struct {
	Unknown []string // sorted
	Known   []string // sorted
}

// Error names the unknown regimes and those there are.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("choosing regimes: no such regime: %s; the policy declares %s",
		strings.Join(e.Unknown, ", "), strings.Join(e.Known, ", "))
}

// Load reads every catalogue and checks it: fields are known, ids of controls
// unique, strengths one of direct, partial and supporting, and every rule that is
// named has its file. All mistakes are reported together. fsys is rooted at the
// folder that holds gatekeep/.
func Load(fsys fs.FS) (Catalogue, error) {
	names, err := fs.Glob(fsys, folder+"/*/data.yaml")
	if err != nil {
		return nil, fmt.Errorf("reading regimes: %w", err)
	}
	c := make(Catalogue, len(names))
	var wrong []error
	for _, name := range names {
		regime, err := read(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		c[regime.ID] = regime
		wrong = append(wrong, check(fsys, name, regime)...)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, fmt.Errorf("reading regimes: %w", err)
	}
	return c, nil
}

func read(fsys fs.FS, name string) (gatekeep.Regime, error) {
	var regime gatekeep.Regime
	f, err := fsys.Open(name)
	if err != nil {
		return regime, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return regime, err
	}
	if len(data) > maxBytes {
		return regime, fmt.Errorf("larger than %d bytes", maxBytes)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&regime); err != nil {
		if errors.Is(err, io.EOF) {
			return regime, errors.New("the file is empty; it needs title, authority, version and controls")
		}
		return regime, err
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return regime, errors.New("the file holds a second YAML document; keep one")
	}
	regime.ID = path.Base(path.Dir(name))
	return regime, nil
}

// check reports everything that is wrong with one regime.
func check(fsys fs.FS, name string, r gatekeep.Regime) []error {
	var wrong []error
	report := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf(name+": "+format, args...))
	}
	if !regimeID.MatchString(r.ID) {
		report("the folder is called %q; use lower-case letters, digits, dashes and underscores", r.ID)
	}
	if r.Title == "" || r.Authority == "" || r.Version == "" {
		report("title, authority or version is missing")
	}
	if err := checkRetention(r.Retention); err != nil {
		report("retention: %w", err)
	}
	if len(r.Controls) == 0 {
		report("controls is empty; a regime without controls would judge nothing")
	}
	seen := map[string]bool{}
	for i, c := range r.Controls {
		if c.ID == "" || c.Title == "" {
			report("controls[%d]: id or title is missing", i)
		}
		if seen[c.ID] {
			report("controls[%d]: the id %q is there twice", i, c.ID)
		}
		seen[c.ID] = true
		if c.Strength != "" && !slices.Contains(strengths, c.Strength) {
			report("control %s: strength is %q; write %s", c.ID, c.Strength, strings.Join(strengths, ", "))
		}
		if len(c.Rules) == 0 {
			report("control %s: rules is empty; a control that nothing gives evidence for does not belong here", c.ID)
		}
		for j, rule := range c.Rules {
			switch {
			case slices.Contains(c.Rules[:j], rule):
				report("control %s: the rule %s is there twice", c.ID, rule)
			case !ruleID.MatchString(rule):
				report("control %s: %q is not the id of a rule, which looks like family/rule-name", c.ID, rule)
			case !exists(fsys, rule):
				report("control %s: there is no rule %s", c.ID, rule)
			}
		}
	}
	return wrong
}

func exists(fsys fs.FS, rule string) bool {
	_, name, _ := strings.Cut(rule, "/")
	info, err := fs.Stat(fsys, path.Join("gatekeep/rules", rule, strings.ReplaceAll(name, "-", "_")+".rego"))
	return err == nil && info.Mode().IsRegular()
}

// Names are the ids of all regimes, sorted.
func (c Catalogue) Names() []string { return slices.Sorted(maps.Keys(c)) }

// Rules are the ids of all rules that the controls of the active regimes name,
// sorted: those that must be loaded. A regime that is not declared is an
// *UnknownError.
func (c Catalogue) Rules(active []string) ([]string, error) {
	rules := map[string]bool{}
	unknown := map[string]bool{}
	for _, id := range active {
		regime, ok := c[id]
		if !ok {
			unknown[id] = true
		}
		for _, control := range regime.Controls {
			for _, rule := range control.Rules {
				rules[rule] = true
			}
		}
	}
	if len(unknown) > 0 {
		return nil, &UnknownError{slices.Sorted(maps.Keys(unknown)), c.Names()}
	}
	return slices.Sorted(maps.Keys(rules)), nil
}

// Orphans are the rules that no control names, sorted: nobody would ever ask them.
func (c Catalogue) Orphans(rules []gatekeep.Rule) []string {
	named, _ := c.Rules(c.Names()) // every name is known
	var orphans []string
	for _, r := range rules {
		if !slices.Contains(named, r.ID) {
			orphans = append(orphans, r.ID)
		}
	}
	slices.Sort(orphans)
	return orphans
}

// Derivation is everything that can bring a regime in.
type Derivation struct {
	Asked       []string            // by the bundle and the caller
	Baseline    []string            // of the organisation
	Service     []string            // of the service
	Environment []string            // of the environment
	DataClasses []string            // of the service
	Triggers    map[string][]string // regimes by class of data
}

// Derive lists the active regimes, sorted: core and all that anything brings in.
// They only add; nothing takes a regime out. The router derives them again from
// the facts, and its word counts.
func Derive(d Derivation) []string {
	active := slices.Concat([]string{Core}, d.Asked, d.Baseline, d.Service, d.Environment)
	for _, class := range d.DataClasses {
		active = append(active, d.Triggers[class]...)
	}
	slices.Sort(active)
	return slices.Compact(active)
}
