package gate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// document is a CycloneDX document with components of these purls.
func document(t testing.TB, purls ...string) []byte {
	t.Helper()
	components := []any{}
	for _, purl := range purls {
		components = append(components, map[string]any{"type": "library", "name": "c", "purl": purl})
	}
	out, err := json.Marshal(map[string]any{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// index is what is looked up of such a document.
func index(t testing.TB, purls ...string) map[string]any {
	t.Helper()
	doc, err := sbom.Read(document(t, purls...))
	if err != nil {
		t.Fatal(err)
	}
	return doc.Index
}

// finds is a generator that finds these components in every artifact.
func finds(t testing.TB, purls ...string) Generator {
	return func(context.Context, gatekeep.Artifact, string) ([]byte, string, error) {
		return document(t, purls...), "looker 1.0", nil
	}
}

func TestComponentsAreComparedByTypeNameAndVersion(t *testing.T) {
	for name, c := range map[string]struct{ attested, found, undeclared, absent []string }{
		"the same":                  {[]string{"pkg:npm/a@1", "pkg:npm/b@1"}, []string{"pkg:npm/b@1", "pkg:npm/a@1"}, nil, nil},
		"nothing on either side":    {nil, nil, nil, nil},
		"one is not declared":       {[]string{"pkg:npm/a@1"}, []string{"pkg:npm/a@1", "pkg:npm/b@1"}, []string{"pkg:npm/b@1"}, nil},
		"one is not there":          {[]string{"pkg:npm/a@1", "pkg:npm/b@1"}, []string{"pkg:npm/a@1"}, nil, []string{"pkg:npm/b@1"}},
		"another version":           {[]string{"pkg:npm/a@1"}, []string{"pkg:npm/a@2"}, []string{"pkg:npm/a@2"}, []string{"pkg:npm/a@1"}},
		"another type":              {[]string{"pkg:npm/a@1"}, []string{"pkg:pypi/a@1"}, []string{"pkg:pypi/a@1"}, []string{"pkg:npm/a@1"}},
		"the image itself":          {[]string{"pkg:oci/app@sha256:ab", "pkg:npm/a@1"}, []string{"pkg:npm/a@1"}, nil, nil},
		"another namespace":         {[]string{"pkg:npm/%40x/a@1"}, []string{"pkg:npm/a@1"}, []string{"pkg:npm/a@1"}, []string{"pkg:npm/%40x/a@1"}},
		"qualifiers of the finder":  {[]string{"pkg:deb/debian/a@1"}, []string{"pkg:deb/debian/a@1?arch=amd64&distro=debian-12"}, nil, nil},
		"qualifiers of the builder": {[]string{"pkg:deb/debian/a@1?arch=amd64"}, []string{"pkg:deb/debian/a@1?arch=arm64"}, nil, nil},
		"a path within":             {[]string{"pkg:golang/x/a@v1#cmd"}, []string{"pkg:golang/x/a@v1"}, nil, nil},
		"another spelling":          {[]string{"pkg:PyPI/A_b@1"}, []string{"pkg:pypi/a-b@1"}, nil, nil},
		"percent signs":             {[]string{"pkg:deb/debian/a@1%3A2"}, []string{"pkg:deb/debian/a@1:2"}, nil, nil},
		"in the order of their names": {nil, []string{"pkg:npm/c@1", "pkg:npm/a@1", "pkg:npm/b@1"},
			[]string{"pkg:npm/a@1", "pkg:npm/b@1", "pkg:npm/c@1"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := compare(index(t, c.attested...), index(t, c.found...))
			want := gatekeep.SBOMCheck{Undeclared: list(c.undeclared), UndeclaredCount: len(c.undeclared), Absent: list(c.absent), AbsentCount: len(c.absent)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	// An index without components, or none at all, declares nothing.
	for _, empty := range []map[string]any{nil, {}, {"by_purl": "none"}} {
		if got := compare(empty, index(t, "pkg:npm/a@1")); got.UndeclaredCount != 1 || got.AbsentCount != 0 {
			t.Errorf("%v: got %+v", empty, got)
		}
	}
}

// Facts stay small however much is missing, and the counts are whole.
func TestNamesAreBoundedAndCountsAreNot(t *testing.T) {
	var many []string
	for i := range maxNamed + 1 {
		many = append(many, fmt.Sprintf("pkg:npm/c%04d@1", i))
	}
	got := compare(index(t), index(t, many...))
	if got.UndeclaredCount != maxNamed+1 || !slices.Equal(got.Undeclared, many[:maxNamed]) || got.AbsentCount != 0 {
		t.Errorf("%d of %d are named", len(got.Undeclared), got.UndeclaredCount)
	}
	got = compare(index(t, many...), index(t, many[0]))
	if got.AbsentCount != maxNamed || !slices.Equal(got.Absent, many[1:]) {
		t.Errorf("%d of %d are named", len(got.Absent), got.AbsentCount)
	}
}

// evidenceOf is what is believed in a world.
func evidenceOf(t testing.TB, w *world) *attest.Evidence {
	t.Helper()
	believed, _, err := verify(w.check().Record.Case, w.documents, w.q.Law)
	if err != nil {
		t.Fatal(err)
	}
	return believed
}

// Who finds nothing in an image that declares components could not look into it, nor who
// finds the system alone.
func TestNothingFoundIsNoTruth(t *testing.T) {
	w := opens(t)
	believed := evidenceOf(t, w)
	system := []byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"operating-system","name":"debian","version":"12"}]}`)
	for name, generate := range map[string]Generator{
		"nothing": finds(t),
		"the system alone": func(context.Context, gatekeep.Artifact, string) ([]byte, string, error) {
			return system, "looker 1.0", nil
		},
	} {
		w.q.Generate = generate
		if _, err := checkSBOMs(t.Context(), w.q, believed); err == nil || !strings.Contains(err.Error(), "cannot look into it") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestWhereNothingIsAskedNothingIsChecked(t *testing.T) {
	w := opens(t)
	w.q.Subject.Artifacts = nil
	if got, err := checkSBOMs(t.Context(), w.q, new(attest.Evidence)); got != nil || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	a := opens(t).check()
	if a.Record.Case.SBOMChecks != nil || bytes.Contains(a.Contents.Input, []byte("sbom_checks")) {
		t.Error("facts tell of a check that nobody made")
	}
}

// An SBOM that could not be checked must not count as true.
func TestWhatCannotBeCheckedIsAnError(t *testing.T) {
	broken := errors.New("the image is gone")
	makes := func(document, program string, err error) Generator {
		return func(context.Context, gatekeep.Artifact, string) ([]byte, string, error) {
			return []byte(document), program, err
		}
	}
	for name, c := range map[string]struct {
		generate Generator
		want     string
	}{
		"the generator fails":       {makes("", "looker", broken), "making that of " + image + ": the image is gone"},
		"it fails after it wrote":   {makes(oneLibrary, "looker", broken), "the image is gone"},
		"it writes nothing":         {makes("", "looker", nil), "that of " + image + ", as looker made it"},
		"it writes half a document": {makes(oneLibrary[:40], "looker", nil), "as looker made it"},
		"it writes something else":  {makes(`{"hello":"world"}`, "looker", nil), "as looker made it"},
		"it writes a name twice":    {makes(strings.Replace(oneLibrary, "{", `{"components":[],`, 1), "looker", nil), "duplicate key"},
		"it writes a later version": {makes(strings.Replace(oneLibrary, `"1.6"`, `"9.9"`, 1), "looker", nil), "as looker made it"},
		"it is stopped on its way in": {func(ctx context.Context, _ gatekeep.Artifact, _ string) ([]byte, string, error) {
			return nil, "", ctx.Err()
		}, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			w := opens(t)
			believed := evidenceOf(t, w)
			w.q.Generate = c.generate
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			got, err := checkSBOMs(ctx, w.q, believed)
			if err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want %q", got, err, c.want)
			}
			if w.q.Sources = []attest.Source{read(t, w.documents)}; strings.Contains(c.want, "canceled") {
				return
			}
			if a, err := Check(t.Context(), w.q); err == nil {
				t.Errorf("the gate says %s", a.Record.Decision.Outcome)
			}
		})
	}
	w := opens(t)
	w.q.Generate, w.q.Subject.Artifacts = finds(t), nil
	if got, err := checkSBOMs(t.Context(), w.q, new(attest.Evidence)); err == nil || got != nil || !strings.Contains(err.Error(), "no artifact") {
		t.Errorf("without artifacts: got %v, %v", got, err)
	}
}

func TestEveryBelievedSBOMOfEveryArtifactIsChecked(t *testing.T) {
	w := release(t)
	w.sign("builder", "sbom", string(document(t, "pkg:npm/left@1.0.0", "pkg:npm/right@1")), image) // a second one, about the first image
	w.sign("scanner", "sbom", string(document(t)), image)                                          // of whom it is not asked
	believed := evidenceOf(t, w)
	asked := map[string]gatekeep.Artifact{}
	w.q.Generate = func(_ context.Context, a gatekeep.Artifact, d string) ([]byte, string, error) {
		asked[d] = a
		return document(t, "pkg:npm/left@1.0.0?arch=x"), "looker 1.0", nil
	}
	got, err := checkSBOMs(t.Context(), w.q, believed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.q.Subject.Artifacts, asked); diff != "" {
		t.Errorf("the generator was asked of: %s", diff)
	}
	if len(got) != 2 || len(got[image]) != 2 || len(got[job]) != 1 {
		t.Fatalf("got %+v", got)
	}
	absent := 0
	for _, check := range slices.Concat(got[image], got[job]) {
		absent += check.AbsentCount
		if check.UndeclaredCount != 0 || check.Generator != "looker 1.0" || check.Components != 1 ||
			check.Generated != digest.Of(document(t, "pkg:npm/left@1.0.0?arch=x")) || !digest.Valid(check.Attestation) || !digest.Valid(check.Ref) {
			t.Errorf("got %+v", check)
		}
	}
	if absent != 1 {
		t.Errorf("%d components are absent, want the one that the second SBOM names", absent)
	}
}

func TestAnArtifactWithoutSBOMHasAnEmptyCheck(t *testing.T) {
	w := opens(t)
	w.documents = slices.DeleteFunc(w.documents, func(e attest.Envelope) bool { return strings.HasPrefix(e.Name, "sbom") })
	believed := evidenceOf(t, w)
	w.q.Generate = finds(t, "pkg:npm/left@1.0.0")
	got, err := checkSBOMs(t.Context(), w.q, believed)
	if diff := cmp.Diff(map[string][]gatekeep.SBOMCheck{image: {}}, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// What the gate saw is part of the case: the decision hangs on it, and can be made
// again where nobody can look into the artifact any more.
func TestWhatTheGateSawDecidesAndIsSealed(t *testing.T) {
	for name, c := range map[string]struct {
		found []string
		want  gatekeep.Outcome
	}{
		"the same":            {[]string{"pkg:npm/left@1.0.0"}, gatekeep.Pass},
		"more than declared":  {[]string{"pkg:npm/left@1.0.0", "pkg:npm/hidden@6.6.6"}, gatekeep.Fail},
		"another version":     {[]string{"pkg:npm/left@1.0.1"}, gatekeep.Fail},
		"qualified otherwise": {[]string{"pkg:npm/left@1.0.0?vcs_url=x"}, gatekeep.Pass},
	} {
		t.Run(name, func(t *testing.T) {
			w := opens(t)
			w.q.Generate = finds(t, c.found...)
			a := w.check()
			want(t, a, c.want)
			var facts struct {
				Checks map[string][]gatekeep.SBOMCheck `json:"sbom_checks"`
			}
			if err := json.Unmarshal(a.Contents.Input, &facts); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(a.Record.Case.SBOMChecks, facts.Checks); diff != "" || len(facts.Checks[image]) != 1 {
				t.Errorf("the facts tell otherwise than the case: %s", diff)
			}
			if c.want == gatekeep.Fail && !strings.Contains(against(a.Record.Decision), "supply_chain/sbom-untrue") {
				t.Errorf("shut for another reason:\n%s", against(a.Record.Decision))
			}
			contents, err := open(t, seal(t, a)).Contents()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(a.Record.Case.SBOMChecks, contents.Record.Case.SBOMChecks); diff != "" {
				t.Errorf("sealed otherwise: %s", diff)
			}
			wantSame(t, contents)
		})
	}
}

// Somebody who changes what the gate saw changes the decision, and replay shows it.
func TestReplayHangsOnWhatTheGateSaw(t *testing.T) {
	w := opens(t)
	w.q.Generate = finds(t, "pkg:npm/left@1.0.0", "pkg:npm/hidden@6.6.6")
	contents := w.check().Contents
	contents.Record.Case.SBOMChecks = map[string][]gatekeep.SBOMCheck{image: slices.Clone(contents.Record.Case.SBOMChecks[image])}
	contents.Record.Case.SBOMChecks[image][0].Undeclared, contents.Record.Case.SBOMChecks[image][0].UndeclaredCount = []string{}, 0
	input, decision, err := Rejudge(t.Context(), contents)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(input, contents.Input) || bytes.Equal(decision, contents.Decision) {
		t.Error("judged again without what was hidden, and nothing differs")
	}
}
