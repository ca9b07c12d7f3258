package cosign

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	sigstore "github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/gatekeep-dev/gatekeep/internal/attest/roots"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

const blobs = "../../../../testdata/corpus/oci/cosign-attachment_v1.10.0/blobs/sha256"

// attached is the layer of a real attachment with its annotations.
func attached(t testing.TB) ([]byte, map[string]string) {
	t.Helper()
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(blobs, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	var m v1.Manifest
	if err := json.Unmarshal(read("31cc4fb663c8d34e2e6a0bd5f183d576c2811ee286e0998b4c2965e3b35a0d86"), &m); err != nil {
		t.Fatal(err)
	}
	return read(m.Layers[0].Digest.Hex), m.Layers[0].Annotations
}

// with is a copy of annotations with one changed.
func with(annotations map[string]string, key, value string) map[string]string {
	out := map[string]string{key: value}
	for k, v := range annotations {
		if k != key {
			out[k] = v
		}
	}
	return out
}

func TestRealAttachmentVerifiesAsABundle(t *testing.T) {
	layer, annotations := attached(t)
	document, mediaType, err := Attestation(layer, annotations)
	if err != nil || mediaType != MediaBundle {
		t.Fatal(mediaType, err)
	}
	again, _, err := Attestation(bytes.Clone(layer), annotations)
	if err != nil || !bytes.Equal(document, again) {
		t.Error("the same input gives other bytes")
	}
	var b sigstore.Bundle
	if err := b.UnmarshalJSON(document); err != nil {
		t.Fatal(err)
	}
	if n := len(b.GetVerificationMaterial().GetX509CertificateChain().GetCertificates()); n != 2 {
		t.Errorf("%d certificates; want leaf and intermediate, no root", n)
	}
	anchors, _ := roots.Named(roots.Production)
	material, err := root.NewTrustedRootFromJSON(anchors.JSON)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := verify.NewVerifier(material, verify.WithSignedCertificateTimestamps(1), verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1))
	if err != nil {
		t.Fatal(err)
	}
	result, err := verifier.Verify(&b, verify.NewPolicy(verify.WithoutArtifactUnsafe(), verify.WithoutIdentitiesUnsafe()))
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v1.10.0"; result.Signature.Certificate.SubjectAlternativeName != want {
		t.Errorf("signed by %s", result.Signature.Certificate.SubjectAlternativeName)
	}
}

func TestAttestationSignedWithAKeyStaysAsItIs(t *testing.T) {
	layer, annotations := attached(t)
	document, mediaType, err := Attestation(layer, with(annotations, static.CertificateAnnotationKey, ""))
	if err != nil || mediaType != MediaDSSE || !bytes.Equal(document, layer) {
		t.Fatalf("%s, %v", mediaType, err)
	}
}

// What a log once refused or a bundle may not hold is still put together: the verdict
// falls elsewhere.
func TestEveryKindOfEntryIsPutTogether(t *testing.T) {
	layer, annotations := attached(t)
	body := base64.StdEncoding.EncodeToString([]byte(`{"apiVersion":"0.0.1","kind":"intoto","spec":{}}`))
	document, _, err := Attestation(layer, with(annotations, static.BundleAnnotationKey,
		`{"SignedEntryTimestamp":"AAAA","Payload":{"body":"`+body+`","integratedTime":1,"logIndex":9007199254740993,"logID":"c0d2"}}`))
	want := `"tlogEntries":[{"logIndex":"9007199254740993","logId":{"keyId":"wNI="},"kindVersion":{"kind":"intoto","version":"0.0.1"},"integratedTime":"1","inclusionPromise":{"signedEntryTimestamp":"AAAA"},"canonicalizedBody":"` + body + `"}]`
	if err != nil || !strings.Contains(string(document), want) {
		t.Errorf("%v\n%.3000s", err, document[len(document)-3000:])
	}
	document, _, err = Attestation(layer, with(with(annotations, static.BundleAnnotationKey, ""), static.RFC3161TimestampAnnotationKey, `{"SignedRFC3161Timestamp":"AAAA"}`))
	if err != nil || !strings.Contains(string(document), `"timestampVerificationData":{"rfc3161Timestamps":[{"signedTimestamp":"AAAA"}]}`) || strings.Contains(string(document), "tlogEntries") {
		t.Errorf("%v, %.200s", err, document)
	}
}

