package policy_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/util"
	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/policy"
	"github.com/gatekeep-dev/gatekeep/policies"
)

// mutations bounds how many documents each of the tests below has judged; one takes
// some 10 ms. The sample is the same each time. All of them are some 16,000.
var mutations = flag.Int("mutations", 500, "how many mutations of shut requests are judged; 0 for all")

// shutRequests are patches of the fixture, each of which shuts the gate. Together
// with trimmed they are JSON Patch operations.
var shutRequests = map[string]string{
	"approval missing": `[{"op": "remove", "path": "/approvals/ap-2"}]`,
	"self-approval": `[{"op": "replace", "path": "/approvals/ap-1/principal", "value": "mallory"},
		{"op": "replace", "path": "/approvals/ap-1/verification/principal", "value": "mallory"},
		{"op": "replace", "path": "/identities/mallory/groups", "value": ["deployers", "release-approvers"]}]`,
	"contributor unknown": `[{"op": "replace", "path": "/source/contributors", "value": ["alice", "ghost"]}]`,
	"freeze":              `[` + freeze + `]`,
	"exemption expired": `[` + freeze + `, {"op": "add", "path": "/freeze_exemptions/-", "value": {
		"id": "x1", "window": "fw", "binding": "` + binding + `", "uses": 0, "max_uses": 1,
		"not_before": "2026-11-22T10:00:00Z", "expires_at": "2026-11-23T09:59:59Z",
		"granted_by": ["frank", "grace"], "reason": "Tariff change ordered by the regulator",
		"verification": {"status": "verified", "signer": "frank", "principal": "frank"}}}]`,
	"calendar stale": `[{"op": "replace", "path": "/calendar/fetched_ns", "value": 1795420000000000000}]`,
	"critical":       `[` + critical + `]`,
	"vex of another product": `[` + critical + `, {"op": "add", "path": "/vex/CVE-2026-9999", "value": [{
		"attestation": "sha256:a8796d378552ff66f8b3420145f4dc654df50dae9b438a9f83309744a1a4d2af",
		"products": ["pkg:npm/right@2.0.0"], "status": "not_affected", "timestamp": "2026-11-23T09:00:00Z",
		"justification": "vulnerable_code_not_in_execute_path"}]}]`,
	"waiver expired": `[` + critical + `, {"op": "add", "path": "/waivers/-", "value": {
		"id": "w1", "rule": "supply_chain/vuln-blocking", "term": "CVE-2026-9999",
		"scope": {"environments": ["prod-eu"], "services": ["payments"]},
		"reason": "Vendor fix lands 5 December; WAF rule 44", "ticket": "SEC-1",
		"requested_by": "alice", "granted_by": ["dave"],
		"not_before": "2026-11-20T00:00:00Z", "expires_at": "2026-11-22T00:00:00Z",
		"verification": {"status": "verified", "signer": "dave", "principal": "dave"}}}]`,
	"secret found": `[{"op": "add", "path": "/attestations/items/sha256:20e8cdb5b4093e18eb565f0a0c148e44da1f0b8c5447f27c47881675bfa86c10/claims/findings/-",
		"value": {"id": "s1", "rule": "aws-key", "revoked": false}}]`,
	"provenance unexpected": `[{"op": "replace", "value": "https://evil.example",
		"path": "/attestations/items/sha256:dd0c2c70261f62045ff1b8d639a29b945c4bf822d852f96f1d68ee9e05f3bbbc/claims/builder_id"}]`,
	"region abroad":  `[{"op": "replace", "path": "/resources/aws_s3_bucket.b[17]/region", "value": "us-east-1"}]`,
	"region unknown": `[{"op": "remove", "path": "/resources/aws_s3_bucket.b[17]/region"}]`,
	"no agreement": `[{"op": "replace", "path": "/service/data_classes", "value": ["ephi"]},
		{"op": "add", "path": "/data_flow/processors/-", "value": {"name": "mailer", "classes": ["ephi"],
		"contract": {"kind": "dpa", "expires_at": "2027-06-30T00:00:00Z", "scope": ["payments"]}}}]`,
	"plain resource": `[{"op": "replace", "path": "/service/data_classes", "value": ["ephi"]},
		{"op": "replace", "path": "/resources/aws_s3_bucket.b[17]/encrypted_at_rest", "value": false}]`,
	"grant expired": `[{"op": "replace", "path": "/request/emergency", "value": true},
		{"op": "replace", "path": "/request/actor", "value": {"principal": "mallory"}},
		{"op": "replace", "path": "/approvals", "value": {}},
		{"op": "add", "path": "/grants/g1", "value": {"id": "g1", "principal": "mallory", "environment": "prod-eu",
		"service": "payments", "incident": "INC-7", "covers": ["rbac/approvals-insufficient"],
		"not_before": "2026-11-23T08:59:59Z", "expires_at": "2026-11-23T09:59:59Z", "uses": 0, "max_uses": 1,
		"granted_by": "erin", "reason": "Checkout is down",
		"verification": {"status": "verified", "signer": "erin", "principal": "erin"}}}]`,
	"policy downgraded": `[{"op": "replace", "path": "/gate/policy/revision", "value": 41}]`,
	"clock set back":    `[{"op": "replace", "path": "/clock/floor_ns", "value": 1795431600000000000}]`,
	"replayed":          `[{"op": "replace", "path": "/state/consumed_nonces", "value": ["n-1"]}]`,
	"source down": `[{"op": "add", "path": "/evidence_errors/-", "value": {"source": "change system",
		"kind": "source_timeout", "detail": "no answer in 30s", "required": true}}]`,
}

