package delivery

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const corpus = "../../../../testdata/corpus/"

type row struct{ file, format, want, reason string }

// rows are the lines of the corpus about some formats.
func rows(t testing.TB, formats ...string) []row {
	t.Helper()
	f, err := os.Open(corpus + "expected.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := map[string]bool{}
	var all []row
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		cells := strings.Split(lines.Text(), "\t")
		for _, format := range formats {
			if cells[1] == format {
				found[format] = true
				all = append(all, row{cells[0], cells[1], cells[2], cells[3]})
			}
		}
	}
	if len(found) != len(formats) {
		t.Fatalf("rows of %v only", found)
	}
	return all
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpus, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func read(format string, data []byte) (any, error) {
	switch format {
	case "admissionreview":
		return AdmissionReview(data)
	case "argo-rollouts-yaml", "flagger-canary-yaml":
		return Rollouts(data)
	case "flagd-json", "flagd-yaml":
		return Flagd(data)
	case "oscal-json", "oscal-yaml":
		return OSCAL(data)
	}
	return Manifest(data)
}

func TestRealDocumentsAreReadAsExpected(t *testing.T) {
	for _, r := range rows(t, "admissionreview", "argo-rollouts-yaml", "flagger-canary-yaml", "flagd-json", "flagd-yaml",
		"oscal-json", "oscal-yaml", "k8s-object", "gatekeeper-constraint", "gatekeeper-template", "gatekeeper-suite") {
		got, err := read(r.format, file(t, r.file))
		switch {
		case r.want == "reject":
			if err == nil {
				t.Errorf("%s: was read: %v", r.file, got)
			}
			continue
		case err != nil:
			t.Errorf("%s: %v", r.file, err)
			continue
		}
		said := ""
		switch got := got.(type) {
		case *Flags:
			said = fmt.Sprintf("flags=%d; state=ENABLED:%d; with_targeting=%d", got.Total(), got.Enabled, got.WithTargeting)
		case *Oscal:
			said = fmt.Sprintf("model=%s; oscal-version=%s; uuid=%s", got.Model, got.Version, got.UUID)
		default:
			continue
		}
		if !strings.Contains(r.reason, said) {
			t.Errorf("%s: %s, want %s", r.file, said, r.reason)
		}
	}
}

func TestImagesOfEveryKindOfPodAreFound(t *testing.T) {
	for name, want := range map[string][]string{
		"01_deployment.json": nil, "19_pod_initcontainer.json": nil, "27_deleted_deployment.json": nil,
	} {
		r, err := AdmissionReview(file(t, "k8s/admission-connaisseur/"+name))
		if err != nil {
			t.Fatal(err)
		}
		if want == nil && len(r.Images) == 0 {
			t.Errorf("%s: no images in %+v", name, r)
		}
	}
	objects, err := Manifest([]byte(`
apiVersion: v1
kind: List
items:
- {apiVersion: batch/v1, kind: CronJob, metadata: {name: c, namespace: n}, spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: b}, {image: a}], initContainers: [{image: a}]}}}}}}
- {apiVersion: v1, kind: Pod, metadata: {generateName: p-}, spec: {ephemeralContainers: [{image: e}]}}
---
# nothing
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: m}}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Object{{"batch/v1", "CronJob", "n", "c", []string{"a", "b"}}, {"v1", "Pod", "", "p-", []string{"e"}}, {"v1", "ConfigMap", "", "m", nil}}
	if diff := cmp.Diff(want, objects); diff != "" {
		t.Error(diff)
	}
}

func TestRolloutsTellHowLongTheyTakeAndWhoMustAct(t *testing.T) {
	const q = 15 * time.Second
	for name, want := range map[string]Rollout{
		"rollouts/argo-examples/rollout-canary.yaml": {Kind: "Rollout", Name: "rollout-canary", Strategy: "canary", Manual: 1, Duration: 80 * time.Second,
			Steps: []Step{{20, 0}, {40, 40 * time.Second}, {60, 20 * time.Second}, {80, 20 * time.Second}}},
		"rollouts/flagger/linkerd-canary-steps.yaml": {Kind: "Canary", Name: "podinfo", Strategy: "canary", Analysis: true, Duration: 11 * 15 * time.Second,
			Steps: []Step{{5, q}, {10, q}, {15, q}, {20, q}, {25, q}, {30, q}, {35, q}, {40, q}, {45, q}, {50, q}, {55, q}}},
	} {
		got, err := Rollouts(file(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got[0]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	got, err := Rollouts(file(t, "rollouts/argo-examples/rollout-bluegreen.yaml"))
	if err != nil || got[0].Strategy != "blue_green" {
		t.Errorf("got %+v, %v", got, err)
	}
}

const (
	atlasReport = `{"Env":{"Driver":"postgres","Dir":"migrations"},"Steps":[{"Name":"Analyze 2.sql","Text":"1 reports were found","Error":""}],
		"Files":[{"Name":"1.sql"},{"Name":"2.sql","Error":"destructive changes detected","Reports":[{"Text":"destructive changes detected","Diagnostics":[{"Pos":0,"Text":"Dropping table \"pets\"","Code":"DS102"}]}]}]}`
	flywayReport = `{"schemaVersion":"1","schemaName":"public","database":"app","flywayVersion":"10.0.0","operation":"info","migrations":[
		{"category":"Versioned","version":"1","description":"init","state":"Success"},{"category":"Versioned","version":"2","description":"add","state":"Pending"},
		{"category":"Repeatable","version":"","description":"views","state":"Failed"}]}`
	liquibaseStatus = "Liquibase Community 4.29 by Liquibase\n2 changesets have not been applied to app@jdbc:postgresql://db/app\n     changelog.xml::1::bob\n     changelog.xml::2::ann\nLiquibase command 'status' was executed successfully.\n"
)

func TestMigrationToolsTellWhatIsPending(t *testing.T) {
	for name, c := range map[string]struct {
		doc  string
		want Migrations
	}{
		"atlas": {atlasReport, Migrations{"atlas", "postgres", []Migration{{"1.sql", "pending", nil},
			{"2.sql", "pending", []Diagnostic{{"DS102", `Dropping table "pets"`}}}}}},
		"flyway": {flywayReport, Migrations{"flyway", "app", []Migration{{"1", "applied", nil}, {"2", "pending", nil}, {"views", "failed", nil}}}},
		"liquibase": {liquibaseStatus, Migrations{"liquibase", "app@jdbc:postgresql://db/app",
			[]Migration{{"changelog.xml::1::bob", "pending", nil}, {"changelog.xml::2::ann", "pending", nil}}}},
		"up to date": {"app@jdbc:h2:mem is up to date\n", Migrations{Tool: "liquibase", Database: "app@jdbc:h2:mem"}},
	} {
		got, err := MigrationReport([]byte(c.doc))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, *got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestWhatSaysTooLittleIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ format, doc, want string }{
		"a manifest of nothing":           {"k8s-object", "# empty\n", "no object"},
		"an object without kind":          {"k8s-object", "apiVersion: v1\n", "kind is missing"},
		"a list of texts":                 {"k8s-object", "apiVersion: v1\nkind: List\nitems: [a]\n", "items[0] is no object"},
		"a name that stands twice":        {"k8s-object", `{"kind":"Pod","kind":"Job","apiVersion":"v1"}`, "duplicate key"},
		"YAML with a name twice":          {"k8s-object", "kind: Pod\nkind: Job\n", "already defined"},
		"an alias bomb":                   {"k8s-object", bomb(), "excessive aliasing"},
		"a review of another group":       {"admissionreview", `{"apiVersion":"v1","kind":"AdmissionReview","request":{}}`, "no AdmissionReview"},
		"a review without object":         {"admissionreview", `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE","kind":{"kind":"Pod"}}}`, "object is missing"},
		"another operation":               {"admissionreview", `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"LOOK","kind":{"kind":"Pod"}}}`, "operation"},
		"a rollout without strategy":      {"argo-rollouts-yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {}\n", "strategy is missing"},
		"a rollout with two":              {"argo-rollouts-yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {strategy: {canary: {}, blueGreen: {}}}\n", "both"},
		"a weight of 200":                 {"argo-rollouts-yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {strategy: {canary: {steps: [{setWeight: 200}]}}}\n", "0 to 100"},
		"a pause of no length":            {"argo-rollouts-yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {strategy: {canary: {steps: [{pause: {duration: soon}}]}}}\n", "no duration"},
		"a canary without analysis":       {"flagger-canary-yaml", "apiVersion: flagger.app/v1beta1\nkind: Canary\nspec: {}\n", "analysis is missing"},
		"a canary that takes no steps":    {"flagger-canary-yaml", "apiVersion: flagger.app/v1beta1\nkind: Canary\nspec: {analysis: {interval: 1m, stepWeight: 0}}\n", "do not make steps"},
		"no rollout":                      {"argo-rollouts-yaml", "apiVersion: apps/v1\nkind: Deployment\n", "neither"},
		"a flag without variants":         {"flagd-json", `{"flags":{"a":{"state":"ENABLED"}}}`, "no variants"},
		"a flag in no state":              {"flagd-json", `{"flags":{"a":{"variants":{"on":true},"defaultVariant":"on"}}}`, "state"},
		"a flag that falls back nowhere":  {"flagd-json", `{"flags":{"a":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"off"}}}`, "no variant of it"},
		"no flags":                        {"flagd-json", `{}`, "flags is missing"},
		"OSCAL without version":           {"oscal-json", `{"catalog":{"uuid":"u"}}`, "oscal-version is missing"},
		"no OSCAL":                        {"oscal-json", `{"catalogue":{}}`, "no model"},
		"JSON that goes on after its end": {"flagd-json", `{"flags":{}} {}`, "after"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := read(c.format, []byte(c.doc)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want an error with %q", got, err, c.want)
			}
		})
	}
	for name, doc := range map[string]string{
		"atlas that failed":         `{"Env":{},"Steps":[{"Name":"Migration Integrity Check","Error":"checksum mismatch"}],"Files":[]}`,
		"flyway of another verb":    `{"flywayVersion":"10","operation":"migrate","migrations":[]}`,
		"flyway with an error":      `{"flywayVersion":"10","operation":"info","error":{"message":"no"},"migrations":[]}`,
		"liquibase without verbose": "2 changesets have not been applied to app\n",
		"liquibase that failed":     "Unexpected error running Liquibase\n",
		"another report":            `{"a":1}`,
		"a file without name":       `{"Env":{},"Files":[{}]}`,
	} {
		if got, err := MigrationReport([]byte(doc)); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i-1, i-1, i-1, i-1, i-1, i-1, i-1, i-1)
	}
	return b.String()
}

