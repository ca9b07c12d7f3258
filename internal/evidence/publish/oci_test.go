package publish

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source"
)

const (
	statement = `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"k"}},` +
		`"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AA=="}]}}`
	predicateType = "https://slsa.dev/verification_summary/v1"
	mediaType     = "application/vnd.gatekeep.evidence.v1+zip"
)

func registryAccess() Access {
	return Access{Registry: source.Registry{Timeout: 10 * time.Second, RetryDelay: 5 * time.Millisecond}, PredicateType: predicateType, MediaType: mediaType}
}

// newRegistry starts a registry, of before OCI 1.1 where it has no referrers API.
func newRegistry(t testing.TB, referrersAPI bool) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(referrersAPI), registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func pushImage(t testing.TB, repository string) gatekeep.Subject {
	t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	repo, err := name.NewRepository(repository, name.StrictValidation)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(repo.Tag("1"), image); err != nil {
		t.Fatal(err)
	}
	d, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return gatekeep.Subject{Kind: gatekeep.KindImage, Name: repository, Digest: d.String(), Artifacts: map[string]gatekeep.Artifact{d.String(): {Name: repository}}}
}

func toRegistry(t testing.TB, target string, d Document) ([]Receipt, error) {
	t.Helper()
	place, err := Parse(target, registryAccess())
	if err != nil {
		t.Fatal(err)
	}
	return place.Publish(t.Context(), d)
}

// referrersOf lists what a registry says of an image, by the API or the fallback tag.
func referrersOf(t testing.TB, s gatekeep.Subject, at string) []v1.Descriptor {
	t.Helper()
	repo, err := name.NewRepository(at, name.StrictValidation)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Referrers(repo.Digest(s.Digest))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	return manifest.Manifests
}

func TestImageCarriesBundleAndStatement(t *testing.T) {
	for _, api := range []bool{true, false} {
		host := newRegistry(t, api)
		s := pushImage(t, host+"/team/app")
		receipts, err := toRegistry(t, "oci://", document(t, "zip", s))
		if err != nil || len(receipts) != 2 || receipts[0].Kind != KindBundle || receipts[1].Kind != KindStatement {
			t.Fatalf("referrers API %v: %+v, %v", api, receipts, err)
		}
		again, err := toRegistry(t, "oci://", document(t, "zip", s))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(receipts) {
			t.Errorf("again: %+v, %v", again, err)
		}
		if listed := referrersOf(t, s, host+"/team/app"); len(listed) != 2 {
			t.Errorf("referrers API %v: %d are listed", api, len(listed))
		}
		for i, want := range []string{
			`"artifactType":"application/vnd.gatekeep.evidence.v1+zip"`,
			`"artifactType":"application/vnd.dev.sigstore.bundle.v0.3+json"`,
		} {
			at, err := name.NewDigest(receipts[i].Location)
			if err != nil {
				t.Fatal(err)
			}
			got, err := remote.Get(at)
			if err != nil {
				t.Fatal(err)
			}
			var m struct {
				Config  struct{ MediaType string }
				Layers  []struct{ MediaType string }
				Subject struct {
					Digest string
				}
				Annotations map[string]string
			}
			if err := json.Unmarshal(got.Manifest, &m); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(got.Manifest), want) || m.Subject.Digest != s.Digest || len(m.Layers) != 1 || m.Config.MediaType != "application/vnd.oci.empty.v1+json" {
				t.Errorf("%s", got.Manifest)
			}
			wantNotes := map[string]string{"dev.gatekeep.decision.id": "dec-1", "org.opencontainers.image.title": "evidence-dec-1.zip"}
			if i == 1 {
				wantNotes = map[string]string{"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": predicateType}
			}
			if fmt.Sprint(m.Annotations) != fmt.Sprint(wantNotes) {
				t.Errorf("annotations %v", m.Annotations)
			}
		}
	}
}

