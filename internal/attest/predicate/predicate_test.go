package predicate

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	_ "time/tzdata" // the calendar's zones, wherever the test runs

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

const vectors = "../../../testdata/predicate"

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(vectors, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range Types {
		if row.Kind == "" || len(row.URIs) == 0 || len(row.About) == 0 || row.Decode == nil {
			t.Errorf("row %+v is not complete", row)
		}
		for _, uri := range row.URIs {
			if seen[uri] {
				t.Errorf("%s stands twice", uri)
			}
			seen[uri] = true
			if got, ok := Lookup(uri); !ok || got.Kind != row.Kind {
				t.Errorf("looking up %s gives %q, %v", uri, got.Kind, ok)
			}
			for _, other := range []string{uri + "/", uri + "x", uri[:len(uri)-1], strings.ToUpper(uri), strings.Replace(uri, "https", "http", 1), ""} {
				if got, ok := Lookup(other); ok && !seen[other] && !slices.Contains(got.URIs, other) {
					t.Errorf("%q is taken for %s", other, got.Kind)
				}
			}
		}
	}
	if got := Kinds(); !slices.IsSorted(got) || len(got) != 34 {
		t.Errorf("got kinds %v", got)
	}
}

func TestEveryOwnTypeHasASchemaThatRefusesUnknownFields(t *testing.T) {
	var named []string
	for _, row := range Types {
		if !strings.HasPrefix(row.URIs[0], "https://gatekeep.dev/") {
			continue
		}
		// A kind may have more than one type: the schema goes by the name of the type.
		kind := strings.TrimSuffix(strings.TrimPrefix(row.URIs[0], "https://gatekeep.dev/"), "/v1")
		named = append(named, "schemas/"+kind+".v1.json")
		if _, err := compile(kind); err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		text, err := Schemas.ReadFile("schemas/" + kind + ".v1.json")
		if err != nil {
			t.Fatal(err)
		}
		var document any
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatal(err)
		}
		checkClosed(t, kind, document)
		if good[kind] == "" {
			t.Errorf("no example of %s", kind)
		}
	}
	files, err := fs.Glob(Schemas, "schemas/*")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(named)
	if diff := cmp.Diff(named, files); diff != "" {
		t.Errorf("schemas and types differ: %s", diff)
	}
}

// checkClosed sees to it that an object with properties takes no others. What is
// free on purpose, such as an embedded SARIF document, lists none.
func checkClosed(t *testing.T, at string, node any) {
	switch node := node.(type) {
	case map[string]any:
		if node["properties"] != nil && node["type"] == "object" && node["additionalProperties"] != false {
			t.Errorf("%s takes unknown fields", at)
		}
		for key, value := range node {
			checkClosed(t, at+"/"+key, value)
		}
	case []any:
		for _, value := range node {
			checkClosed(t, at, value)
		}
	}
}

var (
	sha     = "sha256:" + strings.Repeat("a", 64)
	hash    = strings.Repeat("c", 40)
	bounds  = `"notBefore":"2026-11-23T08:00:00Z","expiresAt":"2026-11-24T08:00:00Z"`
	window  = `{"id":"w","kind":"freeze","title":"Year end","tz":"Europe/Berlin","recurrence":{"start":"2026-12-20T00:00:00","endLocal":"2027-01-04T06:00:00"}}`
	log     = `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[{"ruleId":"R","partialFingerprints":{"a":"b"}}]}]}`
	fetched = `"source":{"system":"native","fetchedAt":"2026-11-23T08:00:00Z"}`
)

