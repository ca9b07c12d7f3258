package attest

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// demo is the supply chain of in-toto's own demo: links and a layout of others.
func demo(t testing.TB) (links []Envelope, layout, owner string) {
	t.Helper()
	const folder = "../../testdata/attest/layouts/in-toto-demo/"
	paths, err := filepath.Glob(folder + "*.link")
	if err != nil || len(paths) != 3 {
		t.Fatalf("%d links, %v", len(paths), err)
	}
	for _, path := range paths {
		links = append(links, Envelope{Source: "test", Name: filepath.Base(path), Bytes: mustRead(t, path)})
	}
	return links, string(mustRead(t, folder+"root.layout")), string(mustRead(t, folder+"owner.pub"))
}

// demoProduct is what the last step of the demo made.
const demoProduct = "sha256:0c5c56be1f4d8707fe981f07b0d35a4a1a50e898e3ebc8b1fa12c7c6f364bb7b"

func layoutTrust(t testing.TB, layout, owner, more string) *Trust {
	t.Helper()
	return trustIn(t, map[string]string{"root.layout": layout, "alice.pub": owner, "trust.yaml": `
version: 1
signers: {alice: {key: alice.pub` + more + `}}
statements: []
layouts: {demo: {file: root.layout, owners: [alice]}}
`})
}

func TestLayoutThatHoldsIsAStatementAboutWhatItsLastStepMade(t *testing.T) {
	links, layout, owner := demo(t)
	trusted := layoutTrust(t, layout, owner, "")
	about := About{Digests: []string{app, demoProduct}, Environment: "prod"}
	var first []byte
	for range 2 {
		ev, err := Verify(links, trusted, about, noon)
		if err != nil {
			t.Fatal(err)
		}
		if len(ev.Statements) != 1 || len(ev.Rejected) != 2 {
			t.Fatalf("%d believed, rejected %+v", len(ev.Statements), ev.Rejected)
		}
		s := ev.Statements[0]
		if s.Kind != "layout" || s.Name != "package-dsse.2f89b927.link" || s.ID != digest.Of(links[slices.IndexFunc(links, func(e Envelope) bool { return e.Name == s.Name })].Bytes) {
			t.Errorf("got %+v", s)
		}
		if v := s.Verification; v.Signer != "alice" || v.Status != gatekeep.StatusVerified || v.KeyID == "" || !slices.Equal(s.SubjectDigests, []string{demoProduct}) {
			t.Errorf("got %+v", s)
		}
		if names := s.Claims["layouts"].([]string); !slices.Equal(names, []string{"demo"}) || len(s.Claims["links"].([]string)) != 3 || len(s.Claims["steps"].([]string)) != 3 {
			t.Errorf("got %+v", s.Claims)
		}
		seen := encode([]any{ev.Statements, ev.Rejected})
		if first != nil && !bytes.Equal(first, seen) {
			t.Error("the order counts")
		}
		first = seen
		slices.Reverse(links)
	}
}

