package evidence

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/difference"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/erasure"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/vsa"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Bounds of the record.
const (
	maxRecord = 512 << 20
	maxDepth  = 512 // claims of a statement nest as its issuer likes
)

// manifest reads the list of files, and gives its bytes too.
func (s sealed) manifest() (layout.Manifest, []byte, error) {
	data, err := s.read(layout.PathManifest, layout.MaxManifest)
	if err != nil {
		return layout.Manifest{}, nil, err
	}
	m, err := layout.Parse(data)
	return m, data, err
}

// checkFiles holds the bundle against its manifest as a closed world: one line if
// all is well, and else one for each file that is not as it was sealed.
func (s sealed) checkFiles(m layout.Manifest, err error, erased map[string]bool) []Check {
	const name = "files"
	if err != nil {
		return []Check{failed(name, layout.PathManifest, layout.Schema, err)}
	}
	var out []Check
	bad := func(path, reason, format string, args ...any) {
		out = append(out, failed(name, path, layout.PathManifest, archive.Refuse(reason, path, format, args...)))
	}
	listed := map[string]bool{}
	for _, path := range layout.Unlisted {
		listed[path] = true
	}
	for path := range s.sums { // each has a check of its own
		_, proof := erasure.IDOf(path)
		listed[path] = listed[path] || proof
	}
	without := personal(m, erased)
	for _, f := range m.Files {
		listed[f.Path] = true
		switch got, ok := s.sums[f.Path]; {
		case !ok && without[f.Path]: // the erasure is proved
		case !ok:
			bad(f.Path, archive.ReasonFileMissing, "the manifest lists it and the bundle does not hold it")
		case got.Err != nil:
			out = append(out, failed(name, f.Path, layout.PathManifest, got.Err))
		case got.Size != f.Size:
			bad(f.Path, archive.ReasonFileChanged, "it has %d bytes; %d were sealed", got.Size, f.Size)
		case got.Digest != "sha256:"+f.SHA256:
			bad(f.Path, archive.ReasonFileChanged, "its digest is %s; sha256:%s was sealed", got.Digest, f.SHA256)
		}
	}
	for _, path := range layout.Required {
		if !listed[path] {
			bad(path, archive.ReasonFileMissing, "every manifest lists it, and this one does not")
		}
	}
	for _, path := range []string{layout.PathManifest, layout.PathSums, layout.PathSignature} {
		if got, ok := s.sums[path]; !ok {
			bad(path, archive.ReasonFileMissing, "every bundle holds it")
		} else if got.Err != nil {
			out = append(out, failed(name, path, layout.PathManifest, got.Err))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(s.sums)) {
		if !listed[path] {
			bad(path, ReasonFileExtra, "the bundle holds it and the manifest does not list it")
		}
	}
	if len(out) == 0 {
		detail := ""
		if n := len(m.Files); len(without) > 0 {
			detail = fmt.Sprintf("%d of %d files were erased with %d people, as the log says", len(without), n, len(erased))
		}
		out = append(out, held(name, fmt.Sprintf("%d files", len(s.sums)), layout.PathManifest, detail))
	}
	return out
}

// personal are the files that go with people who were erased.
func personal(m layout.Manifest, erased map[string]bool) map[string]bool {
	out := map[string]bool{}
	for _, f := range m.Files {
		if slices.ContainsFunc(f.Personal, func(id string) bool { return erased[id] }) {
			out[f.Path] = true
		}
	}
	return out
}

// checkSums holds SHA256SUMS, which stock tools read, against the manifest.
func (s sealed) checkSums(m layout.Manifest, list []byte, err error) Check {
	const name = "checksums"
	if err != nil {
		return failed(name, layout.PathSums, layout.PathManifest, err)
	}
	got, err := s.read(layout.PathSums, layout.MaxManifest)
	if err != nil {
		return failed(name, layout.PathSums, layout.PathManifest, err)
	}
	want := m.Sums(s.sums[layout.PathManifest].Digest)
	if bytes.Equal(got, want) && list != nil {
		return held(name, layout.PathSums, layout.PathManifest, "")
	}
	wanted := strings.SplitAfter(string(want), "\n")
	for i, line := range strings.SplitAfter(string(got), "\n") {
		if i >= len(wanted) || line != wanted[i] {
			return failed(name, layout.PathSums, layout.PathManifest, archive.Refuse(ReasonSumsMismatch, layout.PathSums, "line %d is %q", i+1, clip(line)))
		}
	}
	return failed(name, layout.PathSums, layout.PathManifest, archive.Refuse(ReasonSumsMismatch, layout.PathSums, "it ends too early"))
}

// clip keeps what a bundle says about itself short enough to print.
func clip(s string) string {
	const most = 160
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// checkSignature verifies the statement with the key that the caller brought.
func (s sealed) checkSignature(e signing.Envelope, err error, key crypto.PublicKey) Check {
	const name = "signature"
	switch {
	case err != nil:
		return failed(name, layout.PathSignature, "the key given", err)
	case key == nil:
		return failed(name, layout.PathSignature, "the key given", archive.Refuse(ReasonKeyMissing, "", "no key given; get it from the gate's owner, not from the bundle"))
	}
	against := "key " + signing.KeyID(key)
	err = e.Verify(key)
	reason := ReasonSignatureInvalid
	switch {
	case err == nil && e.Names(key):
		return held(name, layout.PathSignature, against, "")
	case err == nil:
		// The signature does not cover the hint, and Seal writes no other.
		return failed(name, layout.PathSignature, against, archive.Refuse(ReasonSignatureMalformed, "", "its hint %q names another key", clip(e.Hint)))
	case errors.Is(err, signing.ErrSigner):
		reason = ReasonSignerUnknown
	case errors.Is(err, signing.ErrMalformed):
		reason = ReasonSignatureMalformed
	}
	return failed(name, layout.PathSignature, against, archive.Refuse(reason, "", "%v", err))
}

// checkSubjects finds the two lists of files among the subjects of the statement:
// this ties the signature to every byte of the bundle.
func (s sealed) checkSubjects(e signing.Envelope, err error) Check {
	const name, what, against = "subjects", layout.PathManifest + " and " + layout.PathSums, "the signed statement"
	if err != nil {
		return failed(name, what, against, err)
	}
	summary, err := summaryOf(e)
	if err != nil {
		return failed(name, what, against, err)
	}
	for _, path := range []string{layout.PathManifest, layout.PathSums} {
		got := s.sums[path].Digest
		named := 0
		for _, subject := range summary.Subjects {
			if subject.Name != path {
				continue
			}
			if named++; subject.Digest != got || got == "" {
				return failed(name, what, against, archive.Refuse(ReasonSubjectMismatch, path, "the bundle holds %q; %q was signed", got, clip(subject.Digest)))
			}
		}
		if named != 1 {
			return failed(name, what, against, archive.Refuse(ReasonSubjectMismatch, path, "it is %d times a subject; once is right", named))
		}
	}
	return held(name, what, against, "")
}

func summaryOf(e signing.Envelope) (vsa.Summary, error) {
	summary, err := vsa.Parse(e.Payload)
	if err != nil {
		return vsa.Summary{}, archive.Refuse(ReasonStatementMalformed, layout.PathSignature, "%v", err)
	}
	return summary, nil
}

// rawRecord holds the parts of a record as they are written. The record is in its
// canonical form, so each part is byte for byte the document that stands in a file
// of its own.
type rawRecord struct {
	Case     json.RawMessage `json:"case"`
	Decision json.RawMessage `json:"decision"`
}

func (s sealed) record() (gatekeep.Record, rawRecord, error) {
	var record gatekeep.Record
	var raw rawRecord
	data, err := s.read(layout.PathRecord, maxRecord)
	if err != nil {
		return record, raw, err
	}
	err = strictjson.Unmarshal(data, strictjson.Limits{Bytes: maxRecord, Depth: maxDepth}, &record)
	if err == nil {
		err = json.Unmarshal(data, &raw)
	}
	if err == nil && record.Schema != gatekeep.RecordSchema {
		err = fmt.Errorf("schema %q is not read; want %q", record.Schema, gatekeep.RecordSchema)
	}
	if err != nil {
		return gatekeep.Record{}, rawRecord{}, archive.Refuse(ReasonRecordMalformed, layout.PathRecord, "%v", err)
	}
	return record, raw, nil
}

// checkRecord holds the record against the documents that it speaks of.
func (s sealed) checkRecord(m layout.Manifest, r gatekeep.Record, raw rawRecord, err error) []Check {
	const name = "record"
	if err != nil {
		return []Check{failed(name, layout.PathRecord, gatekeep.RecordSchema, err)}
	}
	same := func(what, path, reason string, pairs ...[2]string) Check {
		for _, p := range pairs {
			if p[0] != p[1] || p[0] == "" {
				return failed(name, path, layout.PathRecord, archive.Refuse(reason, path, "%s: %q is not %q", what, clip(p[0]), clip(p[1])))
			}
		}
		return held(name, path, layout.PathRecord, what)
	}
	decision, input := s.sums[layout.PathDecision].Digest, s.sums[layout.PathInput].Digest
	return []Check{
		same("decision", layout.PathDecision, ReasonDecisionMismatch,
			[2]string{decision, r.Facts.Decision}, [2]string{decision, digestOf(raw.Decision)}),
		same("facts that were judged", layout.PathInput, ReasonInputMismatch,
			[2]string{input, r.Facts.Input}, [2]string{input, r.Decision.Input}),
		same("case", layout.PathCase, ReasonCaseMismatch, [2]string{s.sums[layout.PathCase].Digest, digestOf(raw.Case)}),
		same("id of the decision", layout.PathManifest, ReasonRecordMalformed, [2]string{m.DecisionID, r.ID}),
	}
}

// checkInputs holds the attestations against the case: all that it names, as they
// were found, and no others; and every one that was believed among them.
func (s sealed) checkInputs(r gatekeep.Record, err error, erased map[string]bool) []Check {
	const name = "inputs"
	if err != nil {
		return []Check{failed(name, layout.FolderAttestations, layout.PathCase, err)}
	}
	var out []Check
	bad := func(path, reason, format string, args ...any) {
		out = append(out, failed(name, path, layout.PathCase, archive.Refuse(reason, path, format, args...)))
	}
	named := make(map[string]bool, len(r.Case.Envelopes))
	for _, ref := range r.Case.Envelopes {
		path := layout.AttestationPath(ref.Digest)
		switch got, ok := s.sums[path]; {
		case named[path]:
		case !ok && erased[path]:
		case !ok:
			bad(path, ReasonEnvelopeMissing, "the case names %s (%s), and the bundle does not hold it", clip(ref.Digest), clip(ref.Name))
		case got.Err != nil:
			bad(path, ReasonEnvelopeChanged, "%v", got.Err)
		case got.Digest != ref.Digest || got.Size != ref.Size:
			bad(path, ReasonEnvelopeChanged, "it is %s with %d bytes; the case names %s with %d", got.Digest, got.Size, clip(ref.Digest), ref.Size)
		}
		named[path] = true
	}
	for _, path := range slices.Sorted(maps.Keys(s.sums)) {
		if strings.HasPrefix(path, layout.FolderAttestations) && !named[path] {
			bad(path, ReasonEnvelopeExtra, "the case does not name it")
		}
	}
	for _, believed := range r.Accepted {
		if path := layout.AttestationPath(believed.ID); !named[path] {
			bad(path, ReasonEnvelopeMissing, "%s was believed, and the case does not name it", clip(believed.ID))
		}
	}
	if len(out) == 0 {
		out = append(out, held(name, fmt.Sprintf("%d attestations", len(named)), layout.PathCase, ""))
	}
	return out
}

// checkStatement makes the statement again from the record and holds what was
// signed against it.
func (s sealed) checkStatement(r gatekeep.Record, recordErr error, e signing.Envelope, envelopeErr error) Check {
	const name, what = "statement", "the signed statement"
	for _, err := range []error{envelopeErr, recordErr} {
		if err != nil {
			return failed(name, what, layout.PathRecord, err)
		}
	}
	summary, err := summaryOf(e)
	if err != nil {
		return failed(name, what, layout.PathRecord, err)
	}
	again, err := statementOf(r, s.sums[layout.PathManifest].Digest, s.sums[layout.PathSums].Digest, summary.NotAfter)
	var got, want any
	if err == nil {
		err = errors.Join(json.Unmarshal(again, &want), json.Unmarshal(e.Payload, &got))
	}
	if err != nil {
		return failed(name, what, layout.PathRecord, archive.Refuse(ReasonStatementMismatch, layout.PathRecord, "%v", err))
	}
	if at, differs := difference.Of(want, got, false); differs {
		reason := ReasonStatementMismatch
		if strings.HasPrefix(at, "subject") {
			reason = ReasonSubjectMismatch
		}
		return failed(name, what, layout.PathRecord, archive.Refuse(reason, "", "%s is not what follows from the record", at))
	}
	return held(name, what, layout.PathRecord, "")
}

// checkValidity holds the expiry that was signed against a time that the verifier
// brought.
func checkValidity(e signing.Envelope, err error, at time.Time) Check {
	const name, what = "validity", "notAfter of the statement"
	against := at.UTC().Format(time.RFC3339)
	if err != nil {
		return failed(name, what, against, err)
	}
	summary, err := summaryOf(e)
	if err != nil {
		return failed(name, what, against, err)
	}
	if !summary.NotAfter.IsZero() && at.After(summary.NotAfter) {
		return failed(name, what, against, archive.Refuse(ReasonExpired, "", "the decision expired at %s", summary.NotAfter.UTC().Format(time.RFC3339)))
	}
	return held(name, what, against, "")
}

// checkPurpose holds the decision against what the verifier wants to act on, so that
// evidence of one image or environment is not taken for that of another.
func (s sealed) checkPurpose(r gatekeep.Record, err error, opts VerifyOptions) []Check {
	const name = "purpose"
	if err != nil {
		return nil // said already
	}
	var out []Check
	hold := func(ok bool, what, got, want, reason string) {
		if ok {
			out = append(out, held(name, what, want, ""))
			return
		}
		out = append(out, failed(name, what, want, archive.Refuse(reason, "", "the decision is about %s", clip(got))))
	}
	if opts.Subject != "" {
		_, part := r.Case.Subject.Artifacts[opts.Subject]
		hold(part || r.Case.Subject.Digest == opts.Subject, "subject", r.Case.Subject.Digest, opts.Subject, ReasonSubjectMismatch)
	}
	if opts.Environment != "" {
		got := r.Case.Request.Environment
		hold(got == opts.Environment, "environment", fmt.Sprintf("%q", got), fmt.Sprintf("%q", opts.Environment), ReasonEnvironmentMismatch)
	}
	if opts.Open {
		got := r.Decision.Outcome
		hold(got.Opens(), "outcome", "a gate that stayed shut: "+got.String(), "an open gate", ReasonOutcomeMismatch)
	}
	return out
}
