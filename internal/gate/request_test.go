package gate

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
)

const fullRequest = `version: 1
id: req-7
nonce: n-7
requestedAt: 2026-11-23T13:00:00+01:00
service: shop
environment: prod-eu
stage: predeploy
action: rollback
targets: [eu-central-1, eu-west-1]
regimes: [gdpr]
actor: {principal: "workload:cd", issuer: "https://ci.acme.example", subject: "shop:prod-eu"}
onBehalfOf: alice
emergency: true
change: CHG-1
plan: sha256:9999999999999999999999999999999999999999999999999999999999999999
commit: "1111111111111111111111111111111111111111"
strategy: canary
`

func TestARequestSaysWhatItsFileSays(t *testing.T) {
	got, err := ReadRequest("request.yaml", []byte(fullRequest))
	if err != nil {
		t.Fatal(err)
	}
	want := gatekeep.Request{
		ID: "req-7", Nonce: "n-7", RequestedAt: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Stage: "predeploy",
		Environment: "prod-eu", Service: "shop", Action: "rollback", Targets: []string{"eu-central-1", "eu-west-1"}, Regimes: []string{"gdpr"},
		Actor:      gatekeep.Actor{Principal: "workload:cd", Issuer: "https://ci.acme.example", Subject: "shop:prod-eu"},
		OnBehalfOf: "alice", Emergency: true, Change: "CHG-1", Plan: "sha256:" + strings.Repeat("9", 64), Commit: commit, Strategy: "canary",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := ReadRequest("request.json", []byte(`{"version": 1, "requestedAt": "2026-11-23T12:00:00Z"}`))
	if err != nil || !again.RequestedAt.Equal(want.RequestedAt) {
		t.Errorf("JSON is YAML too: got %+v, %v", again, err)
	}
	if empty, err := ReadRequest("request.yaml", []byte("version: 1\n")); err != nil || !cmp.Equal(empty, gatekeep.Request{}) {
		t.Errorf("what is left out stays empty: got %+v, %v", empty, err)
	}
}

func TestMistakesInARequestNameFileAndField(t *testing.T) {
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	for name, c := range map[string]struct{ text, want string }{
		"empty":               {"", "the file is empty"},
		"comment only":        {"# nothing\n", "the file is empty"},
		"null":                {"null\n", "the document"},
		"no version":          {"service: shop\n", "version"},
		"other version":       {"version: 2\n", "version"},
		"version as text":     {"version: \"1\"\n", "line 1"},
		"a list":              {"- version: 1\n", "line 1"},
		"no YAML":             {"version: 1\n\tservice: x\n", "line 2"},
		"unknown field":       {"version: 1\nservce: shop\n", "line 2: field servce"},
		"unknown field below": {"version: 1\nactor: {principal: a, name: b}\n", "field name"},
		"other case":          {"version: 1\nService: shop\n", "field Service"},
		"field twice":         {"version: 1\nservice: a\nservice: b\n", "already defined"},
		"two documents":       {"version: 1\n---\nversion: 1\n", "one document is wanted"},
		"line break in name":  {"version: 1\nservice: \"a\\nb\"\n", "/service"},
		"comma in target":     {"version: 1\ntargets: [\"a,b\"]\n", "/targets/0"},
		"empty name":          {"version: 1\nservice: \"\"\n", "/service"},
		"long name":           {"version: 1\nservice: " + strings.Repeat("a", 1025) + "\n", "/service"},
		"target twice":        {"version: 1\ntargets: [a, a]\n", "/targets"},
		"too many targets":    {"version: 1\ntargets: [" + many(201) + "]\n", "/targets"},
		"unknown stage":       {"version: 1\nstage: production\n", "/stage"},
		"unknown action":      {"version: 1\naction: Deploy\n", "/action"},
		"unknown strategy":    {"version: 1\nstrategy: yolo\n", "/strategy"},
		"actor without name":  {"version: 1\nactor: {issuer: i}\n", "/actor"},
		"actor as text":       {"version: 1\nactor: alice\n", "line 2"},
		"emergency as text":   {"version: 1\nemergency: \"false\"\n", "line 2"},
		"emergency as yes":    {"version: 1\nemergency: yes\n", "emergency"},
		"plan by tag":         {"version: 1\nplan: latest\n", "/plan"},
		"plan in upper case":  {"version: 1\nplan: sha256:" + strings.Repeat("A", 64) + "\n", "/plan"},
		"commit by branch":    {"version: 1\ncommit: main\n", "/commit"},
		"commit is a number":  {"version: 1\ncommit: 1111111111111111111111111111111111111111\n", "/commit"},
		"not a time":          {"version: 1\nrequestedAt: yesterday\n", "requestedAt"},
		"a day":               {"version: 1\nrequestedAt: 2026-11-23\n", "/requestedAt"},
		"a time without zone": {"version: 1\nrequestedAt: 2026-11-23 12:00:00\n", "/requestedAt"},
		"deep":                {"version: 1\ntargets: " + deep + "\n", ""},
		"bomb":                {"version: 1\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]\n", "field a"},
		"no UTF-8":            {"version: 1\nservice: \xff\n", ""},
		"too large":           {"version: 1\n#" + strings.Repeat("x", maxRequestBytes), "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadRequest("request.yaml", []byte(c.text))
			if err == nil {
				t.Fatalf("it is accepted: %+v", got)
			}
			if text := err.Error(); !strings.HasPrefix(text, "reading request request.yaml: ") || !strings.Contains(text, c.want) || len(text) > 1500 {
				t.Errorf("got %.2000q, want the file and %q", text, c.want)
			}
			if !cmp.Equal(got, gatekeep.Request{}) {
				t.Errorf("half of a request comes back: %+v", got)
			}
		})
	}
}

func many(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = strings.Repeat("a", i+1)
	}
	return strings.Join(names, ", ")
}

// Whatever is accepted can be bound, written and read again, and holds nothing that
// the schema forbids.
func FuzzReadRequest(f *testing.F) {
	f.Add([]byte(fullRequest))
	f.Add([]byte("version: 1\n"))
	f.Add([]byte(`{"version": 1, "actor": {"principal": "a"}, "requestedAt": "2026-11-23T12:00:00Z"}`))
	f.Add([]byte("version: 1\ntargets: &t [a]\nregimes: *t\n"))
	f.Add([]byte("version: 1\n<<: {service: a}\n"))
	f.Add([]byte("version: 0x1\nrequestedAt: 2026-11-23 12:00:00\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ReadRequest("request.yaml", data)
		if err != nil {
			if !cmp.Equal(r, gatekeep.Request{}) {
				t.Errorf("half of a request comes back: %+v", r)
			}
			return
		}
		if _, err := Binding(r, image); err != nil {
			t.Errorf("an accepted request cannot be bound: %v", err)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatalf("an accepted request cannot be written: %v", err)
		}
		var again gatekeep.Request
		if err := json.Unmarshal(text, &again); err != nil || !again.RequestedAt.Equal(r.RequestedAt) {
			t.Errorf("an accepted request does not come back: %v", err)
		}
		for _, name := range append([]string{r.Service, r.Environment, r.Change, r.OnBehalfOf, r.Actor.Principal}, r.Targets...) {
			if strings.ContainsAny(name, "\r\n,") || len(name) > 4*1024 {
				t.Errorf("the name %q is accepted", name)
			}
		}
	})
}