func TestBoundsHold(t *testing.T) {
	many := strings.Repeat("---\napiVersion: v1\nkind: A\n", MaxDocuments+1)
	if _, err := Manifest([]byte(many)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("documents: %v", err)
	}
	deep := "a: " + strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1)
	if _, err := Manifest([]byte(deep)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("depth: %v", err)
	}
	for _, readAll := range []func([]byte) error{
		func(d []byte) error { _, err := Flagd(d); return err },
		func(d []byte) error { _, err := MigrationReport(d); return err },
	} {
		if err := readAll(make([]byte, MaxBytes+1)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("bytes: %v", err)
		}
	}
}

func FuzzRead(f *testing.F) {
	formats := []string{"admissionreview", "argo-rollouts-yaml", "flagger-canary-yaml", "flagd-json", "oscal-json", "k8s-object"}
	for i, format := range formats {
		for _, r := range rows(f, format) {
			if data := file(f, r.file); len(data) < 1<<13 {
				f.Add(uint8(i), data)
			}
		}
	}
	for _, doc := range []string{atlasReport, flywayReport, liquibaseStatus} {
		f.Add(uint8(len(formats)), []byte(doc))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		if n := int(which) % (len(formats) + 1); n < len(formats) {
			_, _ = read(formats[n], data)
			return
		}
		if m, err := MigrationReport(data); err == nil && m == nil {
			t.Fatal("neither a report nor an error")
		}
	})
}
