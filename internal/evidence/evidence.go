// Package evidence seals a decision with everything it was made from into one zip
// archive, and verifies such archives offline: that they are a closed world, that
// what is signed is what is inside, and that judging again gives the same bytes.
// docs/evidence-format.md is its specification.
package evidence

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/guide"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/vsa"
	"github.com/gatekeep-dev/gatekeep/internal/people"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// Contents are what a bundle seals. The documents agree with each other, or Seal
// refuses them.
type Contents struct {
	Record   gatekeep.Record
	Decision []byte // canonical JSON of the decision
	Input    []byte // canonical JSON of the facts
	Case     []byte // canonical JSON of the case
	// Envelopes are the documents that the case names, as they were found, by digest.
	Envelopes       map[string][]byte
	Policy          []byte            // policy.tar.gz
	PolicySignature []byte            // a Sigstore bundle; nil where the policy is not signed
	Trust           map[string][]byte // by path relative to trust.yaml
	Reports         map[string][]byte // by file name, such as report.md
	Remembered      []byte            // checkpoint of the log before this decision; nil where it is not logged
	People          []people.Person   // who stands behind the commitments of the case
	NotAfter        time.Time         // when the decision expires; zero where it does not
}

// Seal writes contents as a signed bundle. Contents that do not agree, or do not fit
// the format's bounds, are an error, and nothing is written. The same contents and
// key give the same bytes wherever the key's algorithm is deterministic, as those of
// package signing are.
func Seal(w io.Writer, c Contents, signer signing.Signer) error {
	d, err := Prepare(c, signer)
	if err != nil {
		return err
	}
	return d.Write(w)
}

// statementOf is the statement of a bundle.
func statementOf(r gatekeep.Record, manifestDigest, sumsDigest string, notAfter time.Time) ([]byte, error) {
	return vsa.Statement(vsa.Source{
		Record: r, InputURI: layout.AttestationPath, NotAfter: notAfter,
		Lists: []vsa.List{{Name: layout.PathManifest, Digest: manifestDigest}, {Name: layout.PathSums, Digest: sumsDigest}},
	})
}

func byPath(a, b archive.File) int { return strings.Compare(a.Path, b.Path) }

// filesOf are the files that the manifest lists, sorted by path.
func filesOf(c Contents, signer signing.Signer) ([]archive.File, error) {
	record, err := layout.Canonical(c.Record, layout.PathRecord)
	if err != nil {
		return nil, err
	}
	public, err := signing.PublicPEM(signer.Public())
	if err != nil {
		return nil, err
	}
	text, script, err := guide.Of(c.Record, signer.Public(), c.Remembered != nil)
	if err != nil {
		return nil, err
	}
	var files []archive.File
	add := func(path string, data []byte) { files = append(files, archive.File{Path: path, Data: data}) }
	add(layout.PathRecord, record)
	add(layout.PathDecision, c.Decision)
	add(layout.PathInput, c.Input)
	add(layout.PathCase, c.Case)
	add(layout.PathPolicy, c.Policy)
	add(layout.PathKey, public)
	add(layout.PathGuide, text)
	add(layout.PathScript, script)
	if c.Remembered != nil {
		add(layout.PathRemembered, c.Remembered)
	}
	if c.PolicySignature != nil {
		add(layout.PathPolicySignature, c.PolicySignature)
	}
	for d, data := range c.Envelopes {
		if !digest.Valid(d) {
			return nil, fmt.Errorf("envelope %q is not named by a digest", d)
		}
		add(layout.AttestationPath(d), data)
	}
	for name, data := range c.Trust {
		add(layout.FolderTrust+name, data)
	}
	for name, data := range c.Reports {
		add(layout.FolderReports+name, data)
	}
	slices.SortFunc(files, byPath)
	return files, archive.Check(files)
}

// mediaTypes gives each attestation the media type that it was found with.
func mediaTypes(items []layout.Item, refs []gatekeep.EnvelopeRef) {
	found := make(map[string]string, len(refs))
	for _, ref := range refs {
		found[ref.Digest] = ref.MediaType
	}
	for i := range items {
		if d, ok := layout.AttestationDigest(items[i].Path); ok && found[d] != "" {
			items[i].MediaType = found[d]
		}
	}
}

