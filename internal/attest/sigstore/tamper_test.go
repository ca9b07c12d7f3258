package sigstore

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// samples are bundles of every form, all of which hold.
var samples = []string{
	"sigstore/conformance/happy-path-v0.1/bundle.sigstore.json",
	"sigstore/conformance/happy-path-v0.3/bundle.sigstore.json",
	"sigstore/conformance/happy-path-intoto-in-dsse-v3/bundle.sigstore.json",
	"sigstore/conformance/intoto-with-custom-trust-root/bundle.sigstore.json",
	"sigstore/conformance/managed-key-happy-path/bundle.sigstore.json",
	"sigstore/conformance/rekor2-happy-path/bundle.sigstore.json",
	"sigstore/java/bundle.v1.no.inclusion.sigstore",
	"sigstore/java/bundle.dsse.rekor-v2.sigstore",
	"sigstore/java/github-private-no-tlog/attestation.sigstore.json",
	"sigstore/js/bundleV03-intoto.sigstore",
}

// unsigned are fields that nothing vouches for: hints by which a key is found, which are
// not followed, and the index in a tree that the promise of a v0.1 bundle makes moot.
var unsigned = []string{
	"verificationMaterial.publicKey.hint",
	"dsseEnvelope.signatures.keyid",
}

// timestamps hold parts that their authority does not sign: the status, and
// certificates that are not used.
const timestamps = "verificationMaterial.timestampVerificationData.rfc3161Timestamps.signedTimestamp"

// leaf is one value in a bundle, with a way to change it.
type leaf struct {
	path   string
	size   int // of bytes or text, else 1
	change func(at int, flip byte)
}

// leaves walks a message.
func leaves(m protoreflect.Message, path string) []leaf {
	var all []leaf
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name := strings.TrimPrefix(path+"."+f.JSONName(), ".")
		if f.IsList() {
			list := v.List()
			for i := range list.Len() {
				if f.Message() != nil {
					all = append(all, leaves(list.Get(i).Message(), name)...)
					continue
				}
				all = append(all, scalar(name, list.Get(i), func(v protoreflect.Value) { list.Set(i, v) }))
			}
			return true
		}
		if f.Message() != nil {
			all = append(all, leaves(v.Message(), name)...)
			return true
		}
		all = append(all, scalar(name, v, func(v protoreflect.Value) { m.Set(f, v) }))
		return true
	})
	return all
}

func scalar(path string, v protoreflect.Value, set func(protoreflect.Value)) leaf {
	switch old := v.Interface().(type) {
	case []byte:
		return leaf{path, len(old), func(at int, flip byte) {
			changed := slices.Clone(old)
			changed[at] ^= flip
			set(protoreflect.ValueOfBytes(changed))
		}}
	case string:
		return leaf{path, len(old), func(at int, flip byte) {
			changed := []byte(old)
			changed[at] ^= flip
			set(protoreflect.ValueOfString(string(changed)))
		}}
	case int64:
		return leaf{path, 1, func(_ int, flip byte) { set(protoreflect.ValueOfInt64(old + int64(flip))) }}
	case protoreflect.EnumNumber:
		return leaf{path, 1, func(int, byte) { set(protoreflect.ValueOfEnum(old + 1)) }}
	}
	panic(fmt.Sprintf("%s is of type %T", path, v.Interface()))
}

// verifier judges a changed bundle as its row asks.
func verifier(t testing.TB, c row) func(*protobundle.Bundle) *Failure {
	t.Helper()
	r, what := rootFrom(t, c.root), c.content(t)
	return func(pb *protobundle.Bundle) *Failure {
		b, err := bundle.NewBundle(pb)
		if err != nil {
			return fail("library", "%v", err)
		}
		if c.key != "" {
			return r.VerifyKey(b, keyFrom(t, c.key), what)
		}
		_, why := r.VerifyCertificate(b, what)
		return why
	}
}

func TestEveryRegionOfABundleIsSigned(t *testing.T) {
	byFile := map[string]row{}
	for _, c := range rows(t) {
		byFile[c.file] = c
	}
	for _, file := range samples {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			verified := verifier(t, byFile[file])
			b, why := ReadBundle(read(t, file))
			if why != nil {
				t.Fatal(why)
			}
			if why := verified(b.Bundle); why != nil {
				t.Fatalf("as it is: %v", why)
			}
			tried := 0
			for i, l := range leaves(b.ProtoReflect(), "") {
				step := max(1, l.size/8) // each region of each value
				for at := 0; at < l.size; at += step {
					changed := proto.CloneOf(b.Bundle)
					same := leaves(changed.ProtoReflect(), "")[i]
					if same.path != l.path {
						t.Fatalf("value %d is %s and then %s", i, l.path, same.path)
					}
					same.change(at, 1)
					tried++
					if why := verified(changed); why == nil && !slices.Contains(unsigned, l.path) && l.path != timestamps {
						t.Errorf("byte %d of %d of %s is changed, and it verifies", at, l.size, l.path)
					}
				}
			}
			if tried < 50 {
				t.Errorf("%d changes tried", tried)
			}
		})
	}
}

