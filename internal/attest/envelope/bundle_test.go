package envelope

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"google.golang.org/protobuf/proto"

	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sameBundle reads a bundle both ways and fails where they differ, in what they
// refuse or in what they read. It tells whether both read it.
func sameBundle(t *testing.T, data []byte) bool {
	t.Helper()
	members, err := strictjson.Members(data, Limits())
	if err != nil {
		return false // never gets as far
	}
	whole := new(bundle.Bundle)
	wholeErr := whole.UnmarshalJSON(data)
	got, err := readBundle(data, members)
	if (err == nil) != (wholeErr == nil) {
		t.Fatalf("readBundle says %v, UnmarshalJSON %v, of %q", err, wholeErr, data)
	}
	if err != nil {
		return false
	}
	if !proto.Equal(got.Bundle, whole.Bundle) {
		t.Fatalf("readBundle reads\n%v\nand UnmarshalJSON\n%v\nof %q", got.Bundle, whole.Bundle, data)
	}
	return true
}

// bundleText is a bundle of one key, with members that a test chooses.
func bundleText(envelope string) string {
	return `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"h<&>"}},` + envelope + `}`
}

func TestPayloadThatIsReadBesideTheBundleIsTheOneInIt(t *testing.T) {
	payload := []byte("\xff\xfe>>>???~~ payload")
	std, url := base64.StdEncoding.EncodeToString(payload), base64.URLEncoding.EncodeToString(payload)
	if !strings.ContainsAny(std, "+/") {
		t.Fatalf("the payload does not show which alphabet is used: %s", std)
	}
	const rest = `,"payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AAAA"}]}`
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	for name, c := range map[string]struct {
		envelope string
		read     bool
	}{
		"standard":           {`"dsseEnvelope":{"payload":` + quoted(std) + rest, true},
		"URL-safe":           {`"dsseEnvelope":{"payload":` + quoted(url) + rest, true},
		"unpadded":           {`"dsseEnvelope":{"payload":` + quoted(strings.TrimRight(std, "=")) + rest, true},
		"line break":         {`"dsseEnvelope":{"payload":` + quoted(std[:4]+"\n"+std[4:]) + rest, true},
		"escaped":            {`"dsseEnvelope":{"payload":"\u0041AAA"` + rest, true},
		"escaped name":       {`"dsseEnvelope":{"p\u0061yload":` + quoted(std) + rest, true},
		"name in snake case": {`"dsse_envelope":{"payload":` + quoted(std) + rest, true},
		"both names":         {`"dsse_envelope":{"payload":"AAAA"` + rest + `,"dsseEnvelope":{"payload":` + quoted(std) + rest, false},
		"stray bits":         {`"dsseEnvelope":{"payload":"AAB="` + rest, true},
		"empty":              {`"dsseEnvelope":{"payload":""` + rest, true},
		"null":               {`"dsseEnvelope":{"payload":null` + rest, true},
		"missing":            {`"dsseEnvelope":{"payloadType":"x","signatures":[]}`, true},
		"number":             {`"dsseEnvelope":{"payload":1` + rest, false},
		"not base64":         {`"dsseEnvelope":{"payload":"!"` + rest, false},
		"unknown member":     {`"dsseEnvelope":{"other":1,"payload":` + quoted(std) + rest, false},
		"null envelope":      {`"dsseEnvelope":null`, false},
		"a list":             {`"dsseEnvelope":[]`, false},
		"signature of bytes": {`"messageSignature":{"signature":"AAAA"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			if read := sameBundle(t, []byte(bundleText(c.envelope))); read != c.read {
				t.Errorf("read %v, want %v", read, c.read)
			}
		})
	}
}

// FuzzReadBundle looks for a bundle that is read in another way than sigstore-go
// reads it.
func FuzzReadBundle(f *testing.F) {
	vectors, err := filepath.Glob("../../../testdata/attest/*/envelope.json")
	if err != nil || len(vectors) < 20 {
		f.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, path := range vectors {
		f.Add(read(f, path))
	}
	f.Add([]byte(bundleText(`"dsseEnvelope":{"payload":"e30=","payloadType":"t","signatures":[{"sig":"AAAA","keyid":"k"}]}`)))
	f.Fuzz(func(t *testing.T, data []byte) { sameBundle(t, data) })
}