const (
	binding = "sha256:5431ed215c251748f24313904205c37baf08a34442a986f48d187aaa401d7c5d"

	freeze = `{"op": "add", "path": "/calendar/occurrences/o1", "value": {
		"window": "fw", "kind": "freeze", "title": "Year end", "tz": "America/New_York",
		"scope": {"tiers": ["production"]}, "allowed_actions": ["rollback"],
		"start_ns": 1795410000000000000, "end_ns": 1796014800000000000}}`

	critical = `{"op": "add", "path": "/findings/sca/CVE-2026-9999 pkg:npm~1left@1.0.0", "value": {
		"id": "CVE-2026-9999", "severity": "critical", "purl": "pkg:npm/left@1.0.0",
		"first_seen": "2026-11-23T08:00:00Z",
		"attestations": ["sha256:d828ed4fe041a0cf2bc5838a0053a5f0b3f87007f7805647275a460ad7b1c130"]}}`
)

// expected are the mutations that open the gate and should: by request, kind of
// mutation and place, why.
var expected = map[string]string{
	"clock set back blank /clock/floor_ns":                           "the state itself says that no time was recorded",
	"policy downgraded blank /gate/policy/floor_revision":            "the state itself says that no revision was used",
	"replayed blank /state/consumed_nonces/0":                        "the state itself no longer lists the nonce",
	"source down blank /evidence_errors/0/required":                  "the operator says that the source is not needed",
	"no agreement blank /data_flow/processors":                       "a signed statement says that nobody else processes the data",
	"region abroad blank /resources/aws_s3_bucket.b[17]/holds_data":  "a signed plan says that the resource holds no data",
	"region unknown blank /resources/aws_s3_bucket.b[17]/holds_data": "a signed plan says that the resource holds no data",
	"plain resource blank /resources/aws_s3_bucket.b[17]/holds_data": "a signed plan says that the resource holds no data",
	"no agreement delete /data_flow/processors/0":                    "a signed statement says that nobody else processes the data",
	"secret found delete /attestations/items/sha256:20e8cdb5b4093e18eb565f0a0c148e44da1f0b8c5447f27c47881675bfa86c10/claims/findings/0": "a signed scan says that it found nothing",
	"secret found blank /attestations/items/sha256:20e8cdb5b4093e18eb565f0a0c148e44da1f0b8c5447f27c47881675bfa86c10/claims/findings":    "a signed scan says that it found nothing",
}

