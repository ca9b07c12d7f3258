// Package policies holds the rules, data and schemas that are built into the
// program. Stock OPA reads the same files from a checkout.
package policies

import (
	"embed"
	"io/fs"
)

//go:embed all:rego schemas/*.json capabilities.json
var files embed.FS

// Capabilities is OPA's capabilities file without the builtins that read a clock,
// draw a random number or reach out. cmd/gatekeep-docs writes it.
//
//go:embed capabilities.json
var Capabilities []byte

// InputSchema is the JSON Schema of the document that rules read.
//
//go:embed schemas/input.json
var InputSchema []byte

// Rego is the tree of rules and their data, rooted at the folder that holds
// gatekeep/.
func Rego() (fs.FS, error) { return fs.Sub(files, "rego") }

// Schemas is the folder of schemas that METADATA names as schema.<file>.
func Schemas() (fs.FS, error) { return fs.Sub(files, "schemas") }
