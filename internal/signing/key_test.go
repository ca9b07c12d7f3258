package signing

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
)

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// keys are one key of each kind that is quick to make.
func keys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	ec := func(c elliptic.Curve) crypto.Signer {
		return must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(c, rand.Reader))
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{
		"p256": ec(elliptic.P256()), "p384": ec(elliptic.P384()), "p521": ec(elliptic.P521()), "ed25519": ed,
	}
}

// allKeys are one key of each kind that is supported.
func allKeys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	all := keys(t)
	all["rsa"] = must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048))
	return all
}

func pkcs8(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	return must[[]byte](t)(x509.MarshalPKCS8PrivateKey(key))
}

func never(t *testing.T) func() ([]byte, error) {
	return func() ([]byte, error) {
		t.Error("a password was asked for, and the key is not encrypted")
		return nil, nil
	}
}

func TestEveryKindOfKeyLoadsFromEveryFormThatHoldsIt(t *testing.T) {
	for name, key := range allKeys(t) {
		forms := map[string][]byte{"pkcs8": block(pemPKCS8, pkcs8(t, key))}
		switch key := key.(type) {
		case *ecdsa.PrivateKey:
			sec1 := block(pemSEC1, must[[]byte](t)(x509.MarshalECPrivateKey(key)))
			forms["sec1"] = sec1
			forms["sec1 after its curve"] = append(block(pemCurve, []byte{6, 0}), sec1...)
		case *rsa.PrivateKey:
			forms["pkcs1"] = block(pemPKCS1, x509.MarshalPKCS1PrivateKey(key))
		}
		for form, data := range forms {
			t.Run(name+" "+form, func(t *testing.T) {
				signer, err := LoadPrivateKey(data, never(t))
				if err != nil {
					t.Fatal(err)
				}
				if got, want := KeyID(signer.Public()), KeyID(key.Public()); got != want {
					t.Errorf("key %s, want %s", got, want)
				}
			})
		}
	}
}

func TestKeysEncryptedByCosignOpenWithTheirPasswordOnly(t *testing.T) {
	key := keys(t)["p256"]
	box := must[[]byte](t)(encrypted.Encrypt(pkcs8(t, key), []byte("right")))
	password := func(word string) func() ([]byte, error) {
		return func() ([]byte, error) { return []byte(word), nil }
	}
	for _, kind := range []string{pemSigstore, pemCosign} {
		signer, err := LoadPrivateKey(block(kind, box), password("right"))
		if err != nil || KeyID(signer.Public()) != KeyID(key.Public()) {
			t.Errorf("%s: %v", kind, err)
		}
		if _, err := LoadPrivateKey(block(kind, box), password("wrong")); !errors.Is(err, ErrPassword) {
			t.Errorf("%s with the wrong password: %v", kind, err)
		}
		if _, err := LoadPrivateKey(block(kind, box), nil); err == nil || errors.Is(err, ErrPassword) {
			t.Errorf("%s without a password: %v", kind, err)
		}
	}
	weaker := bytes.Replace(box, []byte(`"N":65536`), []byte(`"N":2`), 1)
	if _, err := LoadPrivateKey(block(pemSigstore, weaker), password("right")); err == nil || errors.Is(err, ErrPassword) {
		t.Errorf("a box with other costs: %v; the password is not what is wrong", err)
	}
	refused := errors.New("no terminal")
	if _, err := LoadPrivateKey(block(pemSigstore, box), func() ([]byte, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("the error of asking is lost: %v", err)
	}
}

// The keys in testdata were made with openssl 3.0 and the password "right".
func TestKeysEncryptedByOpensslOpenWithTheirPasswordOnly(t *testing.T) {
	password := func(word string) func() ([]byte, error) {
		return func() ([]byte, error) { return []byte(word), nil }
	}
	read := func(name string) []byte {
		return must[[]byte](t)(os.ReadFile(filepath.Join("testdata", "openssl-"+name)))
	}
	for private, public := range map[string]string{
		"p256-pbkdf2.pem": "p256.pub", "p256-scrypt.pem": "p256.pub", "ed25519.pem": "ed25519.pub", "rsa.pem": "rsa.pub",
	} {
		data := read(private)
		signer, err := LoadPrivateKey(data, password("right"))
		if err != nil || KeyID(signer.Public()) != KeyID(must[crypto.PublicKey](t)(LoadPublicKey(read(public)))) {
			t.Errorf("%s: %v", private, err)
		}
		if _, err := LoadPrivateKey(data, password("wrong")); err == nil || !strings.Contains(err.Error(), "incorrect password") {
			t.Errorf("%s with the wrong password: %v", private, err)
		}
		if _, err := LoadPrivateKey(data, nil); err == nil || !strings.Contains(err.Error(), "no password was given") {
			t.Errorf("%s without a password: %v", private, err)
		}
		der, _ := pem.Decode(data)
		if _, err := LoadPrivateKey(block(pemEncryptedPKCS8, der.Bytes[:len(der.Bytes)/2]), password("right")); err == nil {
			t.Errorf("half of %s opens", private)
		}
	}
	// The encryption of PKCS #5 version 1.5 is as weak as it is old.
	if _, err := LoadPrivateKey(read("p256-pbes1.pem"), password("right")); err == nil || strings.Contains(err.Error(), "password") {
		t.Errorf("PBES1: %v; the password is not what is wrong", err)
	}
	refused := errors.New("no terminal")
	if _, err := LoadPrivateKey(read("rsa.pem"), func() ([]byte, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("the error of asking is lost: %v", err)
	}
}

func TestWhatIsNoPrivateKeyIsNamed(t *testing.T) {
	key := keys(t)["p256"]
	public := must[[]byte](t)(PublicPEM(key.Public()))
	private := block(pemPKCS8, pkcs8(t, key))
	small := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 1024))
	p224 := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	legacy := pem.EncodeToMemory(&pem.Block{Type: pemSEC1, Bytes: []byte{1}, Headers: map[string]string{
		"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00",
	}})
	tests := map[string]struct {
		data       []byte
		want       string
		notPrivate bool
	}{
		"public key":       {public, "holds the public key", true},
		"certificate":      {block(pemCertificate, []byte{1}), "holds a certificate", true},
		"other block":      {block("X509 CRL", []byte{1}), `"X509 CRL"`, true},
		"legacy encrypted": {legacy, "openssl pkcs8 -topk8", false},
		"no pem":           {[]byte("hello"), "no PEM block", false},
		"empty":            {nil, "no PEM block", false},
		"two keys":         {append(bytes.Clone(private), private...), "one key", false},
		"key and text":     {append(bytes.Clone(private), "more"...), "one key", false},
		"damaged":          {block(pemPKCS8, []byte{1, 2}), "reading private key", false},
		"small rsa":        {block(pemPKCS8, pkcs8(t, small)), "1024 bits", false},
		"other curve":      {block(pemPKCS8, pkcs8(t, p224)), "P-224", false},
		"huge":             {bytes.Repeat([]byte{'x'}, maxKeyFile+1), "more than", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := LoadPrivateKey(test.data, never(t))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one that says %q", err, test.want)
			}
			if errors.Is(err, ErrNotPrivateKey) != test.notPrivate {
				t.Errorf("ErrNotPrivateKey is %v: %v", !test.notPrivate, err)
			}
		})
	}
}

