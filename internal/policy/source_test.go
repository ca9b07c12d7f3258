package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// told is what the policy below says about its own data.
func told(t *testing.T, src Source, expression string) string {
	t.Helper()
	src.Rego = withMain(src.Rego.(fstest.MapFS), `[{"regime": "", "control": "", "rule": "", "outcome": "fail",
		"severity": "block", "findings": [], "notes": [json.marshal(`+expression+`)]}]`)
	e, err := Load(t.Context(), src, nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := e.Decide(t.Context(), []byte(`{}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	return d.Results[0].Notes[0]
}

func withMain(tree fstest.MapFS, results string) fstest.MapFS {
	out := maps.Clone(tree)
	maps.Copy(out, saying(`"fail"`, results))
	return out
}

func TestOverlayMergesObjectsAndReplacesTheRest(t *testing.T) {
	src := Source{Rego: library(1), Overlay: map[string]any{"params": map[string]any{
		"gate": map[string]any{"limit": 7, "words": []any{"c"}, "nested": map[string]any{"replaced": 3.5}},
		"new":  map[string]any{"x": true},
	}}}
	want := `{"gate":{"limit":7,"nested":{"kept":1,"replaced":3.5},"words":["c"]},"new":{"x":true}}`
	if got := told(t, src, "data.gatekeep.params"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := told(t, Source{Rego: library(1)}, "data.gatekeep.params.gate.limit"); got != "5" {
		t.Errorf("the overlay of another source is still there: %s", got)
	}
}

func TestOverlayReachesParamsAndOrgOnly(t *testing.T) {
	for _, overlay := range []map[string]any{
		{"regimes": map[string]any{"core": map[string]any{}}},
		{"index": map[string]any{}},
		{"rules": map[string]any{}},
		{"params": []any{}},
		{"org": nil},
	} {
		src := Source{Rego: library(1), Overlay: overlay}
		if _, err := Load(t.Context(), src, nil); err == nil {
			t.Errorf("loaded with %v", overlay)
		}
		if _, err := Digest(src); err == nil {
			t.Errorf("digested with %v", overlay)
		}
	}
}

func TestDigestChangesWithEverythingThatCounts(t *testing.T) {
	of := func(src Source) string {
		t.Helper()
		d, err := Digest(src)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	base := of(Source{Rego: library(2)})
	changed := library(2)
	changed[ruleFile("family_1/rule-1")].Data = append(changed[ruleFile("family_1/rule-1")].Data, '\n')
	moved := library(2)
	moved["gatekeep/lib/x/x.rego"] = moved[ruleFile("family_1/rule-1")]
	delete(moved, ruleFile("family_1/rule-1"))
	seen := []string{
		base, of(Source{Rego: changed}), of(Source{Rego: moved}), of(Source{Rego: library(3)}),
		of(Source{Rego: library(2), Overlay: map[string]any{"params": map[string]any{"gate": map[string]any{"limit": 6}}}}),
	}
	if got := slices.Compact(slices.Sorted(slices.Values(seen))); len(got) != len(seen) {
		t.Errorf("two policies share a digest: %v", seen)
	}
	tests := library(2)
	tests["gatekeep/fixture/fixture_test.rego"] = &fstest.MapFile{Data: []byte("package x")}
	for name, src := range map[string]Source{
		"again": {Rego: library(2)}, "other tests": {Rego: tests}, "empty overlay": {Rego: library(2), Overlay: map[string]any{}},
	} {
		if got := of(src); got != base {
			t.Errorf("%s: got %s, want %s", name, got, base)
		}
	}
}

func TestArchiveRoundTripKeepsDigestAndDecision(t *testing.T) {
	src := Source{Rego: library(3), Overlay: map[string]any{
		"org":    map[string]any{"baseline_regimes": []any{"core"}, "ratio": 0.25},
		"params": map[string]any{"gate": map[string]any{"limit": json.Number("12")}},
	}}
	packed, err := Archive(src)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Archive(src)
	if err != nil || !bytes.Equal(packed, again) {
		t.Errorf("the same source packs differently (%v)", err)
	}
	back, err := FromArchive(packed)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := Digest(src)
	if got, err := Digest(back); err != nil || got != want {
		t.Errorf("got digest %s, %v; want %s", got, err, want)
	}
	before, err1 := Load(t.Context(), src, libraryRules(3))
	after, err2 := Load(t.Context(), back, libraryRules(3))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	a, err1 := before.Decide(t.Context(), question("us-east-1"), nil)
	b, err2 := after.Decide(t.Context(), question("us-east-1"), nil)
	left, _ := json.Marshal(a)
	right, _ := json.Marshal(b)
	if err1 != nil || err2 != nil || !bytes.Equal(left, right) {
		t.Errorf("a replay differs:\n%s\n%s", left, right)
	}
}

// pack writes an archive as an attacker would.
func pack(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, h := range headers {
		body := []byte("{}")
		if h.Typeflag != tar.TypeReg {
			body = nil
		}
		h.Size = int64(len(body))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	z.Close()
	return out.Bytes()
}

func regular(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }

func TestArchiveThatNobodyPackedIsRefused(t *testing.T) {
	overlay, rules := regular("overlay.json"), regular("rego/gatekeep/a.rego")
	good := pack(t, overlay, rules)
	if _, err := FromArchive(good); err != nil {
		t.Fatalf("the archive that the others differ from is refused: %v", err)
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "rego/gatekeep/a.rego", Typeflag: tar.TypeReg, Size: maxFileBytes + 1}); err != nil {
		t.Fatal(err)
	}
	w.Write(make([]byte, maxFileBytes+1))
	w.Close()
	z.Close()
	flipped := bytes.Clone(good)
	flipped[len(flipped)-6] ^= 1
	for name, data := range map[string][]byte{
		"empty": nil, "not gzip": []byte("x"), "cut short": good[:len(good)-3], "checksum": flipped,
		"data after":       append(bytes.Clone(good), 'x'),
		"two members":      append(bytes.Clone(good), good...),
		"large file":       bomb.Bytes(),
		"no overlay":       pack(t, rules),
		"no rules":         pack(t, overlay),
		"overlay twice":    pack(t, overlay, overlay, rules),
		"file twice":       pack(t, overlay, rules, rules),
		"parent":           pack(t, overlay, regular("rego/gatekeep/../../x.rego")),
		"absolute":         pack(t, overlay, regular("/rego/gatekeep/x.rego")),
		"beside the root":  pack(t, overlay, regular("rego/other/x.rego")),
		"beside rego":      pack(t, overlay, rules, regular("x.rego")),
		"hidden":           pack(t, overlay, regular("rego/gatekeep/.x.rego")),
		"line break":       pack(t, overlay, regular("rego/gatekeep/a\nb.rego")),
		"a test":           pack(t, overlay, rules, regular("rego/gatekeep/a_test.rego")),
		"symbolic link":    pack(t, overlay, rules, tar.Header{Name: "rego/gatekeep/b.rego", Typeflag: tar.TypeSymlink, Linkname: "a.rego"}),
		"hard link":        pack(t, overlay, rules, tar.Header{Name: "rego/gatekeep/b.rego", Typeflag: tar.TypeLink, Linkname: "rego/gatekeep/a.rego"}),
		"folder":           pack(t, overlay, rules, tar.Header{Name: "rego/gatekeep/b", Typeflag: tar.TypeDir}),
		"file as a folder": pack(t, overlay, regular("rego/gatekeep/a"), regular("rego/gatekeep/a/b.rego")),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := FromArchive(data); err == nil {
				t.Error("unpacked")
			}
		})
	}
}

func TestFilesThatArePartOfNoPolicyAreRefused(t *testing.T) {
	for name, file := range map[string]*fstest.MapFile{
		"gatekeep/lib/link.rego":     {Mode: fs.ModeSymlink},
		"gatekeep/lib/a b.rego":      {},
		"gatekeep/lib/large.rego":    {Data: make([]byte, maxFileBytes+1)},
		"gatekeep/lib/notes.txt":     {Data: []byte("x")},
		"gatekeep/lib/empty.rego":    {},
		"gatekeep/lib/data.yaml":     {Data: []byte("a: [")},
		"gatekeep/params/data.yaml":  {Data: []byte("gate: {}")},
		"gatekeep/params/x.yaml":     {Data: []byte("a: 1")},
		"gatekeep/org/data.json":     {Data: []byte("{}")},
		"gatekeep/lib/broken/a.rego": {Data: []byte("package")},
	} {
		tree := library(1)
		tree[name] = file
		if _, err := Load(t.Context(), Source{Rego: tree}, nil); err == nil {
			t.Errorf("loaded with %s", name)
		}
	}
	if _, err := Load(t.Context(), Source{}, nil); err == nil {
		t.Error("loaded nothing")
	}
	if _, err := Load(t.Context(), Source{Rego: fstest.MapFS{}}, nil); err == nil {
		t.Error("loaded an empty folder")
	}
}

func FuzzFromArchive(f *testing.F) {
	good, err := Archive(Source{Rego: library(1), Overlay: map[string]any{"params": map[string]any{"gate": map[string]any{"limit": 6}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(pack(f, regular("overlay.json"), regular("rego/gatekeep/a.rego")))
	f.Add(pack(f, regular("rego/gatekeep/../a.rego")))
	f.Fuzz(func(t *testing.T, data []byte) {
		src, err := FromArchive(data)
		if err != nil {
			return
		}
		want, err := Digest(src)
		if err != nil {
			t.Fatalf("what was unpacked has no digest: %v", err)
		}
		packed, err := Archive(src)
		if err != nil {
			t.Fatal(err)
		}
		back, err := FromArchive(packed)
		if err != nil {
			t.Fatalf("what was packed again is refused: %v", err)
		}
		if got, _ := Digest(back); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

func TestActivationIsReadWithItsOverlay(t *testing.T) {
	src := Source{Rego: library(1), Overlay: map[string]any{"org": map[string]any{
		"baseline_regimes": []any{"gdpr"}, "regime_triggers": map[string]any{"pii": []any{"gdpr"}},
	}}}
	a, err := Activates(src)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(a.Baseline, ","); got != "gdpr" {
		t.Errorf("got baseline %s", got)
	}
	if len(a.Triggers) != 2 || a.Triggers["ephi"][0] != "hipaa" || a.Triggers["pii"][0] != "gdpr" {
		t.Errorf("got triggers %v", a.Triggers)
	}
	if a, err := Activates(Source{Rego: fstest.MapFS{}}); err != nil || len(a.Baseline) != 0 {
		t.Errorf("got %v, %v for a policy without org", a, err)
	}
}
