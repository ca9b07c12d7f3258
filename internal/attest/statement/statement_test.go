package statement

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/envelope"
)

const zeros = "0000000000000000000000000000000000000000"

// statementWith has one list of subjects, as written.
func statementWith(subjects string) []byte {
	return []byte(`{"_type":"https://in-toto.io/Statement/v0.1","subject":` + subjects + `,"predicateType":"t","predicate":null}`)
}

func TestSubjectsAsTheyAreFound(t *testing.T) {
	for _, c := range []struct {
		name, subjects string
		want           []string
	}{
		{"release of GitHub: URI and SHA-1 only", `[{"uri":"pkg:github/acme/app@v1","digest":{"sha1":"` + zeros + `"}}]`, []string{"sha1:" + zeros}},
		{"no name, no digest", `[{"uri":"https://x.example"}]`, nil},
		{"name of PEP 740", `[{"name":"a-1.0.whl","digest":{"sha256":"` + strings.Repeat("a", 64) + `"}}]`, []string{"sha256:" + strings.Repeat("a", 64)}},
		{"empty name", `[{"name":"","digest":{"gitCommit":"` + zeros + `"}},{"name":"_","digest":{"gitCommit":"` + zeros + `"}}]`, []string{"gitCommit:" + zeros}},
		{"unknown digest", `[{"name":"x","digest":{"dirHash":"h1:xyz=","gitTree":"X"}}]`, nil},
		{"digest of an example", `[{"digest":{"sha256":"4faeb1b2..."}},{"digest":{"sha1":"` + zeros + `"}}]`, []string{"sha1:" + zeros}},
		{"unknown field", `[{"name":"x","annotations":{"a":1},"digest":{}}]`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			st, why := Parse(statementWith(c.subjects))
			if why != nil {
				t.Fatalf("%+v", why)
			}
			if !slices.Equal(st.Subjects, c.want) || st.PredicateType != "t" || string(st.Predicate) != "null" || len(c.want) > 0 && !st.Has(c.want[0]) || st.Has("") {
				t.Errorf("got %+v", st)
			}
		})
	}
}

// Of two mistakes always the same one is told, or the facts of a decision could not be
// made again.
func TestMessagesAreTheSameEachTime(t *testing.T) {
	data := statementWith(`[{"digest":{"sha512":"x","sha256":"y","sha1":"z","gitCommit":"w"}}]`)
	for range 50 {
		if st, why := Parse(data); why != nil || !strings.Contains(st.Summary(), `subject[0].digest.gitCommit "w" is not lower-case hex`) {
			t.Fatalf("got %+v, %+v", st, why)
		}
	}
	for subjects, want := range map[string]string{
		`{}`: "subject:", `[]`: "it has no subject", `[{"digest":[]}]`: "subject[0].digest", `[{"digest":{"sha256":1}}]`: "subject[0].digest", `[1]`: "subject:",
	} {
		if _, why := Parse(statementWith(subjects)); why == nil || why.Reason != gatekeep.ReasonStatementMalformed || !strings.Contains(why.Detail, want) {
			t.Errorf("%s: got %+v", subjects, why)
		}
	}
}

func TestSummaryIsShort(t *testing.T) {
	for want, st := range map[string]Statement{
		"nothing with a digest that is known here": {}, "a": {Subjects: []string{"a"}}, "a and 2 more": {Subjects: []string{"a", "b", "c"}},
	} {
		if got := st.Summary(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Statements that others wrote, bare and in envelopes.
func TestStatementsOfTheWild(t *testing.T) {
	const wild = "../../../testdata/corpus/"
	counts := map[string]int{"dsse/single.dsse.json": 10, "intoto/guac/certify-vuln.json": 1}
	for name, want := range map[string]string{
		"intoto/spec-examples/release-0.json":       "https://in-toto.io/attestation/release/v0.1",
		"intoto/spec-examples/scai-0.json":          "https://in-toto.io/attestation/scai/v0.3",
		"intoto/spec-examples/svr-0.json":           "https://in-toto.io/attestation/svr/v0.2",
		"intoto/spec-examples/test-result-0.json":   "https://in-toto.io/attestation/test-result/v0.1",
		"intoto/spec-examples/reference-0.json":     "https://in-toto.io/attestation/reference/v0.1",
		"intoto/guac/certify-vuln.json":             "https://in-toto.io/attestation/vulns/v0.1",
		"intoto/guac/certify-novuln.json":           "https://in-toto.io/attestation/vulns/v0.1",
		"intoto/guac/oci-dsse-att.json":             "https://slsa.dev/provenance/v0.2",
		"dsse/single.dsse.json":                     "https://slsa.dev/provenance/v0.2",
		"dsse/rebuild.dsse.json":                    "https://slsa.dev/provenance/v1",
		"materials/chainloop/attestation-dsse.json": "",
	} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(wild + name)
			if err != nil {
				t.Fatal(err)
			}
			d, why := envelope.Open(data)
			if why != nil {
				t.Fatalf("%+v", why)
			}
			st, why := Of(d)
			if why != nil {
				t.Fatalf("%+v", why)
			}
			if want != "" && st.PredicateType != want {
				t.Errorf("got %q", st.PredicateType)
			}
			if n := counts[name]; n > 0 && st.Count != n {
				t.Errorf("%d subjects, want %d", st.Count, n)
			}
		})
	}
	for _, name := range []string{"intoto/guac/ingest_predicates.json", "materials/chainloop/attestation-invalid-payload.json"} {
		data, err := os.ReadFile(wild + name)
		if err != nil {
			t.Fatal(err)
		}
		d, why := envelope.Open(data)
		if why == nil {
			_, why = Of(d)
		}
		if why == nil {
			t.Errorf("%s is read", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(statementWith(`[{"uri":"x","digest":{"sha1":"` + zeros + `"}}]`))
	f.Add([]byte(`{"critical":{"image":{"docker-manifest-digest":"sha256:` + strings.Repeat("a", 64) + `"},"type":"cosign container image signature"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, d := range []*envelope.Document{{Payload: data}, {Payload: data, Image: true}} {
			st, why := Of(d)
			if (st == nil) == (why == nil) || why != nil && (why.Reason == "" || why.Detail == "") {
				t.Fatalf("got %+v, %+v", st, why)
			}
			if st != nil && (st.PredicateType == "" || !slices.IsSorted(st.Subjects)) {
				t.Fatalf("got %+v", st)
			}
		}
	})
}