func TestLayoutThatDoesNotHoldIsARejection(t *testing.T) {
	links, layout, owner := demo(t)
	about := About{Digests: []string{demoProduct}}
	missing := slices.DeleteFunc(slices.Clone(links), func(e Envelope) bool { return strings.HasPrefix(e.Name, "update") })
	stranger := newKey(t, "P-256")
	for name, c := range map[string]struct {
		trust  *Trust
		links  []Envelope
		about  About
		at     time.Time
		reason gatekeep.Reason
	}{
		"link missing":        {layoutTrust(t, layout, owner, ""), missing, about, noon, gatekeep.ReasonLayoutViolated},
		"expired":             {layoutTrust(t, layout, owner, ""), links, about, noon.AddDate(10, 0, 0), gatekeep.ReasonLayoutViolated},
		"another owner":       {layoutTrust(t, layout, stranger.pem, ""), links, about, noon, gatekeep.ReasonLayoutViolated},
		"key of the owner":    {layoutTrust(t, layout, owner, ", notAfter: 2026-01-01T00:00:00Z"), links, about, noon, gatekeep.ReasonExpired},
		"another subject":     {layoutTrust(t, layout, owner, ""), links, aboutApp(), noon, gatekeep.ReasonSubjectMismatch},
		"layout of something": {layoutTrust(t, `{"signed":{},"signatures":[]}`, owner, ""), links, about, noon, gatekeep.ReasonLayoutViolated},
		"an inspection":       {layoutTrust(t, string(mustReadCorpus(t, "demo.layout")), owner, ""), links, about, noon, gatekeep.ReasonLayoutViolated},
	} {
		t.Run(name, func(t *testing.T) {
			ev, err := Verify(c.links, c.trust, c.about, c.at)
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(ev.Rejected, func(r gatekeep.Rejection) bool { return r.Kind == "layout" })
			if len(ev.Statements) != 0 || at < 0 || len(ev.Rejected) != len(c.links)+1 {
				t.Fatalf("%d believed, rejected %+v", len(ev.Statements), ev.Rejected)
			}
			if r := ev.Rejected[at]; r.Reason != c.reason || r.Name != "root.layout" || r.Signer != "alice" || !slices.IsSortedFunc(ev.Rejected, func(a, b gatekeep.Rejection) int { return strings.Compare(a.ID, b.ID) }) {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func mustReadCorpus(t testing.TB, name string) []byte {
	t.Helper()
	return mustRead(t, "../../testdata/corpus/in-toto-layout/"+name)
}

func TestLayoutWithoutLinksSaysNothing(t *testing.T) {
	k := newKey(t, "P-256")
	_, layout, owner := demo(t)
	ev, err := Verify([]Envelope{{Bytes: k.signed(t, provenanceOf(app))}}, layoutTrust(t, layout, owner, ""), aboutApp(), noon)
	if err != nil || len(ev.Statements) != 0 || len(ev.Rejected) != 1 || ev.Rejected[0].Kind != "provenance" {
		t.Errorf("got %+v, %v", ev, err)
	}
}

// Two layouts that end in one link are one statement, which names both.
func TestLayoutsOfOneLinkAreOneStatement(t *testing.T) {
	links, layout, owner := demo(t)
	trusted := trustIn(t, map[string]string{"root.layout": layout, "alice.pub": owner, "trust.yaml": `
version: 1
signers: {alice: {key: alice.pub}}
statements: []
layouts: {b: {file: root.layout, owners: [alice]}, a: {file: root.layout, owners: [alice]}}
`})
	ev, err := Verify(links, trusted, About{Digests: []string{demoProduct}}, noon)
	if err != nil || len(ev.Statements) != 1 || !slices.Equal(ev.Statements[0].Claims["layouts"].([]string), []string{"a", "b"}) {
		t.Errorf("got %+v, %v", ev, err)
	}
}

// Without a layout links are evidence of nothing, in either form, and say so.
func TestLinksAloneAreNoStatements(t *testing.T) {
	for name, want := range map[string]gatekeep.Reason{
		"write-code.b7d643de.link": gatekeep.ReasonEnvelopeMalformed, "clone-dsse.776a00e2.link": gatekeep.ReasonSignerUnknown, "demo.layout": gatekeep.ReasonEnvelopeMalformed,
	} {
		wantReason(t, mustReadCorpus(t, name), nil, aboutApp(), noon, want)
	}
	files, err := os.ReadDir("../../testdata/corpus/in-toto-layout")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	k := newKey(t, "P-256")
	for _, f := range files {
		if s, _ := judgeOne(t, mustReadCorpus(t, f.Name()), builderTrust(t, k), aboutApp(), noon); s != nil {
			t.Errorf("%s is believed", f.Name())
		}
	}
	signed := k.signed(t, []byte(`{"_type":"link","name":"x"}`))
	if _, r := wantReason(t, signed, builderTrust(t, k), aboutApp(), noon, gatekeep.ReasonStatementMalformed); !strings.Contains(r.Detail, "layout") {
		t.Errorf("got %+v", r)
	}
}
