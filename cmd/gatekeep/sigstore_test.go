package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// A whole Sigstore instance on loopback: an identity provider of the tests, and the
// real Fulcio, Rekor v2 and timestamp authority.

// sigstoreTools are the programs of the tests of keyless signing, by environment
// variable. CI must have them; elsewhere their tests are left out, and say so.
func sigstoreTools(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range []string{"COSIGN", "COSIGN3", "FULCIO", "REKOR", "TSA"} {
		if path := os.Getenv("GATEKEEP_" + name); path != "" {
			out[name] = path
		} else if os.Getenv("CI") != "" {
			t.Fatalf("looking for GATEKEEP_%s: CI must run the tests that need it; 'make gotest' builds it", name)
		} else {
			t.Skipf("GATEKEEP_%s is not set: nothing was signed with real services; 'make gotest' builds them", name)
		}
	}
	return out
}

// instance is a running Sigstore instance.
type instance struct {
	tools              map[string]string
	dir                string
	issuer             string
	fulcio, rekor, tsa string          // addresses
	config, root       string          // signing_config.json and trusted_root.json
	key                *rsa.PrivateKey // of the identity provider
}

func startSigstore(t *testing.T) *instance {
	t.Helper()
	s := &instance{tools: sigstoreTools(t), dir: t.TempDir()}
	s.startIssuer(t)
	var err error
	write := func(name string, data []byte) string {
		path := filepath.Join(s.dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	fulcio, rekor, tsa := freePort(t), freePort(t), freePort(t)
	s.fulcio, s.rekor, s.tsa = "http://127.0.0.1:"+fulcio, "http://127.0.0.1:"+rekor, "http://127.0.0.1:"+tsa
	config := fmt.Sprintf("oidc-issuers:\n  %[1]s:\n    issuer-url: %[1]s\n    client-id: sigstore\n    type: email\n", s.issuer)
	public, logKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(logKey)
	if err != nil {
		t.Fatal(err)
	}
	s.start(t, "FULCIO", "serve", "--host", "127.0.0.1", "--port", fulcio, "--grpc-host", "127.0.0.1", "--grpc-port", freePort(t),
		"--metrics-port", freePort(t), "--ca", "ephemeralca", "--ct-log-url", "", "--config-path", write("fulcio.yaml", []byte(config)),
		"--legacy-unix-domain-socket", filepath.Join(s.dir, "fulcio.sock"))
	s.start(t, "REKOR", "serve", "--http-port", rekor, "--grpc-port", freePort(t), "--http-metrics-port", freePort(t),
		"--hostname", origin, "--storage-dir", filepath.Join(s.dir, "log"), "--batch-max-age", "20ms", "--checkpoint-interval", "200ms",
		"--signer-filepath", write("log.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	s.start(t, "TSA", "serve", "--host", "127.0.0.1", "--port", tsa, "--timestamp-signer", "memory", "--disable-ntp-monitoring")
	s.config = write("signing_config.json", jsonOf(t, s.signingConfig(s.fulcio, s.rekor, s.tsa)))
	s.root = write("trusted_root.json", jsonOf(t, s.trustedRoot(t, public)))
	return s
}

// origin names the log in its checkpoints.
const origin = "rekor.test"

// startIssuer starts an OpenID Connect provider that Fulcio believes.
func (s *instance) startIssuer(t *testing.T) {
	t.Helper()
	var err error
	if s.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.issuer = server.URL
	answer := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v)
		}
	}
	mux.HandleFunc("/.well-known/openid-configuration", answer(map[string]any{
		"issuer": s.issuer, "jwks_uri": s.issuer + "/jwks", "authorization_endpoint": s.issuer + "/a", "token_endpoint": s.issuer + "/t",
		"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	}))
	b64 := base64.RawURLEncoding.EncodeToString
	mux.HandleFunc("/jwks", answer(map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1", "n": b64(s.key.N.Bytes()), "e": "AQAB",
	}}}))
}

// claims are what an identity token says of dev (OpenID Connect Core section 2).
func (s *instance) claims(expires time.Time) map[string]any {
	return map[string]any{
		"iss": s.issuer, "aud": "sigstore", "sub": dev, "email": dev, "email_verified": true,
		"iat": expires.Add(-10 * time.Minute).Unix(), "exp": expires.Unix(),
	}
}

// token is an identity token for an address of mail.
func (s *instance) token(t *testing.T, email string, expires time.Time) string {
	t.Helper()
	claims := s.claims(expires)
	claims["sub"], claims["email"] = email, email
	return s.sealed(t, claims)
}

// sealed makes a token of claims (RFC 7519), with the one algorithm that cosign takes.
func (s *instance) sealed(t *testing.T, claims map[string]any) string {
	t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64(jsonOf(t, map[string]any{"alg": "RS256", "kid": "k1", "typ": "JWT"})) + "." + b64(jsonOf(t, claims))
	digest := sha256.Sum256([]byte(text))
	return text + "." + b64(must(t)(rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, digest[:])))
}

