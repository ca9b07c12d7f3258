package slsa

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRepositoriesHaveOneForm(t *testing.T) {
	for text, want := range map[string][2]string{
		"git+https://github.com/o/r@refs/heads/main":     {"git+https://github.com/o/r", "refs/heads/main"},
		"https://github.com/o/r":                         {"git+https://github.com/o/r", ""},
		"https://GitHub.com/O/r.git":                     {"git+https://github.com/O/r", ""},
		"https://github.com/o/r.git#refs/heads/main":     {"git+https://github.com/o/r", "refs/heads/main"},
		"git@github.com:o/r.git":                         {"git+https://github.com/o/r", ""},
		"git+ssh://git@github.com:22/o/r@v1":             {"git+https://github.com/o/r", "v1"},
		"https://user:secret@gitlab.example/a/b/c/":      {"git+https://gitlab.example/a/b/c", ""},
		"https://git.example:8443/o/r":                   {"git+https://git.example:8443/o/r", ""},
		"http://github.com/o/r":                          {"git+http://github.com/o/r", ""},
		"https://github.com/o/../x/r":                    {"", ""},
		"https://github.com/":                            {"", ""},
		"https://github.com/o/r?evil=https://github.com": {"", ""},
		"pkg:npm/a@1":                                    {"", ""},
		"file:///etc/passwd":                             {"", ""},
		"":                                               {"", ""},
		"::":                                             {"", ""},
	} {
		if uri, ref := repository(text); uri != want[0] || ref != want[1] {
			t.Errorf("%q: got %q %q, want %q", text, uri, ref, want)
		}
	}
}

