package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/logged"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/people"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// Draft is a bundle that is made and signed. Others may vouch for it before it is
// written: an authority says when, a log keeps it.
type Draft struct {
	record   gatekeep.Record
	listed   []archive.File // what the manifest lists, the manifest, SHA256SUMS and people
	envelope signing.Envelope
	growth   []byte // proof that the log has only grown; nil before it is logged
}

// Prepare makes and signs a bundle. Contents that do not agree, or do not fit the
// format's bounds, are an error.
func Prepare(c Contents, signer signing.Signer) (*Draft, error) {
	fail := func(err error) (*Draft, error) { return nil, fmt.Errorf("sealing evidence: %w", err) }
	if signer == nil {
		return fail(errors.New("no key given"))
	}
	files, err := filesOf(c, signer)
	if err != nil {
		return fail(err)
	}
	m := layout.Manifest{Schema: layout.Schema, DecisionID: c.Record.ID, Files: []layout.Item{}}
	for _, f := range files {
		m.Files = append(m.Files, layout.ItemOf(f))
	}
	mediaTypes(m.Files, c.Record.Case.Envelopes)
	for i, f := range files {
		m.Files[i].Personal = personOf(f, c.People)
		if len(m.Files[i].Personal) > 0 && slices.Contains(layout.Required, f.Path) {
			return fail(fmt.Errorf("the name of somebody stands in %s, from which it could not be erased; rename the account, or what has its name", f.Path))
		}
	}
	listed, err := layout.Canonical(m, layout.PathManifest)
	if err != nil {
		return fail(err)
	}
	if len(listed) > layout.MaxManifest {
		return fail(fmt.Errorf("%s would have %d bytes; the bound is %d", layout.PathManifest, len(listed), layout.MaxManifest))
	}
	sums := m.Sums(digest.Of(listed))
	statement, err := statementOf(c.Record, digest.Of(listed), digest.Of(sums), c.NotAfter)
	if err != nil {
		return fail(err)
	}
	envelope, err := signing.Seal(signer, statement)
	if err != nil {
		return fail(err)
	}
	d := &Draft{record: c.Record, envelope: envelope, listed: append(files,
		archive.File{Path: layout.PathManifest, Data: listed}, archive.File{Path: layout.PathSums, Data: sums})}
	if len(c.People) > 0 {
		named, err := people.Write(c.People)
		if err != nil {
			return fail(err)
		}
		d.listed = append(d.listed, archive.File{Path: layout.PathPeople, Data: named})
	}
	all, err := d.files()
	if err != nil {
		return fail(err)
	}
	if err := agree(all); err != nil {
		return fail(err)
	}
	return d, nil
}

// Reopen reads a bundle back as a draft, to add what it lacks. It believes the bundle.
func Reopen(b *Bundle) (*Draft, error) {
	fail := func(err error) (*Draft, error) { return nil, fmt.Errorf("reopening bundle: %w", err) }
	d := &Draft{}
	var err error
	if d.record, d.envelope, err = b.Signed(); err != nil {
		return fail(err)
	}
	for _, path := range b.Paths() {
		if path == layout.PathSignature || path == layout.PathProof {
			continue // they are in the envelope
		}
		data, err := b.Read(path)
		if err != nil {
			return fail(err)
		}
		if path == layout.PathConsistency {
			d.growth = data
			continue
		}
		d.listed = append(d.listed, archive.File{Path: path, Data: data})
	}
	return d, nil
}

// Record is what the draft is evidence of.
func (d *Draft) Record() gatekeep.Record { return d.record }

// Signature is over the DSSE pre-authentication encoding of Statement.
func (d *Draft) Signature() []byte { return d.envelope.Signature }

// Statement is what is signed.
func (d *Draft) Statement() []byte { return d.envelope.Payload }

// Stamped tells whether an authority has said when.
func (d *Draft) Stamped() bool { return d.envelope.Stamp != nil }

// Stamp adds an RFC 3161 response over the signature.
func (d *Draft) Stamp(response []byte) { d.envelope.Stamp = response }

// Logged adds the receipt of the log, and the proof that the log has only grown since
// the checkpoint that the bundle remembers; nil where it remembers none.
func (d *Draft) Logged(r ledger.Receipt, growth []byte) error {
	if !bytes.Equal(r.Statement, d.envelope.Payload) || !bytes.Equal(r.Signature, d.envelope.Signature) {
		return errors.New("sealing evidence: the receipt is for another statement")
	}
	var err error
	if d.envelope.Entry, err = logged.Entry(r); err != nil {
		return fmt.Errorf("sealing evidence: %w", err)
	}
	d.growth = growth
	return nil
}

// origin is that of the log which the record names.
func (d *Draft) origin() string {
	if d.record.Seal == nil {
		return ""
	}
	return d.record.Seal.Log
}

// files are all files of the bundle, sorted by path.
func (d *Draft) files() ([]archive.File, error) {
	files := slices.Clone(d.listed)
	signed, err := d.envelope.Bundle()
	if err != nil {
		return nil, err
	}
	files = append(files, archive.File{Path: layout.PathSignature, Data: signed})
	if d.envelope.Entry != nil {
		text, err := logged.Place(d.origin(), d.envelope.Entry).Text()
		if err != nil {
			return nil, err
		}
		files = append(files, archive.File{Path: layout.PathProof, Data: text})
	}
	if d.growth != nil {
		files = append(files, archive.File{Path: layout.PathConsistency, Data: d.growth})
	}
	slices.SortFunc(files, byPath)
	return files, nil
}

// Write writes the bundle as it is by now.
func (d *Draft) Write(w io.Writer) error {
	files, err := d.files()
	if err != nil {
		return fmt.Errorf("sealing evidence: %w", err)
	}
	if err := archive.Write(w, files); err != nil {
		return fmt.Errorf("writing evidence: %w", err)
	}
	return nil
}