// A fact that is taken away, null or blank never turns a shut gate into an open one,
// but for the few mutations that are another fact.
func TestNoMutationOpensTheGate(t *testing.T) {
	world := newWorld(t)
	var all []candidate
	for name, ops := range shutRequests {
		document := world.patched(t, ops)
		if err := world.schema.Validate(document); err != nil {
			t.Fatalf("%s does not meet the schema: %v", name, err)
		}
		if world.opens(t, encoded(t, document)) {
			t.Fatalf("%s is open; it has nothing to tell", name)
		}
		for _, m := range mutationsOf(document) {
			all = append(all, candidate{name + " " + m.String(), document, m})
		}
	}
	sample(all, expected)
	refused, judged := 0, 0
	opened := map[string]bool{}
	for _, c := range all {
		if *mutations > 0 && judged == *mutations {
			break
		}
		document := c.mutation.of(c.document)
		if world.schema.Validate(document) != nil {
			refused++ // it never reaches a rule
			continue
		}
		judged++
		if world.opens(t, encoded(t, document)) {
			opened[c.name] = true
		}
	}
	agree(t, slices.Sorted(maps.Keys(opened)), expected)
	t.Logf("%d shut requests, %d mutations: %d refused by the schema, %d judged, %d opened as expected",
		len(shutRequests), len(all), refused, judged, len(opened))
}

// candidate is a mutation of a document.
type candidate struct {
	name     string
	document map[string]any
	mutation mutation
}

// sample puts candidates in an order that has nothing to do with what they are, the
// same each time, behind those that are expected to open: the list of these stays true.
func sample(all []candidate, expected map[string]string) {
	weight := func(c candidate) uint32 {
		if expected[c.name] != "" {
			return 0
		}
		h := fnv.New32a()
		h.Write([]byte(c.name))
		return max(h.Sum32(), 1)
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(weight(a), weight(b)), cmp.Compare(a.name, b.name))
	})
}

// configured are the mutations of what an organisation lays over the policy that open
// the gate and should, by kind of mutation and place: why.
var configured = map[string]string{
	"blank /org/baseline_regimes":                            "the organisation names no regime",
	"delete /org/baseline_regimes/0":                         "the organisation no longer names this regime",
	"delete /org/baseline_regimes/1":                         "the organisation no longer names this regime",
	"delete /org/baseline_regimes/2":                         "the organisation no longer names this regime",
	"blank /org/regime_triggers":                             "the organisation ties no regime to a class of data",
	"blank /org/regime_triggers/ephi":                        "the organisation ties no regime to this class of data",
	"delete /org/regime_triggers/ephi":                       "the organisation ties no regime to this class of data",
	"delete /org/regime_triggers/ephi/0":                     "the organisation ties no regime to this class of data",
	"null /params/supply_chain/remediation_days/critical":    "null is how a severity is said to need no fix",
	"blank /params/rbac/required_approvals/production/slots": "the organisation asks for no approval",
}

