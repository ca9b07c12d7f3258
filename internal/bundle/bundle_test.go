package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/bundles"
)

const (
	manifest = `version: 1
name: acme
revision: 42
expiresAt: 2027-06-30T00:00:00Z
state: folder
regimes: [gdpr, supply_chain]
mode: warn
trust: trust.yaml
`
	catalogue = `environments:
  prod-eu:
    tier: production
    provider: aws
    region: eu-central-1
    regimes: [gdpr]
  dev: {tier: development}
services:
  shop:
    owner: team-shop
    tier: "1"
    regimes: [pci]
    dataClasses: [customer_pii]
`
	identities = `anna@acme.example:
  type: human
  status: active
  person: p-anna
  groups: [release]
  mfa: true
ci:
  type: workload
  status: active
`
	params = `freeze:
  min_tzdata: 2026a
  from: 2026-12-20
  limit: 1.5
gate: &gate
  words: [a]
copy: *gate
`
)

func folder() fstest.MapFS {
	return fstest.MapFS{
		"bundle.yaml":          {Data: []byte(manifest)},
		"catalogue.yaml":       {Data: []byte(catalogue)},
		"identities.yaml":      {Data: []byte(identities)},
		"params.yaml":          {Data: []byte(params)},
		"org.yaml":             {Data: []byte("baseline_regimes: [rbac]\n")},
		"trust.yaml":           {Data: []byte("version: 1\n")},
		"keys/ci.pub":          {Data: []byte("-----BEGIN PUBLIC KEY-----\n")},
		"bundle.sigstore.json": {Data: []byte("{}")},
	}
}

func load(t *testing.T, fsys fs.FS) *Bundle {
	t.Helper()
	b, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBundleSaysWhatItsFilesSay(t *testing.T) {
	b := load(t, folder())
	if b.Name != "acme" || b.Revision != 42 || b.State != StateFolder || b.Mode != gatekeep.Warn ||
		b.Trust != "trust.yaml" || b.RegistryAttestations != RegistryAuto || b.ExpiresAt == nil || b.ExpiresAt.Year() != 2027 {
		t.Errorf("got %+v", b)
	}
	if got := b.Regimes(); !slices.Equal(got, []string{"gdpr", "supply_chain"}) {
		t.Errorf("got regimes %v", got)
	}
	e, err := b.Environment("prod-eu")
	if err != nil || e.Tier != "production" || e.Provider != "aws" || e.Region != "eu-central-1" || !slices.Equal(e.Regimes, []string{"gdpr"}) {
		t.Errorf("got %+v, %v", e, err)
	}
	if e, err = b.Environment("dev"); err != nil || e.Regimes == nil {
		t.Errorf("got %+v, %v; an empty list must not be null", e, err)
	}
	s, err := b.Service("shop")
	if err != nil || s.Owner != "team-shop" || s.Tier != "1" || !slices.Equal(s.DataClasses, []string{"customer_pii"}) {
		t.Errorf("got %+v, %v", s, err)
	}
	known := b.Identities([]string{"anna@acme.example", "ci", "stranger"})
	if len(known) != 2 || known["anna@acme.example"].Person != "p-anna" || !known["anna@acme.example"].MFA || known["ci"].Groups == nil {
		t.Errorf("got %+v", known)
	}
}

func TestOverlayIsJSONAndDatesStayText(t *testing.T) {
	got, err := json.Marshal(load(t, folder()).Overlay())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"org":{"baseline_regimes":["rbac"]},"params":{"copy":{"words":["a"]},"freeze":{"from":"2026-12-20","limit":1.5,"min_tzdata":"2026a"},"gate":{"words":["a"]}}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	bare := folder()
	delete(bare, "params.yaml")
	delete(bare, "org.yaml")
	if got := load(t, bare).Overlay(); len(got) != 0 {
		t.Errorf("got %v from a bundle that changes nothing", got)
	}
}

func TestUnknownNamesAreTheCallersMistake(t *testing.T) {
	b := load(t, folder())
	_, err1 := b.Environment("prod-us")
	_, err2 := b.Service("shop2")
	for _, err := range []error{err1, err2} {
		var unknown *UnknownError
		if !errors.As(err, &unknown) || len(unknown.Known) == 0 {
			t.Errorf("got %v, want an *UnknownError", err)
		}
	}
	if !strings.Contains(err1.Error(), "dev, prod-eu") || !strings.Contains(err2.Error(), "shop") {
		t.Errorf("got %q and %q", err1, err2)
	}
	zero := &Bundle{}
	if _, err := zero.Environment("production"); err == nil {
		t.Error("the zero value knows an environment")
	}
}

func TestMistakesNameFileAndLine(t *testing.T) {
	for name, c := range map[string]struct{ file, old, new, want string }{
		"unknown field":        {"bundle.yaml", "mode: warn", "modes: warn", "bundle.yaml: yaml: unmarshal errors:\n  line 7: field modes"},
		"unknown mode":         {"bundle.yaml", "mode: warn", "mode: off", "bundle.yaml: line 7: mode:"},
		"no state":             {"bundle.yaml", "state: ", "# state: ", "missing properties: 'state'"},
		"version":              {"bundle.yaml", "version: 1", "version: 2", "line 1: version"},
		"revision":             {"bundle.yaml", "revision: 42", "revision: 0", "line 3: revision"},
		"state":                {"bundle.yaml", "state: folder", "state: memory", "line 5: state"},
		"date only":            {"bundle.yaml", "2027-06-30T00:00:00Z", "2027-06-30", "line 4: expiresAt"},
		"trust not there":      {"bundle.yaml", "trust: trust.yaml", "trust: other.yaml", "other.yaml, which is not in the bundle"},
		"trust outside":        {"bundle.yaml", "trust: trust.yaml", "trust: ../trust.yaml", "line 8: trust"},
		"trust not named":      {"bundle.yaml", "trust: trust.yaml\n", "", "trust.yaml is read by nothing"},
		"tier":                 {"catalogue.yaml", "tier: production", "tier: prod", "line 3: environments/prod-eu/tier"},
		"field of environment": {"catalogue.yaml", "provider: aws", "cloud: aws", "line 4: field cloud"},
		"no data classes":      {"catalogue.yaml", "    dataClasses: [customer_pii]\n", "", "missing properties: 'dataClasses'"},
		"empty data classes":   {"catalogue.yaml", "[customer_pii]", "[]", "services/shop/dataClasses"},
		"any service":          {"catalogue.yaml", "services:", "anyService: true\nservices:", "anyService is for the built-in bundle"},
		"identity type":        {"identities.yaml", "type: workload", "type: robot", "identities.yaml: line 8: ci/type"},
		"human without person": {"identities.yaml", "  person: p-anna\n", "", "'person'"},
		"environment twice":    {"catalogue.yaml", "  dev: {", "  prod-eu: {", "already defined"},
		"params scalar":        {"params.yaml", "copy: *gate", "copy: 1", "params.yaml: line 7: copy"},
		"name is a number":     {"params.yaml", "copy: *gate", "1: {}", "line 7: the name 1 is not text"},
		"org is a list":        {"org.yaml", "baseline_regimes: [rbac]", "- rbac", "org.yaml: line 1"},
		"second document":      {"org.yaml", "[rbac]", "[rbac]\n---\na: 1", "second YAML document"},
		"empty":                {"org.yaml", "baseline_regimes: [rbac]\n", "", "org.yaml: the file is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			f := folder()
			text := strings.Replace(string(f[c.file].Data), c.old, c.new, 1)
			if text == string(f[c.file].Data) {
				t.Fatal("the case changes nothing")
			}
			f[c.file] = &fstest.MapFile{Data: []byte(text)}
			if _, err := Load(f); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want it to hold %q", err, c.want)
			}
		})
	}
}

