package plan

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../../../testdata/predicate/plan", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRegionIsResolvedInOrder(t *testing.T) {
	for name, c := range map[string]struct{ resource, settings, want string }{
		"own region":              {`"after":{"region":"eu-west-1","availability_zone":"us-east-1a"}`, `{"region":{"constant_value":"us-east-1"}}`, "eu-west-1"},
		"location":                {`"after":{"location":"eu-west-1"}`, `{}`, "eu-west-1"},
		"zone":                    {`"after":{"availability_zone":"eu-west-1a"}`, `{"region":{"constant_value":"us-east-1"}}`, "eu-west-1"},
		"zone of another style":   {`"after":{"zone":"europe-west1-b"}`, `{}`, "europe-west1"},
		"provider":                {`"after":{"region":null}`, `{"region":{"constant_value":"us-east-1"}}`, "us-east-1"},
		"provider by variable":    {`"after":{}`, `{"region":{"references":["var.region"]}}`, "ap-south-1"},
		"provider by expression":  {`"after":{}`, `{"region":{"references":["local.region","var.region"]}}`, ""},
		"provider of other shape": {`"after":{}`, `{"region":[{"x":{"constant_value":"us-east-1"}}]}`, ""},
		"nothing":                 {`"after":{}`, `{}`, ""},
		"deleted":                 {`"before":{"region":"eu-west-1"},"after":null`, `{}`, "eu-west-1"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Read([]byte(`{"format_version":"1.2","terraform_version":"1.9.0","planned_values":{},"variables":{"region":{"value":"ap-south-1"}},
				"resource_changes":[{"address":"x.y","mode":"managed","type":"x","name":"y","provider_name":"registry.terraform.io/hashicorp/aws","change":{"actions":["create"],` + c.resource + `}}],
				"configuration":{"provider_config":{"aws":{"name":"aws","expressions":` + c.settings + `}},"root_module":{"resources":[{"address":"x.y","provider_config_key":"aws"}]}}}`))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Resources[0].Region; got != c.want {
				t.Errorf("got region %q, want %q", got, c.want)
			}
		})
	}
}

func TestRegionThatIsKnownAfterApplyIsNotTheProviders(t *testing.T) {
	p, err := Read([]byte(`{"format_version":"1.2","terraform_version":"1.9.0","planned_values":{},
		"resource_changes":[{"address":"x.y","type":"x","name":"y","change":{"actions":["create"],"after":{},"after_unknown":{"region":true}}}],
		"configuration":{"provider_config":{"aws":{"expressions":{"region":{"constant_value":"us-east-1"}}}},
		"root_module":{"resources":[{"address":"x.y","provider_config_key":"aws","expressions":{"region":{"references":["module.m.region"]}}}]}}}`))
	if err != nil || p.Resources[0].Region != "" {
		t.Errorf("got %+v, %v; want no region", p, err)
	}
}

func TestRealPlans(t *testing.T) {
	p, err := Read(read(t, "aws.json"))
	if err != nil {
		t.Fatal(err)
	}
	no := false
	want := []gatekeep.Resource{
		{Address: "aws_s3_bucket.planbucket", Type: "aws_s3_bucket", Provider: "aws", Actions: []string{"create"}},
		{Address: "aws_s3_bucket_server_side_encryption_configuration.example", Type: "aws_s3_bucket_server_side_encryption_configuration", Provider: "aws", Actions: []string{"create"}},
		{Address: "aws_security_group.sg", Type: "aws_security_group", Provider: "aws", Actions: []string{"create"}, HoldsData: &no},
	}
	if diff := cmp.Diff(want, p.Resources); diff != "" || !p.Complete || p.Errored {
		t.Errorf("complete %v, errored %v: %s", p.Complete, p.Errored, diff)
	}
	p, err = Read(read(t, "gke.json"))
	if err != nil || p.Resources[0].Provider != "gcp" || p.Resources[0].Region != "us-central1" {
		t.Errorf("got %+v, %v; want gcp us-central1", p, err)
	}
	p, err = Read(read(t, "modules.json"))
	if err != nil || len(p.Resources) != 7 || p.Resources[0].Provider != "null" {
		t.Errorf("got %+v, %v; want 7 resources", p, err)
	}
}

func TestWhatIsNoPlanIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                                   "no format_version",
		`[]`:                                   "cannot unmarshal",
		`{"format_version":"1.2","values":{}}`: "no format_version or planned_values",
		`{"format_version":"1.2","planned_values":{},"resource_changes":[{}]}`: "resource_changes[0] has no address",
		`{"format_version":"1.2","planned_values":{},"resource_changes":{}}`:   "cannot unmarshal",
	} {
		if p, err := Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v; want %q", text, p, err, want)
		}
	}
	many := `{"format_version":"1.2","planned_values":{},"resource_changes":[` + strings.Repeat("{},", MaxResources) + "{}]}"
	if _, err := Read([]byte(many)); !errors.Is(err, jsonscan.ErrLimit) {
		t.Errorf("got %v, want ErrLimit", err)
	}
}

func TestErroredPlanIsNotComplete(t *testing.T) {
	for text, want := range map[string]bool{``: true, `,"complete":true`: true, `,"complete":false`: false, `,"errored":true`: false, `,"errored":true,"complete":true`: false} {
		p, err := Read([]byte(`{"format_version":"1.2","planned_values":{}` + text + `}`))
		if err != nil || p.Complete != want {
			t.Errorf("%s: got %+v, %v; want complete %v", text, p, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"aws.json", "gke.json", "modules.json", "two-documents_fail.json"} {
		f.Add(read(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Read(data)
		if err != nil {
			return
		}
		for _, r := range p.Resources {
			if r.Address == "" || r.Type == "" {
				t.Fatalf("a resource without address or type: %+v", r)
			}
		}
	})
}
