package stamp

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/sigstore/sigstore-go/pkg/root"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func own(t *testing.T) (*Own, []*x509.Certificate) {
	t.Helper()
	private, chain, err := GenerateOwn(noon)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ReadOwn(private, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		certificates = append(certificates, c)
	}
	return o, certificates
}

func TestStockVerifierTakesTheStampOfAnOwnAuthorityOverItsMessageOnly(t *testing.T) {
	o, chain := own(t)
	response, err := o.Stamp(t.Context(), []byte("signature"))
	if err != nil {
		t.Fatal(err)
	}
	authority := &root.SigstoreTimestampingAuthority{Leaf: chain[0], Root: chain[1]}
	seen, err := authority.Verify(response, []byte("signature"))
	if err != nil {
		t.Fatal(err)
	}
	if !seen.Time.Equal(noon) {
		t.Errorf("it says %s, not %s", seen.Time, noon)
	}
	if _, err := authority.Verify(response, []byte("another")); err == nil {
		t.Error("a stamp holds for another message")
	}
	_, strangers := own(t)
	if _, err := (&root.SigstoreTimestampingAuthority{Leaf: strangers[0], Root: strangers[1]}).Verify(response, []byte("signature")); err == nil {
		t.Error("a stamp holds for another authority")
	}
}

func TestWhatIsNoAuthorityIsNamed(t *testing.T) {
	private, chain, err := GenerateOwn(noon)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := GenerateOwn(noon)
	if err != nil {
		t.Fatal(err)
	}
	key, _ := pem.Decode(other)
	_, certificates := pem.Decode(private)
	for name, test := range map[string]struct {
		data []byte
		says string
	}{
		"nothing":                   {nil, "does not begin with a private key"},
		"certificates":              {chain, "does not begin with a private key"},
		"key":                       {pem.EncodeToMemory(key), "no certificate follows"},
		"key of another":            {append(pem.EncodeToMemory(key), certificates...), "for another key"},
		"key that cannot be parsed": {pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: []byte{1}}), "asn1"},
		"certificate that cannot":   {append(pem.EncodeToMemory(key), pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: []byte{1}})...), "x509"},
	} {
		if _, err := ReadOwn(test.data, nil); err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "gatekeep key timestamp") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// answering is a remote authority that answers with what reply makes of the request.
func answering(t *testing.T, reply func(*timestamp.Request) (int, []byte)) Remote {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body) // what is cut off is no request
		request, err := timestamp.ParseRequest(body.Bytes())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		code, answer := reply(request)
		w.Header().Set("Content-Type", "application/timestamp-reply")
		w.WriteHeader(code)
		_, _ = w.Write(answer) // the client tells
	}))
	t.Cleanup(server.Close)
	return Remote(server.URL)
}

func TestRemoteAuthorityIsBelievedForTheMessageOnly(t *testing.T) {
	o, _ := own(t)
	over := func(message []byte) Remote {
		return answering(t, func(*timestamp.Request) (int, []byte) {
			response, err := o.Stamp(context.Background(), message)
			if err != nil {
				t.Error(err)
			}
			return http.StatusCreated, response
		})
	}
	if _, err := over([]byte("signature")).Stamp(t.Context(), []byte("signature")); err != nil {
		t.Error(err)
	}
	for name, r := range map[string]Remote{
		"another message": over([]byte("another")),
		"no answer":       answering(t, func(*timestamp.Request) (int, []byte) { return http.StatusCreated, nil }),
		"junk":            answering(t, func(*timestamp.Request) (int, []byte) { return http.StatusCreated, []byte{0x30, 0x80} }),
		"refusal":         answering(t, func(*timestamp.Request) (int, []byte) { return http.StatusForbidden, []byte("no") }),
		"nobody there":    "http://127.0.0.1:1/",
	} {
		if response, err := r.Stamp(t.Context(), []byte("signature")); err == nil || response != nil || !strings.Contains(err.Error(), string(r)) {
			t.Errorf("%s: %d bytes, %v", name, len(response), err)
		}
	}
}
