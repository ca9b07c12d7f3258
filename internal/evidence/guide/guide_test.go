package guide

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
)

func TestTheGuideHasTheCommandsForTheKeyThatSigned(t *testing.T) {
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsa2048, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	const cosign = " --signature-digest-algorithm "
	tests := map[string]struct {
		key           crypto.PublicKey
		openssl, flag string
	}{
		"p256":    {p256.Public(), "openssl dgst -sha256 -verify \"$keys/gate.pub\"", ""},
		"p384":    {p384.Public(), "openssl dgst -sha384 -verify \"$keys/gate.pub\"", cosign + "sha384 "},
		"p521":    {p521.Public(), "openssl dgst -sha512 -verify \"$keys/gate.pub\"", cosign + "sha512 "},
		"ed25519": {ed, "openssl pkeyutl -verify -pubin -inkey \"$keys/gate.pub\" -rawin", ""},
		"rsa":     {rsa2048.Public(), "openssl dgst -sha256 -verify \"$keys/gate.pub\"", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			guide, script, err := Of(gatekeep.Record{ID: "dec-1"}, test.key, false)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{test.openssl, "--insecure-ignore-tlog=true" + test.flag, "--key \"$keys/gate.pub\"", "`dec-1`: indeterminate", "from its owner"} {
				if !strings.Contains(string(guide), want) {
					t.Errorf("the guide does not say %q:\n%s", want, guide)
				}
			}
			for _, want := range []string{test.openssl, "--insecure-ignore-tlog=true" + test.flag, "Decision dec-1"} {
				if !strings.Contains(string(script), want) {
					t.Errorf("the script does not say %q:\n%s", want, script)
				}
			}
			if test.flag == "" && strings.Contains(string(guide), cosign) {
				t.Error("the guide has a flag that cosign does not need")
			}
		})
	}
}

// Text of a record ends up in a script: none of it may mean anything to a shell.
func TestNothingForeignStandsInTheScript(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"$(id)", "`id`", "a b", "a;b", "a\"b", "a'b", "a\nb", "a&b", "a|b", "a>b", "a#b", "a\\b", "~", "a*"} {
		if _, _, err := Of(gatekeep.Record{ID: text}, key.Public(), false); err == nil {
			t.Errorf("id %q is taken", text)
		}
		if _, _, err := Of(gatekeep.Record{ID: "dec-1", Seal: &gatekeep.Seal{Log: text}}, key.Public(), false); err == nil {
			t.Errorf("log %q is taken", text)
		}
	}
}
