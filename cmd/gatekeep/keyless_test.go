package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// dev is who signs in these tests, and stranger is who does not.
const (
	dev      = "dev@example.com"
	stranger = "stranger@example.com"
)

const someSBOM = `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"type":"library","name":"left","version":"1.0.0","purl":"pkg:npm/left@1.0.0"}]}`

// ran is one command line of gatekeep that was run.
type ran struct {
	code      int
	out, errs string
}

// gatekeep runs a command line in which the identity token is in the environment.
func (s *instance) gatekeep(t *testing.T, args ...string) ran {
	t.Helper()
	token := s.token(t, dev, time.Now().Add(5*time.Minute))
	w, out, errs := screen(map[string]string{tokenVariable: token, "GATEKEEP_PASSWORD": ""})
	code := run(t.Context(), args, w)
	if said := out.String() + errs.String(); strings.Contains(said, token) || strings.Contains(said, "eyJ") {
		t.Errorf("the identity token is told: %s", said)
	}
	return ran{code, out.String(), errs.String()}
}

// attest makes a bundle about file with these flags, and fails where it is not made.
func (s *instance) attest(t *testing.T, file string, flags ...string) (bundle string) {
	t.Helper()
	args := append([]string{"attest", "--type", "sbom", "--out", t.TempDir()}, flags...)
	r := s.gatekeep(t, append(args, s.write(t, "sbom.json", []byte(someSBOM)), file)...)
	if r.code != exitOpen {
		t.Fatalf("exit code %d: %s", r.code, r.errs)
	}
	return strings.TrimSpace(r.out)
}

func (s *instance) write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// services are the flags of all services of the instance, and of its trusted root.
func (s *instance) services() []string {
	return []string{"--signing-config", s.config, "--trusted-root", s.root}
}

// verifier is one program that verifies what an identity signed.
type verifier struct {
	name   string
	verify func(t *testing.T, s *instance, kind, bundle, root, identity, issuer, file string) error
}

// Kinds of bundles: of a file, and of a statement about a file.
const (
	ofFile      = "verify-blob"
	ofStatement = "verify-blob-attestation"
)

// No log of certificates is there to make an SCT, so cosign is told so.
func stock(tool string, more ...string) verifier {
	return verifier{tool, func(t *testing.T, s *instance, kind, bundle, root, identity, issuer, file string) error {
		args := append([]string{
			kind, "--bundle", bundle, "--trusted-root", root, "--certificate-identity", identity,
			"--certificate-oidc-issuer", issuer, "--insecure-ignore-sct", "--use-signed-timestamps",
		}, more...)
		if kind == ofStatement {
			args = append(args, "--type", predicateOf(t, bundle))
		}
		if !isLogged(t, bundle) {
			args = append(args, "--insecure-ignore-tlog")
		}
		if said, err := s.cosign(t, tool, append(args, file)...); err != nil {
			return fmt.Errorf("%w: %s", err, said)
		}
		return nil
	}}
}

func gatekeepVerifies() verifier {
	return verifier{"gatekeep", func(t *testing.T, s *instance, _, bundle, root, identity, issuer, file string) error {
		r := s.gatekeep(t, "verify-bundle", "--bundle", bundle, "--trusted-root", root, "--certificate-identity", identity,
			"--certificate-oidc-issuer", issuer, file)
		if r.code != exitOpen {
			return fmt.Errorf("exit code %d: %s%s", r.code, r.out, r.errs)
		}
		return nil
	}}
}

// bundleJSON is what the tests read of a bundle.
type bundleJSON struct {
	Material struct {
		Logged []any `json:"tlogEntries"`
	} `json:"verificationMaterial"`
	Envelope struct {
		Payload []byte `json:"payload"`
	} `json:"dsseEnvelope"`
}

func readBundle(t *testing.T, path string) (b bundleJSON) {
	t.Helper()
	if err := json.Unmarshal(must(t)(os.ReadFile(path)), &b); err != nil {
		t.Fatal(err)
	}
	return b
}

func isLogged(t *testing.T, path string) bool { return len(readBundle(t, path).Material.Logged) > 0 }

