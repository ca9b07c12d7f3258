package gate

import (
	"crypto"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

func TestASignatureHoldsForOnePolicyOnly(t *testing.T) {
	ref := gatekeep.PolicyRef{
		Origin: "directory", Name: "acme", Revision: 3,
		Digest: digest.Of([]byte("rules")), Bundle: digest.Of([]byte("bundle")),
	}
	key := keyOf(t, "policy")
	signed, err := SignPolicy(key, ref)
	if err != nil {
		t.Fatal(err)
	}
	signStatement := func(text string) []byte {
		out, err := signing.SignStatement(key, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	statement, err := statementOf(ref)
	if err != nil {
		t.Fatal(err)
	}
	same := func(gatekeep.PolicyRef) gatekeep.PolicyRef { return ref }
	for name, c := range map[string]struct {
		signed []byte
		key    crypto.PublicKey
		change func(gatekeep.PolicyRef) gatekeep.PolicyRef
		want   error // nil: it holds; errAny: some error
	}{
		"as it was signed":  {signed, key.Public(), same, nil},
		"how it is trusted": {signed, key.Public(), func(r gatekeep.PolicyRef) gatekeep.PolicyRef { r.Signer, r.SignatureVerified = "x", true; return r }, nil},
		"layout":            {signStatement(" " + string(statement)), key.Public(), same, nil},
		"other rules":       {signed, key.Public(), func(r gatekeep.PolicyRef) gatekeep.PolicyRef { r.Digest = r.Bundle; return r }, ErrOtherPolicy},
		"other bundle":      {signed, key.Public(), func(r gatekeep.PolicyRef) gatekeep.PolicyRef { r.Bundle = r.Digest; return r }, ErrOtherPolicy},
		"swapped":           {signed, key.Public(), func(r gatekeep.PolicyRef) gatekeep.PolicyRef { r.Bundle, r.Digest = r.Digest, r.Bundle; return r }, ErrOtherPolicy},
		"other revision":    {signed, key.Public(), func(r gatekeep.PolicyRef) gatekeep.PolicyRef { r.Revision++; return r }, ErrOtherPolicy},
		"other name":        {signed, key.Public(), func(r gatekeep.PolicyRef) gatekeep.PolicyRef { r.Name = "ACME"; return r }, ErrOtherPolicy},
		"nothing named":     {signed, key.Public(), func(gatekeep.PolicyRef) gatekeep.PolicyRef { return gatekeep.PolicyRef{} }, ErrOtherPolicy},
		"other type":        {signStatement(strings.Replace(string(statement), policyPredicate, "https://gatekeep.dev/approval/v1", 1)), key.Public(), same, ErrOtherPolicy},
		"one more member":   {signStatement(strings.Replace(string(statement), "{", `{"a":1,`, 1)), key.Public(), same, ErrOtherPolicy},
		"one member twice":  {signStatement(strings.Replace(string(statement), "{", `{"_type":"x",`, 1)), key.Public(), same, errAny},
		"no statement":      {signStatement(`[]`), key.Public(), same, ErrOtherPolicy},
		"other key":         {signed, keyOf(t, "mallory").Public(), same, signing.ErrSigner},
		"no key":            {signed, nil, same, errAny},
		"no signature":      {nil, key.Public(), same, signing.ErrMalformed},
		"half a signature":  {signed[:len(signed)/2], key.Public(), same, signing.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			err := VerifyPolicy(c.signed, c.key, c.change(ref))
			switch {
			case c.want == nil && err != nil:
				t.Errorf("got %v", err)
			case c.want == errAny && err == nil:
				t.Error("it holds")
			case c.want != nil && c.want != errAny && !errors.Is(err, c.want):
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

var errAny = errors.New("any error")

// The statement is one that stock tools read: subjects in in-toto's form.
func TestAPolicyIsSignedAsAnInTotoStatement(t *testing.T) {
	w := newWorld(t)
	payload, err := signing.VerifyBundle(w.q.PolicySignature, keyOf(t, "policy").Public())
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Type    string `json:"_type"`
		Subject []struct {
			Name   string            `json:"name"`
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
		PredicateType string `json:"predicateType"`
	}
	if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatal(err)
	}
	if got.Type != "https://in-toto.io/Statement/v1" || got.PredicateType != "https://gatekeep.dev/policy/v1" || len(got.Subject) != 2 ||
		"sha256:"+got.Subject[0].Digest["sha256"] != w.q.Policy.Digest || "sha256:"+got.Subject[1].Digest["sha256"] != w.q.Policy.Bundle {
		t.Errorf("got %s", payload)
	}
}

func TestNobodySignsWithoutAKey(t *testing.T) {
	if _, err := SignPolicy(nil, gatekeep.PolicyRef{}); err == nil {
		t.Error("a policy was signed without a key")
	}
}
