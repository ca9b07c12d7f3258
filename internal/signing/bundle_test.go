package signing

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
)

const statement = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a<b>&c","digest":{"sha256":` +
	`"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}],"predicateType":"https://example.com/p","predicate":{}}`

func signerOf(t testing.TB, key crypto.Signer) Signer {
	t.Helper()
	return must[Signer](t)(newKeySigner(key))
}

func TestWhatIsSignedVerifiesWithItsKeyAndIsDeterministic(t *testing.T) {
	for name, key := range allKeys(t) {
		t.Run(name, func(t *testing.T) {
			signer := signerOf(t, key)
			signed := must[[]byte](t)(SignStatement(signer, []byte(statement)))
			payload := must[[]byte](t)(VerifyBundle(signed, key.Public()))
			if string(payload) != statement {
				t.Errorf("the statement came back as %s", payload)
			}
			if again := must[[]byte](t)(SignStatement(signer, []byte(statement))); !bytes.Equal(again, signed) {
				t.Error("signing twice gives two bundles")
			}
			parsed := must[Envelope](t)(ParseBundle(signed))
			if same := must[[]byte](t)(parsed.Bundle()); !bytes.Equal(same, signed) {
				t.Error("reading and writing changes the bundle")
			}
		})
	}
}

func TestRandomizedSignaturesDifferAndVerify(t *testing.T) {
	for name, key := range allKeys(t) {
		signer := Randomized(signerOf(t, key))
		first, second := must[[]byte](t)(signer.Sign([]byte(statement))), must[[]byte](t)(signer.Sign([]byte(statement)))
		for _, made := range [][]byte{first, second} {
			if err := Check(key.Public(), []byte(statement), made); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, curve := key.(*ecdsa.PrivateKey)
		if bytes.Equal(first, second) == curve {
			t.Errorf("%s: the signatures are equal: %t", name, !curve)
		}
	}
}

func TestCheckTellsWhoDidNotSign(t *testing.T) {
	all := keys(t)
	made := must[[]byte](t)(signerOf(t, all["p256"]).Sign([]byte("a")))
	if err := Check(all["p256"].Public(), []byte("a"), made); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"another message": Check(all["p256"].Public(), []byte("b"), made),
		"another key":     Check(all["p384"].Public(), []byte("a"), made),
		"another kind":    Check(all["ed25519"].Public(), []byte("a"), made),
		"no signature":    Check(all["p256"].Public(), []byte("a"), nil),
	} {
		if !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Check("no key", nil, nil); err == nil || errors.Is(err, ErrSignature) {
		t.Errorf("no key: %v", err)
	}
}

// TestSigstoreGoAcceptsWhatIsSigned verifies with the verifier that cosign uses.
func TestSigstoreGoAcceptsWhatIsSigned(t *testing.T) {
	for name, key := range allKeys(t) {
		t.Run(name, func(t *testing.T) {
			signed := must[[]byte](t)(SignStatement(signerOf(t, key), []byte(statement)))
			var b bundle.Bundle
			if err := b.UnmarshalJSON(signed); err != nil {
				t.Fatal(err)
			}
			hash := must[crypto.Hash](t)(HashOf(key.Public()))
			verifier := must[signature.Verifier](t)(signature.LoadVerifier(key.Public(), hash))
			material := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
				return root.NewExpiringKey(verifier, time.Time{}, time.Time{}), nil
			})
			v := must[*verify.Verifier](t)(verify.NewVerifier(material, verify.WithNoObserverTimestamps()))
			empty := sha256.Sum256(nil)
			if _, err := v.Verify(&b, verify.NewPolicy(verify.WithArtifactDigest("sha256", empty[:]), verify.WithKey())); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBundleLayoutIsTheOneThatCosignReads pins each member.
func TestBundleLayoutIsTheOneThatCosignReads(t *testing.T) {
	key := keys(t)["ed25519"]
	signed := must[[]byte](t)(SignStatement(signerOf(t, key), []byte(statement)))
	sum := must[[]byte](t)(fingerprint(key.Public()))
	sig := must[[]byte](t)(key.Sign(nil, dsse.PAE(PayloadType, []byte(statement)), crypto.Hash(0)))
	b64 := base64.StdEncoding.EncodeToString
	want := `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",` +
		`"verificationMaterial":{"publicKey":{"hint":"` + b64(sum) + `"}},` +
		`"dsseEnvelope":{"payload":"` + b64([]byte(statement)) + `","payloadType":"application/vnd.in-toto+json",` +
		`"signatures":[{"sig":"` + b64(sig) + `"}]}}` + "\n"
	if string(signed) != want {
		t.Errorf("bundle\n%swant\n%s", signed, want)
	}
}

func TestSHA256IsReadWithEveryCurve(t *testing.T) {
	for _, name := range []string{"p384", "p521"} {
		key := keys(t)[name].(*ecdsa.PrivateKey)
		digest := sha256.Sum256(dsse.PAE(PayloadType, []byte(statement)))
		e := Envelope{PayloadType: PayloadType, Payload: []byte(statement)}
		e.Signature = must[[]byte](t)(ecdsa.SignASN1(rand.Reader, key, digest[:]))
		if err := e.Verify(key.Public()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryChangeOfABundleIsRefusedWithItsReason(t *testing.T) {
	all := keys(t)
	key, stranger := all["p256"], all["ed25519"]
	signed := must[[]byte](t)(SignStatement(signerOf(t, key), []byte(statement)))
	envelope := must[Envelope](t)(ParseBundle(signed))
	write := func(change func(*Envelope)) []byte {
		e := envelope
		change(&e)
		return must[[]byte](t)(e.Bundle())
	}
	rewrite := func(change func(map[string]any)) []byte {
		var m map[string]any
		if err := json.Unmarshal(signed, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		return must[[]byte](t)(json.Marshal(m))
	}
	dsseOf := func(m map[string]any) map[string]any { return m["dsseEnvelope"].(map[string]any) }
	tests := map[string]struct {
		data []byte
		key  crypto.PublicKey
		want error
	}{
		"another key":  {signed, stranger.Public(), ErrSigner},
		"payload":      {write(func(e *Envelope) { e.Payload = []byte(strings.Replace(statement, "a<b", "b<a", 1)) }), key.Public(), ErrSignature},
		"signature":    {write(func(e *Envelope) { e.Signature = append([]byte{e.Signature[0] ^ 1}, e.Signature[1:]...) }), key.Public(), ErrSignature},
		"no signature": {write(func(e *Envelope) { e.Signature = nil }), key.Public(), ErrSignature},
		"other hint":   {write(func(e *Envelope) { e.Hint, e.Signature = "x", []byte{1} }), key.Public(), ErrSigner},
		"payload type": {write(func(e *Envelope) { e.PayloadType = "text/plain" }), key.Public(), ErrMalformed},
		"media type":   {bytes.Replace(signed, []byte("v0.3"), []byte("v0.2"), 1), key.Public(), ErrMalformed},
		"two signatures": {rewrite(func(m map[string]any) {
			d := dsseOf(m)
			s := d["signatures"].([]any)
			d["signatures"] = append(s, s[0])
		}), key.Public(), ErrMalformed},
		"no signatures": {rewrite(func(m map[string]any) { dsseOf(m)["signatures"] = []any{} }), key.Public(), ErrMalformed},
		"no envelope":   {rewrite(func(m map[string]any) { delete(m, "dsseEnvelope") }), key.Public(), ErrMalformed},
		"no key":        {rewrite(func(m map[string]any) { delete(m, "verificationMaterial") }), key.Public(), ErrMalformed},
		"certificate": {rewrite(func(m map[string]any) {
			m["verificationMaterial"] = map[string]any{"certificate": map[string]any{"rawBytes": "AA=="}}
		}), key.Public(), ErrMalformed},
		"unknown member":     {rewrite(func(m map[string]any) { m["x"] = 1 }), key.Public(), ErrMalformed},
		"duplicate member":   {append([]byte(`{"mediaType":"a",`), signed[1:]...), key.Public(), ErrMalformed},
		"data after it":      {append(bytes.Clone(signed), '{', '}'), key.Public(), ErrMalformed},
		"nothing":            {nil, key.Public(), ErrMalformed},
		"not even an object": {[]byte(`[]`), key.Public(), ErrMalformed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			payload, err := VerifyBundle(test.data, test.key)
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if payload != nil {
				t.Error("a payload came with the error")
			}
		})
	}
	if _, err := VerifyBundle(signed, nil); err == nil {
		t.Error("verified without a key")
	}
}

func TestOnlyJSONIsSignedAndOnlyWithAKey(t *testing.T) {
	if _, err := SignStatement(signerOf(t, keys(t)["p256"]), []byte("not json")); err == nil {
		t.Error("signed what is not JSON")
	}
	if _, err := SignStatement(nil, []byte(statement)); err == nil {
		t.Error("signed without a key")
	}
}

func FuzzParseBundle(f *testing.F) {
	key := keys(f)["p256"]
	f.Add(must[[]byte](f)(SignStatement(signerOf(f, key), []byte(statement))))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{}},"dsseEnvelope":{"signatures":[{}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if payload, err := VerifyBundle(data, key.Public()); err == nil && string(payload) != statement {
			t.Errorf("verified a statement that was never signed: %s", payload)
		}
	})
}