func predicateOf(t *testing.T, path string) string {
	t.Helper()
	var statement struct {
		PredicateType string `json:"predicateType"`
	}
	if err := json.Unmarshal(readBundle(t, path).Envelope.Payload, &statement); err != nil {
		t.Fatal(err)
	}
	return statement.PredicateType
}

func TestSignaturesOfAnIdentityAreOneLanguage(t *testing.T) {
	s := startSigstore(t)
	unlogged := s.write(t, "signing_config.json", jsonOf(t, s.signingConfig(s.fulcio, "", s.tsa)))
	app := program(t)
	other := s.write(t, "other.bin", []byte("another program\n"))
	token := s.write(t, "token", []byte(s.token(t, dev, time.Now().Add(5*time.Minute))))
	cosign := func(tool string, args ...string) func(t *testing.T) string {
		return func(t *testing.T) string {
			bundle := filepath.Join(t.TempDir(), "bundle.json")
			predicate := s.write(t, "predicate.json", []byte(`{"a":1}`))
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "PREDICATE", predicate)
			}
			said, err := s.cosign(t, tool, append(args, "--yes", "--identity-token", token, "--trusted-root", s.root, "--bundle", bundle, app)...)
			if err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			return bundle
		}
	}
	signBundle := func(file string, flags ...string) func(t *testing.T) string {
		return func(t *testing.T) string {
			out := filepath.Join(t.TempDir(), "bundle.json")
			args := append([]string{"sign-bundle"}, flags...)
			r := s.gatekeep(t, append(args, "--identity-token", token, "--bundle", out, "--trusted-root", s.root, "--signing-config", s.config, file)...)
			if r.code != exitOpen || r.out != "" {
				t.Fatalf("exit code %d: %s%s", r.code, r.out, r.errs)
			}
			return out
		}
	}
	digest := fmt.Sprintf("%x", sha256Of(t, app))
	statement := s.write(t, "statement.json", []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app.bin","digest":{"sha256":"`+digest+
		`"}}],"predicateType":"https://example.com/p/v1","predicate":{"a":"<1>&"}}`))
	stock3, stock2, ours := stock("COSIGN3"), stock("COSIGN", "--new-bundle-format"), gatekeepVerifies()
	all := []verifier{stock3, stock2, ours}
	for name, c := range map[string]struct {
		sign func(t *testing.T) string
		kind string
		by   []verifier
		not  string // why gatekeep refuses it, where it does
	}{
		"gatekeep attest": {func(t *testing.T) string { return s.attest(t, app, append(s.services(), "--keyless")...) }, ofStatement, all, ""},
		"gatekeep attest by addresses": {func(t *testing.T) string {
			return s.attest(t, app, "--keyless", "--identity-token", token, "--fulcio-url", s.fulcio, "--rekor-url", s.rekor, "--timestamp-url", s.tsa+stampPath)
		}, ofStatement, all, ""},
		"gatekeep attest, unlogged": {func(t *testing.T) string {
			return s.attest(t, app, "--keyless", "--signing-config", unlogged, "--trusted-root", s.root)
		}, ofStatement, all[:2], "log_invalid"},
		"gatekeep sign-bundle":           {signBundle(app), ofFile, all, ""},
		"gatekeep sign-bundle statement": {signBundle(statement, "--in-toto"), ofStatement, all, ""},
		"cosign 3 sign-blob":             {cosign("COSIGN3", "sign-blob", "--signing-config", s.config), ofFile, all, ""},
		"cosign 3 attest-blob":           {cosign("COSIGN3", "attest-blob", "--signing-config", s.config, "--predicate", "PREDICATE"), ofStatement, all, ""},
		"cosign 2 sign-blob":             {cosign("COSIGN", "sign-blob", "--new-bundle-format", "--signing-config", s.config), ofFile, all, ""},
		// Rekor v2 takes no entry of the kind "dsse", which cosign 2 makes of statements.
		"cosign 2 attest-blob, unlogged": {cosign("COSIGN", "attest-blob", "--new-bundle-format", "--signing-config", unlogged, "--predicate", "PREDICATE"), ofStatement, all[:2], "log_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bundle := c.sign(t)
			changed := s.write(t, "changed.json", tampered(t, bundle))
			if c.not != "" { // nobody could find out that the identity was misused
				if err := ours.verify(t, s, c.kind, bundle, s.root, dev, s.issuer, app); err == nil || !strings.Contains(err.Error(), c.not) {
					t.Errorf("gatekeep: %v, want %s", err, c.not)
				}
			}
			for _, v := range c.by {
				if err := v.verify(t, s, c.kind, bundle, s.root, dev, s.issuer, app); err != nil {
					t.Errorf("%s: %v", v.name, err)
				}
				for what, err := range map[string]error{
					"another identity": v.verify(t, s, c.kind, bundle, s.root, stranger, s.issuer, app),
					"another issuer":   v.verify(t, s, c.kind, bundle, s.root, dev, "https://issuer.example", app),
					"another file":     v.verify(t, s, c.kind, bundle, s.root, dev, s.issuer, other),
					"a changed bundle": v.verify(t, s, c.kind, changed, s.root, dev, s.issuer, app),
				} {
					if err == nil {
						t.Errorf("%s verifies with %s", v.name, what)
					}
				}
			}
		})
	}
	t.Run("cosign 2 attest-blob, logged", func(t *testing.T) {
		said, err := s.cosign(t, "COSIGN", "attest-blob", "--yes", "--new-bundle-format", "--signing-config", s.config, "--trusted-root", s.root,
			"--identity-token", token, "--predicate", s.write(t, "p.json", []byte(`{}`)), "--bundle", filepath.Join(t.TempDir(), "b"), app)
		if err == nil || !strings.Contains(said, "must be hashedrekord") {
			t.Errorf("%v: %s", err, said)
		}
	})
	t.Run("registry", func(t *testing.T) { inRegistry(t, s) })
	t.Run("key of one's own", func(t *testing.T) { ownKeyLogged(t, s, app) })
	t.Run("expired log key", func(t *testing.T) { expiredLogKey(t, s, app) })
	t.Run("failures", func(t *testing.T) { failures(t, s, app) })
}