// What an organisation does not say, or says with null or nothing, never turns a shut
// gate into an open one, but for the few words that mean just that.
func TestNoOverlayOpensTheGate(t *testing.T) {
	world := newWorld(t)
	decide, params := prepareOverlaid(t)
	org, ok := world.ask(t, map[string]any{"ops": []any{}})["org"].(map[string]any)
	if !ok {
		t.Fatal("the fixture has no organisation")
	}
	stock := map[string]any{"params": plain(params), "org": org}
	opens := func(document, overlay map[string]any) bool {
		results, err := decide.Eval(t.Context(), rego.EvalInput(map[string]any{
			"doc": document, "params": overlay["params"], "org": overlay["org"], "sboms": world.sboms,
		}))
		return err == nil && len(results) == 1 && results[0].Bindings["outcome"] == "pass"
	}
	if !opens(world.patched(t, "[]"), stock) {
		t.Fatal("the fixture is shut; nothing would open")
	}
	var all []candidate
	for name, ops := range shutRequests {
		document := world.patched(t, ops)
		if opens(document, stock) {
			t.Fatalf("%s is open; it has nothing to tell", name)
		}
		for _, m := range mutationsOf(stock) {
			// An overlay changes parameters and adds some; it takes none away.
			if m.how != "delete" || m.path[0] == "org" && len(m.path) > 1 {
				all = append(all, candidate{name + " " + m.String(), document, m})
			}
		}
	}
	sample(all, nil)
	possible := len(all)
	if *mutations > 0 {
		all = all[:min(*mutations, len(all))]
	}
	opened := map[string]bool{}
	for _, c := range all {
		if opens(c.document, c.mutation.of(stock).(map[string]any)) {
			opened[c.mutation.String()] = true
			if configured[c.mutation.String()] == "" {
				t.Errorf("opens: %s", c.name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(configured)) {
		if *mutations == 0 && !opened[name] {
			t.Errorf("reviewed and no longer opens: %s", name)
		}
	}
	t.Logf("%d shut requests, %d mutations of the overlay: %d judged, %d kinds opened",
		len(shutRequests), possible, len(all), len(opened))
}

// plain are parameters without entries that are only more of the same.
func plain(params map[string]any) map[string]any {
	for _, keys := range [][]string{
		{"gate", "required_input", "predeploy"}, {"gdpr", "regions", "aws"}, {"gdpr", "accepted_mechanisms", "US"},
	} {
		family := params[keys[0]].(map[string]any)
		table := family[keys[1]].(map[string]any)
		family[keys[1]] = map[string]any{keys[2]: table[keys[2]]}
	}
	return params
}

// prepareOverlaid compiles the built-in policy for one question: what the gate says to
// a document under parameters and an organisation. It also returns the parameters that
// are built in. A builtin that meets an error is undefined here, as it is to others who
// run the rules; the engine would end the evaluation, which never opens.
func prepareOverlaid(t *testing.T) (rego.PreparedEvalQuery, map[string]any) {
	t.Helper()
	tree, err := policies.Rego()
	if err != nil {
		t.Fatal(err)
	}
	data := map[string]any{}
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		if err != nil || base != "data.yaml" && base != "data.json" {
			return err
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		var document any
		if err := util.Unmarshal(text, &document); err != nil {
			return err
		}
		keys := strings.Split(path.Dir(name), "/")
		at := data
		for _, key := range keys[:len(keys)-1] {
			if at[key] == nil {
				at[key] = map[string]any{}
			}
			at = at[key].(map[string]any)
		}
		at[keys[len(keys)-1]] = document
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	q, err := rego.New(
		rego.Compiler(readLibrary(t).compiler),
		rego.Store(inmem.NewFromObject(data)),
		rego.Query(`outcome := data.gatekeep.main.decision.outcome
			with input as input.doc
			with data.gatekeep.params as input.params
			with data.gatekeep.org as input.org
			with data.sboms as input.sboms`),
	).PrepareForEval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	params, ok := data["gatekeep"].(map[string]any)["params"].(map[string]any)
	if !ok {
		t.Fatal("the policy has no parameters")
	}
	return q, params
}

// world is the built-in policy with the fixture's organisation.
type world struct {
	engine  *policy.Engine
	sboms   map[string]map[string]any
	schema  *jsonschema.Schema
	fixture rego.PreparedEvalQuery
}

func newWorld(t *testing.T) *world {
	t.Helper()
	tree, err := policies.Rego()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{fixture: prepareFixture(t, tree)}
	if w.schema, err = jsonschema.CompileString("input.json", string(policies.InputSchema)); err != nil {
		t.Fatal(err)
	}
	said := w.ask(t, map[string]any{"ops": []any{}})
	if err := json.Unmarshal(encoded(t, said["sboms"]), &w.sboms); err != nil {
		t.Fatal(err)
	}
	w.engine = engineOf(t, map[string]any{"org": said["org"]})
	return w
}

// engineOf loads every built-in rule under an overlay.
func engineOf(t *testing.T, overlay map[string]any) *policy.Engine {
	t.Helper()
	tree, err := policies.Rego()
	if err != nil {
		t.Fatal(err)
	}
	rules, err := policy.Rules(tree)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = r.ID
	}
	e, err := policy.Load(t.Context(), policy.Source{Rego: tree, Overlay: overlay}, ids)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// prepareFixture compiles the fixture that the tests of the rules share. It names the
// router, which is not asked here.
func prepareFixture(t *testing.T, tree fs.FS) rego.PreparedEvalQuery {
	t.Helper()
	const name = "gatekeep/fixture/fixture_test.rego"
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		t.Fatal(err)
	}
	params, err := fs.ReadFile(tree, "gatekeep/params/gate/data.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var gate any
	if err := util.Unmarshal(params, &gate); err != nil {
		t.Fatal(err)
	}
	q, err := rego.New(
		rego.Module(name, string(text)),
		rego.Module("main.rego", "package gatekeep.main\n\ndecision := input.never\n"),
		rego.Store(inmem.NewFromObject(map[string]any{
			"gatekeep": map[string]any{"params": map[string]any{"gate": gate}},
		})),
		rego.Query(`{
			"input": data.gatekeep.fixture.patch(input.ops),
			"org": data.gatekeep.fixture.org,
			"sboms": data.gatekeep.fixture.sboms,
		}`),
	).PrepareForEval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func (w *world) ask(t *testing.T, question map[string]any) map[string]any {
	t.Helper()
	results, err := w.fixture.Eval(t.Context(), rego.EvalInput(question))
	if err != nil || len(results) != 1 {
		t.Fatalf("asking the fixture: %d results, %v", len(results), err)
	}
	said, ok := results[0].Expressions[0].Value.(map[string]any)
	if !ok {
		t.Fatal("the fixture says something else than an object")
	}
	return said
}

// patched is the fixture's request after JSON Patch operations, without the resources
// and people that no request here is about: they would only be more of the same.
func (w *world) patched(t *testing.T, ops string) map[string]any {
	t.Helper()
	var list []any
	if err := util.UnmarshalJSON([]byte(ops), &list); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		if i != 0 && i != 17 {
			list = append(list, map[string]any{"op": "remove", "path": fmt.Sprintf("/resources/aws_s3_bucket.b[%d]", i)})
		}
	}
	for _, who := range []string{"alice-alt", "olga", "paul", "rita"} {
		list = append(list, map[string]any{"op": "remove", "path": "/identities/" + who})
	}
	document, ok := w.ask(t, map[string]any{"ops": list})["input"].(map[string]any)
	if !ok {
		t.Fatalf("cannot be laid over the fixture: %s", ops)
	}
	return document
}

func (w *world) opens(t *testing.T, document []byte) bool {
	t.Helper()
	d, err := w.engine.Decide(t.Context(), document, w.sboms)
	// What cannot be judged is not admitted.
	return err == nil && d.Outcome == gatekeep.Pass
}

// mutation takes away, nulls or blanks what stands at one place of a document.
type mutation struct {
	how  string // "delete", "null" or "blank"
	path []any  // keys of objects and indexes of lists
}

func (m mutation) String() string {
	var b strings.Builder
	b.WriteString(m.how + " ")
	for _, key := range m.path {
		fmt.Fprintf(&b, "/%v", key)
	}
	return b.String()
}

// mutationsOf lists every mutation of a document, in a fixed order.
func mutationsOf(document map[string]any) []mutation {
	var found []mutation
	var walk func(v any, path []any)
	visit := func(v any, path []any, key any) {
		here := append(slices.Clone(path), key)
		found = append(found, mutation{"delete", here})
		if v != nil {
			found = append(found, mutation{"null", here})
		}
		if !isBlank(v) {
			found = append(found, mutation{"blank", here})
		}
		walk(v, here)
	}
	walk = func(v any, path []any) {
		switch v := v.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				visit(v[key], path, key)
			}
		case []any:
			for i, item := range v {
				visit(item, path, i)
			}
		}
	}
	walk(document, nil)
	return found
}

// blank is what says nothing, of the same type.
func blank(v any) any {
	switch v.(type) {
	case map[string]any:
		return map[string]any{}
	case []any:
		return []any{}
	case string:
		return ""
	case bool:
		return false
	case json.Number:
		return json.Number("0")
	}
	return nil
}

func isBlank(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	case json.Number:
		return v == "0"
	}
	return v == nil || v == "" || v == false
}

// of is a copy of the document with the mutation in it.
func (m mutation) of(document any) any {
	if len(m.path) == 0 {
		if m.how == "null" {
			return nil
		}
		return blank(document)
	}
	last := len(m.path) == 1 && m.how == "delete"
	below := mutation{m.how, m.path[1:]}
	switch v := document.(type) {
	case map[string]any:
		key := m.path[0].(string)
		out := maps.Clone(v)
		if last {
			delete(out, key)
		} else {
			out[key] = below.of(v[key])
		}
		return out
	case []any:
		i := m.path[0].(int)
		if last {
			return slices.Delete(slices.Clone(v), i, i+1) // an empty list, not null, where it was the only one
		}
		out := slices.Clone(v)
		out[i] = below.of(v[i])
		return out
	}
	return document
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
