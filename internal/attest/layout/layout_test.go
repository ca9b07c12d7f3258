package layout

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

var update = flag.Bool("update", false, "make the vectors of testdata/attest/layouts again")

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const payloadType = "application/vnd.in-toto+json"

// person signs with a key of their own.
type person struct{ key crypto.Signer }

func newPerson(t testing.TB) person {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return person{key}
}

func (p person) sign(t testing.TB, message []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(message)
	digest, hash := sum[:], crypto.SHA256
	if _, ok := p.key.(ed25519.PrivateKey); ok {
		digest, hash = message, 0
	}
	sig, err := p.key.Sign(rand.Reader, digest, hash)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func (p person) pem(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(p.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sealed signs a document as DSSE.
func sealed(t testing.TB, doc any, by ...person) []byte {
	payload := mustJSON(t, doc)
	sigs := []any{}
	for _, p := range by {
		sigs = append(sigs, map[string]string{"keyid": "any", "sig": base64.StdEncoding.EncodeToString(p.sign(t, dsse.PAE(payloadType, payload)))})
	}
	return mustJSON(t, map[string]any{"payloadType": payloadType, "payload": base64.StdEncoding.EncodeToString(payload), "signatures": sigs})
}

// metablock signs a document in the older form.
func metablock(t testing.TB, doc any, by ...person) []byte {
	canonical, err := cjson.EncodeCanonical(doc)
	if err != nil {
		t.Fatal(err)
	}
	sigs := []any{}
	for _, p := range by {
		sigs = append(sigs, map[string]string{"keyid": "any", "sig": hex.EncodeToString(p.sign(t, canonical))})
	}
	return mustJSON(t, map[string]any{"signed": doc, "signatures": sigs})
}

type object = map[string]any

// sum is the digest of a file in a link.
func sum(text string) object { return object{"sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(text)))} }

func link(step string, materials, products object) object {
	return object{"_type": "link", "name": step, "materials": materials, "products": products, "byproducts": object{}, "command": []string{"make", step}, "environment": object{}}
}

func rules(all ...string) [][]string {
	list := [][]string{}
	for _, rule := range all {
		list = append(list, strings.Fields(rule))
	}
	return list
}

// chain is a supply chain of a test: alice fetches, bob or carol build, dan owns it.
type chain struct{ alice, bob, carol, dan, eve person }

func newChain(t testing.TB) chain {
	return chain{newPerson(t), newPerson(t), newPerson(t), newPerson(t), newPerson(t)}
}

func (c chain) layout(t testing.TB, change func(l, fetch, build object)) object {
	key := func(p person) object {
		return object{"keyid": "x", "keyid_hash_algorithms": nil, "keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": object{"public": p.pem(t)}}
	}
	fetch := object{"_type": "step", "name": "fetch", "pubkeys": []string{"a1"}, "threshold": 1, "expected_command": []string{"make", "fetch"},
		"expected_materials": rules(), "expected_products": rules("CREATE src/*", "DISALLOW *")}
	build := object{"_type": "step", "name": "build", "pubkeys": []string{"b1", "c1"}, "threshold": 1, "expected_command": []string{},
		"expected_materials": rules("MATCH src/* WITH PRODUCTS FROM fetch", "DISALLOW *"), "expected_products": rules("CREATE app.tar", "ALLOW src/*", "DISALLOW *")}
	l := object{"_type": "layout", "expires": "2026-11-20T12:00:00Z", "readme": "", "inspect": []any{}, "steps": []any{fetch, build},
		"keys": object{"a1": key(c.alice), "b1": key(c.bob), "c1": key(c.carol)}}
	change(l, fetch, build)
	return l
}

func asItIs(l, fetch, build object) {}

var (
	sources = object{"src/main.go": sum("main"), "src/go.mod": sum("mod")}
	built   = object{"app.tar": sum("app"), "src/main.go": sum("main"), "src/go.mod": sum("mod")}
)

func with(artifacts object, name string, hashes any) object {
	changed := object{name: hashes}
	for k, v := range artifacts {
		if k != name {
			changed[k] = v
		}
	}
	return changed
}

func without(artifacts object, name string) object {
	changed := with(artifacts, name, nil)
	delete(changed, name)
	return changed
}

func TestLinksMustSatisfyTheLayout(t *testing.T) {
	c := newChain(t)
	fetched := sealed(t, link("fetch", object{}, sources), c.alice)
	buildOf := func(materials, products object, by ...person) []byte {
		return sealed(t, link("build", materials, products), by...)
	}
	done := buildOf(sources, built, c.bob)
	good := [][]byte{fetched, done}
	of := func(change func(l, fetch, build object)) []byte { return sealed(t, c.layout(t, change), c.dan) }
	two := func(_, _, build object) { build["threshold"] = 2 }
	inFolder := func(_, _, build object) {
		build["expected_materials"] = rules("MATCH * IN in WITH PRODUCTS IN src FROM fetch", "DISALLOW *")
		build["expected_products"] = rules("ALLOW *")
	}
	evilSource := sealed(t, link("fetch", object{}, with(sources, "src/main.go", sum("evil"))), c.alice)
	for _, x := range []struct {
		name, vector string
		layout       []byte
		links        [][]byte
		at           time.Time
		want         string // of the error; empty where it holds
	}{
		{"holds", "holds", of(asItIs), good, noon, ""},
		{"metablocks", "metablocks", metablock(t, c.layout(t, asItIs), c.dan), [][]byte{metablock(t, link("fetch", object{}, sources), c.alice), done}, noon, ""},
		{"at its last second", "", of(asItIs), good, noon, ""},
		{"expired", "expired_fail", of(asItIs), good, noon.Add(time.Second), "it expired at"},
		{"expiry no time", "", of(func(l, _, _ object) { l["expires"] = "soon" }), good, noon, "is no time"},
		{"signed by nobody", "unsigned_fail", sealed(t, c.layout(t, asItIs)), good, noon, `"dan" did not sign it`},
		{"signed by another", "other-owner_fail", sealed(t, c.layout(t, asItIs), c.eve), good, noon, `"dan" did not sign it`},
		{"changed after it was signed", "changed_fail", changed(t, of(asItIs)), good, noon, `"dan" did not sign it`},
		{"inspection", "inspection_fail", of(func(l, _, _ object) {
			l["inspect"] = []any{object{"_type": "inspection", "name": "untar", "run": []string{"tar", "xf", "app.tar"}, "expected_materials": rules(), "expected_products": rules()}}
		}), good, noon, `asks to run "untar"`},
		{"no steps", "no-steps_fail", of(func(l, _, _ object) { l["steps"] = []any{} }), good, noon, "no steps"},
		{"unknown field", "unknown-field_fail", of(func(_, _, build object) { build["expected_environment"] = object{} }), good, noon, "unknown field"},
		{"threshold of nobody", "zero-threshold_fail", of(func(_, _, build object) { build["threshold"] = 0 }), [][]byte{fetched}, noon, "has the threshold 0"},
		{"two steps of one name", "", of(func(_, _, build object) { build["name"] = "fetch" }), good, noon, "no name of its own"},
		{"empty rule", "", of(func(_, _, build object) { build["expected_products"] = [][]string{{}} }), good, noon, "a rule is empty"},
		{"unknown rule", "", of(func(_, _, build object) { build["expected_products"] = rules("PERMIT *") }), good, noon, "is no rule"},
		{"broken pattern", "broken-pattern_fail", of(func(_, _, build object) { build["expected_products"] = rules("DISALLOW [") }), good, noon, "broken pattern"},
		{"match with something else", "", of(func(_, _, build object) { build["expected_products"] = rules("MATCH * WITH NOTHING FROM fetch") }), good, noon, "neither MATERIALS nor PRODUCTS"},
		{"key that the layout lacks", "", of(func(l, _, _ object) { delete(l["keys"].(object), "a1") }), good, noon, `holds no key "a1"`},
		{"link missing", "missing-link_fail", of(asItIs), [][]byte{done}, noon, "0 of 1 functionaries signed a link"},
		{"no links", "", of(asItIs), nil, noon, "0 of 1 functionaries"},
		{"link of a stranger", "stranger_fail", of(asItIs), [][]byte{fetched, buildOf(sources, built, c.eve)}, noon, "0 of 2 functionaries"},
		{"link of a functionary of another step", "other-functionary_fail", of(asItIs), [][]byte{fetched, buildOf(sources, built, c.alice)}, noon, "0 of 2 functionaries"},
		{"link changed after it was signed", "changed-link_fail", of(asItIs), [][]byte{fetched, changed(t, done)}, noon, "0 of 2 functionaries"},
		{"threshold", "threshold", of(two), [][]byte{fetched, done, buildOf(sources, built, c.carol)}, noon, ""},
		{"threshold by one envelope", "", of(two), [][]byte{fetched, buildOf(sources, built, c.bob, c.carol)}, noon, ""},
		{"threshold by one functionary twice", "threshold-one-twice_fail", of(two), [][]byte{fetched, done, buildOf(sources, built, c.bob)}, noon, "1 of 2 functionaries"},
		{"threshold by one key under two names", "threshold-one-key_fail", of(func(l, _, build object) {
			build["threshold"] = 2
			l["keys"].(object)["c1"] = l["keys"].(object)["b1"]
		}), [][]byte{fetched, done}, noon, "1 of 1 functionaries"},
		{"functionaries disagree", "disagree_fail", of(two), [][]byte{fetched, done, buildOf(sources, with(built, "app.tar", sum("evil")), c.carol)}, noon, "report different artifacts"},
		{"MATCH: another source", "match_fail", of(asItIs), [][]byte{evilSource, done}, noon, "its materials break the rule DISALLOW *"},
		{"MATCH: a source that nobody fetched", "", of(asItIs), [][]byte{fetched, buildOf(with(sources, "src/x.go", sum("x")), with(built, "src/x.go", sum("x")), c.bob)}, noon, "its materials break the rule DISALLOW *"},
		{"MATCH in a folder", "match-folder", of(inFolder), [][]byte{fetched, buildOf(moved(sources, "src/", "in/"), moved(built, "src/", "in/"), c.bob)}, noon, ""},
		{"MATCH in a folder: a file beside it", "match-beside-folder_fail", of(inFolder), [][]byte{fetched, buildOf(moved(sources, "src/", ""), moved(built, "src/", ""), c.bob)}, noon, "its materials break the rule DISALLOW *"},
		{"CREATE: it was there before", "create_fail", of(asItIs), [][]byte{sealed(t, link("fetch", sources, sources), c.alice), done}, noon, "its products break the rule DISALLOW *"},
		{"CREATE, DISALLOW: something besides", "disallow_fail", of(asItIs), [][]byte{fetched, buildOf(sources, with(built, "backdoor", sum("x")), c.bob)}, noon, "its products break the rule DISALLOW *"},
		{"DELETE", "delete", of(func(_, _, build object) {
			build["expected_materials"] = rules("DELETE src/go.mod", "ALLOW src/main.go", "DISALLOW *")
		}), [][]byte{fetched, buildOf(sources, without(built, "src/go.mod"), c.bob)}, noon, ""},
		{"DELETE: it is still there", "delete_fail", of(func(_, _, build object) {
			build["expected_materials"] = rules("DELETE src/go.mod", "ALLOW src/main.go", "DISALLOW *")
		}), good, noon, "its materials break the rule DISALLOW *"},
		{"MODIFY", "modify", of(func(_, _, build object) {
			build["expected_products"] = rules("MODIFY src/main.go", "ALLOW app.tar", "ALLOW src/go.mod", "DISALLOW *")
		}), [][]byte{fetched, buildOf(sources, with(built, "src/main.go", sum("patched")), c.bob)}, noon, ""},
		{"MODIFY: it is as it was", "modify_fail", of(func(_, _, build object) {
			build["expected_products"] = rules("MODIFY src/main.go", "ALLOW app.tar", "ALLOW src/go.mod", "DISALLOW *")
		}), good, noon, "its products break the rule DISALLOW *"},
		{"REQUIRE", "", of(func(_, _, build object) { build["expected_products"] = rules("REQUIRE app.tar", "ALLOW *") }), good, noon, ""},
		{"REQUIRE: it is missing", "require_fail", of(func(_, _, build object) { build["expected_products"] = rules("REQUIRE licence", "ALLOW *") }), good, noon, "its products break the rule REQUIRE licence"},
		{"one file under two names", "two-names_fail", of(asItIs), [][]byte{fetched, buildOf(with(sources, "./src/main.go", sum("evil")), built, c.bob)}, noon, "0 of 2 functionaries"},
		{"file without a strong digest", "weak-digest_fail", of(asItIs), [][]byte{fetched, buildOf(sources, with(built, "app.tar", object{"md5": "d41d8cd98f00b204e9800998ecf8427e"}), c.bob)}, noon, "0 of 2 functionaries"},
		{"noise among the links", "", of(asItIs), [][]byte{[]byte("noise"), fetched, []byte(`{"signed":1,"signatures":[]}`), done, buildOf(sources, object{}, c.eve)}, noon, ""},
		{"sublayout for a link", "sublayout_fail", of(asItIs), [][]byte{fetched, sealed(t, with(c.layout(t, asItIs), "name", "build"), c.bob)}, noon, "0 of 2 functionaries"},
	} {
		t.Run(x.name, func(t *testing.T) {
			s, err := Verify(x.layout, x.links, []Key{{"dan", c.dan.key.Public()}}, x.at)
			switch {
			case x.want == "" && err != nil:
				t.Fatal(err)
			case x.want != "" && err == nil:
				t.Fatalf("it holds, want %q", x.want)
			case x.want != "" && !strings.Contains(err.Error(), x.want):
				t.Fatalf("got %q, want %q", err, x.want)
			case err == nil && (!slices.Equal(s.Steps, []string{"fetch", "build"}) || !slices.Contains(s.Products, "sha256:"+sum("app")["sha256"].(string))):
				t.Errorf("got %+v", s)
			}
			keep(t, x.vector, x.layout, x.links, x.at, c.dan.pem(t), x.want)
		})
	}
}

// moved are artifacts in another folder.
func moved(artifacts object, from, to string) object {
	all := object{}
	for name, hashes := range artifacts {
		if rest, ok := strings.CutPrefix(name, from); ok {
			name = to + rest
		}
		all[name] = hashes
	}
	return all
}

// changed replaces some bytes of what is signed and leaves the signatures.
func changed(t testing.TB, data []byte) []byte {
	var e map[string]any
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(e["payload"].(string))
	if err != nil {
		t.Fatal(err)
	}
	e["payload"] = base64.StdEncoding.EncodeToString(bytes.Replace(payload, []byte(`"environment"`), []byte(`"environmenT"`), 1))
	if !bytes.Contains(payload, []byte(`"environment"`)) {
		e["payload"] = base64.StdEncoding.EncodeToString(bytes.Replace(payload, []byte(`"threshold":1`), []byte(`"threshold":2`), 1))
	}
	return mustJSON(t, e)
}

func TestLinksOfStrangersDoNotFillTheBound(t *testing.T) {
	c := newChain(t)
	links := make([][]byte, 0, maxLinks+2)
	for range maxLinks {
		links = append(links, sealed(t, link("fetch", object{}, sources)))
	}
	links = append(links, sealed(t, link("fetch", object{}, sources), c.alice), sealed(t, link("build", sources, built), c.bob))
	if _, err := Verify(sealed(t, c.layout(t, asItIs), c.dan), links, []Key{{"dan", c.dan.key.Public()}}, noon); err != nil {
		t.Error(err)
	}
}

func TestAnotherCommandOfOneFunctionaryIsNamed(t *testing.T) {
	c := newChain(t)
	other := link("build", sources, built)
	other["command"] = []string{"curl", "evil"}
	for _, who := range [][2]person{{c.bob, c.carol}, {c.carol, c.bob}} {
		links := [][]byte{sealed(t, link("fetch", object{}, sources), c.alice), sealed(t, link("build", sources, built), who[0]), sealed(t, other, who[1])}
		expecting := func(_, _, build object) { build["expected_command"] = link("build", sources, built)["command"] }
		s, err := Verify(sealed(t, c.layout(t, expecting), c.dan), links, []Key{{"dan", c.dan.key.Public()}}, noon)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(s.OtherCommands, "build") {
			t.Errorf("got %v", s.OtherCommands)
		}
	}
}

func TestSummaryNamesWhatCounts(t *testing.T) {
	c := newChain(t)
	other := link("fetch", object{}, sources)
	other["command"] = []string{"curl"}
	links := [][]byte{[]byte("noise"), sealed(t, link("build", sources, built), c.carol), sealed(t, other, c.alice), sealed(t, link("build", sources, built), c.bob)}
	s, err := Verify(sealed(t, c.layout(t, asItIs), c.dan), links, []Key{{"dan", c.dan.key.Public()}}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.Links, []int{1, 2, 3}) || !slices.Equal(s.Final, []int{1, 3}) || !slices.Equal(s.OtherCommands, []string{"fetch"}) || !s.Expires.Equal(noon) || len(s.Products) != 3 {
		t.Errorf("got %+v", s)
	}
}

func TestEveryOwnerMustHaveSigned(t *testing.T) {
	c := newChain(t)
	links := [][]byte{sealed(t, link("fetch", object{}, sources), c.alice), sealed(t, link("build", sources, built), c.bob)}
	owners := []Key{{"dan", c.dan.key.Public()}, {"eve", c.eve.key.Public()}}
	if _, err := Verify(sealed(t, c.layout(t, asItIs), c.dan), links, owners, noon); err == nil || !strings.Contains(err.Error(), `"eve" did not sign it`) {
		t.Errorf("got %v", err)
	}
	if _, err := Verify(sealed(t, c.layout(t, asItIs), c.dan, c.eve), links, owners, noon); err != nil {
		t.Error(err)
	}
	if _, err := Verify(sealed(t, c.layout(t, asItIs), c.dan), links, nil, noon); err == nil {
		t.Error("a layout of nobody holds")
	}
}

func TestEd25519KeysAreHex(t *testing.T) {
	c := newChain(t)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l := c.layout(t, func(l, _, _ object) {
		l["keys"].(object)["a1"] = object{"keyid": "x", "keyid_hash_algorithms": nil, "keytype": "ed25519", "scheme": "ed25519", "keyval": object{"public": hex.EncodeToString(public)}}
	})
	links := [][]byte{metablock(t, link("fetch", object{}, sources), person{private}), sealed(t, link("build", sources, built), c.bob)}
	if _, err := Verify(sealed(t, l, c.dan), links, []Key{{"dan", c.dan.key.Public()}}, noon); err != nil {
		t.Error(err)
	}
}

func TestBoundsOfALayout(t *testing.T) {
	c := newChain(t)
	many := make([][]byte, maxLinks+1)
	for i := range many {
		many[i] = sealed(t, link("fetch", object{}, sources), c.alice)
	}
	for want, x := range map[string]struct {
		layout func(l, fetch, build object)
		links  [][]byte
	}{
		"links: 257 are over":    {asItIs, many},
		"1001 rules, over":       {func(_, _, build object) { build["expected_products"] = slices.Repeat(rules("ALLOW *"), maxRules+1) }, nil},
		"33 keys, over":          {func(_, _, build object) { build["pubkeys"] = slices.Repeat([]string{"b1"}, maxKeys+1) }, nil},
		"101 steps are over":     {func(l, _, build object) { l["steps"] = slices.Repeat([]any{build}, maxSteps+1) }, nil},
		"too many to be held":    {func(_, _, build object) { build["expected_products"] = slices.Repeat(rules("ALLOW *"), maxRules) }, [][]byte{sealed(t, link("fetch", object{}, sources), c.alice), sealed(t, link("build", sources, crowd()), c.bob)}},
		"no public key in PEM":   {func(l, _, _ object) { l["keys"].(object)["a1"].(object)["keyval"] = object{"public": "x"} }, nil},
		"P-224 is not supported": {func(l, _, _ object) { l["keys"].(object)["a1"].(object)["keyval"] = object{"public": smallCurve(t)} }, nil},
	} {
		t.Run(want, func(t *testing.T) {
			_, err := Verify(sealed(t, c.layout(t, x.layout), c.dan), x.links, []Key{{"dan", c.dan.key.Public()}}, noon)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// crowd is more files than a thousand rules may look at.
func crowd() object {
	all := object{}
	for i := range 3000 {
		all[fmt.Sprintf("%060d", i)] = sum("x")
	}
	return all
}

func smallCurve(t testing.TB) string {
	key, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return person{key}.pem(t)
}

// keep writes a case as a folder of testdata/attest/layouts, on request.
func keep(t testing.TB, name string, layout []byte, links [][]byte, at time.Time, owner, want string) {
	t.Helper()
	if !*update || name == "" {
		return
	}
	if strings.HasSuffix(name, "_fail") != (want != "") {
		t.Fatalf("%s must be named _fail exactly where it fails", name)
	}
	folder := filepath.Join("../../../testdata/attest/layouts", name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"root.layout": string(layout) + "\n", "owner.pub": owner, "now": at.Format(time.RFC3339) + "\n"}
	for i, l := range links {
		files[fmt.Sprintf("%d.link", i+1)] = string(l) + "\n"
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// wrap signs a text as it stands.
func wrap(t testing.TB, doc string, by person) []byte {
	t.Helper()
	payload := []byte(doc)
	return mustJSON(t, map[string]any{"payloadType": payloadType, "payload": base64.StdEncoding.EncodeToString(payload), "signatures": []any{
		map[string]string{"sig": base64.StdEncoding.EncodeToString(by.sign(t, dsse.PAE(payloadType, payload)))},
	}})
}
