package kms

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// plugin builds the plug-in of the tests, puts it in PATH, and returns a folder with
// one key of each kind.
func plugin(t *testing.T) (string, map[string]crypto.Signer) {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "sigstore-kms-localkms")
	if out, err := exec.Command("go", "build", "-o", bin, "./testdata/localkms").CombinedOutput(); err != nil {
		t.Fatalf("building the plug-in: %v\n%s", err, out)
	}
	t.Setenv("PATH", dir)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	keys := map[string]crypto.Signer{"ed25519": ed}
	for name, curve := range map[string]elliptic.Curve{"p256": elliptic.P256(), "p384": elliptic.P384(), "other": elliptic.P256()} {
		var key crypto.Signer
		key, e := ecdsa.GenerateKey(curve, rand.Reader)
		keys[name], err = key, errors.Join(err, e)
	}
	big, e := rsa.GenerateKey(rand.Reader, 2048)
	small, e2 := rsa.GenerateKey(rand.Reader, 1024)
	keys["rsa"], keys["small"] = big, small
	if err = errors.Join(err, e, e2); err != nil {
		t.Fatal(err)
	}
	for name, key := range keys {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		data := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		if err := os.WriteFile(filepath.Join(dir, name+".key"), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, keys
}

func TestPluginSignsWithEveryKindOfKeyAsAKeyFileDoes(t *testing.T) {
	dir, keys := plugin(t)
	statement := []byte(`{"_type":"https://in-toto.io/Statement/v1"}`)
	for _, name := range []string{"p256", "p384", "ed25519", "rsa"} {
		signer, err := Open(t.Context(), "localkms://"+filepath.Join(dir, name+".key"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := signing.KeyID(signer.Public()), signing.KeyID(keys[name].Public()); got != want {
			t.Errorf("%s: key %s, want %s", name, got, want)
		}
		bundle, err := signing.SignStatement(signer, statement)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if payload, err := signing.VerifyBundle(bundle, keys[name].Public()); err != nil || string(payload) != string(statement) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatAPluginCannotDoIsSaid(t *testing.T) {
	dir, _ := plugin(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		ctx  context.Context
		ref  string
		want string
	}{
		"no program":       {t.Context(), "awskms:///alias/x", "sigstore-kms-awskms: it is not in PATH; install"},
		"no reference":     {t.Context(), "gate.key", `"gate.key" is not NAME://KEY`},
		"a path as a name": {t.Context(), "../localkms://x", "is not NAME://KEY"},
		"no such key":      {t.Context(), "localkms://" + filepath.Join(dir, "gone.key"), "no such file"},
		"a weak key":       {t.Context(), "localkms://" + filepath.Join(dir, "small.key"), "1024 bits"},
		"no answer":        {t.Context(), "localkms://silent", "parsing plugin response"},
		"an empty answer":  {t.Context(), "localkms://empty", "it lacks what was asked for"},
		"no time left":     {ended, "localkms://" + filepath.Join(dir, "p256.key"), "context canceled"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			signer, err := Open(test.ctx, test.ref)
			if err == nil || signer != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
		})
	}
}

func TestSignatureOfAnotherKeyIsNotPassedOn(t *testing.T) {
	dir, _ := plugin(t)
	signer, err := Open(t.Context(), "localkms://"+filepath.Join(dir, "liar"))
	if err != nil {
		t.Fatal(err)
	}
	if made, err := signer.Sign([]byte("x")); !errors.Is(err, signing.ErrSignature) || made != nil {
		t.Errorf("error %v, want %v", err, signing.ErrSignature)
	}
}

func TestOnlyNamesOfProgramsAreKeyServices(t *testing.T) {
	for ref, want := range map[string]bool{
		"awskms://alias/x": true, "hashivault://k": true, "my-hsm://": true, "k8s://ns/secret": true,
		"gate.key": false, "keys/gate.key": false, "/a://b": false, "../x://y": false, "-x://y": false, ".x://y": false,
		"A://b": false, "pkcs11:token=x": false, "": false, "://x": false, "a b://c": false,
	} {
		if got := Is(ref); got != want {
			t.Errorf("%q: %t", ref, got)
		}
	}
}
