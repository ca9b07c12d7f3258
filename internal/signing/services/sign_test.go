package services

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

const statement = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a<b>&c","digest":{"sha256":` +
	`"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}],"predicateType":"https://example.com/p","predicate":{}}`

// emptyRoot trusts nobody.
const emptyRoot = `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`

func fresh(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signer(t *testing.T, key crypto.Signer) signing.Signer {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s, err := signing.LoadPrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// certify answers as Fulcio does, with a certificate that change has had its way with.
func certify(t *testing.T, change func(*x509.Certificate, *crypto.PublicKey)) http.HandlerFunc {
	ca := fresh(t)
	return func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Request struct {
				Key struct {
					Content string `json:"content"`
				} `json:"publicKey"`
			} `json:"publicKeyRequest"`
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		key, err := signing.LoadPublicKey([]byte(asked.Request.Key.Content))
		if err != nil {
			t.Error(err)
		}
		issuer, _ := asn1.Marshal("https://issuer.example")
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.Add(10 * time.Minute), EmailAddresses: []string{"dev@example.com"},
			ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}, Value: issuer}},
		}
		change(leaf, &key)
		der, err := x509.CreateCertificate(rand.Reader, leaf, &x509.Certificate{SerialNumber: big.NewInt(2)}, key, ca)
		if err != nil {
			t.Error(err)
		}
		chain := []string{string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
		_ = json.NewEncoder(w).Encode(map[string]any{"signedCertificateEmbeddedSct": map[string]any{"chain": map[string]any{"certificates": chain}}})
	}
}

func asIs(*x509.Certificate, *crypto.PublicKey) {}

// instance starts services that answer so, and returns a request to them.
func instance(t *testing.T, fulcio, tsa, rekor http.HandlerFunc) Request {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, handler := range map[string]http.HandlerFunc{
		"POST /api/v2/signingCert": fulcio, "POST /stamp": tsa, "POST /api/v2/log/entries": rekor,
	} {
		if handler == nil {
			handler = func(http.ResponseWriter, *http.Request) { t.Errorf("%s is asked", pattern) }
		}
		mux.HandleFunc(pattern, handler)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return Request{
		Services: Services{Fulcio: server.URL, Timestamps: []string{server.URL + "/stamp"}, Logs: []Log{{server.URL, RekorV2}}},
		Token:    token(claims(now.Unix() + 60)), Now: now,
	}
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(strings.ReplaceAll(body, "TOKEN", strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))))
	}
}