func TestAnnotationsThatCannotBeReadAreNamed(t *testing.T) {
	layer, annotations := attached(t)
	certificate := annotations[static.CertificateAnnotationKey]
	for name, c := range map[string]struct{ key, value, want string }{
		"no PEM":           {static.CertificateAnnotationKey, "MIIH", "no certificate in PEM"},
		"a key":            {static.CertificateAnnotationKey, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "PUBLIC KEY"},
		"many":             {static.ChainAnnotationKey, strings.Repeat(certificate, MaxCertificates+1), "more than 8"},
		"chain":            {static.ChainAnnotationKey, "x", "no certificate in PEM"},
		"no JSON":          {static.BundleAnnotationKey, "{", "bundle"},
		"twice":            {static.BundleAnnotationKey, `{"Payload":{},"Payload":{}}`, "duplicate"},
		"no body":          {static.BundleAnnotationKey, `{}`, "body"},
		"body is no JSON":  {static.BundleAnnotationKey, `{"Payload":{"body":"AAAA"}}`, "body"},
		"body is no text":  {static.BundleAnnotationKey, `{"Payload":{"body":{}}}`, "body"},
		"log":              {static.BundleAnnotationKey, `{"Payload":{"logID":"xyz","body":"e30="}}`, "logID"},
		"no timestamp":     {static.RFC3161TimestampAnnotationKey, `{}`, "no timestamp"},
		"broken timestamp": {static.RFC3161TimestampAnnotationKey, `{"SignedRFC3161Timestamp":"%"}`, "rfc3161timestamp"},
	} {
		document, _, err := Attestation(layer, with(annotations, c.key, c.value))
		if err == nil || document != nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "reading annotation "+c.key) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, layer := range []string{"", "[]", `{"payload":1}`, `{"payload":"","payload":""}`} {
		if document, _, err := Attestation([]byte(layer), annotations); err == nil || document != nil {
			t.Errorf("%s: %q", layer, document)
		}
	}
}

func TestSignatureIsPutTogetherWithWhatItSigned(t *testing.T) {
	_, annotations := attached(t)
	const layer = `{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":"sha256:0"},"type":"cosign container image signature"},"optional":null}`
	sum := sha256.Sum256([]byte(layer))
	for name, annotations := range map[string]map[string]string{
		"certificate": with(annotations, static.SignatureAnnotationKey, "MEUC"),
		"key":         {static.SignatureAnnotationKey: "MEUC"},
	} {
		document, mediaType, err := Signature([]byte(layer), annotations)
		if err != nil || mediaType != MediaSignature {
			t.Fatalf("%s: %s, %v", name, mediaType, err)
		}
		var got struct {
			MediaType string
			Payload   []byte
			Bundle    json.RawMessage
		}
		if err := json.Unmarshal(document, &got); err != nil || string(got.Payload) != layer || got.MediaType != MediaSignature {
			t.Fatalf("%s: %+v, %v", name, got, err)
		}
		var b sigstore.Bundle
		if err := b.UnmarshalJSON(got.Bundle); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if m := b.GetMessageSignature(); string(m.GetSignature()) != "\x30\x45\x02" || !bytes.Equal(m.GetMessageDigest().GetDigest(), sum[:]) {
			t.Errorf("%s: %v", name, m)
		}
		if key := b.GetVerificationMaterial().GetPublicKey() != nil; key != (name == "key") {
			t.Errorf("%s: by key %v", name, key)
		}
	}
	for name, annotations := range map[string]map[string]string{
		"no signature":     annotations,
		"no base64":        {static.SignatureAnnotationKey: "?"},
		"bad certificate":  {static.SignatureAnnotationKey: "MEUC", static.CertificateAnnotationKey: "x"},
		"stray bits after": {static.SignatureAnnotationKey: "MEUC/x=="},
	} {
		if document, _, err := Signature([]byte(layer), annotations); err == nil || document != nil {
			t.Errorf("%s: %q", name, document)
		}
	}
}

func FuzzRebuild(f *testing.F) {
	layer, a := attached(f)
	f.Add(layer, a[static.CertificateAnnotationKey], a[static.ChainAnnotationKey], a[static.BundleAnnotationKey], `{"SignedRFC3161Timestamp":"AAAA"}`, "MEUC")
	f.Add([]byte("{}"), "", "", "", "", "MEUC")
	f.Fuzz(func(t *testing.T, layer []byte, certificate, chain, bundle, timestamp, sig string) {
		annotations := map[string]string{
			static.CertificateAnnotationKey: certificate, static.ChainAnnotationKey: chain, static.BundleAnnotationKey: bundle,
			static.RFC3161TimestampAnnotationKey: timestamp, static.SignatureAnnotationKey: sig,
		}
		for _, rebuild := range []func([]byte, map[string]string) ([]byte, string, error){Attestation, Signature} {
			document, mediaType, err := rebuild(layer, annotations)
			if err != nil {
				if document != nil {
					t.Fatal("a document and an error")
				}
				continue
			}
			again, _, _ := rebuild(layer, annotations)
			if !bytes.Equal(document, again) {
				t.Fatal("the same input gives other bytes")
			}
			if mediaType == MediaDSSE {
				if !bytes.Equal(document, layer) {
					t.Fatal("an envelope was changed")
				}
				continue
			}
			if err := strictjson.Check(document, strictjson.Limits{Bytes: int64(len(document)), Depth: depth}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
