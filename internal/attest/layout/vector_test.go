package layout

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const vectors = "../../../testdata/attest/layouts"

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func linksIn(t testing.TB, folder string) [][]byte {
	t.Helper()
	paths, err := filepath.Glob(folder + "/*.link")
	if err != nil {
		t.Fatal(err)
	}
	var links [][]byte
	for _, path := range paths {
		links = append(links, mustRead(t, path))
	}
	return links
}

func ownerIn(t testing.TB, folder string) crypto.PublicKey {
	t.Helper()
	block, _ := pem.Decode(mustRead(t, folder+"/owner.pub"))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestVectors(t *testing.T) {
	layouts, err := filepath.Glob(vectors + "/*/root.layout")
	if err != nil || len(layouts) < 20 {
		t.Fatalf("%d layouts, %v", len(layouts), err)
	}
	for _, path := range layouts {
		folder := filepath.Dir(path)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, strings.TrimSpace(string(mustRead(t, folder+"/now"))))
			if err != nil {
				t.Fatal(err)
			}
			s, err := Verify(mustRead(t, path), linksIn(t, folder), []Key{{"owner", ownerIn(t, folder)}}, now)
			if fails := strings.HasSuffix(folder, "_fail"); fails != (err != nil) {
				t.Fatalf("got %+v, %v", s, err)
			}
		})
	}
}

// The links of in-toto's own demo, and its layouts, in both forms.
func TestLayoutsOfTheWild(t *testing.T) {
	owner := []Key{{"alice", ownerIn(t, vectors+"/in-toto-demo")}}
	const wild = "../../../testdata/corpus/in-toto-layout/"
	links := linksIn(t, wild)
	if len(links) != 5 {
		t.Fatalf("%d links", len(links))
	}
	for _, data := range links {
		if !IsLink(data) {
			t.Error("a link is not known for one")
		}
	}
	s, err := Verify(mustRead(t, wild+"dsse-only.root.layout"), links, owner, noon)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Steps) != 3 || len(s.Links) != 3 || len(s.Products) != 1 || s.Products[0] != "sha256:0c5c56be1f4d8707fe981f07b0d35a4a1a50e898e3ebc8b1fa12c7c6f364bb7b" || s.OtherCommands != nil {
		t.Errorf("got %+v", s)
	}
	if _, err := Verify(mustRead(t, wild+"dsse-only.root.layout"), links, owner, noon.AddDate(10, 0, 0)); err == nil {
		t.Error("it holds after it expired")
	}
	for _, name := range []string{"demo.layout", "demo.dsse.layout"} {
		if IsLink(mustRead(t, wild+name)) {
			t.Errorf("%s counts as a link", name)
		}
		if _, err := Verify(mustRead(t, wild+name), links, owner, noon); err == nil || !strings.Contains(err.Error(), `asks to run "untar"`) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// FuzzVerify looks for documents that break the reader, or a layout that its owner did
// not sign and that holds all the same.
func FuzzVerify(f *testing.F) {
	owner := []Key{{"nobody", newPerson(f).key.Public()}}
	folders, err := filepath.Glob(vectors + "/*")
	if err != nil || len(folders) < 20 {
		f.Fatalf("%d folders, %v", len(folders), err)
	}
	for _, folder := range folders {
		for _, l := range linksIn(f, folder) {
			f.Add(mustRead(f, folder+"/root.layout"), l)
		}
	}
	// Keys that sign the same way each time, or no two runs would take the same path.
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	dan := person{private}
	dans := []Key{{"dan", private.Public()}}
	honest := sealed(f, newChain(f).layout(f, asItIs), dan)
	f.Fuzz(func(t *testing.T, layout, link []byte) {
		if s, err := Verify(layout, [][]byte{link}, owner, noon); err == nil {
			t.Fatalf("it holds: %+v", s)
		}
		// A link of anybody, in a layout that is honest.
		if _, err := Verify(honest, [][]byte{link}, dans, noon); err == nil {
			t.Fatal("links of nobody count")
		}
		// What the layout says is read to the end.
		if b, err := open(layout); err == nil && len(b.signed) < 1<<16 {
			_, _ = Verify(wrap(t, string(b.signed), dan), [][]byte{link}, dans, noon)
		}
	})
}