func TestWhatIsNoPublicKeyIsNamed(t *testing.T) {
	key := keys(t)["p256"]
	small := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 1024))
	tests := map[string]struct {
		data []byte
		want string
	}{
		"private key": {block(pemPKCS8, pkcs8(t, key)), "holds a private key"},
		"certificate": {block(pemCertificate, []byte{1}), "openssl x509"},
		"other block": {block("X509 CRL", []byte{1}), `"X509 CRL"`},
		"no pem":      {[]byte("ssh-ed25519 AAAA"), "no PEM block"},
		"damaged":     {block(pemPublic, []byte{1}), "reading public key"},
		"small rsa":   {must[[]byte](t)(PublicPEM(small.Public())), "1024 bits"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := LoadPublicKey(test.data); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one that says %q", err, test.want)
			}
		})
	}
}

func TestGeneratedKeysAreEncryptedExactlyWhenAPasswordIsGiven(t *testing.T) {
	for password, kind := range map[string]string{"": pemPKCS8, "secret": pemSigstore} {
		private, public, err := GenerateKey([]byte(password))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(private, []byte("-----BEGIN "+kind+"-----\n")) {
			t.Errorf("password %q gives %.40q", password, private)
		}
		signer, err := LoadPrivateKey(private, func() ([]byte, error) { return []byte(password), nil })
		if err != nil {
			t.Fatal(err)
		}
		if got, want := KeyID(signer.Public()), KeyID(must[crypto.PublicKey](t)(LoadPublicKey(public))); got != want {
			t.Errorf("the halves do not belong together: %s and %s", got, want)
		}
	}
}

func TestKeyIDIsTheDigestOfTheDERForm(t *testing.T) {
	_, public, err := GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, _ := pem.Decode(public)
	sum := sha256.Sum256(der.Bytes)
	if got := KeyID(must[crypto.PublicKey](t)(LoadPublicKey(public))); got != "sha256:"+hex.EncodeToString(sum[:]) {
		t.Errorf("KeyID %s", got)
	}
	if got := KeyID("no key"); got != "" {
		t.Errorf("KeyID of what is no key is %q", got)
	}
}

func FuzzLoadKeys(f *testing.F) {
	for _, key := range allKeys(f) {
		f.Add(block(pemPKCS8, pkcs8(f, key)))
		f.Add(must[[]byte](f)(PublicPEM(key.Public())))
	}
	f.Add([]byte("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if signer, err := LoadPrivateKey(data, nil); err == nil && KeyID(signer.Public()) == "" {
			t.Error("a key without a name")
		}
		if key, err := LoadPublicKey(data); err == nil && KeyID(key) == "" {
			t.Error("a key without a name")
		}
	})
}