// good has an example of each of the gate's own types.
var good = map[string]string{
	"sast":               `{"tool":{"name":"t","version":"1","ruleset":"r","rulesetVersion":"2"},"sourceCommit":"` + hash + `","scope":"full","languages":["go"],"filesAnalyzed":3,"executionSuccessful":true,"sarif":` + log + `,"finishedAt":"2026-11-23T08:00:00Z"}`,
	"secret-scan":        `{"tool":{"name":"gitleaks"},"scopes":["source_history"],"fromCommit":"` + hash + `","toCommit":"` + hash + `","shallow":false,"findings":[{"fingerprint":"f","kind":"aws_key","location":"a:1","status":"rotated","verifiedLive":true}],"finishedAt":"2026-11-23T08:00:00Z"}`,
	"flag-config":        `{"tool":"flagd","document":{"flags":{"a":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on"}}}}`,
	"migration-plan":     `{"tool":"liquibase","document":"app is up to date\n"}`,
	"manifests":          `{"tool":"kubernetes","document":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}}}`,
	"exploit-feed":       `{"source":"cisa-kev 1","fetchedAt":"2026-11-23T08:00:00Z","exploited":["CVE-1"],"epss":{"CVE-2":0.5}}`,
	"scan-report":        `{"format":"govulncheck","report":[{"config":{"protocol_version":"v1.0.0"}},{"finding":{"osv":"GO-1","trace":[{"module":"m","version":"v1"}]}}],"finishedAt":"2026-11-23T08:00:00Z"}`,
	"source-review":      `{"repo":"https://h/o/r","commit":"` + hash + `","authors":["bob","alice"],"committers":["alice"],"reviews":[{"principal":"carol","verdict":"approve","submittedAt":"2026-11-23T08:00:00Z"}]}`,
	"approval":           `{"binding":"` + sha + `","intent":"deploy","decision":"approve","principal":"bob","approvedAt":"2026-11-23T08:00:00Z","expiresAt":"2026-11-24T08:00:00Z","nonce":"n-1","request":{"digest":"` + sha + `","environment":"prod"}}`,
	"waiver":             `{"id":"W-1","rule":"supply_chain/vuln-blocking","term":"CVE-1","scope":{"environments":["prod"],"services":["payments"]},"reason":"r","ticket":"https://t/1","requestedBy":"alice","grantedBy":["bob"],` + bounds + `}`,
	"break-glass-grant":  `{"id":"G-1","principal":"alice","environment":"prod","service":"payments","incident":"INC-7","covers":["rbac/approvals-insufficient"],"maxUses":2,"grantedBy":"erin","reason":"r",` + bounds + `}`,
	"break-glass-review": `{"grant":"G-1","uses":[{"decisionId":"d-1","usedAt":"2026-11-23T08:00:00Z"},{"decisionId":"d-2"}],"findings":"none","outcome":"justified","reviewers":["dave"],"reviewedAt":"2026-11-23T08:00:00Z"}`,
	"freeze-exemption":   `{"id":"E-1","window":"w","binding":"` + sha + `","reason":"r","grantedBy":["frank"],"maxUses":1,` + bounds + `}`,
	"calendar":           `{"revision":3,"windows":[` + window + `],` + fetched + `}`,
	"rollout-plan":       `{"binding":"` + sha + `","strategy":"canary","maxDurationSeconds":7200,"steps":[{"weight":10,"pauseSeconds":60}]}`,
	"data-flow":          `{"service":"payments","processors":[{"name":"p","classes":["customer_pii"],"contract":{"kind":"dpa","expiresAt":"2027-01-01T00:00:00Z","scope":["payments"]}}],"transfers":[{"destination":"US","mechanism":"scc","dpoApproved":true,"reviewDue":"2027-01-01T00:00:00Z"}]}`,
	"iac-plan":           `{"tool":{"name":"terraform","version":"1.9.0"},"formatVersion":"1.2","errored":false,"complete":true,"planDigest":"` + sha + `","resources":[{"address":"a.b","type":"a","provider":"aws","region":"eu-central-1","actions":["create"],"holdsData":true}]}`,
	"residency":          `{"service":"payments","resources":[{"address":"db","provider":"aws","region":"eu-central-1","dataClasses":["customer_pii"],"encryptedAtRest":true,"key":"k"}]}`,
	"incident":           `{"id":"INC-7","status":"open","severity":"1","service":"payments","observedAt":"2026-11-23T08:00:00Z"}`,
}

func ptr[T any](v T) *T { return &v }

