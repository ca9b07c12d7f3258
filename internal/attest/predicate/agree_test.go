package predicate

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	provenancev1 "github.com/in-toto/attestation/go/predicates/provenance/v1"
	ita "github.com/in-toto/attestation/go/v1"
	"github.com/openvex/go-vex/pkg/vex"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
)

// TestVEXAgreesWithGoVEX asks the reference library of each document that it reads:
// what it says of a product must be among what is said here, and nothing besides.
func TestVEXAgreesWithGoVEX(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectors, "vex", "v0.2.0.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no documents", err)
	}
	files = append(files, filepath.Join(vectors, "vex", "ampel.json"))
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data := read(t, filepath.Join("vex", filepath.Base(file)))
			document, err := vex.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			got, err := decodeVEX(data)
			if err != nil {
				t.Fatal(err)
			}
			ids := map[string]bool{}
			for _, s := range document.Statements {
				for _, name := range append([]vex.VulnerabilityID{s.Vulnerability.Name}, s.Vulnerability.Aliases...) {
					ids[string(name)] = true
					checkVEX(t, got, string(name), &s)
				}
			}
			if len(ids) != len(got.VEX) {
				t.Errorf("statements about %d vulnerabilities, go-vex has %d", len(got.VEX), len(ids))
			}
		})
	}
}

func checkVEX(t *testing.T, got *Content, id string, s *vex.Statement) {
	t.Helper()
	for _, product := range s.Products {
		for _, part := range product.Subcomponents {
			found := false
			for _, said := range got.VEX[id] {
				at, err := time.Parse(time.RFC3339, said.Timestamp)
				if err != nil {
					t.Fatal(err)
				}
				if s.Timestamp != nil && !at.Equal(*s.Timestamp) {
					continue
				}
				found = found || slices.Contains(said.Products, part.ID) &&
					said.Status == string(s.Status) && said.Justification == string(s.Justification)
				// The whole image is never named by a statement about its parts.
				for _, name := range said.Products {
					if strings.HasPrefix(name, "sha256:") || name == product.ID {
						t.Errorf("%s: a statement about %s speaks of %s", id, part.ID, name)
					}
				}
			}
			if !found {
				t.Errorf("%s: nothing is said of %s, go-vex has %s", id, part.ID, s.Status)
			}
		}
	}
}

// TestProvenanceOfTheReferenceLibraryIsRead has a predicate that the in-toto library
// itself writes.
func TestProvenanceOfTheReferenceLibraryIsRead(t *testing.T) {
	parameters, err := structpb.NewStruct(map[string]any{
		"workflow": map[string]any{"repository": "https://h/o/r", "ref": "refs/heads/main"},
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := protojson.Marshal(&provenancev1.Provenance{
		BuildDefinition: &provenancev1.BuildDefinition{
			BuildType:          "t",
			ExternalParameters: parameters,
			ResolvedDependencies: []*ita.ResourceDescriptor{{
				Uri:    "git+https://h/o/r@refs/heads/main",
				Digest: map[string]string{"gitCommit": hash},
			}},
		},
		RunDetails: &provenancev1.RunDetails{
			Builder:  &provenancev1.Builder{Id: "b"},
			Metadata: &provenancev1.BuildMetadata{InvocationId: "i"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Wrap("provenance", raw, WrapOptions{})
	if err != nil || w.Type != slsaV1 {
		t.Fatalf("got %s, %v", w.Type, err)
	}
	c, err := decodeSLSA1(raw)
	if err != nil {
		t.Fatal(err)
	}
	for claim, want := range map[string]string{
		"builder_id": "b", "build_type": "t", "build_id": "i",
		"source_uri": "git+https://h/o/r", "source_ref": "refs/heads/main", "source_commit": hash,
	} {
		if c.Claims[claim] != want {
			t.Errorf("%s is %v, want %s", claim, c.Claims[claim], want)
		}
	}
}
