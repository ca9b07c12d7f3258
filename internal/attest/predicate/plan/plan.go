// Package plan reads the JSON of a Terraform or OpenTofu plan (terraform show -json)
// and tells which places it would make or change.
package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
)

// MaxResources bounds one plan; the largest states in use have 50,000.
const MaxResources = 100_000

// Plan is what is kept of a plan.
type Plan struct {
	FormatVersion string
	ToolVersion   string // "unknown" where the plan does not say
	Errored       bool
	Complete      bool // plans of versions that do not say are complete unless they errored
	Resources     []gatekeep.Resource
}

// document is the part of the format that is read.
// https://developer.hashicorp.com/terraform/internals/json-format
type document struct {
	FormatVersion    string  `json:"format_version"`
	TerraformVersion string  `json:"terraform_version"`
	Errored          bool    `json:"errored"`
	Complete         *bool   `json:"complete"`
	ResourceChanges  changes `json:"resource_changes"`
	Variables        map[string]struct {
		Value any `json:"value"`
	} `json:"variables"`
	Configuration struct {
		ProviderConfig map[string]provider `json:"provider_config"`
		RootModule     module              `json:"root_module"`
	} `json:"configuration"`
	PlannedValues json.RawMessage `json:"planned_values"`
}

type changes []struct {
	Address      string `json:"address"`
	Module       string `json:"module_address"`
	Mode         string `json:"mode"`
	Type         string `json:"type"`
	Name         string `json:"name"`
	ProviderName string `json:"provider_name"`
	Change       struct {
		Actions      []string       `json:"actions"`
		Before       map[string]any `json:"before"`
		After        map[string]any `json:"after"`
		AfterUnknown any            `json:"after_unknown"`
	} `json:"change"`
}

type provider struct {
	Name        string                `json:"name"`
	Expressions map[string]expression `json:"expressions"`
}

// expression is a setting of a provider; other shapes than these two fields, such
// as nested blocks, are no expression.
type expression struct {
	Constant   any      `json:"constant_value"`
	References []string `json:"references"`
}

// UnmarshalJSON reads an expression, or leaves it empty where there is a list of
// nested blocks.
func (e *expression) UnmarshalJSON(raw []byte) error {
	type plain expression
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	return json.Unmarshal(raw, (*plain)(e))
}

type module struct {
	Resources []struct {
		Address           string                     `json:"address"`
		ProviderConfigKey string                     `json:"provider_config_key"`
		Expressions       map[string]json.RawMessage `json:"expressions"`
	} `json:"resources"`
}

// Read reads a plan that strictjson.Check has passed. A document that holds no plan
// is an error; a plan without changes is not.
func Read(raw []byte) (*Plan, error) {
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("reading plan: %w", err)
	}
	if doc.FormatVersion == "" || doc.PlannedValues == nil {
		return nil, errors.New("reading plan: no format_version or planned_values; make it with terraform show -json, or tofu show -json")
	}
	if doc.TerraformVersion == "" {
		doc.TerraformVersion = "unknown"
	}
	if len(doc.ResourceChanges) > MaxResources {
		return nil, fmt.Errorf("reading plan: more than %d resources: %w", MaxResources, jsonscan.ErrLimit)
	}
	p := &Plan{FormatVersion: doc.FormatVersion, ToolVersion: doc.TerraformVersion, Errored: doc.Errored,
		Complete: !doc.Errored && (doc.Complete == nil || *doc.Complete), Resources: []gatekeep.Resource{}}
	keys := map[string]string{}
	for _, r := range doc.Configuration.RootModule.Resources {
		// A resource that states its own place does not lie where its provider does,
		// even if the place is known only after the plan is applied.
		if !slices.ContainsFunc(places, func(name string) bool { return r.Expressions[name] != nil }) {
			keys[r.Address] = r.ProviderConfigKey
		}
	}
	for i, c := range doc.ResourceChanges {
		switch {
		case c.Mode == "data":
			continue // read, not made
		case c.Address == "" || c.Type == "":
			return nil, fmt.Errorf("reading plan: resource_changes[%d] has no address or type", i)
		}
		values := c.Change.After
		if values == nil {
			values = c.Change.Before // it would be deleted
		}
		name := c.ProviderName[strings.LastIndexByte(c.ProviderName, '/')+1:]
		name, _, _ = strings.Cut(name, ".") // up to Terraform 0.12 with the alias
		r := gatekeep.Resource{Address: c.Address, Type: c.Type, Provider: cloud(name),
			Actions: slices.Clone(c.Change.Actions), EncryptedAtRest: flag(values, "storage_encrypted", "encrypted", "at_rest_encryption_enabled"),
			Key: text(values, "kms_key_id", "kms_key_arn", "kms_key_name")}
		if r.Region = region(values); r.Region == "" && c.Module == "" {
			r.Region = doc.providerRegion(keys[c.Type+"."+c.Name])
		}
		if r.Provider == "azure" || r.Provider == "gcp" {
			// These providers take "West Europe" for westeurope and EUROPE-WEST3.
			r.Region = strings.ToLower(strings.ReplaceAll(r.Region, " ", ""))
		}
		if holdsNothing(name, c.Type) {
			no := false
			r.HoldsData = &no
		}
		p.Resources = append(p.Resources, r)
	}
	return p, nil
}