// A timestamp may change where its authority signs nothing; the time it tells may not.
func TestChangedTimestampTellsTheSameTimeOrNone(t *testing.T) {
	for _, file := range []string{"sigstore/conformance/rekor2-happy-path/bundle.sigstore.json", "sigstore/java/github-private-no-tlog/attestation.sigstore.json"} {
		s := sample(t, file)
		r := rootFrom(t, s.root)
		b, _ := ReadBundle(read(t, file))
		stamp := b.VerificationMaterial.TimestampVerificationData.Rfc3161Timestamps[0]
		old := stamp.SignedTimestamp
		refused := 0
		for at := range old {
			stamp.SignedTimestamp = slices.Clone(old)
			stamp.SignedTimestamp[at] ^= 1
			times, why := r.stamped(&entity{Bundle: b, sig: mustSig(t, b)})
			if why != nil {
				refused++
			} else if len(times) != 1 || !times[0].Equal(s.at) {
				t.Errorf("%s: byte %d is changed, and the time is %v", file, at, times)
			}
		}
		if refused < len(old)*9/10 {
			t.Errorf("%s: %d of %d changes are refused", file, refused, len(old))
		}
	}
}

func mustSig(t testing.TB, b *bundle.Bundle) []byte {
	t.Helper()
	content, err := b.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	return content.Signature()
}

func TestMissingPartIsNoPart(t *testing.T) {
	byFile := map[string]row{}
	for _, c := range rows(t) {
		byFile[c.file] = c
	}
	for _, file := range samples {
		verified := verifier(t, byFile[file])
		b, _ := ReadBundle(read(t, file))
		// A promise beside a proof is one source of time of two, where there is a timestamp.
		spare := []string{"verificationMaterial.tlogEntries.inclusionPromise", "verificationMaterial.tlogEntries.inclusionPromise.signedEntryTimestamp",
			"verificationMaterial.tlogEntries.integratedTime", "verificationMaterial.timestampVerificationData",
			"verificationMaterial.timestampVerificationData.rfc3161Timestamps", timestamps, "verificationMaterial.tlogEntries.inclusionProof",
			"verificationMaterial.publicKey.hint", "dsseEnvelope.signatures.keyid"}
		for _, path := range fieldsOf(b.ProtoReflect(), "") {
			changed := proto.CloneOf(b.Bundle)
			clearField(changed.ProtoReflect(), strings.Split(path, "."))
			if why := verified(changed); why == nil && !slices.Contains(spare, path) {
				t.Errorf("%s without %s verifies", file, path)
			}
		}
	}
}

// fieldsOf are the paths of all fields that are set.
func fieldsOf(m protoreflect.Message, path string) []string {
	var all []string
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name := strings.TrimPrefix(path+"."+f.JSONName(), ".")
		all = append(all, name)
		switch {
		case f.Message() == nil:
		case f.IsList():
			all = append(all, fieldsOf(v.List().Get(0).Message(), name)...)
		default:
			all = append(all, fieldsOf(v.Message(), name)...)
		}
		return true
	})
	return all
}

func clearField(m protoreflect.Message, path []string) {
	f := m.Descriptor().Fields().ByJSONName(path[0])
	switch {
	case len(path) == 1:
		m.Clear(f)
	case f.IsList():
		clearField(m.Mutable(f).List().Get(0).Message(), path[1:])
	default:
		clearField(m.Mutable(f).Message(), path[1:])
	}
}

// FuzzBundle looks for bytes that make a verifier panic, or verify something that
// nobody signed.
func FuzzBundle(f *testing.F) {
	roots := []*Root{rootFrom(f, "sigstore/roots/prod.trusted_root.json"), rootFrom(f, "sigstore/roots/staging.trusted_root.json"),
		rootFrom(f, "sigstore/roots/github.trusted_root.json"), rootFrom(f, "sigstore/conformance/rekor2-happy-path/trusted_root.json")}
	key := keyFrom(f, "sigstore/conformance/managed-key-happy-path/key.pub")
	signed := map[string]bool{} // signature and what it is over
	files, err := filepath.Glob(filepath.Join(corpus, "sigstore/*/*.sigstore"))
	more, moreErr := filepath.Glob(filepath.Join(corpus, "sigstore/conformance/*/bundle.sigstore.json"))
	if err != nil || moreErr != nil || len(files)+len(more) < 30 {
		f.Fatalf("%d files, %v, %v", len(files)+len(more), err, moreErr)
	}
	for _, file := range append(files, more...) {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		if b, why := ReadBundle(data); why == nil {
			signed[wholeOf(b)] = true
		}
	}
	what := Artifact(read(f, "sigstore/conformance/a.txt"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, why := ReadBundle(data)
		if why != nil {
			return
		}
		for _, r := range roots {
			for _, about := range []Content{what, {}} {
				_, byCertificate := r.VerifyCertificate(b, about)
				if byKey := r.VerifyKey(b, key, about); (byCertificate == nil || byKey == nil) && !signed[wholeOf(b)] {
					t.Errorf("nobody signed %s, and root %s verifies it", data, r.Name)
				}
			}
		}
		if VerifyEnvelope(data, key, what) == nil {
			t.Errorf("nobody signed %s", data)
		}
	})
}

// wholeOf is what a bundle says and who said it.
func wholeOf(b *bundle.Bundle) string {
	chain := b.GetVerificationMaterial().GetX509CertificateChain().GetCertificates()
	cert := b.GetVerificationMaterial().GetCertificate().GetRawBytes()
	if len(chain) > 0 {
		cert = chain[0].GetRawBytes()
	}
	m, e := b.GetMessageSignature(), b.GetDsseEnvelope()
	sig := m.GetSignature()
	if s := e.GetSignatures(); len(s) > 0 {
		sig = s[0].GetSig()
	}
	return fmt.Sprintf("%x %x %x %q %x", cert, sig, m.GetMessageDigest().GetDigest(), e.GetPayloadType(), e.GetPayload())
}
