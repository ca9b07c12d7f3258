package attest

import (
	"errors"
	"flag"
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
			fsys := fstest.MapFS{}
			files, err := os.ReadDir(folder)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				fsys[f.Name()] = &fstest.MapFile{Data: mustRead(t, folder+"/"+f.Name())}
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

// update writes the vectors that tests of this package make, with new keys.
var update = flag.Bool("update", false, "make the vectors of testdata/attest again")

// keepVector writes a case of a test as a folder of testdata/attest, on request. A
// case without a name is not kept.
func keepVector(t testing.TB, name string, files map[string]string, envelope []byte, digests []string, reason gatekeep.Reason) {
	t.Helper()
	if !*update || name == "" {
		return
	}
	folder := "../../testdata/attest/" + name
	text, err := yaml.Marshal(map[string]any{"digests": digests, "reason": string(reason)})
	if reason == "" {
		text, err = yaml.Marshal(map[string]any{"digests": digests})
	}
	if err := errors.Join(err, os.MkdirAll(folder, 0o755)); err != nil {
		t.Fatal(err)
	}
	files["case.yaml"], files["envelope.json"] = string(text), string(envelope)+"\n"
	for file, text := range files {
		if err := os.WriteFile(folder+"/"+file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
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