// clouds are the names that residency parameters have for what a provider manages.
var clouds = map[string]string{"google": "gcp", "google-beta": "gcp", "azurerm": "azure", "azapi": "azure"}

func cloud(provider string) string {
	if name, ok := clouds[provider]; ok {
		return name
	}
	return provider
}

// places are the arguments with which resources state where they lie.
var places = []string{"region", "location", "availability_zone", "zone"}

// region is where the values of a resource say that it lies: its region, its
// location, or its availability zone without suffix. A value that is known only
// after the plan is applied is absent here.
func region(values map[string]any) string {
	if r := text(values, "region", "location"); r != "" {
		return zoneless(r)
	}
	return zoneless(text(values, "availability_zone", "zone"))
}

// zoneless takes the zone from the name of a zone: eu-central-1a, europe-west1-b.
func zoneless(name string) string {
	if n := len(name); n > 2 && name[n-1] >= 'a' && name[n-1] <= 'z' {
		switch before := name[n-2]; {
		case before == '-' && n > 3 && name[n-3] >= '0' && name[n-3] <= '9':
			return name[:n-2]
		case before >= '0' && before <= '9' && strings.Count(name, "-") >= 2:
			return name[:n-1]
		}
	}
	return name
}

// providerRegion is the region that the configuration of a provider states, as a
// constant or through a variable whose value is in the plan. A region that comes
// from the environment of the runner is not in the plan, and is not guessed.
func (d *document) providerRegion(key string) string {
	settings := d.Configuration.ProviderConfig[key].Expressions
	for _, name := range []string{"region", "location"} {
		e := settings[name]
		if constant, ok := e.Constant.(string); ok {
			return constant
		}
		if len(e.References) == 1 {
			if variable, ok := strings.CutPrefix(e.References[0], "var."); ok {
				value, _ := d.Variables[variable].Value.(string)
				return value
			}
		}
	}
	return ""
}

// text is the first of the named values that is a text with something in it.
func text(values map[string]any, names ...string) string {
	for _, name := range names {
		if s, ok := values[name].(string); ok && s != "" {
			return s
		}
	}
	return ""
}

// flag is the first of the named values that is true or false.
func flag(values map[string]any, names ...string) *bool {
	for _, name := range names {
		if b, ok := values[name].(bool); ok {
			return &b
		}
	}
	return nil
}

// dataless are the beginnings of types that are networks, rules and identities.
// Every other type counts as holding data.
var dataless = []string{
	"aws_iam_", "aws_security_group", "aws_vpc", "aws_subnet", "aws_route_table", "aws_route53_zone", "aws_internet_gateway",
	"aws_nat_gateway", "aws_network_acl", "aws_eip", "aws_lb_target_group",
	"google_compute_network", "google_compute_subnetwork", "google_compute_firewall", "google_compute_router",
	"google_project_iam_", "google_service_account", "google_project_service",
	"azurerm_resource_group", "azurerm_virtual_network", "azurerm_subnet", "azurerm_network_security_", "azurerm_role_",
}

// holdsNothing tells whether a resource cannot hold data, whatever is in the plan.
func holdsNothing(provider, kind string) bool {
	if provider == "random" || provider == "null" || provider == "time" {
		return true
	}
	return slices.ContainsFunc(dataless, func(prefix string) bool { return strings.HasPrefix(kind, prefix) })
}
