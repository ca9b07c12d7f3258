package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/policy"
)

// version is set by the linker for a release: -ldflags "-X main.version=v1.2.3".
var version = ""

// engine names the programs that decide.
func engine() gatekeep.Engine {
	e := gatekeep.Engine{Gatekeep: version, OPA: policy.EngineVersion(), Go: runtime.Version()}
	if e.Gatekeep == "" {
		e.Gatekeep = "devel"
		if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
			e.Gatekeep = info.Main.Version
		}
	}
	return e
}

func versionCommand(w *world) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of gatekeep and of the policy engine",
		Example: "  gatekeep version\n  gatekeep version --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			e := engine()
			if asJSON {
				return json.NewEncoder(w.out).Encode(e)
			}
			_, err := fmt.Fprintf(w.out, "gatekeep %s (OPA %s, %s)\n", e.Gatekeep, e.OPA, e.Go)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
