package format

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/conform"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
	"github.com/gatekeep-dev/gatekeep/internal/attest/statement"
)

// row is the line of the table with a name.
func row(t testing.TB, name string) Format {
	t.Helper()
	i := slices.IndexFunc(formats, func(f Format) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("no format %s", name)
	}
	return formats[i]
}

// wantRefused fails the test unless a document was refused for a reason, with a text.
func wantRefused(t testing.TB, got *Reading, err error, reason gatekeep.Reason, text string) {
	t.Helper()
	var why *Error
	switch {
	case err == nil:
		t.Errorf("was read: %+v", *got)
	case !errors.As(err, &why):
		t.Errorf("%v has no reason", err)
	case why.Reason != reason || !strings.Contains(err.Error(), text):
		t.Errorf("got %s: %v; want %s: %s", why.Reason, err, reason, text)
	}
}

func TestTableIsSound(t *testing.T) {
	var names []string
	for _, f := range Formats() {
		if f.Name == "" || f.Title == "" || f.looks == nil || f.read == nil {
			t.Errorf("row %+v is not complete", f)
		}
		names = append(names, f.Name)
	}
	if twice := slices.Sorted(slices.Values(names)); len(slices.Compact(twice)) != len(names) {
		t.Errorf("a name stands twice: %v", names)
	}
	for _, name := range append(names, scan.Formats()...) {
		if !slices.Contains(Names(), name) {
			t.Errorf("%s is not among the names", name)
		}
	}
	Formats()[0].Name = "changed"
	if formats[0].Name == "changed" {
		t.Error("a caller can change the table")
	}
}

