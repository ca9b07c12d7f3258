package dsse

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

func TestWhatIsHashedIsTheEncodingOfDSSE(t *testing.T) {
	for _, payload := range []string{"", "x", strings.Repeat("payload ", 1000)} {
		for _, payloadType := range []string{"", "application/vnd.in-toto+json", "é 1 "} {
			want := dsse.PAE(payloadType, []byte(payload))
			h := PAE(payloadType, []byte(payload))
			s256, s384, s512 := sha256.Sum256(want), sha512.Sum384(want), sha512.Sum512(want)
			for range 2 { // each is computed once
				if !bytes.Equal(h.bytes(), want) || !bytes.Equal(h.sha256(), s256[:]) ||
					!bytes.Equal(h.sha384(), s384[:]) || !bytes.Equal(h.sha512(), s512[:]) {
					t.Errorf("type %q, %d bytes: another message is hashed than DSSE encodes", payloadType, len(payload))
				}
			}
		}
	}
}

func TestRawMessageIsHashedAsItStands(t *testing.T) {
	want := sha256.Sum256([]byte("bytes"))
	if m := Raw([]byte("bytes")); !bytes.Equal(m.sha256(), want[:]) || string(m.bytes()) != "bytes" {
		t.Error("something is hashed beside the message")
	}
}

func TestNoKeyAndStrangeKeysVerifyNothing(t *testing.T) {
	for _, key := range []any{nil, "text", ed25519.PublicKey("short")} {
		if Raw(nil).SignedBy(key, nil) {
			t.Errorf("%v verified", key)
		}
	}
}

// Key services sign with RSA over SHA-256 and the larger hashes, by both schemes of
// RFC 8017; the key tells neither.
func TestRSASignsWithEveryHash(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	message, other := PAE("application/vnd.in-toto+json", []byte("{}")), PAE("application/vnd.in-toto+json", []byte("[]"))
	for name, c := range map[string]struct {
		hash  crypto.Hash
		holds bool
	}{"SHA-256": {crypto.SHA256, true}, "SHA-384": {crypto.SHA384, true}, "SHA-512": {crypto.SHA512, true}, "SHA-1": {crypto.SHA1, false}, "SHA-224": {crypto.SHA224, false}} {
		h := c.hash.New()
		h.Write(message.bytes())
		sum := h.Sum(nil)
		pkcs, err := rsa.SignPKCS1v15(rand.Reader, key, c.hash, sum)
		if err != nil {
			t.Fatal(err)
		}
		pss, err := rsa.SignPSS(rand.Reader, key, c.hash, sum, nil)
		if err != nil {
			t.Fatal(err)
		}
		for scheme, sig := range map[string][]byte{"PKCS #1": pkcs, "PSS": pss} {
			if message.SignedBy(key.Public(), sig) != c.holds {
				t.Errorf("%s with %s: want %v", scheme, name, c.holds)
			}
			if other.SignedBy(key.Public(), sig) {
				t.Errorf("%s with %s verifies over another message", scheme, name)
			}
		}
	}
}
