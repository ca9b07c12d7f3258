package main

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gatekeep": main, "image": pushImage})
}

// TestScripts runs every testdata/script/*.txtar: the commands as a person types
// them, against a real registry on loopback.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(quiet)))
			e.Defer(server.Close)
			e.Setenv("REGISTRY", strings.TrimPrefix(server.URL, "http://"))
			e.Setenv("HOME", e.WorkDir)
			for name, tool := range tools(t) {
				e.Setenv(name, tool)
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			_, there := tools(t)[strings.ToUpper(name)]
			return there, nil
		},
	})
}

// tools are stock programs of others that some scripts run. The Makefile builds
// them; where they are missing those scripts are skipped, except in CI.
func tools(t *testing.T) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"CRANE", "COSIGN"} {
		path := os.Getenv("GATEKEEP_" + name)
		if path == "" {
			path, _ = exec.LookPath(strings.ToLower(name))
		}
		if path != "" {
			out[name] = path
		} else if os.Getenv("CI") != "" {
			t.Fatalf("looking for %s: CI must run the scripts that need it; 'make gotest' builds it", strings.ToLower(name))
		}
	}
	return out
}
