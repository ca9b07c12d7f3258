package predicate

import (
	"testing"

	provenancev1 "github.com/in-toto/attestation/go/predicates/provenance/v1"
	ita "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
)

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
