package gate

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"go.yaml.in/yaml/v3"

	"github.com/gatekeep-dev/gatekeep"
)

//go:embed request.schema.json
var requestSchema string

// maxRequestBytes bounds a request file: a few names and lists, written by hand.
const maxRequestBytes = 1 << 20

// requestFile is request.yaml; request.schema.json is its schema.
type requestFile struct {
	Version     int      `yaml:"version"`
	ID          string   `yaml:"id"`
	Nonce       string   `yaml:"nonce"`
	RequestedAt string   `yaml:"requestedAt"`
	Service     string   `yaml:"service"`
	Environment string   `yaml:"environment"`
	Stage       string   `yaml:"stage"`
	Action      string   `yaml:"action"`
	Targets     []string `yaml:"targets"`
	Regimes     []string `yaml:"regimes"`
	Actor       struct {
		Principal string `yaml:"principal"`
		Issuer    string `yaml:"issuer"`
		Subject   string `yaml:"subject"`
	} `yaml:"actor"`
	OnBehalfOf string `yaml:"onBehalfOf"`
	Emergency  bool   `yaml:"emergency"`
	Change     string `yaml:"change"`
	Plan       string `yaml:"plan"`
	Commit     string `yaml:"commit"`
	Strategy   string `yaml:"strategy"`
}

// ReadRequest reads a request file. Fields that it leaves out stay empty; the
// caller fills them. An error names the file and the field.
func ReadRequest(name string, data []byte) (gatekeep.Request, error) {
	var f requestFile
	if len(data) > maxRequestBytes {
		return gatekeep.Request{}, fmt.Errorf("reading request %s: larger than %d bytes", name, maxRequestBytes)
	}
	if err := decodeYAML(data, requestSchema, &f); err != nil {
		return gatekeep.Request{}, fmt.Errorf("reading request %s: %w", name, err)
	}
	r := gatekeep.Request{
		ID: f.ID, Nonce: f.Nonce, Stage: f.Stage, Environment: f.Environment, Service: f.Service,
		Action: f.Action, Targets: f.Targets, Regimes: f.Regimes,
		Actor:      gatekeep.Actor{Principal: f.Actor.Principal, Issuer: f.Actor.Issuer, Subject: f.Actor.Subject},
		OnBehalfOf: f.OnBehalfOf, Emergency: f.Emergency, Change: f.Change, Plan: f.Plan,
		Commit: f.Commit, Strategy: f.Strategy,
	}
	if f.RequestedAt == "" {
		return r, nil
	}
	at, err := time.Parse(time.RFC3339, f.RequestedAt)
	if err != nil {
		return gatekeep.Request{}, fmt.Errorf("reading request %s: requestedAt: %w", name, err)
	}
	r.RequestedAt = at.UTC()
	return r, nil
}

// decodeYAML reads one YAML document into a struct that knows every field, after
// its JSON form has met the schema.
func decodeYAML(data []byte, schema string, into any) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("the file is empty")
		}
		return err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("one document is wanted, and there are more")
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return err
	}
	textTimes(&doc)
	var tree any
	if err := doc.Decode(&tree); err != nil {
		return err
	}
	asJSON, err := json.Marshal(tree)
	if err != nil {
		return fmt.Errorf("turning YAML into JSON: %w", err)
	}
	return meetSchema(asJSON, schema)
}

// textTimes keeps what looks like a time as the text that was written. YAML would
// take a day for its midnight, and a time without zone for one in UTC.
func textTimes(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, child := range n.Content {
		textTimes(child)
	}
}

// meetSchema checks a JSON document against a draft-07 schema and names each
// place that breaks it.
func meetSchema(document []byte, schema string) error {
	compiler := jsonschema.NewCompiler()
	compiler.Draft = jsonschema.Draft7
	compiler.AssertFormat = true
	if err := compiler.AddResource("schema.json", strings.NewReader(schema)); err != nil {
		return fmt.Errorf("reading schema: %w", err)
	}
	compiled, err := compiler.Compile("schema.json")
	if err != nil {
		return fmt.Errorf("compiling schema: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return fmt.Errorf("reading document: %w", err)
	}
	err = compiled.Validate(tree)
	var broken *jsonschema.ValidationError
	if errors.As(err, &broken) {
		return fmt.Errorf("breaking its schema: %s", strings.Join(places(broken, nil), "; "))
	}
	return err
}

// maxPlaces keeps the message of a badly broken document to one screen.
const maxPlaces = 5

func places(v *jsonschema.ValidationError, out []string) []string {
	if len(v.Causes) == 0 && len(out) < maxPlaces {
		where := v.InstanceLocation
		if where == "" {
			where = "the document"
		}
		return append(out, where+": "+v.Message)
	}
	for _, cause := range v.Causes {
		out = places(cause, out)
	}
	return out
}
