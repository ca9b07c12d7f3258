package source

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocistore"
)

func reportOf(t testing.TB, reports []gatekeep.SourceReport, what string) gatekeep.SourceReport {
	t.Helper()
	for _, r := range reports {
		if strings.HasSuffix(r.Name, "("+what+")") {
			return r
		}
	}
	t.Fatalf("no report of %s in %+v", what, reports)
	return gatekeep.SourceReport{}
}

func bytesOf(envelopes []attest.Envelope) []string {
	texts := []string{}
	for _, e := range envelopes {
		texts = append(texts, string(e.Bytes))
	}
	slices.Sort(texts)
	return texts
}

func TestNothingThereIsEmpty(t *testing.T) {
	for _, api := range []bool{true, false} {
		f := newFake(t, api)
		d := f.pushImage(t, "app:1")
		envelopes, reports := OCI{Registry: quick(), Required: true}.Envelopes(t.Context(), f.imageSubject("app", d))
		if len(envelopes) != 0 || len(reports) != 2 {
			t.Fatalf("found %d, %+v", len(envelopes), reports)
		}
		for _, r := range reports {
			if r.Status != gatekeep.SourceEmpty || r.Reason != "" || !r.Required || r.Count != 0 {
				t.Errorf("referrers API %v: %+v", api, r)
			}
		}
	}
}

func TestAttachmentsAndReferrersAreFoundOnIndexAndPlatforms(t *testing.T) {
	for _, api := range []bool{true, false} {
		f := newFake(t, api)
		subject, platforms := f.pushIndex(t, "app:1")
		f.attach(t, "app", subject, `{"att":"index"}`)
		f.attach(t, "app", platforms[0], `{"att":"platform"}`, `{"att":"second"}`)
		f.refer(t, "app", subject, ocistore.MediaBundle, `{"ref":"index"}`)
		f.refer(t, "app", platforms[1], ocistore.MediaDSSE, `{"ref":"platform"}`)
		f.refer(t, "app", platforms[1], "application/vnd.example.signature", `{"ref":"of another kind"}`)
		s, err := Resolve(t.Context(), f.host+"/app:1", quick())
		if err != nil {
			t.Fatal(err)
		}
		envelopes, reports := OCI{Registry: quick()}.Envelopes(t.Context(), s)
		want := []string{`{"att":"index"}`, `{"att":"platform"}`, `{"att":"second"}`, `{"ref":"index"}`, `{"ref":"platform"}`}
		if got := bytesOf(envelopes); !slices.Equal(got, want) {
			t.Errorf("referrers API %v: found %q", api, got)
		}
		att, ref := reportOf(t, reports, "cosign attachments"), reportOf(t, reports, "referrers")
		if len(reports) != 2 || att.Status != gatekeep.SourceRead || att.Count != 3 || ref.Status != gatekeep.SourceRead || ref.Count != 2 {
			t.Errorf("referrers API %v: %+v", api, reports)
		}
		for _, e := range envelopes {
			if e.Source != att.Name && e.Source != ref.Name || e.Name == "" || e.MediaType == "" {
				t.Errorf("origin of %+v", e)
			}
		}
	}
}

func TestDeadRegistryIsUnreachable(t *testing.T) {
	s := gatekeep.Subject{Kind: gatekeep.KindImage, Name: "127.0.0.1:1/app", Digest: "sha256:" + strings.Repeat("0", 64)}
	_, reports := OCI{Registry: quick()}.Envelopes(t.Context(), s)
	for _, r := range reports {
		if r.Status != gatekeep.SourceFailed || r.Reason != gatekeep.ReasonSourceUnreachable {
			t.Errorf("got %+v", r)
		}
	}
	if len(reports) != 2 {
		t.Fatalf("got %+v", reports)
	}
}

// A registry that answers with other bytes than it promised is not believed.
func TestLiesOfARegistry(t *testing.T) {
	const document = `{"honest":true}`
	for _, c := range []struct {
		name string
		lie  func(t *testing.T, f *fake, subject, manifest string)
	}{
		{"blob of another digest", func(t *testing.T, f *fake, _, _ string) {
			f.breakPath("/blobs/", answer("application/octet-stream", []byte(`{"honest":fals}`)))
		}},
		{"blob longer than stated", func(t *testing.T, f *fake, _, _ string) {
			f.breakPath("/blobs/", answer("application/octet-stream", []byte(document+strings.Repeat(" ", 1000))))
		}},
		{"blob gone", func(t *testing.T, f *fake, _, _ string) { f.breakPath("/blobs/", status(http.StatusNotFound)) }},
		{"manifest of another digest", func(t *testing.T, f *fake, subject, manifest string) {
			f.breakPath("/manifests/"+manifest, answer("application/vnd.oci.image.manifest.v1+json", referrer(t, subject, ocistore.MediaDSSE, []byte("{}"), 2)))
		}},
		{"manifest gone", func(t *testing.T, f *fake, _, manifest string) {
			f.breakPath("/manifests/"+manifest, status(http.StatusNotFound))
		}},
		{"manifest of another size", func(t *testing.T, f *fake, _, manifest string) {
			f.breakPath("/referrers/", answer("application/vnd.oci.image.index.v1+json",
				[]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"`+ocistore.MediaBundle+`","digest":"`+manifest+`","size":7}]}`)))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t, true)
			d := f.pushImage(t, "app:1")
			manifest := f.refer(t, "app", d, ocistore.MediaBundle, document)
			c.lie(t, f, d, manifest)
			envelopes, reports := OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
			r := reportOf(t, reports, "referrers")
			if r.Status != gatekeep.SourceFailed || r.Reason != gatekeep.ReasonSourceMalformed || len(envelopes) != 0 {
				t.Fatalf("got %+v and %q", r, bytesOf(envelopes))
			}
		})
	}
}

func TestStatedSizeIsBoundedBeforeAnythingIsRead(t *testing.T) {
	f := newFake(t, true)
	d := f.pushImage(t, "app:1")
	manifest := referrer(t, d, ocistore.MediaBundle, []byte("{}"), attest.EnvelopeBytes+1)
	f.breakPath(".att", answer("application/vnd.oci.image.manifest.v1+json", manifest))
	read := false
	f.breakPath("/blobs/", func(http.ResponseWriter, *http.Request) { read = true })
	_, reports := OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
	if r := reportOf(t, reports, "cosign attachments"); r.Reason != gatekeep.ReasonSourceMalformed || !strings.Contains(r.Detail, "bound") || read {
		t.Fatalf("got %+v, read %v", r, read)
	}
}

func TestFilesLieInNoRegistry(t *testing.T) {
	s := gatekeep.Subject{Kind: gatekeep.KindFile, Name: "./dist/app", Digest: "sha256:x", Artifacts: map[string]gatekeep.Artifact{
		"sha256:x": {Name: "./dist/app", CoveredBy: []string{"sha256:x"}}}}
	if envelopes, reports := (OCI{Registry: quick()}).Envelopes(t.Context(), s); len(envelopes)+len(reports) != 0 {
		t.Fatalf("got %+v", reports)
	}
}