func TestOwnTypesBecomeFacts(t *testing.T) {
	const from, to = "2026-11-23T08:00:00Z", "2026-11-24T08:00:00Z"
	want := map[string]*Content{
		"sast": {SAST: map[string]gatekeep.SASTFinding{"R:b": {Rule: "R", Severity: "medium", BaselineState: "new"}},
			Claims: map[string]any{"tool": "t", "tool_version": "1", "ruleset": "r", "ruleset_version": "2", "source_commit": hash, "scope": "full",
				"languages": []any{"go"}, "files_analyzed": 3, "execution_successful": true, "finished_at": from}},
		"secret-scan": {Claims: map[string]any{"scopes": []any{"source_history"}, "from_commit": hash, "to_commit": hash, "shallow": false, "finished_at": from,
			"findings": []any{map[string]any{"fingerprint": "f", "kind": "aws_key", "location": "a:1", "status": "rotated", "verified_live": true}}}},
		"exploit-feed": {Exploits: &evidence.Exploits{Source: "cisa-kev 1", FetchedAt: from, Exploited: []string{"CVE-1"}, EPSS: map[string]float64{"CVE-2": 0.5}},
			Claims: map[string]any{"source": "cisa-kev 1", "fetched_at": from, "exploited_count": 1, "epss_count": 1}},
		"scan-report": {SCA: []gatekeep.SCAFinding{{ID: "GO-1", Severity: "unknown", PURL: "pkg:golang/m@v1", Attestations: []string{}, Scanners: []string{"govulncheck"}}},
			Claims: map[string]any{"scanner_uri": "pkg:golang/golang.org/x/vuln", "scanner_version": "", "scan_started_on": "", "scan_finished_on": from, "db_last_update": ""}},
		"source-review": {Source: &gatekeep.SourceFacts{Repo: "https://h/o/r", Contributors: []string{"alice", "bob"}}, Claims: map[string]any{"repo": "https://h/o/r", "commit": hash}},
		"approval": {Approval: &gatekeep.Approval{Principal: "bob", Decision: "approve", Intent: "deploy", Binding: sha, Digest: sha, Environment: "prod",
			ApprovedAt: from, ExpiresAt: to, Nonce: "n-1"}},
		"waiver": {Waiver: &gatekeep.Waiver{ID: "W-1", Rule: "supply_chain/vuln-blocking", Term: "CVE-1", Scope: gatekeep.WaiverScope{Environments: []string{"prod"}, Services: []string{"payments"}},
			Reason: "r", Ticket: "https://t/1", RequestedBy: "alice", GrantedBy: []string{"bob"}, NotBefore: from, ExpiresAt: to}},
		"break-glass-grant": {Grant: &gatekeep.Grant{ID: "G-1", Principal: "alice", Environment: "prod", Service: "payments", Incident: "INC-7",
			Covers: []string{"rbac/approvals-insufficient"}, NotBefore: from, ExpiresAt: to, MaxUses: 2, GrantedBy: "erin", Reason: "r"}},
		"break-glass-review": {Review: &Review{Grant: "G-1", Uses: []string{"d-1", "d-2"}, Outcome: "justified", Reviewers: []string{"dave"}, ReviewedAt: from}},
		"freeze-exemption":   {Exemption: &gatekeep.Exemption{ID: "E-1", Window: "w", Binding: sha, Reason: "r", GrantedBy: []string{"frank"}, NotBefore: from, ExpiresAt: to, MaxUses: 1}},
		"calendar": {Calendar: &gatekeep.CalendarDocument{Revision: 3, Windows: []gatekeep.Window{{ID: "w", Kind: "freeze", Title: "Year end", TZ: "Europe/Berlin", Scope: map[string][]string{},
			Recurrence: gatekeep.Recurrence{Start: "2026-12-20T00:00:00", EndLocal: "2027-01-04T06:00:00"}, AllowedActions: []string{}}}}},
		"rollout-plan": {Rollout: &gatekeep.Rollout{Declared: true, Strategy: "canary", MaxDurationNS: ptr(int64(7_200_000_000_000))}, Claims: map[string]any{"binding": sha}},
		"data-flow": {DataFlow: &gatekeep.DataFlow{Declared: true, Processors: []gatekeep.Processor{{Name: "p", Classes: []string{"customer_pii"},
			Contract: &gatekeep.Contract{Kind: "dpa", ExpiresAt: "2027-01-01T00:00:00Z", Scope: []string{"payments"}}}},
			Transfers: []gatekeep.Transfer{{Destination: "US", Mechanism: "scc", DPOApproved: true, ReviewDue: "2027-01-01T00:00:00Z"}}}, Claims: map[string]any{"service": "payments"}},
		"iac-plan": {Resources: []gatekeep.Resource{{Address: "a.b", Type: "a", Provider: "aws", Region: "eu-central-1", Actions: []string{"create"}, HoldsData: ptr(true)}},
			Claims: map[string]any{"tool": "terraform", "tool_version": "1.9.0", "format_version": "1.2", "errored": false, "complete": true, "plan_digest": sha}},
		"residency": {Resources: []gatekeep.Resource{{Address: "db", Provider: "aws", Region: "eu-central-1", DataClasses: []string{"customer_pii"}, EncryptedAtRest: ptr(true), Key: "k"}},
			Claims: map[string]any{"service": "payments", "environment": ""}},
		"flag-config":    {Claims: map[string]any{"tool": "flagd", "flags": []any{"a"}, "enabled": 1, "disabled": 0, "with_targeting": 0}},
		"migration-plan": {Claims: map[string]any{"tool": "liquibase", "database": "app", "items": []any{}, "pending": 0, "failed": 0}},
		"manifests": {Claims: map[string]any{"tool": "kubernetes", "objects": []any{map[string]any{
			"api_version": "v1", "kind": "Pod", "namespace": "", "name": "p", "images": []any{}}}}},
		"incident": {Incident: &gatekeep.Incident{ID: "INC-7", Status: "open", Severity: "1", Service: "payments"}, Claims: map[string]any{"observed_at": from}},
	}
	for kind, text := range good {
		t.Run(kind, func(t *testing.T) {
			row, _ := Lookup(own(kind))
			got, err := row.Decode([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if want[kind].Claims == nil {
				want[kind].Claims = map[string]any{}
			}
			if diff := cmp.Diff(want[kind], got, cmpopts.IgnoreUnexported(Content{}), cmpopts.IgnoreFields(gatekeep.CalendarDocument{}, "Source")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnknownFieldIsRefusedByName(t *testing.T) {
	for kind, text := range good {
		row, _ := Lookup(own(kind))
		for _, field := range []string{"surprise", "Decision", "Id"} {
			_, err := row.Decode([]byte(`{"` + field + `":1,` + text[1:]))
			if err == nil || !strings.Contains(err.Error(), "'"+field+"'") {
				t.Errorf("%s with %s: got %v", kind, field, err)
			}
		}
	}
}

func TestMissingFieldIsRefusedByName(t *testing.T) {
	for kind, text := range good {
		row, _ := Lookup(own(kind))
		schema, err := Schemas.ReadFile("schemas/" + kind + ".v1.json")
		if err != nil {
			t.Fatal(err)
		}
		var wants struct{ Required []string }
		if err := json.Unmarshal(schema, &wants); err != nil || len(wants.Required) == 0 {
			t.Fatal(kind, err)
		}
		for _, field := range wants.Required {
			var document map[string]any
			if err := json.Unmarshal([]byte(text), &document); err != nil {
				t.Fatal(err)
			}
			delete(document, field)
			less, err := json.Marshal(document)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := row.Decode(less); err == nil || !strings.Contains(err.Error(), "'"+field+"'") {
				t.Errorf("%s without %s: got %v", kind, field, err)
			}
			document[field] = nil
			if less, err = json.Marshal(document); err != nil {
				t.Fatal(err)
			}
			if _, err := row.Decode(less); err == nil || !strings.Contains(err.Error(), field+": ") {
				t.Errorf("%s with %s null: got %v", kind, field, err)
			}
		}
	}
}

func TestValuesThatCannotBeReliedOnAreRefused(t *testing.T) {
	for _, c := range []struct{ kind, old, new, want string }{
		{"approval", `"bob"`, `""`, "principal: "},
		{"approval", `"bob"`, `" bob"`, "principal: "},
		{"approval", `"bob"`, `"bob\nalice"`, "principal: "},
		{"approval", `"n-1"`, `""`, "nonce: "},
		{"approval", `"n-1"`, `" "`, "nonce: "},
		{"approval", `"binding":"sha256:a`, `"binding":"sha256:A`, "binding: "},
		{"approval", `"binding":"` + sha + `"`, `"binding":""`, "binding: "},
		{"approval", `"approve"`, `"approved"`, "decision: "},
		{"approval", `"intent":"deploy"`, `"intent":"anything"`, "intent: "},
		{"approval", "2026-11-24T08:00:00Z", "2026-11-24", "expiresAt: "},
		{"approval", "2026-11-24T08:00:00Z", "2026-11-24T08:00:60Z", "expiresAt: "},
		{"approval", "2026-11-24T08:00:00Z", "9999-12-31T00:00:00Z", "expiresAt: "},
		{"approval", "2026-11-24T08:00:00Z", "2026-11-23T09:00:00+01:00", "not after its beginning"},
		{"approval", `"environment":"prod"`, `"environment":""`, "request.environment: "},
		{"waiver", `["prod"]`, `[]`, "scope.environments: "},
		{"waiver", `["payments"]`, `[]`, "scope.services: "},
		{"waiver", `"services":["payments"]`, `"services":["payments"],"subjectDigests":[]`, "scope.subjectDigests: "},
		{"waiver", `["bob"]`, `[]`, "grantedBy: "},
		{"waiver", `["bob"]`, `["bob",""]`, "grantedBy.1: "},
		{"waiver", "supply_chain/vuln-blocking", "supply_chain.vuln_blocking", "rule: "},
		{"waiver", "supply_chain/vuln-blocking", "*", "rule: "},
		{"waiver", `"reason":"r"`, `"reason":" "`, "reason: "},
		{"waiver", "2026-11-24T08", "2026-11-22T08", "not after its beginning"},
		{"break-glass-grant", `["rbac/approvals-insufficient"]`, `[]`, "covers: "},
		{"break-glass-grant", `"maxUses":2`, `"maxUses":0`, "maxUses: "},
		{"break-glass-grant", `"maxUses":2`, `"maxUses":1.5`, "maxUses: "},
		{"break-glass-grant", `"erin"`, `["erin"]`, "grantedBy: "},
		{"break-glass-grant", "2026-11-24T08", "2026-11-23T08", "not after its beginning"},
		{"break-glass-review", `[{"decisionId":"d-1","usedAt":"2026-11-23T08:00:00Z"},{"decisionId":"d-2"}]`, `[]`, "uses: "},
		{"break-glass-review", `["dave"]`, `[]`, "reviewers: "},
		{"freeze-exemption", `["frank"]`, `"frank"`, "grantedBy: "},
		{"freeze-exemption", "2026-11-24T08", "2026-11-23T08", "not after its beginning"},
		{"rollout-plan", "7200", "-1", "maxDurationSeconds: "},
		{"rollout-plan", "7200", "9223372036854775807", "maxDurationSeconds: "},
		{"rollout-plan", `"canary"`, `"yolo"`, "strategy: "},
		{"data-flow", "2027-01-01T00:00:00Z", "soon", "expiresAt: "},
		{"data-flow", `"service":"payments"`, `"service":""`, "service: "},
		{"iac-plan", `"create"`, `"explode"`, "resources.0.actions.0: "},
		{"iac-plan", `"resources":[`, `"resources":[{"address":"a.b","type":"x","provider":"y","actions":["read"]},`, `address "a.b" stands twice`},
		{"residency", `[{"address"`, `[{"address":"db","provider":"p","region":"r"},{"address"`, `address "db" stands twice`},
		{"incident", `"open"`, `"Open"`, "status: "},
		{"sast", `"version":"2.1.0"`, `"version":"2.0.0"`, "sarif: "},
		{"sast", `"results":[`, `"Results":[],"results":[`, "in different case"},
		{"sast", hash, "c0ffee", "sourceCommit: "},
		{"sast", `"full"`, `"partly"`, "scope: "},
		{"secret-scan", `["source_history"]`, `[]`, "scopes: "},
		{"secret-scan", `"rotated"`, `"fine"`, "status: "},
		{"source-review", `"bob"`, `""`, "authors.0: "},
		{"exploit-feed", `0.5`, `1.5`, "epss.CVE-2: "},
		{"exploit-feed", `["CVE-1"]`, `[" "]`, "exploited.0: "},
		{"scan-report", `"govulncheck"`, `"grype"`, "format: "},
		{"scan-report", `{"config":{"protocol_version":"v1.0.0"}},`, ``, "the scan did not begin"},
		{"scan-report", `"report":[`, `"report":[{"Config":1,"config":2},`, "in different case"},
	} {
		text := strings.Replace(good[c.kind], c.old, c.new, 1)
		if text == good[c.kind] {
			t.Errorf("%s: %s is not in the example", c.kind, c.old)
			continue
		}
		row, _ := Lookup(own(c.kind))
		if got, err := row.Decode([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %s: got %+v, %v; want %q", c.kind, c.new, got, err, c.want)
		}
	}
}

func TestCalendarWindowsAreChecked(t *testing.T) {
	row, _ := Lookup(own("calendar"))
	decode := func(old, new string) error {
		text := strings.Replace(good["calendar"], old, new, 1)
		if text == good["calendar"] && old != "" {
			t.Fatalf("%s is not in the example", old)
		}
		_, err := row.Decode([]byte(text))
		return err
	}
	const end = `"endLocal":"2027-01-04T06:00:00"`
	for _, c := range [][2]string{
		{"", ""},
		{"Europe/Berlin", "UTC"},
		{end, `"durationISO":"P1DT12H"`},
		{end, `"durationISO":"P2W"`},
		{end, end + `,"rrule":"FREQ=YEARLY"`},
		{end, end + `,"cron":"0 0 * * 5"`},
		{`"tz"`, `"scope":{"environments":["prod"]},"tz"`},
		{`"freeze"`, `"maintenance"`},
		{window, ""},
		{end, end + `,"until":"2030-01-01T00:00:00"`},
	} {
		if err := decode(c[0], c[1]); err != nil {
			t.Errorf("%s: %v", c[1], err)
		}
	}
	for _, c := range [][3]string{
		{"Europe/Berlin", "Europe/Atlantis", "IANA"},
		{"Europe/Berlin", "Local", "IANA"},
		{`"Europe/Berlin"`, `""`, "tz: "},
		{"Europe/Berlin", "../etc/passwd", "IANA"},
		{`"freeze"`, `"thaw"`, "kind: "},
		{end, `"rrule":"FREQ=DAILY"`, "needs an end"},
		{end, end + `,"durationISO":"PT1H"`, "needs an end"},
		{end, end + `,"rrule":"x","cron":"x"`, "both rrule and cron"},
		{end, `"durationISO":"PT0S"`, "no time at all"},
		{end, `"durationISO":"P"`, "no time at all"},
		{end, `"durationISO":"P1M"`, "durationISO: "},
		{end, `"durationISO":"36 hours"`, "durationISO: "},
		{"2026-12-20T00:00:00", "2026-12-20T00:00:00Z", "start: "},
		{"2026-12-20T00:00:00", "2026-13-20T00:00:00", "recurrence.start"},
		{"2026-12-20T00:00:00", "2027-12-20T00:00:00", "not after its start"},
		{`"tz"`, `"scope":{"environments":[]},"tz"`, "scope.environments: "},
		{`"tz"`, `"scope":{"teams":["a"]},"tz"`, "'teams'"},
		{window, window + "," + window, `id "w" stands twice`},
		{`"revision":3`, `"revision":0`, "revision: "},
		{`"native"`, `"outlook"`, "source.system: "},
		{`"revision"`, `"reservations":[],"revision"`, "'reservations'"},
	} {
		if err := decode(c[0], c[1]); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s: got %v, want %q", c[1], err, c[2])
		}
	}
}

func TestSBOMPredicates(t *testing.T) {
	cyclonedx, spdx := read(t, "sbom/alpine.cdx.json"), read(t, "sbom/example-v2.3.spdx.json")
	text, err := json.Marshal(string(spdx))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		uri, format, version string
		raw                  []byte
		components           int
	}{
		{cycloneDX, "cyclonedx", "1.4", cyclonedx, 15},
		{spdxDocument, "spdx", "2.3", spdx, 5},
		{spdxDocument + "/v2.3", "spdx", "2.3", text, 5},
	} {
		row, _ := Lookup(c.uri)
		got, err := row.Decode(c.raw)
		if err != nil {
			t.Errorf("%s: %v", c.uri, err)
			continue
		}
		b := got.SBOM
		if b.Ref != digest.Of(c.raw) || b.Format != c.format || b.SpecVersion != c.version || b.ComponentCount != c.components || b.Index["by_purl"] == nil {
			t.Errorf("%s: got %+v", c.uri, b)
		}
		claims := map[string]any{"content_digest": b.Ref, "spec_version": c.version, "component_count": c.components, "format": c.format}
		if diff := cmp.Diff(claims, got.Claims); diff != "" {
			t.Error(diff)
		}
	}
	for uri, raw := range map[string][]byte{
		cycloneDX:              spdx,
		spdxDocument:           cyclonedx,
		spdxDocument + "/v2.2": []byte(`"{\"spdxVersion\":\"SPDX-2.3\",\"spdxVersion\":\"SPDX-2.2\"}"`),
		spdxDocument + "/v2.3": []byte(`"SPDXVersion: SPDX-2.9"`),
	} {
		row, _ := Lookup(uri)
		if got, err := row.Decode(raw); err == nil {
			t.Errorf("%s takes %.40s: %+v", uri, raw, got.SBOM)
		}
	}
}

// statements are the in-toto statements in a file: bare, in DSSE envelopes, or in
// bundles, one a line or one in all.
func statements(t testing.TB, data []byte) (found []struct {
	PredicateType string
	Predicate     json.RawMessage
}) {
	t.Helper()
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			raw, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if payload, ok := v["payload"].(string); ok {
				if raw, err = base64.StdEncoding.DecodeString(payload); err != nil {
					t.Fatal(err)
				}
			}
			var s struct {
				PredicateType string
				Predicate     json.RawMessage
			}
			if json.Unmarshal(raw, &s) == nil && s.Predicate != nil && strings.HasPrefix(s.PredicateType, "https://") {
				found = append(found, s)
				return
			}
			for _, value := range v {
				visit(value)
			}
		case []any:
			for _, value := range v {
				visit(value)
			}
		}
	}
	for decoder := json.NewDecoder(bytes.NewReader(data)); decoder.More(); {
		var document any
		if err := decoder.Decode(&document); err != nil {
			t.Fatal(err)
		}
		visit(document)
	}
	return found
}

func TestRealStatements(t *testing.T) {
	for name, want := range map[string]map[string]any{
		"bundle/actions-v1.intoto.jsonl": {"builder_id": "https://github.com/bazel-contrib/publish-to-bcr/.github/workflows/publish.yaml@refs/tags/v0.0.1", "build_type": "https://actions.github.io/buildtypes/workflow/v1",
			"source_uri":    "git+https://github.com/aspect-build/rules_lint",
			"source_ref":    "refs/heads/publish-to-bcr",
			"source_commit": "8f70009fde0c94ade6ce2a054b94718c819126ec",
			"build_id":      "https://github.com/aspect-build/rules_lint/actions/runs/14095611671/attempts/1", "event": "workflow_dispatch"},
		"bundle/npm-v1.json": {"builder_id": "https://github.com/actions/runner/github-hosted", "build_type": "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
			"source_uri":    "git+https://github.com/sigstore/sigstore-js",
			"source_ref":    "refs/heads/main",
			"source_commit": "46e7056ff9912ebfee5298d94024895a9fea76c0",
			"build_id":      "https://github.com/sigstore/sigstore-js/actions/runs/9116405766/attempts/1", "event": "push"},
		"bundle/generator-v0.2.intoto.jsonl": {"builder_id": "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/generator_generic_slsa3.yml@refs/tags/v2.1.0",
			"build_type":    "https://github.com/slsa-framework/slsa-github-generator/generic@v1",
			"source_uri":    "git+https://github.com/slsa-framework/example-package",
			"source_ref":    "refs/tags/v14.2",
			"source_commit": "4d329c75e7ec1725f7c9ce917a8799d408d06be3", "build_id": "13530999644-1", "event": "push"},
		"statement/certify-vuln.json": {"scanner_uri": "osv.dev", "scanner_version": "0.0.14", "scan_started_on": "2022-11-21T17:45:50.52Z", "scan_finished_on": "2022-11-21T17:45:50.52Z", "db_last_update": ""},
	} {
		t.Run(name, func(t *testing.T) {
			known := 0
			for _, s := range statements(t, read(t, name)) {
				row, ok := Lookup(s.PredicateType)
				if !ok || row.Kind == "publication" { // npm's own word beside that of the builder
					continue
				}
				known++
				got, err := row.Decode(s.Predicate)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got.Claims); diff != "" {
					t.Error(diff)
				}
			}
			if known != 1 {
				t.Errorf("%d statements are of known types, want 1", known)
			}
		})
	}
	for _, s := range statements(t, read(t, "statement/certify-novuln_fail.json")) {
		row, _ := Lookup(s.PredicateType)
		if got, err := row.Decode(s.Predicate); err == nil {
			t.Errorf("a scan without result is read as %+v", got)
		}
	}
}

func TestSizeIsBoundedBeforeReading(t *testing.T) {
	large := bytes.Repeat([]byte(" "), MaxBytes+1)
	for _, row := range Types {
		if row.Kind == "sbom" {
			continue // bounded in its own package
		}
		if _, err := row.Decode(large); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: got %v, want ErrTooLarge", row.URIs[0], err)
		}
	}
}