// tampered is the bundle with one letter changed: of the statement that was signed, or of
// the signature of a file. (Cosign 2 does not look at the digest beside a signature.)
func tampered(t *testing.T, path string) []byte {
	t.Helper()
	data := must(t)(os.ReadFile(path))
	m := regexp.MustCompile(`"(?:payload|signature)":\s*"[^"]{20}`).FindIndex(data)
	if m == nil {
		t.Fatalf("%s holds nothing to change", path)
	}
	i := m[1] - 1
	if data[i] == 'A' {
		data[i] = 'B'
	} else {
		data[i] = 'A'
	}
	return data
}

// inRegistry attaches a statement to an image, where both cosigns look for it.
func inRegistry(t *testing.T, s *instance) {
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(quiet)))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/app:1.0"
	image, name := pushed(t, ref)
	args := append([]string{"attest", "--type", "sbom", "--keyless", "--push"}, s.services()...)
	r := s.gatekeep(t, append(args, s.write(t, "sbom.json", []byte(someSBOM)), ref)...)
	if r.code != exitOpen || !strings.Contains(r.errs, "signed as "+dev+", as "+s.issuer) {
		t.Fatalf("exit code %d: %s", r.code, r.errs)
	}
	gateBelieves(t, s, ref)
	for tool, more := range map[string][]string{"COSIGN3": nil, "COSIGN": {"--new-bundle-format"}} {
		for identity, want := range map[string]bool{dev: true, stranger: false} {
			args := append([]string{
				"verify-attestation", "--allow-http-registry", "--trusted-root", s.root, "--certificate-identity", identity,
				"--certificate-oidc-issuer", s.issuer, "--insecure-ignore-sct", "--use-signed-timestamps", "--type", "cyclonedx",
			}, more...)
			if said, err := s.cosign(t, tool, append(args, name+"@"+image)...); (err == nil) != want {
				t.Errorf("%s, %s: %v: %s", tool, identity, err, said)
			}
		}
	}
}

