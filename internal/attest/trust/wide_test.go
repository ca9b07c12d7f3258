package trust

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/attest/roots"
)

// newCA is the PEM of a new certificate that signs itself.
func newCA(t testing.TB, isCA bool) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, NotAfter: time.Unix(1<<33, 0), BasicConstraintsValid: true, IsCA: isCA}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

const ciURL = "https://github.com/acme/app/.github/workflows/build.yml@refs/heads/main"

func TestMistakesInNewFieldsAreNamed(t *testing.T) {
	ca := newCA(t, true)
	files := map[string]string{
		"a.pub": newPEM(t, elliptic.P256()), "b.pub": newPEM(t, elliptic.P256()), "c.pub": newPEM(t, elliptic.P256()),
		"ca.pem": ca, "same.pem": ca, "other.pem": newCA(t, true), "leaf.pem": newCA(t, false), "root.layout": "{}",
		"private.pem": strings.ReplaceAll(newPEM(t, elliptic.P256()), "PUBLIC", "PRIVATE"), "tail.pem": ca + "hello",
	}
	one := func(signer string) string { return "version: 1\nsigners:\n  one: " + signer + "\nstatements: []\n" }
	keys := func(rules string) string {
		return "version: 1\nsigners: {a: {key: a.pub, principal: bob}, b: {key: b.pub, principal: bob}, c: {key: c.pub}}\nstatements:\n" + rules
	}
	identity := func(more string) string {
		return `{issuer: "` + githubIssuer + `", subject: "` + ciURL + `", root: sigstore-production` + more + `}`
	}
	two := func(x, y, rules string) string {
		return "version: 1\nsigners:\n  x: " + x + "\n  y: " + y + "\nstatements:\n" + rules
	}
	pattern := func(glob string) string {
		return `{issuer: "` + githubIssuer + `", subjectPattern: "` + glob + `", root: sigstore-production}`
	}
	const roles = "  - {types: [provenance], signers: [x]}\n  - {types: [vulns], signers: [y]}\n"
	for name, c := range map[string]struct{ text, want string }{
		"ca":                             {one(`{ca: ca.pem, subject: "spiffe://acme.example/ci"}`), ""},
		"ca with a host":                 {one(`{ca: ca.pem, subjectPattern: "*.ci.acme.example"}`), ""},
		"ca with tsa":                    {one(`{ca: ca.pem, tsa: other.pem, subject: x}`), ""},
		"ca without subject":             {one(`{ca: ca.pem}`), "signers.one.subject: give exactly one"},
		"ca with both":                   {one(`{ca: ca.pem, subject: x, subjectPattern: "*@acme.example"}`), "signers.one.subject: give exactly one"},
		"ca with issuer":                 {one(`{ca: ca.pem, subject: x, issuer: "https://x.example"}`), "this one is by both"},
		"ca with root":                   {one(`{ca: ca.pem, subject: x, root: sigstore-production}`), "this one is by both"},
		"ca with a field of Fulcio":      {one(`{ca: ca.pem, subject: x, buildTrigger: push}`), "this one is by both"},
		"ca with a key":                  {one(`{ca: ca.pem, subject: x, key: a.pub}`), "this one is both"},
		"ca with a window":               {one(`{ca: ca.pem, subject: x, notAfter: 2027-01-01T00:00:00Z}`), "is for keys"},
		"ca missing":                     {one(`{ca: none.pem, subject: x}`), "signers.one.ca: open none.pem"},
		"ca is a leaf":                   {one(`{ca: leaf.pem, subject: x}`), "signers.one.ca: the certificate of \"CN=root\" is none of an authority"},
		"ca is a key":                    {one(`{ca: a.pub, subject: x}`), `PEM block of type "PUBLIC KEY"; it must be CERTIFICATE`},
		"ca is a private key":            {one(`{ca: private.pem, subject: x}`), "holds a private key"},
		"ca with a tail":                 {one(`{ca: tail.pem, subject: x}`), "text after its certificates"},
		"ca no PEM":                      {one(`{ca: root.layout, subject: x}`), "holds no PEM block"},
		"ca leaves the domain open":      {one(`{ca: ca.pem, subjectPattern: "*.example"}`), "leaves the domain open"},
		"ca leaves the host open":        {one(`{ca: ca.pem, subjectPattern: "spiffe://*/ci"}`), "leaves the host open"},
		"tsa alone":                      {one(`{tsa: other.pem, subject: x}`), "signers.one.ca: is missing"},
		"tsa of a leaf":                  {one(`{ca: ca.pem, tsa: leaf.pem, subject: x}`), "signers.one.tsa: holds no root"},
		"subject alone":                  {one(`{subject: x}`), "issuer: is missing"},
		"field of a key":                 {one(`{key: a.pub, buildTrigger: push}`), "this one is both"},
		"fields":                         {one(identity(`, sourceRef: refs/heads/main, buildTrigger: push, sourceRepositoryPattern: "https://github.com/acme/*"`)), ""},
		"star in a field":                {one(identity(`, sourceRef: "refs/heads/*"`)), "signers.one.sourceRef: is compared whole"},
		"field twice":                    {one(identity(`, sourceRef: refs/heads/main, sourceRefPattern: "refs/heads/*"`)), "give exactly one of sourceRef and sourceRefPattern"},
		"any reference":                  {one(identity(`, sourceRefPattern: "**"`)), "leaves open what it is a reference to"},
		"any kind of reference":          {one(identity(`, sourceRefPattern: "refs/**"`)), "leaves open what it is a reference to"},
		"tags by version":                {one(identity(`, sourceRefPattern: "refs/tags/v1.*"`)), ""},
		"reference by regexp":            {one(identity(`, sourceRefPattern: "refs/tags/v[0-9]+"`)), "looks like a regular expression"},
		"repository by regexp":           {one(identity(`, sourceRepositoryPattern: "https://github.com/acme/.*"`)), "looks like a regular expression"},
		"any repository":                 {one(identity(`, sourceRepositoryPattern: "https://*/acme/app"`)), "leaves the host open"},
		"pattern where there is none":    {one(identity(`, buildTriggerPattern: "p*"`)), "field buildTriggerPattern not found"},
		"long pattern":                   {one(pattern("https://github.com/" + strings.Repeat("a", 600))), "/signers/one"},
		"root by its own name":           {one(identity("")), ""},
		"roots by name":                  {"version: 1\nroots: {public: sigstore-production}\nsigners:\n  one: " + strings.Replace(identity(""), "sigstore-production", "public", 1) + "\nstatements: []\n", ""},
		"name of an embedded root":       {"version: 1\nroots: {sigstore-production: root.layout}\nsigners: {}\nstatements: []\n", "roots.sigstore-production: is the name of a root that comes with the program"},
		"root that is none":              {one(strings.Replace(identity(""), "production", "prod", 1)), `there is no root named "sigstore-prod"; name one of those under roots, sigstore-production or sigstore-staging`},
		"threshold":                      {keys("  - {types: [provenance], signers: [a, c], threshold: 2}\n"), ""},
		"threshold of one":               {keys("  - {types: [provenance], signers: [a, c], threshold: 1}\n"), "/statements/0/threshold"},
		"threshold of none":              {keys("  - {types: [provenance], signers: [a, c], threshold: 0}\n"), "/statements/0/threshold"},
		"threshold over the signers":     {keys("  - {types: [provenance], signers: [a, c], threshold: 3}\n"), "statements[0].threshold: 3 is more than the 2 signers"},
		"threshold over the principals":  {keys("  - {types: [provenance], signers: [a, b], threshold: 2}\n"), "2 is more than the 1 signers"},
		"threshold of nobody":            {keys("  - {types: [provenance], unsigned: true, threshold: 2}\n"), "/statements/0"},
		"threshold undone":               {keys("  - {types: [provenance], signers: [a, c], threshold: 2}\n  - {types: ['https://slsa.dev/provenance/v1'], signers: [c]}\n"), `by the second "c" alone is enough`},
		"threshold undone elsewhere":     {keys("  - {types: [provenance], signers: [a, c], threshold: 2, environments: [prod]}\n  - {types: [provenance], signers: [c], environments: [dev]}\n"), ""},
		"threshold of another type":      {keys("  - {types: [provenance], signers: [a, c], threshold: 2}\n  - {types: [sbom], signers: [c]}\n"), ""},
		"threshold of one identity":      {two(pattern("https://github.com/acme/*/x"), pattern("https://github.com/acme/app/*"), "  - {types: [provenance], signers: [x, y], threshold: 2}\n"), `signers "x" and "y" may be one identity`},
		"strict":                         {keys("  - {types: [sbom], signers: [a], strict: true}\n"), ""},
		"strict in words":                {keys("  - {types: [sbom], signers: [a], strict: very}\n"), "cannot unmarshal"},
		"own type":                       {keys("  - {types: ['https://acme.example/licences/v1', 'urn:acme:x'], signers: [a]}\n"), ""},
		"custom":                         {keys("  - {types: [custom], signers: [a]}\n"), "name the URI of each predicate type"},
		"own type with a star":           {keys("  - {types: ['https://acme.example/*'], signers: [a]}\n"), "is no kind of statement"},
		"own type without scheme":        {keys("  - {types: ['chainloop.dev/x'], signers: [a]}\n"), "is no kind of statement"},
		"own type unsigned":              {keys("  - {types: ['https://acme.example/x'], unsigned: true}\n"), "leave out unsigned"},
		"identity twice":                 {two(identity(""), identity(""), "  []\n"), "is the same identity as signers.x"},
		"certificate twice":              {two(`{ca: ca.pem, subject: x}`, `{ca: same.pem, subject: x}`, "  []\n"), "is the same identity as signers.x"},
		"certificate of two authorities": {two(`{ca: ca.pem, subject: x}`, `{ca: other.pem, subject: x}`, roles), ""},
		"identity with another field":    {two(identity(", sourceRef: refs/heads/main"), identity(""), "  []\n"), ""},
		"roles of one identity":          {two(identity(", sourceRef: refs/heads/main"), identity(", buildTrigger: push"), roles), `one identity, as signer "x" and as "y"`},
		"roles of two branches":          {two(identity(", sourceRef: refs/heads/main"), identity(", sourceRef: refs/heads/scan"), roles), ""},
		"roles by a wide pattern":        {two(pattern("https://github.com/acme/**"), identity(""), roles), `one identity, as signer "x" and as "y"`},
		"roles by two patterns":          {two(pattern("https://github.com/acme/*/.github/workflows/build.yml@refs/heads/**"), pattern("https://github.com/acme/*/.github/workflows/scan.yml@refs/heads/**"), roles), ""},
		"roles of one certificate":       {two(`{ca: ca.pem, subjectPattern: "spiffe://acme.example/**"}`, `{ca: same.pem, subject: "spiffe://acme.example/scan"}`, roles), `one identity, as signer "x" and as "y"`},
		"roles of two certificates":      {two(`{ca: ca.pem, subject: "spiffe://acme.example/ci"}`, `{ca: same.pem, subject: "spiffe://acme.example/scan"}`, roles), ""},
		"unsigned for everybody":         {keys("  - {types: [provenance], unsigned: true}\n  - {types: [provenance], signers: [a], environments: [prod]}\n"), "believes anybody, without signature and everywhere"},
		"unsigned in one place":          {keys("  - {types: [provenance], unsigned: true, environments: [dev]}\n  - {types: [provenance], signers: [a]}\n"), ""},
		"layout":                         {keys("  []\nlayouts: {build: {file: root.layout, owners: [a, c]}}\n"), ""},
		"layout missing":                 {keys("  []\nlayouts: {build: {file: none.layout, owners: [a]}}\n"), "layouts.build.file: open none.layout"},
		"layout of nobody":               {keys("  []\nlayouts: {build: {file: root.layout, owners: []}}\n"), "/layouts/build/owners"},
		"layout of a stranger":           {keys("  []\nlayouts: {build: {file: root.layout, owners: [d]}}\n"), `layouts.build.owners: "d" is no signer with a key`},
		"layout of an identity":          {"version: 1\nsigners:\n  one: " + identity("") + "\nstatements: []\nlayouts: {build: {file: root.layout, owners: [one]}}\n", "layouts are signed with keys"},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := mapOf(files)
			fsys["trust.yaml"] = &fstest.MapFile{Data: []byte(c.text)}
			p, err := Load(fsys, "trust.yaml")
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || p != nil):
				t.Fatalf("got %v, want %q", err, c.want)
			}
		})
	}
}

