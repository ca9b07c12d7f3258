package policy

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatekeep-dev/gatekeep/policies"
)

// realRouter puts n synthetic rules under the built-in router and library.
func realRouter(tb testing.TB, n int) fstest.MapFS {
	tb.Helper()
	rego, err := policies.Rego()
	if err != nil {
		tb.Fatal(err)
	}
	files, err := read(rego)
	if err != nil {
		tb.Fatal(err)
	}
	tree := library(n)
	maps.DeleteFunc(tree, func(name string, _ *fstest.MapFile) bool {
		return !strings.HasPrefix(name, root+"/rules/") && !strings.HasPrefix(name, root+"/regimes/")
	})
	for name, data := range files {
		if !strings.HasPrefix(name, root+"/rules/") && !strings.HasPrefix(name, root+"/regimes/") && name != IndexFile {
			tree[name] = &fstest.MapFile{Data: data, Mode: 0o644}
		}
	}
	index, err := Index(fs.FS(tree))
	if err != nil {
		tb.Fatal(err)
	}
	tree[IndexFile] = &fstest.MapFile{Data: index, Mode: 0o644}
	return tree
}

// question is a document with the paths that the router itself reads.
func question(region string) []byte {
	doc, err := json.Marshal(map[string]any{
		"schema": "gatekeep.dev/input/v1", "stage": "predeploy", "regimes": []any{},
		"service":         map[string]any{"regimes": []any{}, "data_classes": []any{}},
		"environment":     map[string]any{"regimes": []any{}},
		"request":         map[string]any{"nonce": "n-1"},
		"clock":           map[string]any{"now_ns": 1_790_000_000_000_000_000, "uncertainty_ns": 0},
		"evidence_errors": []any{}, "approvals": map[string]any{}, "waivers": []any{}, "grants": map[string]any{},
		"resources": map[string]any{
			"a": map[string]any{"region": region},
			"b": map[string]any{"region": "eu-west-1"},
		},
	})
	if err != nil {
		panic(err)
	}
	return doc
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{4, 34, 244} {
		src := Source{Rego: realRouter(b, n)}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Load(b.Context(), src, libraryRules(n)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{34, 244} {
		engine, err := Load(b.Context(), Source{Rego: realRouter(b, n)}, libraryRules(n))
		if err != nil {
			b.Fatal(err)
		}
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			b.Run(fmt.Sprintf("%d/%s", n, region), func(b *testing.B) {
				input := question(region)
				b.ReportAllocs()
				for b.Loop() {
					d, err := engine.Decide(b.Context(), input, nil)
					if err != nil {
						b.Fatal(err)
					}
					if len(d.Results) != n {
						b.Fatalf("got %d results, want %d", len(d.Results), n)
					}
				}
			})
		}
	}
}

// BenchmarkBuiltIn loads every built-in rule and judges a document that lacks most
// of what they read.
func BenchmarkBuiltIn(b *testing.B) {
	rego, err := policies.Rego()
	if err != nil {
		b.Fatal(err)
	}
	rules, err := Rules(rego)
	if err != nil {
		b.Fatal(err)
	}
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = r.ID
	}
	src := Source{Rego: rego, Overlay: map[string]any{"org": map[string]any{
		"baseline_regimes": []any{"freeze", "gdpr", "hipaa", "rbac", "supply_chain"},
	}}}
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Load(b.Context(), src, ids); err != nil {
				b.Fatal(err)
			}
		}
	})
	engine, err := Load(b.Context(), src, ids)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decide", func(b *testing.B) {
		input := question("eu-west-1")
		b.ReportAllocs()
		for b.Loop() {
			if _, err := engine.Decide(b.Context(), input, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}
