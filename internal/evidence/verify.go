package evidence

import (
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/attest/sigstore"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// Check is one line of a verification: what was held against what, and how it came
// out.
type Check struct {
	Name    string `json:"name"`
	What    string `json:"what"`
	Against string `json:"against"`
	OK      bool   `json:"ok"`
	Reason  string `json:"reason,omitempty"` // stable code; "" where OK
	Detail  string `json:"detail,omitempty"` // for people
}

// Verification is all checks of a bundle, in the order in which they were made.
type Verification struct {
	Checks []Check `json:"checks"`
}

// OK tells whether checks were made and all of them hold.
func (v Verification) OK() bool {
	for _, c := range v.Checks {
		if !c.OK {
			return false
		}
	}
	return len(v.Checks) > 0
}

// VerifyOptions are what a verifier brings from outside the bundle.
type VerifyOptions struct {
	// Key is the gate's public key, from its owner. Without one the signature check
	// fails, and all others are made nevertheless.
	Key crypto.PublicKey
	// Eraser is the key that signed the erasures of people, where it is another than Key.
	Eraser crypto.PublicKey
	// At is the time at which the decision must not have expired; zero asks nothing.
	At time.Time
	// Root has the keys of the log and of the timestamp authority, from the gate's owner.
	// Without one, evidence that promises either fails.
	Root *sigstore.Root
	// Witnesses are keys of those who were to sign the checkpoint in the bundle (C2SP
	// tlog-cosignature), of whom Threshold must have.
	Witnesses []string
	Threshold int
	// Subject, Environment and Open are what the verifier wants to act on: the digest of
	// an image, where it goes, and that the gate opened. Zero values ask nothing.
	Subject     string
	Environment string
	Open        bool
}

// Broken is the verification of a file that Open refused with err.
func Broken(path string, err error) Verification {
	c := Check{Name: "archive", What: path, Against: layout.Schema, Reason: reasonOf(err, archive.ReasonMalformed), Detail: err.Error()}
	var r *archive.Refusal
	if errors.As(err, &r) {
		c = failed(c.Name, path, layout.Schema, r)
	}
	return Verification{[]Check{c}}
}

// Verify makes every check of a bundle, whatever the others say. It reads each file
// once or twice, uses all processors, and needs no network and no clock.
func Verify(b *Bundle, opts VerifyOptions) Verification {
	form := held("archive", fmt.Sprintf("%d entries", len(b.archive.Paths())), layout.Schema, "")
	s := sealed{read: b.archive.Read}
	s.sums = b.archive.Sums()
	return Verification{append([]Check{form}, s.checks(opts)...)}
}

func held(name, what, against, detail string) Check {
	return Check{Name: name, What: what, Against: against, OK: true, Detail: detail}
}

// failed is a check that does not hold for the reason that err brings.
func failed(name, what, against string, err error) Check {
	c := Check{Name: name, What: what, Against: against, Reason: reasonOf(err, archive.ReasonFileChanged), Detail: err.Error()}
	if r, ok := err.(*archive.Refusal); ok {
		c.Detail = r.Detail
		if r.Path != "" && r.Path != what {
			c.Detail = r.Path + ": " + r.Detail
		}
	}
	return c
}

// sealed is what the checks look at: the files of a bundle, on disk or before they
// are written.
type sealed struct {
	sums map[string]archive.Sum
	read func(path string, limit int64) ([]byte, error)
}

// checks are all checks but that of the archive's form.
func (s sealed) checks(opts VerifyOptions) []Check {
	m, list, listErr := s.manifest()
	record, raw, recordErr := s.record()
	erased, proofs := s.checkErasures(record, opts)
	out := append(s.checkFiles(m, listErr, erased), proofs...)
	out = append(out, s.checkSums(m, list, listErr))
	envelope, envelopeErr := s.envelope()
	out = append(out, s.checkSignature(envelope, envelopeErr, opts.Key))
	out = append(out, s.checkSubjects(envelope, envelopeErr))
	out = append(out, s.checkRecord(m, record, raw, recordErr)...)
	out = append(out, s.checkInputs(record, recordErr, personal(m, erased))...)
	out = append(out, s.checkPeople(record, recordErr, erased)...)
	out = append(out, s.checkPolicy(record, recordErr))
	out = append(out, s.checkStatement(record, recordErr, envelope, envelopeErr))
	out = append(out, s.checkVouchers(record, recordErr, envelope, envelopeErr, opts)...)
	out = append(out, s.checkPurpose(record, recordErr, opts)...)
	if !opts.At.IsZero() {
		out = append(out, checkValidity(envelope, envelopeErr, opts.At))
	}
	return out
}

// envelope is the signed statement of the bundle, not yet verified. Only the layout
// that Seal writes is read: elsewhere a byte could change and nothing would notice.
func (s sealed) envelope() (signing.Envelope, error) {
	data, err := s.read(layout.PathSignature, signing.MaxBundleBytes)
	if err != nil {
		return signing.Envelope{}, err
	}
	envelope, err := signing.ParseBundle(data)
	if err != nil {
		return signing.Envelope{}, archive.Refuse(ReasonSignatureMalformed, layout.PathSignature, "%v", err)
	}
	if again, err := envelope.Bundle(); err != nil || !sameBytes(again, data) {
		return signing.Envelope{}, archive.Refuse(ReasonSignatureMalformed, layout.PathSignature, "it is not laid out as a gate writes it")
	}
	return envelope, nil
}
