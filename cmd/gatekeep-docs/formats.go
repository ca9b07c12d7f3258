package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/format"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
)

// formatsPage lists what is read: predicate types of statements, and files that can be
// turned into statements.
func formatsPage() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `%s# What is read

A document becomes evidence only inside a signed in-toto statement whose predicate type
the trust policy lets its signer use. "Can be read" and "conforms to its schema" are
two results: `+"`gatekeep evidence inspect`"+` tells both, and a trust policy may ask for the
second with `+"`strict`"+`.

## Predicate types

Types are compared as whole strings. A statement of any other type is kept as raw claims
of kind `+"`custom`"+` where the trust policy names that very type for its signer, and is
rejected everywhere else.

| Kind | Predicate type | About |
|---|---|---|
`, generated)
	for _, t := range predicate.Types {
		for _, uri := range t.URIs {
			fmt.Fprintf(&b, "| %s | `%s` | %s |\n", t.Kind, uri, aboutWords(t.About))
		}
	}
	fmt.Fprintf(&b, "\n## Files\n\n`gatekeep evidence inspect` finds the format of a file by its content, in this order.\n`--as NAME` reads it as one of them.\n\n| Name | Format | Becomes |\n|---|---|---|\n")
	for _, f := range format.Formats() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, f.Title, f.Kind)
	}
	fmt.Fprintf(&b, "\n## Names for `gatekeep attest --type`\n\n| Name | File |\n|---|---|\n")
	for _, line := range predicate.Names() {
		name, what, _ := strings.Cut(line, "\t")
		fmt.Fprintf(&b, "| `%s` | %s |\n", name, what)
	}
	return b.Bytes()
}

// aboutWords are what the subject of a statement names.
func aboutWords(about []predicate.About) string {
	words := map[predicate.About]string{
		predicate.Artifact: "artifact", predicate.Binding: "request", predicate.Commit: "commit",
		predicate.Plan: "plan", predicate.Self: "itself",
	}
	var all []string
	for _, a := range about {
		all = append(all, words[a])
	}
	return strings.Join(all, ", ")
}