func TestEveryFormatIsFoundByItsContentAndCounted(t *testing.T) {
	seen := map[string]bool{"json": true} // read only when it is asked for
	for _, c := range examples(t) {
		seen[c.want.Format] = true
		t.Run(c.name, func(t *testing.T) {
			got, err := Read([]byte(c.doc))
			if err != nil {
				t.Fatal(err)
			}
			f := row(t, c.want.Format)
			if c.want.Title = f.Title; c.want.Kind == "" {
				c.want.Kind = f.Kind
			}
			if diff := cmp.Diff(c.want, *got, cmpopts.IgnoreUnexported(Reading{})); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, f := range Formats() {
		if !seen[f.Name] {
			t.Errorf("there is no example of %s", f.Name)
		}
	}
}

// A format that is asked for by its name gives what was found by content, and no
// document passes for one of another format, but for the few that are one.
func TestAFormatByNameReadsThatFormatAlone(t *testing.T) {
	alsoRead := map[string][]string{"admission-review": {"kubernetes"}, "rollout": {"kubernetes"}, "vulns-predicate": {"scan-report"}}
	for _, c := range examples(t) {
		t.Run(c.name, func(t *testing.T) {
			found, err := Read([]byte(c.doc))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range Formats() {
				got, err := As(f.Name, []byte(c.doc))
				switch {
				case f.Name == found.Format:
					if diff := cmp.Diff(found, got, cmpopts.IgnoreUnexported(Reading{})); err != nil || diff != "" {
						t.Errorf("as %s: %v %s", f.Name, err, diff)
					}
				case f.Name == "json" || slices.Contains(alsoRead[found.Format], f.Name):
				case err == nil:
					t.Errorf("it is read as %s too: %+v", f.Name, *got)
				}
			}
		})
	}
}

func TestTheMoreSpecificLookWins(t *testing.T) {
	for name, c := range map[string]struct{ doc, format string }{
		"a statement beside a document":  {strings.Replace(aStatement, "{", `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[],`, 1), "in-toto-statement"},
		"an SBOM with vulnerabilities":   {strings.Replace(cyclonedx, "{", `{"vulnerabilities":[{"id":"CVE-2026-1"}],`, 1), "cyclonedx-json"},
		"an object that has flags":       {`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"f"},"flags":{}}`, "kubernetes"},
		"flags that have a schema":       {`{"$schema":"https://flagd.dev/schema/v0/flags.json","flags":{"a":{"state":"ENABLED","variants":{"on":true}}}}`, "flagd"},
		"a list of pods":                 {`{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod"}]}`, "kubernetes"},
		"a plan that lists nothing":      {`{"format_version":"1.2","planned_values":{}}`, "terraform-plan"},
		"YAML whose first part is empty": {"# nothing\n---\n---\n" + pod, "kubernetes"},
		"white space before it":          {"\r\n\t " + cyclonedx + "\n", "cyclonedx-json"},
	} {
		if got, err := Read([]byte(c.doc)); err != nil || got.Format != c.format {
			t.Errorf("%s: got %+v, %v; want %s", name, got, err, c.format)
		}
	}
}

// What looks like one format and breaks it is never tried as another.
func TestWhatLooksLikeAFormatAndBreaksItIsRefused(t *testing.T) {
	many := `{"digest":{"sha256":"` + digestA + `"}}`
	many += strings.Repeat(","+many, statement.MaxSubjects)
	for name, c := range map[string]struct {
		doc    string
		reason gatekeep.Reason
		text   string
	}{
		"too many subjects":        {`{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://a.example","subject":[` + many + `]}`, gatekeep.ReasonTooLarge, "10001 subjects are over the bound of 10000"},
		"too many YAML objects":    {strings.Repeat("---\napiVersion: v1\nkind: A\n", 20_001), gatekeep.ReasonTooLarge, "more than 20000"},
		"an SBOM without version":  {`{"bomFormat":"CycloneDX","components":[]}`, gatekeep.ReasonPredicateMalformed, "reading as CycloneDX JSON"},
		"an SBOM of two formats":   {strings.Replace(cyclonedx, "{", `{"spdxVersion":"SPDX-2.3",`, 1), gatekeep.ReasonPredicateMalformed, "reading as CycloneDX JSON"},
		"a report of two tools":    {strings.Replace(grype, "{", `{"SchemaVersion":2,"Results":[],`, 1), gatekeep.ReasonPredicateMalformed, "it could be of"},
		"a report of no tool":      {`{"hello":"world"}`, gatekeep.ReasonPredicateMalformed, "of no tool that is known"},
		"an empty report":          {`[]`, gatekeep.ReasonPredicateMalformed, "say which tool it is of"},
		"an unfinished rollout":    {"apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec: {}\n", gatekeep.ReasonPredicateMalformed, "strategy is missing"},
		"XML of another kind":      {`<html/>`, gatekeep.ReasonPredicateUnknown, "no format that is read here"},
		"XML that only looks so":   {`<testsuite xmlns="http://cyclonedx.org/schema/bom/1.4"/>`, gatekeep.ReasonPredicateMalformed, "reading as CycloneDX XML"},
		"XML without an element":   {`<!-- nothing -->`, gatekeep.ReasonPredicateMalformed, "reading XML"},
		"JUnit with a DOCTYPE":     {`<!DOCTYPE t [<!ENTITY e SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&e;"/></testsuite>`, gatekeep.ReasonPredicateMalformed, "document type declaration"},
		"CycloneDX with a DOCTYPE": {`<!DOCTYPE b [<!ENTITY a "aa">]><bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components/></bom>`, gatekeep.ReasonPredicateMalformed, "reading as CycloneDX XML"},
		"text":                     {"hello\n", gatekeep.ReasonPredicateUnknown, "no format that is read here"},
		"YAML of no format":        {"hello: world\n", gatekeep.ReasonPredicateUnknown, "no format that is read here"},
		"a private key":            {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", gatekeep.ReasonPredicateUnknown, "no format that is read here"},
		"a public key of nothing":  {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", gatekeep.ReasonPredicateMalformed, "reading as public key"},
		"half a public key":        {"-----BEGIN PUBLIC KEY-----\nAAAA\n", gatekeep.ReasonPredicateMalformed, "holds no PEM block"},
		"nothing":                  {"", gatekeep.ReasonPredicateMalformed, "the file is empty"},
		"white space":              {" \r\n\t", gatekeep.ReasonPredicateMalformed, "the file is empty"},
		"a byte order mark":        {"\xef\xbb\xbf", gatekeep.ReasonPredicateMalformed, "the file is empty"},
		"half a document":          {cyclonedx[:40], gatekeep.ReasonPredicateMalformed, "byte 40"},
		"a document and a half":    {cyclonedx + `}`, gatekeep.ReasonPredicateMalformed, "after the end"},
		"a name that stands twice": {strings.Replace(cyclonedx, "{", `{"specVersion":"1.5",`, 1), gatekeep.ReasonPredicateMalformed, "duplicate key"},
		"twice, far within":        {strings.Replace(trivy, `"Severity"`, `"Severity":"LOW","Severity"`, 1), gatekeep.ReasonPredicateMalformed, "duplicate key"},
		"twice, in an array":       {`[{"RuleID":"a","RuleID":"b"}]`, gatekeep.ReasonPredicateMalformed, "duplicate key"},
		"twice, in a later line":   {govulncheck + `{"finding":{},"finding":{}}`, gatekeep.ReasonPredicateMalformed, "duplicate key"},
		"too deep":                 {`{"bomFormat":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`, gatekeep.ReasonPredicateMalformed, "byte"},
		"too deep, an array":       {strings.Repeat("[", 300) + strings.Repeat("]", 300), gatekeep.ReasonPredicateMalformed, "byte"},
		"no UTF-8":                 {"{\"bomFormat\":\"\xff\"}", gatekeep.ReasonPredicateMalformed, "invalid UTF-8"},
		"a list of numbers":        {`[1,2]`, gatekeep.ReasonPredicateMalformed, "reading as scanner report"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read([]byte(c.doc))
			wantRefused(t, got, err, c.reason, c.text)
		})
	}
}

// RFC 8259 section 8.1 lets a parser pass over a byte order mark; tools on Windows
// write one.
func TestAByteOrderMarkChangesNothing(t *testing.T) {
	for _, c := range examples(t) {
		if c.doc[0] != '{' && c.want.Format != "spdx-tag-value" && c.want.Format != "junit" {
			continue
		}
		marked := []byte("\xef\xbb\xbf" + c.doc)
		want, err := Read([]byte(c.doc))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(marked)
		if strings.HasPrefix(c.name, "govulncheck") || strings.Contains(c.name, "comment") {
			continue // of neither has one with a mark been seen; an error is fine
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Reading{})); err != nil || diff != "" {
			t.Errorf("%s: %v %s", c.name, err, diff)
		}
		if got, err = As(c.want.Format, marked); err != nil || got.Format != c.want.Format {
			t.Errorf("%s: as %s: %v", c.name, c.want.Format, err)
		}
	}
	got, err := Read([]byte("\xff\xfe{\x00}\x00")) // UTF-16
	wantRefused(t, got, err, gatekeep.ReasonPredicateUnknown, "no format")
}

func TestAskingForAFormatIsAsStrictAsFindingIt(t *testing.T) {
	for name, c := range map[string]struct {
		as, doc string
		reason  gatekeep.Reason
		text    string
	}{
		"a format that is not read":     {"excel", cyclonedx, gatekeep.ReasonPredicateUnknown, `no format "excel"`},
		"no format":                     {"", cyclonedx, gatekeep.ReasonPredicateUnknown, `no format ""`},
		"an envelope with two payloads": {"dsse", strings.Replace(envelope("application/vnd.in-toto+json", aStatement), "{", `{"payload":"",`, 1), gatekeep.ReasonPredicateMalformed, "duplicate key"},
		"a statement with two types":    {"in-toto-statement", strings.Replace(aStatement, "{", `{"_type":"x",`, 1), gatekeep.ReasonPredicateMalformed, "duplicate key"},
		"an empty file as SBOM":         {"spdx-tag-value", "", gatekeep.ReasonPredicateMalformed, "empty"},
		"another SBOM":                  {"spdx-json", cyclonedx, gatekeep.ReasonPredicateMalformed, "reading as SPDX 2 JSON: it is cyclonedx-json"},
		"an SBOM as VEX":                {"openvex", csaf, gatekeep.ReasonPredicateMalformed, "reading as OpenVEX: it is csaf"},
		"nothing of Grype":              {"grype", `[]`, gatekeep.ReasonPredicateMalformed, "it is empty"},
		"Trivy as Grype":                {"grype", trivy, gatekeep.ReasonPredicateMalformed, "reading as scanner report"},
		"text as JSON":                  {"json", "hello", gatekeep.ReasonPredicateMalformed, "RFC 8259"},
		"JSON that is no UTF-8":         {"json", "\"\xff\"", gatekeep.ReasonPredicateMalformed, "RFC 8259"},
		"two texts as JSON":             {"json", "{}{}", gatekeep.ReasonPredicateMalformed, "RFC 8259"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := As(c.as, []byte(c.doc))
			wantRefused(t, got, err, c.reason, c.text)
		})
	}
}

// What is empty says nothing by itself, and "nothing was found" of a tool that is named.
func TestAnEmptyReportSpeaksForTheToolThatIsNamed(t *testing.T) {
	for as, docs := range map[string][]string{"gitleaks": {"[]", "null"}, "trufflehog": {""}} {
		for _, doc := range docs {
			got, err := As(as, []byte(doc))
			if err != nil {
				t.Errorf("%q as %s: %v", doc, as, err)
				continue
			}
			if got.Format != "scan-report" || got.Kind != "secret-scan" || got.Counts["findings"] != 0 || got.Says["tool"] != as {
				t.Errorf("%q as %s: got %+v", doc, as, *got)
			}
			unnamed, err := Read([]byte(doc))
			if err == nil {
				t.Errorf("%q says something without a name: %+v", doc, *unnamed)
			}
		}
	}
	// JSON as JSON may repeat a name: it is read for its form alone.
	if got, err := As("json", []byte(`{"a":1,"a":2}`)); err != nil || got.Kind != "" || got.Counts != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

// The schema by which a document is judged is one that package conform has, and the
// document is what stands within the envelope.
func TestTheSchemaIsThatOfWhatIsWithin(t *testing.T) {
	want := map[string]string{"cyclonedx-json": "1.6", "spdx-json": "2.3", "spdx3-json": "3.0.1", "openvex": "0.2.0", "csaf": "2.0", "oscal": "1.1.2"}
	for _, c := range examples(t) {
		got, err := Read([]byte(c.doc))
		if err != nil {
			t.Fatal(err)
		}
		name, version, document := got.Schema([]byte(c.doc))
		if v, ok := want[c.want.Format]; ok {
			if name != c.want.Format || version != v || !conform.Known(name, version) || string(document) != c.doc {
				t.Errorf("%s: got schema %s %s of %.40s", c.name, name, version, document)
			}
		}
		switch {
		case c.name == "SARIF":
			if name != "sarif" || version != "2.1.0" || !conform.Known(name, version) {
				t.Errorf("SARIF: got %s %s", name, version)
			}
		case got.Signed != nil && got.Kind == "sbom":
			if name != "cyclonedx-json" || version != "1.6" || string(document) != cyclonedx {
				t.Errorf("%s: got schema %s %s of %.40s", c.name, name, version, document)
			}
		case got.Kind != "sbom" && got.Kind != "vex" && got.Format != "oscal" && name != "":
			t.Errorf("%s: got schema %s", c.name, name)
		}
	}
}

func TestARuleOfTheFormatThatIsBrokenIsCounted(t *testing.T) {
	got, err := Read([]byte(strings.Replace(csaf, `"number":"1"`, `"number":"2"`, 1)))
	if err != nil || got.Counts["broken rules of the format"] == 0 || got.Says["first broken rule"] == "" || got.Counts["fixed"] != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	got, err = As("cyclonedx", []byte(strings.Replace(cyclonedx, "{", `{"vulnerabilities":[{"id":"CVE-2026-1","ratings":[{"severity":"low"}],"affects":[]}],`, 1)))
	if err != nil || got.Format != "scan-report" || got.Kind != "vulns" || got.Counts["vulnerabilities"] != 1 {
		t.Errorf("an SBOM asked for as a report: got %+v, %v", got, err)
	}
}

func TestAnErrorKeepsItsCause(t *testing.T) {
	_, err := As("cyclonedx-json", []byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[`+strings.Repeat(`{"type":"library","name":"a"},`, sbom.MaxComponents)+`{"type":"library","name":"a"}]}`))
	if !errors.Is(err, sbom.ErrTooLarge) {
		t.Errorf("got %v, want the bound", err)
	}
	var why *Error
	if !errors.As(fmt.Errorf("reading a: %w", err), &why) || why.Reason != gatekeep.ReasonTooLarge || why.Error() != err.Error() {
		t.Errorf("got %v", why)
	}
}

// FuzzRead holds that a document is read or refused with a reason, and that what is
// read is of a format of the table.
func FuzzRead(f *testing.F) {
	for _, c := range examples(f) {
		if len(c.doc) < 8<<10 {
			f.Add([]byte(c.doc))
		}
	}
	for _, name := range []string{"dsse/sigstore.dsse.json", "in-toto-layout/write-code.b7d643de.link", "intoto/guac/certify-vuln.json",
		"flags/flagd-samples/demo.flagd.json", "junit/jenkins/JENKINS-30413.xml", "materials/chainloop/cobertura.xml", "materials/chainloop/empty_array.json",
		"oscal/complytime/sample-profile.json", "reports/govulncheck/module-vuln.json", "rollouts/flagger/linkerd-canary.yaml",
		"sbom/cyclonedx-spec/1.4/valid-component-ref-1.4.xml", "sbom/spdx-golang/hello.spdx"} {
		f.Add(file(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Read(data)
		if err != nil {
			var why *Error
			if !errors.As(err, &why) || why.Reason == "" || why.Error() == "" || got != nil {
				t.Fatalf("got %v and %v", got, err)
			}
			return
		}
		if f := row(t, got.Format); got.Title != f.Title || got.Format == "json" {
			t.Fatalf("got %+v", *got)
		}
		for _, n := range slices.Collect(maps.Values(got.Counts)) {
			if n < 0 {
				t.Fatalf("a count below nothing: %v", got.Counts)
			}
		}
		got.Schema(data)
		got.Parts(data)
	})
}