// gateBelieves lets the gate judge the image by a trust policy that names who signed,
// and by one that names somebody else.
func gateBelieves(t *testing.T, s *instance, ref string) {
	for subject, believed := range map[string]bool{dev: true, stranger: false} {
		dir := t.TempDir()
		policy := fmt.Sprintf("version: 1\nroots: {local: trusted_root.json}\nsigners:\n  ci: {issuer: %q, subject: %q, root: local}\n"+
			"statements:\n  - types: [sbom]\n    signers: [ci]\n", s.issuer, subject)
		for name, data := range map[string][]byte{"trust.yaml": []byte(policy), "trusted_root.json": must(t)(os.ReadFile(s.root))} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r := s.gatekeep(t, "check", ref, "--environment", "production", "--regime", "supply_chain", "--trust", filepath.Join(dir, "trust.yaml"), "--format", "json")
		verified := regexp.MustCompile(`"kind": ?"sbom",[^}]*"status": ?"verified"`).MatchString(r.out)
		unknown := regexp.MustCompile(`"reason": ?"signer_unknown"`).MatchString(r.out)
		if r.code != exitShut || verified != believed || unknown == believed { // shut, for there is no provenance
			t.Errorf("%s: exit code %d, believed %t, unknown %t: %s%s", subject, r.code, verified, unknown, r.out, r.errs)
		}
	}
}

// ownKeyLogged signs with a key file, logged and stamped: cosign wants the log entry
// where nobody tells it not to.
func ownKeyLogged(t *testing.T, s *instance, app string) {
	dir := t.TempDir()
	private, public, err := signing.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, pub := filepath.Join(dir, "ci.key"), filepath.Join(dir, "ci.pub")
	for path, data := range map[string][]byte{key: private, pub: public} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bundle := s.attest(t, app, append(s.services(), "--key", key)...)
	if _, err := signing.VerifyBundle(must(t)(os.ReadFile(bundle)), signerKey(t, public)); err != nil {
		t.Error(err)
	}
	plain := s.attest(t, app, "--key", key)
	for tool, more := range map[string][]string{"COSIGN3": nil, "COSIGN": {"--new-bundle-format"}} {
		args := append([]string{ofStatement, "--trusted-root", s.root, "--key", pub, "--type", "cyclonedx", "--use-signed-timestamps"}, more...)
		if said, err := s.cosign(t, tool, append(args, "--bundle", bundle, app)...); err != nil {
			t.Errorf("%s: %v: %s", tool, err, said)
		}
		if said, err := s.cosign(t, tool, append(args, "--bundle", plain, app)...); err == nil {
			t.Errorf("%s takes a bundle without log entry and timestamp: %s", tool, said)
		}
	}
	// A log keeps a signature once, and a pipeline that runs again signs the same.
	if again := s.attest(t, app, append(s.services(), "--key", key)...); again == bundle {
		t.Error("signing twice gives one bundle; the log would have refused it")
	}
}

// expiredLogKey tells what the key of a log signed while it was valid from what it
// signed afterwards.
func expiredLogKey(t *testing.T, s *instance, app string) {
	bundle := s.attest(t, app, append(s.services(), "--keyless")...)
	var root map[string]any
	if err := json.Unmarshal(must(t)(os.ReadFile(s.root)), &root); err != nil {
		t.Fatal(err)
	}
	key := root["tlogs"].([]any)[0].(map[string]any)["publicKey"].(map[string]any)
	ended := func(at time.Time) string {
		key["validFor"] = map[string]any{"start": "2020-01-01T00:00:00Z", "end": at.UTC().Format(time.RFC3339)}
		return s.write(t, "root.json", jsonOf(t, root))
	}
	before, after := ended(time.Now().Add(-time.Hour)), ended(time.Now().Add(time.Hour))
	ours := gatekeepVerifies()
	if err := ours.verify(t, s, ofStatement, bundle, after, dev, s.issuer, app); err != nil {
		t.Errorf("a key that ends later: %v", err)
	}
	if err := ours.verify(t, s, ofStatement, bundle, before, dev, s.issuer, app); err == nil || !strings.Contains(err.Error(), "log_key_not_valid") {
		t.Errorf("a key that had ended: %v", err)
	}
	// Stock cosign believes a log that signs with a key which its own root has retired.
	if err := stock("COSIGN3").verify(t, s, ofStatement, bundle, before, dev, s.issuer, app); err != nil {
		t.Errorf("cosign 3 has learnt to look at the validity of log keys; say so in the docs: %v", err)
	}
}

