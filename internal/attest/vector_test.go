package attest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v3"

	"github.com/gatekeep-dev/gatekeep"
)

// vectorCase is case.yaml of a folder of testdata/attest: an envelope of the wild,
// with the trust policy to judge it by.
type vectorCase struct {
	Root    string          `yaml:"root"` // file of testdata/attest/roots that stands in as trusted_root.json
	Digests []string        `yaml:"digests"`
	Reason  gatekeep.Reason `yaml:"reason"` // of the rejection; absent where it is believed
}

func TestVectors(t *testing.T) {
	const dir = "../../testdata/attest"
	cases, err := filepath.Glob(dir + "/*/case.yaml")
	if err != nil || len(cases) < 20 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, path := range cases {
		folder := filepath.Dir(path)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			var c vectorCase
			if err := yaml.Unmarshal(mustRead(t, path), &c); err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(folder, "_fail") != (c.Reason != "") {
				t.Fatal("a case is named _fail exactly where it gives a reason")
			}
			fsys := fstest.MapFS{"trust.yaml": {Data: mustRead(t, folder+"/trust.yaml")}}
			if key, err := os.ReadFile(folder + "/key.pub"); err == nil {
				fsys["key.pub"] = &fstest.MapFile{Data: key}
			}
			if c.Root != "" {
				fsys["trusted_root.json"] = &fstest.MapFile{Data: mustRead(t, dir+"/roots/"+c.Root)}
			}
			trust, err := LoadTrust(fsys, "trust.yaml")
			if err != nil {
				t.Fatal(err)
			}
			wantReason(t, mustRead(t, folder+"/envelope.json"), trust, About{Digests: c.Digests, Environment: "prod"}, noon, c.Reason)
		})
	}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