// agree runs the checks of a verifier over what would be sealed, all but those of
// the archive and the signature, which are made here, and of what others have still to
// vouch for.
func agree(files []archive.File) error {
	b := sealed{sums: make(map[string]archive.Sum, len(files))}
	byName := make(map[string][]byte, len(files))
	for _, f := range files {
		byName[f.Path] = f.Data
		b.sums[f.Path] = archive.Sum{Digest: digest.Of(f.Data), Size: int64(len(f.Data))}
	}
	b.read = func(path string, limit int64) ([]byte, error) {
		data, ok := byName[path]
		if !ok {
			return nil, archive.Refuse(archive.ReasonFileMissing, path, "there is none")
		}
		if int64(len(data)) > limit {
			return nil, archive.Refuse(archive.ReasonTooLarge, path, "%d bytes; the bound for this file is %d", len(data), limit)
		}
		return data, nil
	}
	for _, c := range b.checks(VerifyOptions{}) {
		if !c.OK && !slices.Contains([]string{ReasonKeyMissing, ReasonTrustMissing, ReasonLogMissing, ReasonTimestampMissing}, c.Reason) {
			return fmt.Errorf("%s: %s does not agree with %s: %s", c.Reason, c.What, c.Against, c.Detail)
		}
	}
	return nil
}

// Bundle is an archive of the one form, open for reading. What it says is not to be
// believed before Verify.
type Bundle struct {
	archive *archive.Archive
}

// Open reads the directory of a bundle of size bytes and refuses every archive that
// Seal could not have written; Broken shows the error as a check. The files' contents
// are not read yet. r must stay open, and may be read from several goroutines.
func Open(r io.ReaderAt, size int64) (*Bundle, error) {
	a, err := archive.Open(r, size)
	if err != nil {
		return nil, fmt.Errorf("opening bundle: %w", err)
	}
	return &Bundle{a}, nil
}

// Paths are those of all files, sorted.
func (b *Bundle) Paths() []string { return b.archive.Paths() }

// Read is the contents of one file, at most 1 GiB.
func (b *Bundle) Read(path string) ([]byte, error) {
	data, err := b.archive.Read(path, archive.MaxFile)
	if err != nil {
		return nil, fmt.Errorf("reading bundle: %w", err)
	}
	return data, nil
}

// Contents reads everything that was sealed. It believes the bundle: Verify first.
func (b *Bundle) Contents() (Contents, error) {
	c := Contents{Envelopes: map[string][]byte{}, Trust: map[string][]byte{}, Reports: map[string][]byte{}}
	places := map[string]*[]byte{
		layout.PathDecision: &c.Decision, layout.PathInput: &c.Input, layout.PathCase: &c.Case, layout.PathPolicy: &c.Policy,
		layout.PathPolicySignature: &c.PolicySignature, layout.PathRemembered: &c.Remembered,
	}
	for _, path := range b.Paths() {
		if path == layout.PathRecord || path == layout.PathSignature {
			continue
		}
		data, err := b.Read(path)
		if err != nil {
			return Contents{}, err
		}
		if place := places[path]; place != nil {
			*place = data
		} else if d, ok := layout.AttestationDigest(path); ok {
			c.Envelopes[d] = data
		} else if name, ok := strings.CutPrefix(path, layout.FolderTrust); ok {
			c.Trust[name] = data
		} else if name, ok := strings.CutPrefix(path, layout.FolderReports); ok {
			c.Reports[name] = data
		} else if path == layout.PathPeople {
			if c.People, err = people.Read(data); err != nil {
				return Contents{}, fmt.Errorf("reading bundle: %w", err)
			}
		}
	}
	record, envelope, err := b.Signed()
	if err != nil {
		return Contents{}, err
	}
	c.Record = record
	summary, err := summaryOf(envelope)
	if err != nil {
		return Contents{}, fmt.Errorf("reading bundle: %w", err)
	}
	c.NotAfter = summary.NotAfter
	return c, nil
}

// Signed is the record and the signed statement of a bundle. Neither is to be believed
// before Verify.
func (b *Bundle) Signed() (gatekeep.Record, signing.Envelope, error) {
	s := sealed{read: b.archive.Read}
	record, _, err := s.record()
	if err != nil {
		return gatekeep.Record{}, signing.Envelope{}, fmt.Errorf("reading bundle: %w", err)
	}
	envelope, err := s.envelope()
	if err != nil {
		return gatekeep.Record{}, signing.Envelope{}, fmt.Errorf("reading bundle: %w", err)
	}
	return record, envelope, nil
}

// sameBytes tells whether two documents are the same; a nil one is no document.
func sameBytes(a, b []byte) bool { return a != nil && b != nil && bytes.Equal(a, b) }
