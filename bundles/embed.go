// Package bundles holds the bundle that is built into the program.
package bundles

import (
	"embed"
	"io/fs"
)

//go:embed all:default
var files embed.FS

// Default is the built-in bundle: three environments, any service, nobody trusted
// beyond what the caller says, and no regime but those that are asked for.
func Default() (fs.FS, error) { return fs.Sub(files, "default") }
