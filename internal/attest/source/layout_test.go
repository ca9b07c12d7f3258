package source

import (
	"archive/tar"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	ggcr "github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sigstore/cosign/v2/pkg/oci/static"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/attest/roots"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/cosign"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocistore"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

const (
	savedByCosign = "../../../testdata/corpus/oci/cosign-attachment_v1.10.0"
	savedIndex    = "sha256:e0a0a765d690a5104331cfbac88ebbbf01736c1f87aaa3cd455c516a5ea586a5"
	savedPlatform = "sha256:ae01bed04d3f41efa80182824a50345cd1430f4d1a9308eda4369122bd94c85e"
)

// keyless trusts the builder that made the saved attachment.
const keyless = `version: 1
roots: {production: trusted_root.json}
signers:
  builder:
    root: production
    issuer: https://token.actions.githubusercontent.com
    subject: https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_container_slsa3.yml@refs/tags/v1.10.0
statements:
  - {types: [provenance], signers: [builder]}
`

func trusted(t testing.TB) *attest.Trust {
	t.Helper()
	production, _ := roots.Named(roots.Production)
	trust, err := attest.LoadTrust(fstest.MapFS{"trust.yaml": {Data: []byte(keyless)}, "trusted_root.json": {Data: production.JSON}}, "trust.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

func TestSavedImageIsResolvedAndItsAttestationBelieved(t *testing.T) {
	s, err := Resolve(t.Context(), savedByCosign, Registry{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Kind != gatekeep.KindIndex || s.Digest != savedIndex || len(s.Artifacts) != 1 || s.Artifacts[savedPlatform].Platform != "linux/amd64" || !isPath(s.Name) {
		t.Fatalf("got %+v", s)
	}
	for name, from := range map[string]attest.Source{"layout": OCILayout{Path: savedByCosign}, "named among files": Dir{Paths: []string{savedByCosign}}, "below a folder": Dir{Paths: []string{filepath.Dir(savedByCosign)}}} {
		envelopes, reports := attest.Gather(t.Context(), []attest.Source{from}, s)
		if len(envelopes) != 1 || reports[0].Status != gatekeep.SourceRead || reports[0].Count != 1 {
			t.Fatalf("%s: %+v", name, reports)
		}
		about := attest.About{Digests: attest.AboutSubject(s), Environment: "prod"}
		ev, err := attest.Verify(envelopes, trusted(t), about, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		if len(ev.Statements) != 1 || ev.Statements[0].Verification.Signer != "builder" || ev.Statements[0].PredicateType != "https://slsa.dev/provenance/v0.2" {
			t.Errorf("%s: %+v, %+v", name, ev.Statements, ev.Rejected)
		}
	}
}

// The same attachment in a registry, where cosign keeps it, is believed too; without
// its annotations it proves nothing.
func TestAttachmentInARegistryIsBelieved(t *testing.T) {
	folder, err := ocistore.OpenFolder(savedByCosign)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	var m v1.Manifest
	raw, err := folder.Manifest(t.Context(), "sha256:31cc4fb663c8d34e2e6a0bd5f183d576c2811ee286e0998b4c2965e3b35a0d86")
	if err != nil || json.Unmarshal(raw, &m) != nil {
		t.Fatal(err)
	}
	layer, err := folder.Blob(t.Context(), m.Layers[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, bare := range []bool{false, true} {
		f := newFake(t, true)
		f.tag(t, "app", savedIndex, ".att", types.MediaType(ocistore.MediaDSSE), layer, m.Layers[0].Annotations, bare)
		s := f.imageSubject("app", savedIndex)
		envelopes, _ := OCI{Registry: quick()}.Envelopes(t.Context(), s)
		if len(envelopes) != 1 {
			t.Fatalf("found %d", len(envelopes))
		}
		ev, err := attest.Verify(envelopes, trusted(t), attest.About{Digests: []string{savedIndex}, Environment: "prod"}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		if believed := len(ev.Statements) == 1; believed == bare {
			t.Errorf("bare %v: %+v, %+v", bare, ev.Statements, ev.Rejected)
		}
	}
}

// A signature by a key, under the tag of signatures, is believed of its image and of no
// other.
func TestImageSignatureInARegistryIsBelieved(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := attest.LoadTrust(fstest.MapFS{
		"k.pub":      {Data: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})},
		"trust.yaml": {Data: []byte("version: 1\nsigners: {release: {key: k.pub}}\nstatements: [{types: [\"https://sigstore.dev/cosign/sign/v1\"], signers: [release]}]\n")},
	}, "trust.yaml")
	if err != nil {
		t.Fatal(err)
	}
	f := newFake(t, true)
	d := f.pushImage(t, "app:1")
	for named, believed := range map[string]int{d: 1, digest.Of([]byte("another")): 0} {
		payload := []byte(`{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":"` + named + `"},"type":"cosign container image signature"},"optional":null}`)
		sum := sha256.Sum256(payload)
		sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		f.tag(t, "app", d, ".sig", cosign.MediaSimpleSigning, payload, map[string]string{static.SignatureAnnotationKey: base64.StdEncoding.EncodeToString(sig)}, false)
		envelopes, _ := OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
		ev, err := attest.Verify(envelopes, trust, attest.About{Digests: []string{d}, Environment: "prod"}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		if len(ev.Statements) != believed || len(ev.Rejected) != 1-believed {
			t.Errorf("of %s: %+v, %+v", named, ev.Statements, ev.Rejected)
		}
	}
}

// tag stores one layer with annotations as cosign does.
func (f *fake) tag(t testing.TB, repo, subject, ending string, mediaType types.MediaType, layer []byte, annotations map[string]string, bare bool) {
	t.Helper()
	if bare {
		annotations = nil
	}
	image, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{Layer: ggcr.NewLayer(layer, mediaType), Annotations: annotations})
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(f.ref(t, repo+":"+strings.Replace(subject, ":", "-", 1)+ending), image); err != nil {
		t.Fatal(err)
	}
}

// made is a layout with an image, what is attached to it in each way that there is,
// and what is attached to another.
func made(t testing.TB) (path, subject string) {
	t.Helper()
	path = t.TempDir()
	l, err := layout.Write(path, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	subject = hashOf(t, image)
	other := digest.Of([]byte("another image"))
	add := func(document string, mediaType types.MediaType, of, ref string) {
		m := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
		m, err := mutate.AppendLayers(m, ggcr.NewLayer([]byte(document), mediaType))
		if err != nil {
			t.Fatal(err)
		}
		var options []layout.Option
		if ref != "" {
			options = append(options, layout.WithAnnotations(map[string]string{annotationRef: ref}))
		}
		if of != "" {
			hash, err := v1.NewHash(of)
			if err != nil {
				t.Fatal(err)
			}
			m = mutate.Subject(m, v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: hash, Size: 1}).(v1.Image)
		}
		if err := l.AppendImage(m, options...); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.AppendImage(image, layout.WithAnnotations(map[string]string{annotationRef: "registry.example/app:1.2"})); err != nil {
		t.Fatal(err)
	}
	dash := func(d string) string { return strings.Replace(d, ":", "-", 1) }
	add(`{"att":1}`, ocistore.MediaDSSE, "", dash(subject)+".att")
	add(`{"att":2}`, ocistore.MediaDSSE, "", "registry.example/app:"+dash(subject)+".att")
	add(`{"att":"other"}`, ocistore.MediaDSSE, "", dash(other)+".att")
	add(`{"ref":1}`, ocistore.MediaBundle, subject, "")
	add(`{"ref":"other"}`, ocistore.MediaBundle, other, "")
	add("layer of no kind", types.OCILayer, subject, "")
	return path, subject
}

func TestLayoutHoldsWhatIsAttachedToTheSubject(t *testing.T) {
	path, subject := made(t)
	s, err := Resolve(t.Context(), path+":1.2", Registry{})
	if err != nil || s.Digest != subject || s.Kind != gatekeep.KindImage || s.Ref != path+":1.2" {
		t.Fatalf("%+v, %v", s, err)
	}
	if again, err := Resolve(t.Context(), "oci:"+path+"@"+subject, Registry{}); err != nil || again.Digest != subject || again.Name != s.Name {
		t.Errorf("%+v, %v", again, err)
	}
	packed := filepath.Join(t.TempDir(), "image.tar")
	pack(t, path, packed)
	if s, err := Resolve(t.Context(), "oci:"+packed+":1.2", Registry{}); err != nil || s.Digest != subject {
		t.Errorf("archive: %+v, %v", s, err)
	}
	if s, err := Resolve(t.Context(), packed, Registry{}); err != nil || s.Kind != gatekeep.KindFile {
		t.Errorf("archive as a file: %+v, %v", s, err)
	}
	for _, from := range []attest.Source{OCILayout{Path: path}, OCILayout{Path: packed}, Dir{Paths: []string{packed}}} {
		envelopes, reports := from.Envelopes(t.Context(), s)
		if got := bytesOf(envelopes); !slices.Equal(got, []string{`{"att":1}`, `{"att":2}`, `{"ref":1}`}) || reports[0].Count != 3 {
			t.Errorf("found %q, %+v", got, reports)
		}
	}
	_, reports := OCILayout{Path: path}.Envelopes(t.Context(), gatekeep.Subject{Digest: digest.Of([]byte("x"))})
	if reports[0].Status != gatekeep.SourceEmpty {
		t.Errorf("of another subject: %+v", reports)
	}
	// What names a subject is not an image that could be meant.
	if alone, err := Resolve(t.Context(), path, Registry{}); err != nil || alone.Digest != subject {
		t.Errorf("%+v, %v", alone, err)
	}
	for ref, want := range map[string]string{
		path + ":none": `no image "none"`, "oci:" + path + "@" + digest.Of([]byte("x")): "lists no image", "oci:" + path + "/none": "no such file",
	} {
		var failed *ResolveError
		if _, err := Resolve(t.Context(), ref, Registry{}); !errors.As(err, &failed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

// pack writes a folder as a tar archive.
func pack(t testing.TB, from, to string) {
	t.Helper()
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := tar.NewWriter(f)
	if err := w.AddFS(os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLayoutThatLeavesEvidenceOutFails(t *testing.T) {
	remove := func(path, document string) {
		if err := os.Remove(filepath.Join(path, "blobs/sha256", digest.Of([]byte(document))[7:])); err != nil {
			t.Fatal(err)
		}
	}
	for name, spoil := range map[string]func(path string){
		"blob is gone":     func(path string) { remove(path, `{"att":1}`) },
		"referrer is gone": func(path string) { remove(path, `{"ref":1}`) },
		"index is gone":    func(path string) { os.Remove(filepath.Join(path, "index.json")) },
		"index is broken":  func(path string) { write(t, path, map[string]string{"index.json": `{"manifests":[],"manifests":[]}`}) },
		"blob is another": func(path string) {
			write(t, path, map[string]string{"blobs/sha256/" + digest.Of([]byte(`{"ref":1}`))[7:]: `{"ref":2}`})
		},
	} {
		path, subject := made(t)
		spoil(path)
		_, reports := OCILayout{Path: path, Required: true}.Envelopes(t.Context(), gatekeep.Subject{Digest: subject})
		if r := reports[0]; r.Status != gatekeep.SourceFailed || r.Detail == "" || !r.Required {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestReferenceThatLooksLikeALayoutStaysAReference(t *testing.T) {
	path, _ := made(t)
	t.Chdir(filepath.Dir(path))
	base := filepath.Base(path)
	if _, _, ok := cutLayout(base + ":1.2"); ok {
		t.Error("a repository of the same name can no longer be given")
	}
	if _, _, ok := cutLayout("./" + base + ":1.2"); !ok {
		t.Error("a path with a tag is not taken for one")
	}
	if _, err := name.ParseReference("oci:" + base); err == nil && isPath("oci:"+base) {
		t.Error("the prefix is that of a path")
	}
}
