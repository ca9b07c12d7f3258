package vex

import (
	"regexp"
	"slices"
	"strings"
)

// known are names of vulnerabilities as people write them, wherever they stand.
var known = regexp.MustCompile(`(?i)\b(CVE-[0-9]{4}-[0-9]+|GHSA(?:-[0-9a-z]{4}){3}|[A-Z]{2,12}-[0-9]{4}-[0-9]+)\b`)

// NamesFor are the names under which a fact of the statement is looked for. Lifting wants
// the name exactly as it is; against a component it counts however it is written: in
// small letters, with blanks, as the address of a page.
func (s *Statement) NamesFor(f Fact) []string {
	if lifts(f.Statement.Status) {
		return s.Names
	}
	names := slices.Clone(s.Names)
	for _, name := range s.Names {
		names = append(names, strings.TrimSpace(name))
		for _, id := range known.FindAllString(name, -1) {
			names = append(names, canonical(id))
		}
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}

// canonical is an id as its list writes it: capitals, and of GitHub's only the prefix.
func canonical(id string) string {
	id = strings.ToUpper(id)
	if prefix, rest, _ := strings.Cut(id, "-"); prefix == "GHSA" {
		return prefix + "-" + strings.ToLower(rest)
	}
	return id
}