func TestFilesThatHaveNoPlaceAreRefused(t *testing.T) {
	for name, file := range map[string]*fstest.MapFile{
		"param.yaml":   {Data: []byte("freeze: {}\n")},
		"keys/k.key":   {Data: []byte("-----BEGIN PRIVATE KEY-----\n")},
		"keys/ec.key":  {Data: []byte("-----BEGIN EC PRIVATE KEY-----\n")},
		"keys/link":    {Mode: fs.ModeSymlink},
		"keys/big.pub": {Data: make([]byte, maxFileBytes+1)},
	} {
		f := folder()
		f[name] = file
		if _, err := Load(f); err == nil {
			t.Errorf("loaded with %s", name)
		}
	}
	for _, name := range []string{"bundle.yaml", "catalogue.yaml"} {
		f := folder()
		delete(f, name)
		if _, err := Load(f); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: got %v", name, err)
		}
	}
}

func TestDigestIsOverAllFilesButTheSignature(t *testing.T) {
	base := load(t, folder())
	if _, signed := base.Files()[SignatureFile]; signed || len(base.Files()) != 7 {
		t.Errorf("got %d files", len(base.Files()))
	}
	unsigned := folder()
	delete(unsigned, SignatureFile)
	if load(t, unsigned).Digest() != base.Digest() {
		t.Error("the signature is part of what it signs")
	}
	for name := range base.Files() {
		f := folder()
		f[name] = &fstest.MapFile{Data: append(bytes.Clone(f[name].Data), '\n')}
		if load(t, f).Digest() == base.Digest() {
			t.Errorf("a change of %s does not change the digest", name)
		}
	}
	again := fstest.MapFS{}
	for name, data := range base.Files() {
		again[name] = &fstest.MapFile{Data: data}
	}
	if load(t, again).Digest() != base.Digest() {
		t.Error("Files does not make the same bundle again")
	}
}

func TestBuiltInBundleLetsAnyServiceIn(t *testing.T) {
	fsys, err := bundles.Default()
	if err != nil {
		t.Fatal(err)
	}
	b := load(t, fsys)
	if b.Mode != gatekeep.Enforce || b.State != StateNone || len(b.Regimes()) != 0 || len(b.Overlay()) != 0 || b.Trust != "" {
		t.Errorf("got %+v", b)
	}
	for _, tier := range []string{"production", "staging", "development"} {
		if e, err := b.Environment(tier); err != nil || e.Tier != tier {
			t.Errorf("got %+v, %v", e, err)
		}
	}
	if s, err := b.Service("anything"); err != nil || !slices.Equal(s.DataClasses, []string{"none"}) || s.Regimes == nil {
		t.Errorf("got %+v, %v", s, err)
	}
	if _, err := b.Service(""); err == nil {
		t.Error("a service without name was let in")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(manifest), []byte(catalogue), []byte(identities), []byte(params))
	f.Add([]byte("version: 1"), []byte("{}"), []byte("a: &a [*a]"), []byte("? [a]\n: b"))
	f.Fuzz(func(t *testing.T, manifest, catalogue, identities, params []byte) {
		fsys := folder()
		for name, data := range map[string][]byte{
			"bundle.yaml": manifest, "catalogue.yaml": catalogue, "identities.yaml": identities, "params.yaml": params,
		} {
			fsys[name] = &fstest.MapFile{Data: data}
		}
		b, err := Load(fsys)
		if err != nil {
			return
		}
		if _, err := json.Marshal(b.Overlay()); err != nil {
			t.Fatalf("an overlay is not JSON: %v", err)
		}
		if b.Revision < 1 || b.Mode == "" || b.State == "" {
			t.Fatalf("a bundle without revision, mode or state: %+v", b)
		}
	})
}