func TestSourceOfEachBuildTypeIsFound(t *testing.T) {
	const hash = "4d329c75e7ec1725f7c9ce917a8799d408d06be3"
	v1 := func(parameters, internal, dependencies string) string {
		return `{"buildDefinition":{"buildType":"t","externalParameters":` + parameters + `,"internalParameters":` + internal +
			`,"resolvedDependencies":` + dependencies + `},"runDetails":{"builder":{"id":"b"},"metadata":{"invocationId":"i"}}}`
	}
	dependency := `[{"uri":"pkg:docker/x"},{"uri":"git+https://h/other@refs/heads/x","digest":{"gitCommit":"` + strings.Repeat("0", 40) + `"}},{"uri":"git+https://h/o/r@refs/heads/main","digest":{"gitCommit":"` + hash + `"}}]`
	full := Provenance{"b", "t", "git+https://h/o/r", "refs/heads/main", hash, "i", "push"}
	for name, c := range map[string]struct {
		text string
		want Provenance
	}{
		"GitHub Actions": {v1(`{"workflow":{"repository":"https://h/o/r","ref":"refs/heads/main","path":"x"}}`, `{"github":{"event_name":"push"}}`, dependency), full},
		"generator":      {v1(`{"source":{"uri":"git+https://h/o/r@refs/heads/main","digest":{"sha1":"`+hash+`"}}}`, `{"GITHUB_EVENT_NAME":"push"}`, `[]`), full},
		"GitLab": {v1(`{"source":"https://h/o/r"}`, `{}`, `[{"uri":"https://h/o/r","digest":{"sha256":"`+hash+`"}}]`),
			Provenance{"b", "t", "git+https://h/o/r", "", hash, "i", ""}},
		"BuildKit":           {v1(`{"configSource":{"uri":"https://h/o/r.git#refs/heads/main","digest":{"sha1":"`+hash+`"}}}`, `{"github":{"event_name":"push"}}`, `[]`), full},
		"Google Cloud Build": {v1(`{"sourceToBuild":{"repository":"git+https://h/o/r","ref":"refs/heads/main"}}`, `{"github":{"event_name":"push"}}`, dependency), full},
		"dependencies only": {v1(`{}`, `{"github":[]}`, `[{"uri":"git+https://h/o/r@refs/heads/main","digest":{"sha1":"`+hash+`"}}]`),
			Provenance{"b", "t", "git+https://h/o/r", "refs/heads/main", hash, "i", ""}},
		"commit of another source is not taken": {v1(`{"workflow":{"repository":"https://h/o/r","ref":"refs/heads/main"}}`, `{}`,
			`[{"uri":"git+https://h/evil/r@refs/heads/main","digest":{"gitCommit":"`+hash+`"}}]`),
			Provenance{"b", "t", "git+https://h/o/r", "refs/heads/main", "", "i", ""}},
		"no source": {v1(`{"source":7,"workflow":"x"}`, `null`, `null`), Provenance{BuilderID: "b", BuildType: "t", BuildID: "i"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadV1([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
	got, err := ReadV02([]byte(`{"builder":{"id":"b"},"buildType":"t","invocation":{"configSource":{"uri":"git+https://h/o/r@refs/heads/main","digest":{"sha1":"` + hash +
		`"}},"environment":{"github_event_name":"push"}},"metadata":{"buildInvocationID":"i"}}`))
	if err != nil || *got != full {
		t.Errorf("v0.2: got %+v, %v", got, err)
	}
	got, err = ReadV02([]byte(`{"builder":{"id":"b"},"buildType":"t","materials":[{"uri":"pkg:x/y"},{"uri":"https://h/o/r","digest":{"sha1":"` + hash + `"}}]}`))
	if err != nil || got.SourceURI != full.SourceURI || got.SourceCommit != hash {
		t.Errorf("v0.2 with materials: got %+v, %v", got, err)
	}
}

func TestIncompleteProvenanceIsRefused(t *testing.T) {
	for _, text := range []string{`{}`, `[]`, `null`, `{"buildDefinition":{"buildType":"t"}}`, `{"runDetails":{"builder":{"id":"b"}}}`,
		`{"buildDefinition":[],"runDetails":{"builder":{"id":"b"}}}`,
		`{"builder":{"id":"b"}}`,
		`{"buildType":"t"}`,
		`{"builder":"b","buildType":"t"}`} {
		if got, err := ReadV1([]byte(text)); err == nil {
			t.Errorf("v1 %s: got %+v", text, got)
		}
		if got, err := ReadV02([]byte(text)); err == nil {
			t.Errorf("v0.2 %s: got %+v", text, got)
		}
	}
}

func FuzzRead(f *testing.F) {
	if names, err := filepath.Glob("../../../../testdata/predicate/provenance/*"); err != nil || len(names) == 0 {
		f.Fatal("no seeds", err)
	} else {
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte(`{"buildDefinition":{"buildType":"t","externalParameters":{"source":{"uri":"git@h:o/r","digest":{"sha1":"x"}}}},"runDetails":{"builder":{"id":"b"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, read := range []func([]byte) (*Provenance, error){ReadV1, ReadV02} {
			p, err := read(data)
			if err != nil {
				continue
			}
			if p.BuilderID == "" || p.BuildType == "" {
				t.Fatalf("accepted without builder or build type: %+v", p)
			}
			if p.SourceURI != "" && !strings.HasPrefix(p.SourceURI, "git+http") {
				t.Fatalf("source %q", p.SourceURI)
			}
		}
	})
}

func TestOldestProvenanceTellsItsSource(t *testing.T) {
	const doc = `{"builder":{"id":"https://cloudbuild.googleapis.com/GoogleHostedWorker@v0.2"},
		"recipe":{"type":"https://cloudbuild.googleapis.com/CloudBuildYaml@v0.1","definedInMaterial":1,"environment":{}},
		"metadata":{"buildInvocationId":"b-1"},"materials":[{"uri":"https://github.com/other/tool","digest":{"sha1":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},
		{"uri":"git+https://github.com/o/r","digest":{"sha1":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}}]}`
	got, err := ReadV01([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	want := Provenance{BuilderID: "https://cloudbuild.googleapis.com/GoogleHostedWorker@v0.2", BuildType: "https://cloudbuild.googleapis.com/CloudBuildYaml@v0.1",
		SourceURI: "git+https://github.com/o/r", SourceCommit: "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", BuildID: "b-1"}
	if *got != want {
		t.Errorf("got %+v", *got)
	}
	for _, bad := range [][2]string{{`"definedInMaterial":1`, `"definedInMaterial":2`}, {`"definedInMaterial":1`, `"definedInMaterial":-1`},
		{`"https://cloudbuild.googleapis.com/CloudBuildYaml@v0.1"`, `""`}, {`"materials":[`, `"materials":[1,`}} {
		if got, err := ReadV01([]byte(strings.Replace(doc, bad[0], bad[1], 1))); err == nil {
			t.Errorf("%s: got %+v", bad[1], *got)
		}
	}
}

func TestParametersThatAreAListAreRefused(t *testing.T) {
	const doc = `{"builder":{"id":"b"},"buildType":"t","invocation":{"parameters":%s}}`
	if _, err := ReadV02([]byte(strings.Replace(doc, "%s", "{}", 1))); err != nil {
		t.Error(err)
	}
	if _, err := ReadV02([]byte(strings.Replace(doc, "%s", "[]", 1))); err == nil {
		t.Error("a list was taken for parameters")
	}
}
