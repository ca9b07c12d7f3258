package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// npmKey signs the publications of the npm registry; https://registry.npmjs.org/-/npm/v1/keys
// lists it as SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA.
//
//go:embed npm.pub
var npmKey string

// told is what `evidence inspect --format json` prints.
type told struct {
	Documents []struct {
		Name    string `json:"name"`
		Reason  string `json:"reason"`
		Detail  string `json:"detail"`
		Reading *struct {
			Format string `json:"format"`
			Signed *struct {
				PredicateType string `json:"predicate_type"`
				Signers       []struct {
					Identity string `json:"identity"`
					Issuer   string `json:"issuer"`
				} `json:"signers"`
			} `json:"signed"`
		} `json:"reading"`
		Believed *bool `json:"believed"`
		Rejected *struct {
			Reason string `json:"reason"`
			Detail string `json:"detail"`
		} `json:"rejected"`
	} `json:"documents"`
}

// trustEverybody writes a trust policy that believes each key beside the document and
// each identity that the document claims, of the public Sigstore instance: what is left
// to fail is the cryptography.
func trustEverybody(dir string, keys []string, t told) (string, error) {
	types, identities := []string{}, []string{}
	for _, d := range t.Documents {
		if d.Reading == nil || d.Reading.Signed == nil {
			continue
		}
		if p := d.Reading.Signed.PredicateType; p != "" && !slices.Contains(types, p) {
			types = append(types, p)
		}
		for _, s := range d.Reading.Signed.Signers {
			if pair := s.Identity + "\t" + s.Issuer; s.Identity != "" && !slices.Contains(identities, pair) {
				identities = append(identities, pair)
			}
		}
	}
	signers, names := map[string]any{}, []string{}
	for i, key := range keys {
		pem, err := os.ReadFile(key)
		if err != nil {
			return "", err
		}
		name := fmt.Sprintf("key%d", i)
		signers[name], names = map[string]any{"pem": string(pem)}, append(names, name)
	}
	if slices.ContainsFunc(types, func(t string) bool { return strings.HasPrefix(t, "https://github.com/npm/") }) {
		signers["npm"], names = map[string]any{"pem": npmKey}, append(names, "npm")
	}
	for i, pair := range identities {
		subject, issuer, _ := strings.Cut(pair, "\t")
		name := fmt.Sprintf("identity%d", i)
		signers[name], names = map[string]any{"subject": subject, "issuer": issuer, "root": "sigstore-production"}, append(names, name)
	}
	if len(names) == 0 || len(types) == 0 {
		return "", fmt.Errorf("nobody is claimed to have signed it, or no type: %d signers, %d types", len(names), len(types))
	}
	// JSON is YAML.
	data, err := json.Marshal(map[string]any{"version": 1, "allowMixedRoles": true, "signers": signers,
		"statements": []any{map[string]any{"types": types, "signers": names}}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "trust.yaml")
	return path, os.WriteFile(path, data, 0o600)
}

// afterSignature are reasons that are only reached once a trusted signature holds.
var afterSignature = []string{"subject_mismatch"}

// verified is a signed document of expected.tsv that verify.tsv does not have: it is
// inspected under a trust policy that believes whoever it names.
func verified(o options, j job) job {
	j.how = "inspect --trust"
	path := filepath.Join(o.corpus, j.file)
	j.run = func(ctx context.Context) (verdict, string) {
		var t told
		r := execute(ctx, o.bin, "evidence", "inspect", "--format", "json", path)
		if r.crashed {
			return crashed, r.last()
		}
		if err := json.Unmarshal([]byte(r.stdout), &t); err != nil {
			return fail, r.last()
		}
		dir, err := os.MkdirTemp("", "vectors")
		if err != nil {
			return fail, err.Error()
		}
		defer os.RemoveAll(dir)
		if v, why, done := keyed(ctx, o, j, path); done {
			return v, why
		}
		trust, err := trustEverybody(dir, keysBeside(path), t)
		if err != nil {
			if j.class == "verify-fail" {
				return pass, ""
			}
			return fail, err.Error()
		}
		r = execute(ctx, o.bin, "evidence", "inspect", "--format", "json", "--trust", trust, path)
		if r.crashed {
			return crashed, r.last()
		}
		t = told{}
		if err := json.Unmarshal([]byte(r.stdout), &t); err != nil || len(t.Documents) == 0 {
			return fail, r.last()
		}
		return t.agrees(j.class)
	}
	return j
}

// keyed verifies a DSSE envelope with the key beside it. What is signed need not be a
// statement, and then has no subject to be asked about: it is enough that the signature
// held before that was found.
func keyed(ctx context.Context, o options, j job, path string) (verdict, string, bool) {
	keys := keysBeside(path)
	if len(keys) != 1 || filepath.Ext(path) != ".json" {
		return "", "", false
	}
	nothing := "sha256:" + strings.Repeat("0", 64)
	r := execute(ctx, o.bin, "verify-bundle", "--format", "json", "--bundle", path, "--key", keys[0], nothing)
	var said struct {
		Reason string `json:"reason"`
	}
	if r.crashed {
		return crashed, r.last(), true
	}
	if err := json.Unmarshal([]byte(r.stdout), &said); err != nil {
		return fail, r.last(), true
	}
	held := r.code == 0 || said.Reason == "subject_mismatch" || said.Reason == "statement_malformed"
	if held == (j.class == "verify-pass") {
		return pass, "", true
	}
	return fail, said.Reason, true
}

// agrees tells whether all documents are believed, or one is not, as expected.
func (t told) agrees(class string) (verdict, string) {
	all, why := true, ""
	for _, d := range t.Documents {
		believed := d.Believed != nil && *d.Believed || d.Rejected != nil && slices.Contains(afterSignature, d.Rejected.Reason)
		if believed {
			continue
		}
		if all = false; d.Rejected != nil {
			why = d.Name + ": " + d.Rejected.Reason + ": " + d.Rejected.Detail
		} else {
			why = d.Name + ": " + d.Reason + ": " + d.Detail
		}
	}
	if all == (class == "verify-pass") {
		return pass, why
	}
	return fail, why
}

// keysBeside are the public keys in the folder of a file that share its first word.
func keysBeside(path string) []string {
	word, _, _ := strings.Cut(filepath.Base(path), ".")
	var keys []string
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		name := e.Name()
		ext := filepath.Ext(name)
		if (ext == ".key" || ext == ".pem" || ext == ".pub") && (strings.HasPrefix(name, word+".") || ext == ".pem") {
			keys = append(keys, filepath.Join(filepath.Dir(path), name))
		}
	}
	return keys
}
