package dsse

import (
	"bytes"
	"crypto/ed25519"
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
