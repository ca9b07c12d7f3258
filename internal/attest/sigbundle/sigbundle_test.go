package sigbundle

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/bundle"
)

const conformance = "../../../testdata/corpus/sigstore/conformance/"

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(conformance + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What the library reads is read here, into the same bundle.
func TestBundlesAreReadAsTheLibraryReadsThem(t *testing.T) {
	files, err := filepath.Glob(conformance + "*/bundle.sigstore.json")
	if err != nil || len(files) < 14 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		library := new(bundle.Bundle)
		want := library.UnmarshalJSON(data)
		got, err := Read(data)
		if (err == nil) != (want == nil) {
			t.Errorf("%s: %v, and the library: %v", file, err, want)
		} else if err == nil && got.String() != library.String() {
			t.Errorf("%s: another bundle", file)
		}
	}
}

// A key is measured before the library checks a signature with it, which it does as it
// reads: here, in PEM that nothing of the rest would let through.
func TestLongKeyInALogEntryIsNotUsed(t *testing.T) {
	n := new(big.Int).Lsh(big.NewInt(1), 20_000)
	key := &rsa.PublicKey{N: n.Sub(n, big.NewInt(3)), E: 65537}
	pkix, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	once := base64.StdEncoding.EncodeToString([]byte(text("PUBLIC KEY", pkix)))
	for name, key := range map[string]string{
		"PEM": text("PUBLIC KEY", pkix), "base64": once, "base64 twice": base64.StdEncoding.EncodeToString([]byte(once)),
		"PKCS #1": text("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(key)), "called a certificate": text("CERTIFICATE", pkix),
		"after another block": text("TEXT", []byte("x")) + text("PUBLIC KEY", pkix), "after some text": "a key:\n" + text("PUBLIC KEY", pkix),
	} {
		for place, body := range map[string]any{
			"a member": map[string]any{"spec": map[string]string{"x": key}}, "a list": []any{1, []string{"y", key}}, "the whole": key,
		} {
			raw, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			if err := CheckBody(raw); err == nil || !strings.Contains(err.Error(), "is too long") {
				t.Errorf("%s in %s: %v", name, place, err)
			}
		}
	}
	good := read(t, "happy-path-v0.3/bundle.sigstore.json")
	_, from, _ := bytes.Cut(good, []byte(`"canonicalizedBody"`))
	_, from, _ = bytes.Cut(from, []byte(`"`))
	old, _, _ := bytes.Cut(from, []byte(`"`))
	in := func(body string) []byte {
		return bytes.Replace(good, old, []byte(base64.StdEncoding.EncodeToString([]byte(body))), 1)
	}
	if _, err := Read(in(`{"k":"` + once + `"}`)); err == nil || !strings.Contains(err.Error(), "log entry 0: checking its key") {
		t.Errorf("a bundle with such an entry: %v", err)
	}
	if _, err := Read(in(`"` + strings.Repeat("x", MaxBody) + `"`)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a bundle with a long entry: %v", err)
	}
	for _, body := range []string{`{"a":1,"a":2}`, `{`, strings.Repeat("[", 100)} {
		if _, err := Read(in(body)); err == nil {
			t.Errorf("%s is read", body)
		}
	}
}