// What was sealed judges the same way again, whatever root a later program holds.
func TestEmbeddedRootIsSealedAndMayBePinned(t *testing.T) {
	const text = `
version: 1
roots: {public: sigstore-staging}
signers:
  x: {issuer: "https://x.example", subject: "a@b.example", root: public}
  y: {issuer: "https://x.example", subject: "c@b.example", root: sigstore-production}
statements: []
`
	p, err := Load(mapOf(map[string]string{"trust.yaml": text}), "trust.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const pinned = "sigstore-production.trusted_root.json"
	if names := slices.Sorted(maps.Keys(p.Files())); !slices.Equal(names, []string{pinned, "sigstore-staging.trusted_root.json", "trust.yaml"}) {
		t.Fatalf("files %q", names)
	}
	embedded, _ := roots.Named(roots.Production)
	if !bytes.Equal(p.Files()[pinned], embedded.JSON) || len(p.Roots()) != 2 {
		t.Error("another root is sealed than was used")
	}
	// A root of another day, as a later program would hold it.
	older := rootText(t, "github.trusted_root.json")
	again, err := Load(mapOf(map[string]string{"trust.yaml": text, pinned: older}), "trust.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Files()[pinned], []byte(older)) {
		t.Error("the sealed root is not used")
	}
	if _, err := Load(mapOf(map[string]string{"trust.yaml": text, pinned: "{}"}), "trust.yaml"); err == nil {
		t.Error("a broken root beside the policy is passed over")
	}
	mine := p.Files()[pinned]
	mine[0] = 'x'
	if embedded.JSON[0] == 'x' {
		t.Error("a caller can change the root of the program")
	}
}

func TestNoFileStandsInForThePolicyThatIsSealed(t *testing.T) {
	fsys := mapOf(map[string]string{"prod.yaml": "version: 1\nsigners: {a: {key: trust.yaml}}\nstatements: []\n", "trust.yaml": newPEM(t, elliptic.P256())})
	if _, err := Load(fsys, "prod.yaml"); err == nil || !strings.Contains(err.Error(), "is sealed under") {
		t.Errorf("got %v", err)
	}
}

func TestPermissionCountsEachSignatureOnce(t *testing.T) {
	p, err := Load(mapOf(map[string]string{
		"a.pub": newPEM(t, elliptic.P256()), "b.pub": newPEM(t, elliptic.P256()), "c.pub": newPEM(t, elliptic.P256()), "trust.yaml": `
version: 1
signers: {a: {key: a.pub}, b: {key: b.pub}, c: {key: c.pub}}
statements:
  - {types: [provenance], signers: [a, b], threshold: 2}
  - {types: [sbom], signers: [c], strict: true}
`}), "trust.yaml")
	if err != nil {
		t.Fatal(err)
	}
	by := func(name, key string) Maker { return Maker{Signer: p.signers[name], Key: key} }
	a, b, c := by("a", "1"), by("b", "2"), by("c", "3")
	provenance, sbom := predicate.Type{Kind: "provenance"}, predicate.Type{Kind: "sbom"}
	for name, x := range map[string]struct {
		own, all []Word
		typ      predicate.Type
		want     Permission
	}{
		"both":                   {[]Word{{a}, {b}}, []Word{{a}, {b}}, provenance, Permission{Signer: "a", Signers: []string{"a", "b"}}},
		"own and another's":      {[]Word{{b}}, []Word{{b}, {a}}, provenance, Permission{Signer: "b", Signers: []string{"a", "b"}}},
		"one":                    {[]Word{{a}}, []Word{{a}}, provenance, Permission{Signed: []string{"a"}, Missing: 1, All: 2}},
		"one for two":            {[]Word{{a, by("b", "1")}}, []Word{{a, by("b", "1")}}, provenance, Permission{Signed: []string{"a"}, Missing: 1, All: 2}},
		"one key by two names":   {[]Word{{a}, {by("b", "1")}}, []Word{{a}, {by("b", "1")}}, provenance, Permission{Signed: []string{"a"}, Missing: 1, All: 2}},
		"one key elsewhere":      {[]Word{{by("b", "1")}}, []Word{{a}, {by("b", "1")}}, provenance, Permission{Signed: []string{"b"}, Missing: 1, All: 2}},
		"one name by two keys":   {[]Word{{a}, {by("a", "2")}}, []Word{{a}, {by("a", "2")}}, provenance, Permission{Signed: []string{"a"}, Missing: 1, All: 2}},
		"two keys, one shared":   {[]Word{{a}}, []Word{{a}, {by("b", "1")}, {by("a", "2")}}, provenance, Permission{Signer: "a", Signers: []string{"a", "b"}}},
		"only others":            {[]Word{{c}}, []Word{{a}, {b}, {c}}, provenance, Permission{}},
		"none":                   {nil, []Word{{a}, {b}}, provenance, Permission{}},
		"where one is enough":    {[]Word{{c}}, []Word{{c}}, sbom, Permission{Signer: "c", Strict: true}},
		"nobody for this type":   {[]Word{{a}}, []Word{{a}}, sbom, Permission{}},
		"type that nobody reads": {[]Word{{a}}, []Word{{a}}, predicate.Type{Kind: Custom}, Permission{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := p.Permits(x.own, x.all, x.typ, "", "prod")
			if got.Signer != x.want.Signer || !slices.Equal(got.Signers, x.want.Signers) || got.Strict != x.want.Strict ||
				!slices.Equal(got.Signed, x.want.Signed) || got.Missing != x.want.Missing || got.All != x.want.All {
				t.Errorf("got %+v, want %+v", got, x.want)
			}
		})
	}
	var nobody *Policy
	if got := nobody.Permits([]Word{{a}}, nil, provenance, "", ""); got.Signer != "" || nobody.HasThresholds() || !p.HasThresholds() || nobody.Layouts() != nil || nobody.Certified() != nil {
		t.Error("a policy of nobody permits something")
	}
}

// Two globs overlap exactly where a text is of both, as far as short texts can tell.
func TestOverlapOfGlobsIsThatOfTheirTexts(t *testing.T) {
	globs := []string{"", "*", "**", "a", "a*", "*a", "a/*", "a/**", "*/b", "**/b", "a*b", "a**b", "a/*/b", "*a*", "b/**/a"}
	var texts []string
	var grow func(text string, left int)
	grow = func(text string, left int) {
		texts = append(texts, text)
		for _, c := range "ab/" {
			if left > 0 {
				grow(text+string(c), left-1)
			}
		}
	}
	grow("", 6)
	for _, x := range globs {
		for _, y := range globs {
			first, err := compileGlob(x)
			if err != nil {
				t.Fatal(err)
			}
			second, err := compileGlob(y)
			if err != nil {
				t.Fatal(err)
			}
			both := slices.ContainsFunc(texts, func(s string) bool { return first.MatchString(s) && second.MatchString(s) })
			if mayOverlap(x, y) != both {
				t.Errorf("%q and %q: got %v, want %v", x, y, !both, both)
			}
		}
	}
	if !mayOverlap(strings.Repeat("a", maxGlob+1), "b") {
		t.Error("a text too long to compare counts as another")
	}
}

func TestIdentityIsComparedWholeAndWithItsFields(t *testing.T) {
	p, err := Load(mapOf(map[string]string{"trust.yaml": `
version: 1
signers: {ci: {issuer: "` + githubIssuer + `", subject: "` + ciURL + `", root: sigstore-production, sourceRef: refs/heads/main}}
statements: []
`}), "trust.yaml")
	if err != nil {
		t.Fatal(err)
	}
	of := func(issuer, san, ref string) certificate.Summary {
		return certificate.Summary{SubjectAlternativeName: san, Extensions: certificate.Extensions{Issuer: issuer, SourceRepositoryRef: ref, GithubWorkflowRef: "refs/heads/main"}}
	}
	ci := p.signers["ci"]
	for c, want := range map[certificate.Summary]bool{
		of(githubIssuer, ciURL, "refs/heads/main"): true, of(githubIssuer, ciURL, "refs/heads/main2"): false, of(githubIssuer, ciURL, ""): false,
		of(githubIssuer+"/x", ciURL, "refs/heads/main"): false, of(githubIssuer, ciURL+"x", "refs/heads/main"): false, of("", "", "refs/heads/main"): false,
	} {
		if ci.Is(c) != want {
			t.Errorf("%+v: want %v", c, want)
		}
	}
	if _, ok := ci.Called(new(x509.Certificate)); ok || new(Signer).Is(certificate.Summary{}) {
		t.Error("a signer without identity has one")
	}
}

// A name counts for what it is: what matches the text of a glob may still be the name of
// somebody else.
func TestGlobOfAnIdentityMatchesItsOwnKindOnly(t *testing.T) {
	const mail = "https://idp.acme.example"
	p, err := Load(mapOf(map[string]string{"trust.yaml": `
version: 1
signers:
  people: {issuer: "` + mail + `", subjectPattern: "*@acme.example", root: sigstore-production}
  alice:  {issuer: "` + mail + `", subject: "alice@acme.example", root: sigstore-staging}
  builds: {issuer: "` + githubIssuer + `", subjectPattern: "https://github.com/acme/app/.github/workflows/*@refs/tags/**", root: sigstore-production}
statements: []
`}), "trust.yaml")
	if err != nil {
		t.Fatal(err)
	}
	workflows := "https://github.com/acme/app/.github/workflows/"
	for _, c := range []struct {
		signer, issuer, san string
		want                bool
	}{
		{"people", mail, "bob@acme.example", true},
		{"people", mail, "@acme.example", true},
		{"people", mail, "bob@evil.example@acme.example", false},
		{"people", mail, "mailto:bob@acme.example", false},
		{"people", mail, "https:bob@acme.example", false},
		{"people", mail, "bob@acme.example.evil.example", false},
		{"people", mail, "bob@ACME.example", false},
		{"people", mail, "bob@acme\u2024example", false},
		{"people", mail, "bob@xacme.example", false},
		{"people", mail, "bob%40acme.example", false},
		{"people", mail, "", false},
		{"people", mail, "acme.example", false},
		{"people", githubIssuer, "bob@acme.example", false},
		{"people", mail + "/", "bob@acme.example", false},
		{"alice", mail, "alice@acme.example", true},
		{"alice", mail, "Alice@acme.example", false},
		{"alice", mail, "alice@acme.example ", false},
		{"builds", githubIssuer, workflows + "build.yml@refs/tags/v1", true},
		{"builds", githubIssuer, workflows + "build.yml@refs/tags/a/b", true},
		{"builds", githubIssuer, workflows + "build.yml@refs/heads/x@refs/tags/v1", false},
		{"builds", githubIssuer, workflows + "evil/build.yml@refs/tags/v1", false},
		{"builds", githubIssuer, workflows + "build.yml%2F@refs/heads/main", false},
		{"builds", githubIssuer, "https://github.com/acme/app%2F.github/workflows/build.yml@refs/tags/v1", false},
		{"builds", githubIssuer, "https://github.com/ACME/app/.github/workflows/build.yml@refs/tags/v1", false},
		{"builds", githubIssuer, "HTTPS" + strings.TrimPrefix(workflows, "https") + "build.yml@refs/tags/v1", false},
		{"builds", githubIssuer, "https://github.com.evil.example/acme/app/.github/workflows/build.yml@refs/tags/v1", false},
		{"builds", githubIssuer, "https://evil.example/" + workflows + "build.yml@refs/tags/v1", false},
		{"builds", githubIssuer, workflows + "build.yml@refs/tags/v1\n" + workflows, true}, // ** is anything; no certificate has a line break
	} {
		got := p.signers[c.signer].Is(certificate.Summary{SubjectAlternativeName: c.san, Extensions: certificate.Extensions{Issuer: c.issuer}})
		if got != c.want {
			t.Errorf("%s as %q of %s: %v", c.san, c.signer, c.issuer, got)
		}
	}
}

// A list of nobody is nobody and never everybody, however it is written; and what YAML
// can write in two ways is read in one.
func TestListOfNobodyIsNotEverybody(t *testing.T) {
	key := newPEM(t, elliptic.P256())
	load := func(rules string) (*Policy, error) {
		return Load(mapOf(map[string]string{"k.pub": key, "folder/k.pub": key, "trust.yaml": "version: 1\nsigners: &all\n  one: {key: k.pub}\n" + rules}), "trust.yaml")
	}
	provenance, _ := predicate.Lookup("https://slsa.dev/provenance/v1")
	for rules, want := range map[string]string{
		"statements: []\n":     "",
		"statements: null\n":   "/statements",
		"":                     "statements",
		"statements: {}\n":     "cannot unmarshal",
		"statements: [null]\n": "/statements/0",
		"statements: [{types: [provenance], signers: []}]\n":                          "/statements/0",
		"statements: [{types: [provenance], signers: null}]\n":                        "/statements/0",
		"statements: [{types: [provenance], signers: one}]\n":                         "cannot unmarshal",
		"statements: [{types: [provenance], signers: [\"\"]}]\n":                      "/statements/0",
		"statements: [{types: [provenance], signers: [null]}]\n":                      "/statements/0",
		"statements: [{types: [provenance], signers: ['*']}]\n":                       `no signer named "*"`,
		"statements: [{types: [provenance], signers: [ONE]}]\n":                       `no signer named "ONE"`,
		"statements: [{types: [provenance], signers: [one, one]}]\n":                  "/statements/0/signers",
		"statements: [{types: [], signers: [one]}]\n":                                 "/statements/0/types",
		"statements: [{types: ['*'], signers: [one]}]\n":                              "no kind",
		"statements: [{types: [provenance], signers: [one], environments: []}]\n":     "/statements/0/environments",
		"statements: [{types: [provenance], signers: [one], environments: null}]\n":   "/statements/0/environments",
		"statements: [{types: [provenance], signers: [one], environments: ['']}]\n":   "/statements/0/environments",
		"statements: [{types: [provenance], signers: [one], threshold: 0}]\n":         "/statements/0/threshold",
		"statements: [{types: [provenance], signers: [one], threshold: 1}]\n":         "/statements/0/threshold",
		"statements: [{types: [provenance], signers: [one], threshold: -1}]\n":        "/statements/0/threshold",
		"statements: [{types: [provenance], signers: [one], threshold: null}]\n":      "/statements/0/threshold",
		"statements: [{types: [provenance], signers: [one], threshold: \"2\"}]\n":     "cannot unmarshal",
		"statements: [{types: [provenance], unsigned: yes}]\n":                        "/statements/0",
		"statements: [{types: [provenance], unsigned: true, threshold: 2}]\n":         "/statements/0",
		"statements: [{types: [provenance], signers: [one], Signers: [two]}]\n":       "field Signers not found",
		"statements: [{types: [provenance], signers: [one], signers: []}]\n":          "already defined",
		"statements: [{<<: {signers: [one]}, types: [provenance], signers: []}]\n":    "/statements/0",
		"statements: [{<<: {unsigned: true}, types: [provenance], signers: [one]}]\n": "/statements/0",
		"statements: &s [{types: *s, signers: [one]}]\n":                              "",
		"statements: []\nstatements: [{types: [provenance], unsigned: true}]\n":       "already defined",
		"statements: []\nlayouts: {a: {file: k.pub, owners: []}}\n":                   "/layouts/a/owners",
		"statements: []\nlayouts: {a: {file: k.pub}}\n":                               "/layouts/a",
		"statements: []\nlayouts: {a: {file: folder/../../k.pub, owners: [one]}}\n":   "inside the folder",
		"statements: []\nroots: {a: folder/../../root.json}\n":                        "inside the folder",
		"statements: []\nroots: {a: 'C:\\root.json'}\n":                               "roots.a",
		"statements: []\nroots: {a: null}\n":                                          "/roots/a",
	} {
		p, err := load(rules)
		switch {
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", rules, err, want)
		case err == nil && (p.May("one", provenance, "https://slsa.dev/provenance/v1", "") || p.May("", provenance, "https://slsa.dev/provenance/v1", "production")):
			t.Errorf("%q: somebody may", rules)
		}
		if may, _ := p.MayUnsigned(provenance, "https://slsa.dev/provenance/v1", "production"); may {
			t.Errorf("%q: anybody may", rules)
		}
	}
}