// failures are services that do not answer, and identities that are not believed:
// the reason is told, the exit code is 3, and nothing is written.
func failures(t *testing.T, s *instance, app string) {
	dead := "http://127.0.0.1:" + freePort(t)
	config := func(fulcio, rekor, tsa string) string {
		return s.write(t, "signing_config.json", jsonOf(t, s.signingConfig(fulcio, rekor, tsa)))
	}
	foreign := maps.Clone(s.claims(time.Now().Add(time.Minute)))
	foreign["aud"] = "somebody-else"
	fresh := s.token(t, dev, time.Now().Add(5*time.Minute))
	for name, c := range map[string]struct {
		config, root, token string
		want                string
	}{
		"Fulcio down":     {config(dead, s.rekor, s.tsa), s.root, fresh, "asking Fulcio for a certificate: .*" + dead + ".*refused.*nothing was written"},
		"Rekor down":      {config(s.fulcio, dead, s.tsa), s.root, fresh, "asking the log to keep an entry: .*" + dead + ".*refused.*nothing was written"},
		"authority down":  {config(s.fulcio, s.rekor, dead), s.root, fresh, "asking the timestamp authority: .*" + dead + ".*refused.*nothing was written"},
		"expired token":   {s.config, s.root, s.token(t, dev, time.Now().Add(-time.Hour)), "reading identity token: it expired at .*get a fresh one"},
		"foreign token":   {s.config, s.root, s.sealed(t, foreign), "asking Fulcio for a certificate: Fulcio returned 40"},
		"forged token":    {s.config, s.root, fresh[:len(fresh)-8] + "AAAAAAAA", "asking Fulcio for a certificate: Fulcio returned 40"},
		"another root":    {s.config, "sigstore-production", fresh, "what was signed does not verify against the trusted root"},
		"no root at all":  {s.config, app, fresh, "reading trusted root: "},
		"another address": {config(s.tsa, s.rekor, s.tsa), s.root, fresh, "asking Fulcio for a certificate: Fulcio returned 404"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for verb, args := range map[string][]string{
				"attest":      {"attest", "--type", "sbom", "--keyless", "--out", filepath.Join(dir, "att"), s.write(t, "sbom.json", []byte(someSBOM)), app},
				"sign-bundle": {"sign-bundle", "--bundle", filepath.Join(dir, "bundle.json"), app},
			} {
				w, out, errs := screen(map[string]string{tokenVariable: c.token})
				args = slices.Insert(args, 1, "--signing-config", c.config, "--trusted-root", c.root)
				code := run(t.Context(), args, w)
				if code != exitUnknown || !regexp.MustCompile(c.want).MatchString(errs.String()) {
					t.Errorf("%s: exit code %d, want %d and %q: %s", verb, code, exitUnknown, c.want, errs)
				}
				if strings.Contains(errs.String()+out.String(), c.token) {
					t.Errorf("%s tells the token: %s", verb, errs)
				}
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// TestKeyServiceSignsThroughItsPlugin signs with a key that never leaves its keeper, by
// the plug-in protocol that cosign speaks too.
func TestKeyServiceSignsThroughItsPlugin(t *testing.T) {
	s := &instance{tools: sigstoreTools(t), dir: t.TempDir()}
	s.startIssuer(t)
	bin := filepath.Join(s.dir, "sigstore-kms-localkms")
	if said, err := exec.Command("go", "build", "-o", bin, "../../internal/signing/kms/testdata/localkms").CombinedOutput(); err != nil {
		t.Fatalf("building the plug-in: %v\n%s", err, said)
	}
	private, public, err := signing.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, pub := s.write(t, "hsm.key", private), s.write(t, "hsm.pub", public)
	app := program(t)
	t.Setenv("PATH", s.dir)
	bundle := s.attest(t, app, "--key", "localkms://"+key)
	if _, err := signing.VerifyBundle(must(t)(os.ReadFile(bundle)), signerKey(t, public)); err != nil {
		t.Error(err)
	}
	if r := s.gatekeep(t, "key", "public", "--key", "localkms://"+key); r.code != exitOpen || r.out != string(public) {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.errs)
	}
	empty := filepath.Join(s.dir, "root.json")
	if said, err := s.cosign(t, "COSIGN3", "trusted-root", "create", "--out", empty); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for tool, more := range map[string][]string{"COSIGN3": nil, "COSIGN": {"--new-bundle-format"}} {
		for _, verifier := range []string{pub, "localkms://" + key} {
			args := append([]string{ofStatement, "--bundle", bundle, "--trusted-root", empty, "--key", verifier, "--type", "cyclonedx", "--insecure-ignore-tlog"}, more...)
			if said, err := s.cosign(t, tool, append(args, app)...); err != nil {
				t.Errorf("%s --key %s: %v: %s", tool, verifier, err, said)
			}
		}
	}
	for ref, want := range map[string]ran{
		"awskms:///alias/x":               {exitUsage, "", "sigstore-kms-awskms: it is not in PATH; install"},
		"localkms://" + app + ".gone":     {exitUnknown, "", "asking the key plug-in for the public key of localkms://"},
		"localkms://" + filepath.Dir(app): {exitUnknown, "", "is a directory"},
		"env://GATEKEEP_NO_SUCH":          {exitUsage, "", "GATEKEEP_NO_SUCH is not set"},
		"../localkms://" + app:            {exitUsage, "", "no such file"},
		"localkms://silent":               {exitUnknown, "", "parsing plugin response"},
		"env://GATEKEEP_PASSWORD":         {exitUsage, "", "no PEM block"},
	} {
		out := filepath.Join(t.TempDir(), "out")
		r := s.gatekeep(t, "attest", "--type", "sbom", "--key", ref, "--out", out, s.write(t, "sbom.json", []byte(someSBOM)), app)
		if r.code != want.code || !strings.Contains(r.errs, want.errs) {
			t.Errorf("%s: exit code %d, want %d and %q: %s", ref, r.code, want.code, want.errs, r.errs)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: something was written", ref)
		}
	}
}

// TestKeysOfBothCosignsSign signs with every form in which cosign keeps a key.
func TestKeysOfBothCosignsSign(t *testing.T) {
	s := &instance{tools: sigstoreTools(t), dir: t.TempDir()}
	s.startIssuer(t)
	app := program(t)
	for _, tool := range []string{"COSIGN", "COSIGN3"} {
		if said, err := s.cosign(t, tool, "generate-key-pair", "--output-key-prefix", tool); err != nil {
			t.Fatalf("%s: %v: %s", tool, err, said)
		}
		unencrypted, _, err := signing.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		plain := s.write(t, "plain.key", unencrypted)
		if said, err := s.cosign(t, tool, "import-key-pair", "--yes", "--key", plain, "--output-key-prefix", "imported"+tool); err != nil {
			t.Fatalf("%s: %v: %s", tool, err, said)
		}
		for _, name := range []string{tool, "imported" + tool} {
			bundle := s.attest(t, app, "--key", filepath.Join(s.dir, name+".key"))
			public := must(t)(os.ReadFile(filepath.Join(s.dir, name+".pub")))
			if _, err := signing.VerifyBundle(must(t)(os.ReadFile(bundle)), signerKey(t, public)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	// The same key from the environment, as pipelines keep it.
	w, out, errs := screen(map[string]string{"CI_KEY": string(must(t)(os.ReadFile(filepath.Join(s.dir, "COSIGN3.key")))), "GATEKEEP_PASSWORD": ""})
	if code := run(t.Context(), []string{"attest", "--type", "sbom", "--key", "env://CI_KEY", "--out", t.TempDir(), s.write(t, "sbom.json", []byte(someSBOM)), app}, w); code != exitOpen {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	public := signerKey(t, must(t)(os.ReadFile(filepath.Join(s.dir, "COSIGN3.pub"))))
	if _, err := signing.VerifyBundle(must(t)(os.ReadFile(strings.TrimSpace(out.String()))), public); err != nil {
		t.Error(err)
	}
	if bytes.Contains(out.Bytes(), []byte("PRIVATE")) {
		t.Error("the key is told")
	}
}
