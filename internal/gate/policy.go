package gate

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/policy"
	"github.com/gatekeep-dev/gatekeep/internal/regimes"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// policyPredicate is the type of the statement with which a policy is signed.
const policyPredicate = "https://gatekeep.dev/policy/v1"

// policyStatement is an in-toto Statement v1 about the rules and the bundle.
type policyStatement struct {
	Type          string          `json:"_type"`
	Subject       []policySubject `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     struct {
		Name     string `json:"name"`
		Revision int64  `json:"revision"`
	} `json:"predicate"`
}

type policySubject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

// statementOf is the statement that signs this policy. Subjects are named by the
// digest texts that PolicyRef has.
func statementOf(ref gatekeep.PolicyRef) ([]byte, error) {
	s := policyStatement{Type: "https://in-toto.io/Statement/v1", PredicateType: policyPredicate}
	for _, subject := range [][2]string{{"rules", ref.Digest}, {"bundle", ref.Bundle}} {
		s.Subject = append(s.Subject, policySubject{subject[0], map[string]string{"sha256": strings.TrimPrefix(subject[1], "sha256:")}})
	}
	s.Predicate.Name, s.Predicate.Revision = ref.Name, ref.Revision
	canonical, _, err := digest.JCS(s)
	return canonical, err
}

// SignPolicy signs the rules and the bundle that a PolicyRef names.
func SignPolicy(signer signing.Signer, ref gatekeep.PolicyRef) ([]byte, error) {
	statement, err := statementOf(ref)
	if err != nil {
		return nil, err
	}
	return signing.SignStatement(signer, statement)
}

// ErrOtherPolicy is a signature that verifies, over another policy.
var ErrOtherPolicy = errors.New("the signature is over other rules or another bundle than these; sign them again if the change is meant")

// VerifyPolicy checks that the key signed exactly these rules and this bundle.
func VerifyPolicy(signed []byte, key crypto.PublicKey, ref gatekeep.PolicyRef) error {
	payload, err := signing.VerifyBundle(signed, key)
	if err != nil {
		return err
	}
	want, err := statementOf(ref)
	if err != nil {
		return err
	}
	again, _, err := digest.JCS(json.RawMessage(payload))
	if err != nil {
		return fmt.Errorf("reading signed statement: %w", err)
	}
	if string(again) != string(want) {
		return ErrOtherPolicy
	}
	return nil
}

// KnownRegimes refuses a request or a bundle that names a regime which the policy
// does not have, before any work is done.
func KnownRegimes(src policy.Source, asked []string) error {
	catalogue, err := regimes.Load(src.Rego)
	if err != nil {
		return err
	}
	_, err = catalogue.Rules(regimes.Derive(regimes.Derivation{Asked: asked}))
	return err
}
