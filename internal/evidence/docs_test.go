package evidence

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
)

func TestEveryReasonIsInTheSpecification(t *testing.T) {
	spec, err := os.ReadFile("../../docs/evidence-format.md")
	if err != nil {
		t.Fatal(err)
	}
	constant := regexp.MustCompile(`(?m)^\tReason\w+ += "(\w+)"`)
	known := map[string]bool{}
	for _, file := range []string{"reason.go", "archive/refusal.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range constant.FindAllSubmatch(source, -1) {
			known[string(m[1])] = true
			if !strings.Contains(string(spec), "`"+string(m[1])+"`") {
				t.Errorf("%s does not say %s", "docs/evidence-format.md", m[1])
			}
		}
	}
	if len(known) < 30 {
		t.Errorf("only %d reasons were found in the source", len(known))
	}
}

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
		"p256":    {p256.Public(), "openssl dgst -sha256 -verify gate.pub", ""},
		"p384":    {p384.Public(), "openssl dgst -sha384 -verify gate.pub", cosign + "sha384 "},
		"p521":    {p521.Public(), "openssl dgst -sha512 -verify gate.pub", cosign + "sha512 "},
		"ed25519": {ed, "openssl pkeyutl -verify -pubin -inkey gate.pub -rawin", ""},
		"rsa":     {rsa2048.Public(), "openssl dgst -sha256 -verify gate.pub", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			guide, err := guideOf(gatekeep.Record{ID: "dec-1"}, test.key)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{test.openssl, "--insecure-ignore-tlog=true" + test.flag, "--key gate.pub", "`dec-1`: indeterminate", "from its owner"} {
				if !strings.Contains(string(guide), want) {
					t.Errorf("the guide does not say %q:\n%s", want, guide)
				}
			}
			if test.flag == "" && strings.Contains(string(guide), cosign) {
				t.Error("the guide has a flag that cosign does not need")
			}
		})
	}
}