// start runs one service until the test ends. What it says is kept for a failure.
func (s *instance) start(t *testing.T, tool string, args ...string) {
	t.Helper()
	said := new(bytes.Buffer)
	c := exec.Command(s.tools[tool], args...)
	c.Stdout, c.Stderr, c.Dir = said, said, s.dir
	c.Env = append(os.Environ(), "HOME="+s.dir)
	if err := c.Start(); err != nil {
		t.Fatalf("starting %s: %v", tool, err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGKILL)
		_ = c.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", tool, tail(said.String()))
		}
	})
}

func tail(text string) string { return text[max(0, len(text)-4000):] }

// get asks a service until it answers.
func get(t *testing.T, address string) []byte {
	t.Helper()
	var last string
	for range 150 { // 15 s
		response, err := http.Get(address)
		if err == nil {
			var data []byte
			data, err = io.ReadAll(response.Body)
			response.Body.Close()
			if err == nil && response.StatusCode == http.StatusOK {
				return data
			}
			last = fmt.Sprintf("%s: %s", response.Status, data)
		}
		if err != nil {
			last = err.Error()
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("asking %s: %s", address, last)
	return nil
}

func (s *instance) signingConfig(fulcio, rekor, tsa string) map[string]any {
	service := func(url string, version int) []any {
		return []any{map[string]any{"url": url, "majorApiVersion": version, "operator": "test", "validFor": map[string]any{"start": "2020-01-01T00:00:00Z"}}}
	}
	config := map[string]any{
		"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
		"caUrls":    service(fulcio, 1), "oidcUrls": service(s.issuer, 1),
		"rekorTlogUrls": service(rekor, 2), "rekorTlogConfig": map[string]any{"selector": "ANY"},
		"tsaUrls": service(tsa+stampPath, 1), "tsaConfig": map[string]any{"selector": "ANY"},
	}
	if rekor == "" {
		delete(config, "rekorTlogUrls")
	}
	return config
}

// trustedRoot asks the services for their certificates.
func (s *instance) trustedRoot(t *testing.T, log ed25519.PublicKey) map[string]any {
	t.Helper()
	var bundle struct {
		Chains []struct {
			Certificates []string `json:"certificates"`
		} `json:"chains"`
	}
	if err := json.Unmarshal(get(t, s.fulcio+"/api/v2/trustBundle"), &bundle); err != nil || len(bundle.Chains) == 0 {
		t.Fatalf("reading trust bundle of Fulcio: %v", err)
	}
	always := map[string]any{"start": "2020-01-01T00:00:00Z"}
	authority := func(url, chain string) []any {
		var certificates []any
		for rest := []byte(chain); ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			certificates = append(certificates, map[string]any{"rawBytes": block.Bytes})
		}
		return []any{map[string]any{
			"subject": map[string]any{"organization": "test", "commonName": "test"}, "uri": url,
			"certChain": map[string]any{"certificates": certificates}, "validFor": always,
		}}
	}
	// C2SP signed-note: the key ID of an Ed25519 key is SHA-256(name || "\n" || 0x01 || key).
	id := sha256.Sum256(append([]byte(origin+"\n\x01"), log...))
	der, err := x509.MarshalPKIXPublicKey(crypto.PublicKey(log))
	if err != nil {
		t.Fatal(err)
	}
	get(t, s.rekor+"/healthz")
	return map[string]any{
		"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		"tlogs": []any{map[string]any{
			"baseUrl": "http://" + origin, "hashAlgorithm": "SHA2_256", "logId": map[string]any{"keyId": id[:]},
			"publicKey": map[string]any{"rawBytes": der, "keyDetails": "PKIX_ED25519", "validFor": always},
		}},
		"certificateAuthorities": authority(s.fulcio, strings.Join(bundle.Chains[0].Certificates, "\n")),
		"timestampAuthorities":   authority(s.tsa, string(get(t, s.tsa+stampPath+"/certchain"))),
	}
}

// stampPath is where a timestamp authority of Sigstore answers.
const stampPath = "/api/v1/timestamp"

// signerKey is a public key from PEM.
func signerKey(t *testing.T, data []byte) crypto.PublicKey {
	t.Helper()
	key, err := signing.LoadPublicKey(data)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sha256Of(t *testing.T, path string) [32]byte {
	t.Helper()
	return sha256.Sum256(must(t)(os.ReadFile(path)))
}

// pushed pushes some image, and returns its digest and the name of its repository.
func pushed(t *testing.T, ref string) (digest, repository string) {
	t.Helper()
	tag, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	image, hash, err := someImage()
	if err == nil {
		err = remote.Write(tag, image)
	}
	if err != nil {
		t.Fatal(err)
	}
	return hash.String(), tag.Context().Name()
}

func jsonOf(t *testing.T, v any) []byte {
	t.Helper()
	return must(t)(json.Marshal(v))
}

func must(t *testing.T) func([]byte, error) []byte {
	return func(data []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
}

// freePort is a port that nobody listens on just now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// cosign runs stock cosign, by the name of its variable, with no home and no network
// but the services of the instance.
func (s *instance) cosign(t *testing.T, tool string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, s.tools[tool], args...)
	c.Dir = s.dir
	c.Env = append(os.Environ(), "HOME="+s.dir, "COSIGN_PASSWORD=", "TUF_ROOT="+filepath.Join(s.dir, "tuf"))
	out, err := c.CombinedOutput()
	return string(out), err
}