func TestConcurrentPublishersLoseNothing(t *testing.T) {
	for _, api := range []bool{true, false} {
		host := newRegistry(t, api)
		s := pushImage(t, host+"/app")
		var group sync.WaitGroup
		const publishers = 4
		for i := range publishers {
			d := document(t, fmt.Sprint("zip ", i), s)
			d.statement = []byte(strings.Replace(statement, `"k"`, fmt.Sprintf(`"k%d"`, i), 1))
			group.Go(func() {
				if _, err := toRegistry(t, "oci://", d); err != nil {
					t.Errorf("referrers API %v: %v", api, err)
				}
			})
		}
		group.Wait()
		if listed := referrersOf(t, s, host+"/app"); len(listed) != 2*publishers {
			t.Errorf("referrers API %v: %d of %d are listed", api, len(listed), 2*publishers)
		}
	}
}

func TestEvidenceInAnotherRepository(t *testing.T) {
	home, archive := newRegistry(t, true), newRegistry(t, false)
	s := pushImage(t, home+"/app")
	receipts, err := toRegistry(t, "oci://"+archive+"/kept", document(t, "zip", s))
	if err != nil || !strings.HasPrefix(receipts[0].Location, archive+"/kept@sha256:") {
		t.Fatal(receipts, err)
	}
	if listed := referrersOf(t, s, archive+"/kept"); len(listed) != 2 {
		t.Errorf("%d are listed", len(listed))
	}
	if listed := referrersOf(t, s, home+"/app"); len(listed) != 0 {
		t.Errorf("%d are listed beside the image", len(listed))
	}
}

func TestReleaseCarriesEvidenceOnEveryImage(t *testing.T) {
	host := newRegistry(t, true)
	a, b := pushImage(t, host+"/a"), pushImage(t, host+"/b")
	release := gatekeep.Subject{Kind: gatekeep.KindRelease, Name: "release", Digest: a.Digest, Artifacts: map[string]gatekeep.Artifact{
		a.Digest: a.Artifacts[a.Digest], b.Digest: b.Artifacts[b.Digest],
	}}
	receipts, err := toRegistry(t, "oci://", document(t, "zip", release))
	if err != nil || len(receipts) != 4 {
		t.Fatal(receipts, err)
	}
	for repo, s := range map[string]gatekeep.Subject{"/a": a, "/b": b} {
		if listed := referrersOf(t, s, host+repo); len(listed) != 2 {
			t.Errorf("%s: %d are listed", repo, len(listed))
		}
	}
}

func TestWhatLiesInNoRegistry(t *testing.T) {
	for _, s := range []gatekeep.Subject{
		{Kind: gatekeep.KindFile, Name: "plan.json", Digest: "sha256:00"},
		{Kind: gatekeep.KindIndex, Name: "./layout", Digest: "sha256:00"},
		{Kind: gatekeep.KindImage, Name: "/srv/layout", Digest: "sha256:00"},
		{Kind: gatekeep.KindRelease, Name: "r", Artifacts: map[string]gatekeep.Artifact{"sha256:00": {Name: "./layout"}}},
	} {
		if got, err := toRegistry(t, "oci://", document(t, "zip", s)); err == nil || !strings.Contains(err.Error(), "a folder or a bucket") || got != nil {
			t.Errorf("%s %s: %v, %v", s.Kind, s.Name, got, err)
		}
	}
}

func TestRegistryThatDoesNotTakeIt(t *testing.T) {
	host := newRegistry(t, true)
	s := pushImage(t, host+"/app")
	for status, want := range map[int]string{
		http.StatusTooManyRequests: "429 Too Many Requests", http.StatusServiceUnavailable: "503 Service Unavailable", http.StatusForbidden: "403",
	} {
		refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				w.WriteHeader(status)
				return
			}
			http.Redirect(w, r, "http://"+host+r.URL.Path, http.StatusTemporaryRedirect)
		}))
		defer refusing.Close()
		other := s
		other.Name = strings.TrimPrefix(refusing.URL, "http://") + "/app"
		if got, err := toRegistry(t, "oci://", document(t, "zip", other)); err == nil || !strings.Contains(err.Error(), want) || got != nil {
			t.Errorf("%d: %v, %v", status, got, err)
		}
	}
	s.Name = "127.0.0.1:1/app"
	if got, err := toRegistry(t, "oci://", document(t, "zip", s)); err == nil || got != nil {
		t.Errorf("a registry that is down: %v, %v", got, err)
	}
	if listed := referrersOf(t, s, host+"/app"); len(listed) != 0 {
		t.Errorf("%d are listed", len(listed))
	}
}