func TestWhatAServiceDoesWrongIsNamedAndNothingComesBack(t *testing.T) {
	stranger := fresh(t)
	for name, c := range map[string]struct {
		fulcio, tsa, rekor http.HandlerFunc
		change             func(*Request)
		want               string
	}{
		"token refused":        {fulcio: says(400, "token TOKEN expired"), want: "Fulcio returned 400: token (identity token) expired"},
		"no JSON":              {fulcio: says(200, "<html>"), want: "asking Fulcio for a certificate: "},
		"no certificate":       {fulcio: says(200, "{}"), want: "Fulcio returned no certificates"},
		"no PEM":               {fulcio: says(200, `{"signedCertificateEmbeddedSct":{"chain":{"certificates":["x"]}}}`), want: "asking Fulcio for a certificate: "},
		"another key":          {fulcio: certify(t, func(_ *x509.Certificate, k *crypto.PublicKey) { *k = stranger.Public() }), want: "for another key than the one that signed"},
		"nobody's certificate": {fulcio: certify(t, func(c *x509.Certificate, _ *crypto.PublicKey) { c.EmailAddresses = nil }), want: "no Subject Alternative Name"},
		"authority refuses":    {fulcio: certify(t, asIs), tsa: says(400, "bad request"), want: "asking the timestamp authority: timestamp authority returned 400: bad request"},
		"no timestamp":         {fulcio: certify(t, asIs), tsa: says(200, "tick"), want: "asking the timestamp authority: "},
		"expired token":        {change: func(r *Request) { r.Now = now.Add(time.Hour) }, want: "it expired at"},
		"no address":           {change: func(r *Request) { r.Services.Fulcio = "" }, want: "none certifies who signs"},
		"root is no root":      {change: func(r *Request) { r.Root = []byte("{}") }, want: "reading trusted root: "},
		"root has it twice":    {change: func(r *Request) { r.Root = []byte(`{"mediaType":"x","mediaType":"x"}`) }, want: "reading trusted root: "},
	} {
		t.Run(name, func(t *testing.T) {
			r := instance(t, c.fulcio, c.tsa, c.rekor)
			if c.change != nil {
				c.change(&r)
			}
			signed, err := Statement(t.Context(), r, []byte(statement))
			if err == nil || !strings.Contains(err.Error(), c.want) || signed.Bundle != nil {
				t.Errorf("%v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), r.Token) {
				t.Errorf("the token is told: %v", err)
			}
		})
	}
}

func TestLogThatKeepsNothingIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		rekor http.HandlerFunc
		want  string
	}{
		"refuses":  {says(400, "must be hashedrekord"), "must be hashedrekord"},
		"no entry": {says(201, "[]"), "asking the log to keep an entry: "},
		"nonsense": {says(201, "{}"), "writing bundle: "},
	} {
		r := instance(t, nil, nil, c.rekor)
		r.Services.Fulcio, r.Services.Timestamps, r.Key = "", nil, signer(t, fresh(t))
		signed, err := Statement(t.Context(), r, []byte(statement))
		if err == nil || !strings.Contains(err.Error(), c.want) || signed.Bundle != nil {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestEndOfTheContextEndsSigning(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stuck := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a server sees that nobody listens once it has read all
		cancel()
		<-r.Context().Done()
	}
	r := instance(t, stuck, nil, nil)
	if _, err := Statement(ctx, r, []byte(statement)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestKeyOfOnesOwnSignsAsWithoutServices(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"p256": fresh(t), "ed25519": ed} {
		own := signer(t, key)
		signed, err := Statement(t.Context(), Request{Key: own, Root: []byte(emptyRoot)}, []byte(statement))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, err := signing.SignStatement(own, []byte(statement))
		if err != nil || !bytes.Equal(signed.Bundle, want) {
			t.Errorf("%s: %v: bundle\n%swant\n%s", name, err, signed.Bundle, want)
		}
		if signed.Identity != "" || signed.Issuer != "" {
			t.Errorf("%s: a key has no identity: %+v", name, signed)
		}
	}
}

func TestFilesAreSignedByTheirDigest(t *testing.T) {
	signed, err := Artifact(t.Context(), Request{Key: signer(t, fresh(t)), Root: []byte(emptyRoot)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// SHA-256 of nothing.
	if !bytes.Contains(signed.Bundle, []byte(`"messageDigest":{"algorithm":"SHA2_256","digest":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}`)) {
		t.Errorf("%s", signed.Bundle)
	}
}

// crooked signs something else than it is given.
type crooked struct{ signing.Signer }

func (c crooked) Sign(message []byte) ([]byte, error) {
	return c.Signer.Sign(append([]byte("not "), message...))
}

// broken signs nothing.
type broken struct{ signing.Signer }

func (broken) Sign([]byte) ([]byte, error) { return nil, errors.New("the key is out of reach") }

func TestResultThatDoesNotVerifyIsNotPassedOn(t *testing.T) {
	own := signer(t, fresh(t))
	for name, sign := range map[string]func(Request) (Signed, error){
		"statement": func(r Request) (Signed, error) { return Statement(t.Context(), r, []byte(statement)) },
		"artifact":  func(r Request) (Signed, error) { return Artifact(t.Context(), r, []byte("a")) },
	} {
		if signed, err := sign(Request{Key: crooked{own}, Root: []byte(emptyRoot)}); !errors.Is(err, ErrOwnResult) || signed.Bundle != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := sign(Request{Key: broken{own}}); err == nil || !strings.Contains(err.Error(), "the key is out of reach") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatCannotBeSignedIsRefusedFirst(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Statement(t.Context(), Request{Key: signer(t, ed)}, []byte("not JSON")); err == nil || !strings.Contains(err.Error(), "not JSON") {
		t.Error(err)
	}
	r := instance(t, nil, nil, nil)
	r.Key, r.Services.Timestamps = signer(t, ed), nil
	if _, err := Statement(t.Context(), r, []byte(statement)); err == nil || !strings.Contains(err.Error(), "Rekor takes no Ed25519") {
		t.Error(err)
	}
}
