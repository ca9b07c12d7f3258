package attest

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// mapOf is a file system of texts by name.
func mapOf(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

const githubIssuer = "https://token.actions.githubusercontent.com"

func rootText(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile("../../testdata/attest/roots/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A sealed decision carries the files of its trust policy; of them the same policy
// can be made again.
func TestFilesMakeTheSamePolicyAgain(t *testing.T) {
	k := newKey(t, "P-256")
	fsys := mapOf(map[string]string{
		"conf/prod.yaml": `
version: 1
roots: {production: ./roots/prod.json}
signers:
  builder: {key: keys/b.pub}
  ci: {issuer: https://accounts.google.com, subject: ci@acme.example, root: production}
statements:
  - {types: [provenance], signers: [builder, ci]}
`, "conf/keys/b.pub": k.pem, "conf/roots/prod.json": rootText(t, "prod.trusted_root.json"), "conf/unused.pub": "x",
	})
	trust, err := LoadTrust(fsys, "conf/prod.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := trust.Files()
	if names := slices.Sorted(maps.Keys(files)); !slices.Equal(names, []string{"keys/b.pub", "roots/prod.json", "trust.yaml"}) {
		t.Fatalf("files %q", names)
	}
	texts := map[string]string{}
	for name, data := range files {
		texts[name] = string(data)
	}
	again := trustIn(t, texts)
	wantReason(t, k.signed(t, provenanceOf(app)), again, aboutApp(), noon, "")
	delete(files, "trust.yaml")
	if len(trust.Files()) != 3 {
		t.Error("a caller can change what is sealed")
	}
}

func FuzzTrust(f *testing.F) {
	k := newKey(f, "Ed25519")
	f.Add("version: 1\nsigners: {a: {key: a.pub}}\nstatements: [{types: [provenance], signers: [a], environments: ['*']}]\n")
	f.Add("version: 1\nroots: {p: root.json}\nsigners: {a: {issuer: 'https://x.example', subjectPattern: '*@x.example', root: p}}\nstatements: []\n")
	f.Add("version: 1\nallowMixedRoles: true\nsigners: {}\nstatements: [{types: [calendar], unsigned: true}]\n")
	f.Add("a: &a [*a]\n")
	root := rootText(f, "prod.trusted_root.json")
	f.Fuzz(func(t *testing.T, text string) {
		trust, err := LoadTrust(mapOf(map[string]string{"trust.yaml": text, "a.pub": k.pem, "root.json": root}), "trust.yaml")
		if err != nil {
			if trust != nil || !strings.HasPrefix(err.Error(), "reading trust policy") {
				t.Fatalf("got %v, %v", trust, err)
			}
			return
		}
		// A stranger's statement stays a stranger's, whatever the policy says.
		stranger := newKey(t, "Ed25519")
		if s, r := judgeOne(t, stranger.signed(t, provenanceOf(app)), trust, aboutApp(), noon); s != nil {
			t.Fatalf("believed %+v, %+v", s, r)
		}
	})
}
