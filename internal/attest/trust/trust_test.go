package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

const githubIssuer = "https://token.actions.githubusercontent.com"

// newPEM is a new public key.
func newPEM(t testing.TB, curve elliptic.Curve) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// mapOf is a file system of texts by name.
func mapOf(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func rootText(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile("../../../testdata/attest/roots/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// indent puts a PEM text under a YAML literal.
func indent(text string) string {
	return "      " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n      ") + "\n"
}

func TestMistakesInATrustPolicyAreNamed(t *testing.T) {
	k, again := newPEM(t, elliptic.P256()), newPEM(t, elliptic.P256())
	files := map[string]string{
		"k.pub": k, "again.pub": again, "short.pub": "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
		"two.pub": k + again, "private.pem": strings.ReplaceAll(k, "PUBLIC", "PRIVATE"), "cert.pem": strings.ReplaceAll(k, "PUBLIC KEY", "CERTIFICATE"),
		"curve.pub": newPEM(t, elliptic.P224()), "large.pub": strings.Repeat("x", keyBytes+1), "text.pub": "hello",
		"root.json": rootText(t, "prod.trusted_root.json"), "bad.json": "{}", "empty.json": `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`,
	}
	const head = "version: 1\nroots: {production: root.json}\n"
	withSigner := func(signer string) string {
		return head + "signers:\n  one: " + signer + "\nstatements:\n  - {types: [provenance], signers: [one]}\n"
	}
	identity := func(pattern string) string {
		return withSigner(`{issuer: "` + githubIssuer + `", subjectPattern: "` + pattern + `", root: production}`)
	}
	withRules := func(rules string) string {
		return head + "signers:\n  one: {key: k.pub}\n  two: {key: again.pub}\nstatements:\n" + rules
	}
	for name, c := range map[string]struct{ text, want string }{
		"good key":                   {withSigner("{key: k.pub}"), ""},
		"good inline key":            {head + "signers:\n  one:\n    pem: |\n" + indent(k) + "statements:\n  - {types: [provenance], signers: [one]}\n", ""},
		"good identity":              {withSigner(`{issuer: "` + githubIssuer + `", subject: "https://github.com/acme/app/.github/workflows/build.yml@refs/heads/main", root: production}`), ""},
		"good pattern":               {identity("https://github.com/acme/*/.github/workflows/build.yml@refs/heads/**"), ""},
		"good pattern of people":     {identity("*@acme.example"), ""},
		"good roles":                 {withRules("  - {types: [provenance], signers: [one]}\n  - {types: [vulns], signers: [two]}\n"), ""},
		"empty file":                 {"", "the file is empty"},
		"no version":                 {"signers: {}\nstatements: []\n", "version"},
		"version 2":                  {"version: 2\nsigners: {}\nstatements: []\n", "/version"},
		"second document":            {withSigner("{key: k.pub}") + "---\nversion: 1\n", "second YAML document"},
		"unknown field":              {withSigner("{key: k.pub, expires: 2026-01-01}"), "field expires not found"},
		"unknown field at top":       {"version: 1\nkeys: {}\nsigners: {}\nstatements: []\n", "line 2: field keys not found"},
		"signer twice":               {head + "signers:\n  one: {key: k.pub}\n  one: {key: again.pub}\nstatements: []\n", `"one" already defined`},
		"odd name":                   {strings.ReplaceAll(withSigner("{key: k.pub}"), "one", `"one two"`), "/signers"},
		"key missing":                {withSigner("{key: none.pub}"), "signers.one.key: open none.pub"},
		"key outside":                {withSigner("{key: ../k.pub}"), "inside the folder of the trust policy"},
		"key absolute":               {withSigner("{key: /etc/k.pub}"), "inside the folder of the trust policy"},
		"key no PEM":                 {withSigner("{key: text.pub}"), "signers.one.key: holds no PEM block"},
		"key private":                {withSigner("{key: private.pem}"), "holds a private key"},
		"key of another block":       {withSigner("{key: cert.pem}"), `PEM block of type "CERTIFICATE"`},
		"two keys":                   {withSigner("{key: two.pub}"), "more than one PEM block"},
		"key broken":                 {withSigner("{key: short.pub}"), "reading public key"},
		"key of a small curve":       {withSigner("{key: curve.pub}"), "P-224 is not supported"},
		"key too large":              {withSigner("{key: large.pub}"), "over the bound"},
		"key and pem":                {withSigner("{key: k.pub, pem: x}"), "signers.one: has both key and pem"},
		"key and issuer":             {withSigner("{key: k.pub, issuer: https://example.com}"), "this one is both"},
		"neither key nor identity":   {withSigner("{principal: bob}"), "names neither a key nor an identity"},
		"one key under two names":    {head + "signers:\n  a: {key: k.pub}\n  b: {key: k.pub}\nstatements: []\n", "same key as signers.a"},
		"window turned round":        {withSigner("{key: k.pub, notBefore: 2026-02-01T00:00:00Z, notAfter: 2026-01-01T00:00:00Z}"), "notAfter: lies before notBefore"},
		"window no time":             {withSigner("{key: k.pub, notBefore: soon}"), `signers.one.notBefore: "soon" is not of the form`},
		"window without zone":        {withSigner("{key: k.pub, notAfter: 2026-01-01}"), "signers.one.notAfter"},
		"no issuer":                  {withSigner("{subject: a@b.example, root: production}"), ".issuer: is missing"},
		"issuer no URL":              {withSigner("{issuer: accounts, subject: a@b.example, root: production}"), "is no URL"},
		"subject and pattern":        {withSigner(`{issuer: https://x.example, subject: a@b.example, subjectPattern: "*@b.example", root: production}`), "exactly one of"},
		"neither subject":            {withSigner(`{issuer: https://x.example, root: production}`), "exactly one of"},
		"star in subject":            {withSigner(`{issuer: https://x.example, subject: "*@b.example", root: production}`), "compared whole"},
		"star in issuer":             {withSigner(`{issuer: "https://*.example", subject: "a@b.example", root: production}`), "compared whole"},
		"unknown root":               {withSigner(`{issuer: https://x.example, subject: a@b.example, root: staging}`), `no root named "staging"`},
		"no root":                    {withSigner(`{issuer: https://x.example, subject: a@b.example}`), `no root named ""`},
		"window on an identity":      {withSigner(`{issuer: https://x.example, subject: a@b.example, root: production, notAfter: 2027-01-01T00:00:00Z}`), "is for keys"},
		"pattern of a regexp":        {identity("^https://github.com/acme/.*$"), "looks like a regular expression"},
		"pattern with dot star":      {identity("https://github.com/acme/.*"), "looks like a regular expression"},
		"pattern open at the host":   {identity("https://*/acme/x"), "leaves the host open"},
		"pattern open at the owner":  {identity("https://github.com/*/app/.github/workflows/build.yml@refs/heads/main"), "leaves the owner open"},
		"pattern of owners alike":    {identity("https://gitlab.com/acme*/app//.gitlab-ci.yml@refs/heads/main"), "leaves the owner open"},
		"pattern of a whole host":    {identity("https://github.com/**"), "leaves the owner open"},
		"pattern of one's own host":  {identity("https://git.acme.example/*/app//.gitlab-ci.yml@refs/heads/main"), ""},
		"principal in two spellings": {head + "signers:\n  a: {key: k.pub, principal: bob@acme.example}\n  b: {key: again.pub, principal: Bob@acme.example}\nstatements: []\n", "signers.b.principal"},
		"principal with a space":     {withSigner(`{key: k.pub, principal: "bob "}`), "signers.one.principal"},
		"principal of two keys":      {head + "signers:\n  a: {key: k.pub, principal: bob}\n  b: {key: again.pub, principal: bob}\nstatements: []\n", ""},
		"pattern without path":       {identity("https://github.com*"), "leaves the host open"},
		"pattern of anything":        {identity("**"), "leaves the domain open"},
		"pattern open at the domain": {identity("bob@*"), "leaves the domain open"},
		"three stars":                {identity("https://github.com/acme/***"), "three stars"},
		"root missing":               {strings.Replace(withSigner("{key: k.pub}"), "root.json", "none.json", 1), "roots.production: open none.json"},
		"root broken":                {strings.Replace(withSigner("{key: k.pub}"), "root.json", "bad.json", 1), "roots.production: bad.json: reading Sigstore trusted root"},
		"root of nothing":            {strings.Replace(withSigner("{key: k.pub}"), "root.json", "empty.json", 1), "lists no authority"},
		"unknown kind":               {withRules("  - {types: [provenence], signers: [one]}\n"), `statements[0].types: "provenence" is no kind`},
		"unknown signer":             {withRules("  - {types: [provenance], signers: [three]}\n"), `statements[0].signers: there is no signer named "three"`},
		"no types":                   {withRules("  - {types: [], signers: [one]}\n"), "/statements/0/types"},
		"no signers":                 {withRules("  - {types: [provenance]}\n"), "/statements/0"},
		"signers and unsigned":       {withRules("  - {types: [provenance], signers: [one], unsigned: true}\n"), "/statements/0"},
		"unsigned: false":            {withRules("  - {types: [provenance], unsigned: false}\n"), "/statements/0"},
		"environment of three stars": {withRules("  - {types: [provenance], signers: [one], environments: ['***']}\n"), "statements[0].environments"},
		"mixed roles":                {withRules("  - {types: [provenance, vulns], signers: [one]}\n"), "allowMixedRoles: true"},
		"mixed roles by two rules":   {withRules("  - {types: [provenance], signers: [one, two]}\n  - {types: [approval], signers: [two]}\n"), `signer "two"`},
		"mixed roles by full type":   {withRules("  - {types: ['https://slsa.dev/provenance/v1'], signers: [one]}\n  - {types: [sast], signers: [one]}\n"), "allowMixedRoles: true"},
		"mixed roles apart":          {withRules("  - {types: [provenance], signers: [one], environments: [dev]}\n  - {types: [vulns], signers: [one], environments: ['prod-*']}\n"), ""},
		"mixed roles overlapping":    {withRules("  - {types: [provenance], signers: [one], environments: [prod-eu]}\n  - {types: [vulns], signers: [one], environments: ['prod-*']}\n"), "allowMixedRoles: true"},
		"mixed roles on purpose":     {"allowMixedRoles: true\n" + withRules("  - {types: [provenance, vulns], signers: [one]}\n"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := mapOf(files)
			fsys["trust.yaml"] = &fstest.MapFile{Data: []byte(c.text)}
			trust, err := Load(fsys, "trust.yaml")
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want != "" && err == nil:
				t.Fatalf("accepted, want %q", c.want)
			case c.want != "" && (!strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "reading trust policy")):
				t.Fatalf("got %q, want %q", err, c.want)
			case err != nil && trust != nil:
				t.Fatal("half a policy was returned")
			}
		})
	}
}

func TestTrustPolicyMustExistAndBeSmall(t *testing.T) {
	if _, err := Load(fstest.MapFS{}, "trust.yaml"); err == nil {
		t.Error("no file was a policy")
	}
	big := mapOf(map[string]string{"trust.yaml": strings.Repeat("#", trustBytes+1)})
	if _, err := Load(big, "trust.yaml"); err == nil || !strings.Contains(err.Error(), "over the bound") {
		t.Errorf("got %v", err)
	}
}
