package sigstore

import (
	"crypto"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/gatekeep-dev/gatekeep"
)

// VerifyKey verifies a bundle that is signed with a key: ECDSA P-256, P-384 or P-521,
// Ed25519, RSA of at least 2048 bits. The hint in the bundle is not looked at. Where the
// root lists logs, the signature must be in one; some trusted time is always asked for,
// since the key of a log is valid in its window only. The failure is nil where the
// bundle holds; never put it into a variable of type error before looking at it.
func (r *Root) VerifyKey(b *bundle.Bundle, key crypto.PublicKey, what Content) *Failure {
	_, why := r.VerifyKeyTimes(b, key, what)
	return why
}

// VerifyKeyTimes is VerifyKey, and tells all times at which somebody trusted saw the
// signature; at least one where the failure is nil.
func (r *Root) VerifyKeyTimes(b *bundle.Bundle, key crypto.PublicKey, what Content) ([]time.Time, *Failure) {
	e, why := r.admit(b)
	if why != nil {
		return nil, why
	}
	if why := e.byKey(key, what); why != nil {
		return nil, why
	}
	verifier, err := signature.LoadDefaultVerifier(key)
	if err != nil {
		return nil, fail(gatekeep.ReasonSignatureInvalid, "loading key: %v", err)
	}
	material := sigroot.TrustedMaterialCollection{
		sigroot.NewTrustedPublicKeyMaterial(func(string) (sigroot.TimeConstrainedVerifier, error) {
			return sigroot.NewExpiringKey(verifier, time.Time{}, time.Time{}), nil
		}),
		r.Material,
	}
	times, why := r.observed(e, material)
	if why != nil {
		return nil, why
	}
	return times, e.about(what)
}

// VerifyKeyAlone is VerifyKey without a root: the key is trusted for what it signs at
// any time, and log entries and timestamps are not looked at.
func VerifyKeyAlone(b *bundle.Bundle, key crypto.PublicKey, what Content) *Failure {
	nobody := &Root{Material: sigroot.TrustedMaterialCollection{}}
	e, why := nobody.admit(b)
	if why != nil {
		return why
	}
	if why := e.byKey(key, what); why != nil {
		return why
	}
	return e.about(what)
}

// byKey verifies that the bundle is signed with a key, and that this key made it.
func (e *entity) byKey(key crypto.PublicKey, what Content) *Failure {
	content, err := e.VerificationContent()
	if err != nil {
		return fail(gatekeep.ReasonEnvelopeMalformed, "reading verification material: %v", err)
	}
	if content.PublicKey() == nil {
		return fail(gatekeep.ReasonSignerUnknown, "signed with a certificate, and a key was given to verify it")
	}
	return e.signedBy(key, what)
}
