package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocilayout"
)

// Bounds on one path of a Dir.
const (
	// MaxFiles that are read of one folder; a release with a thousand artifacts and
	// ten statements each.
	MaxFiles = 10_000
	// MaxDirBytes that are held in memory of one folder.
	MaxDirBytes = 512 << 20
)

// Dir finds envelopes in files and folders that the caller named. A folder is read
// with all below it, but only files whose names end as envelopes do, compressed or
// not; a file that is named itself is always read. A folder that is an OCI layout, and
// an archive of one that is named itself, are read as OCILayout does. What was named
// and does not exist is a failure, not an empty place.
type Dir struct {
	Paths []string
}

// endings are the names that files of envelopes have. ".intoto.jsonl" is one of
// ".jsonl".
var endings = []string{".json", ".jsonl", ".sigstore", ".bundle"}

// Envelopes implements attest.Source, with one report for each path.
func (d Dir) Envelopes(ctx context.Context, s gatekeep.Subject) ([]attest.Envelope, []gatekeep.SourceReport) {
	var envelopes []attest.Envelope
	var reports []gatekeep.SourceReport
	for _, path := range d.Paths {
		r := reader{ctx: ctx, source: path, about: attest.AboutSubject(s)}
		report := gatekeep.SourceReport{Name: path, Status: gatekeep.SourceRead, Required: true}
		if err := r.path(path); err != nil {
			report.Status, report.Reason, report.Detail = gatekeep.SourceFailed, reasonOfRead(err), err.Error()
		} else if len(r.envelopes) == 0 {
			report.Status = gatekeep.SourceEmpty
		}
		report.Count = len(r.envelopes)
		envelopes = append(envelopes, r.envelopes...)
		reports = append(reports, report)
	}
	return envelopes, reports
}

func reasonOfRead(err error) gatekeep.Reason {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return gatekeep.ReasonSourceUnreachable
	}
	return reasonOfFile(err)
}

// reader reads one path within its bounds.
type reader struct {
	ctx       context.Context
	source    string
	about     []string // digests, for layouts
	envelopes []attest.Envelope
	files     int
	bytes     int64
}

func (r *reader) path(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s: %w", path, errSymlink)
	case info.Mode().IsRegular() && ocilayout.Is(path):
		return r.layout(path)
	case info.Mode().IsRegular():
		return r.file(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	case !info.IsDir():
		return fmt.Errorf("%s is neither a file nor a folder", path)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	defer root.Close()
	// WalkDir goes in lexical order, so that bounds bite at the same file each time.
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Type()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s: %w", name, errSymlink)
		case entry.IsDir() && isLayoutFolder(root, name):
			if err := r.layout(filepath.Join(path, name)); err != nil {
				return err
			}
			return fs.SkipDir
		case entry.IsDir() || !hasEnding(name):
			return r.ctx.Err()
		case !entry.Type().IsRegular():
			return fmt.Errorf("%s is neither a file nor a folder", name)
		}
		return r.file(root.FS(), name)
	})
}

func isLayoutFolder(root *os.Root, name string) bool {
	_, err := root.Lstat(filepath.Join(name, "oci-layout"))
	return err == nil
}

// layout reads the evidence about the subject in an OCI layout.
func (r *reader) layout(path string) error {
	envelopes, err := layoutEnvelopes(r.ctx, path, r.about)
	for i := range envelopes {
		envelopes[i].Source = r.source
		r.bytes += int64(len(envelopes[i].Bytes))
	}
	r.envelopes = append(r.envelopes, envelopes...)
	return err
}

func hasEnding(name string) bool {
	name = withoutCompression(name)
	return slices.ContainsFunc(endings, func(end string) bool { return strings.HasSuffix(name, end) })
}

// file reads one file: a document, or one document a line.
func (r *reader) file(fsys fs.FS, name string) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.files++; r.files > MaxFiles {
		return fmt.Errorf("more than %d files", MaxFiles)
	}
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	// One byte over the bound of a document is let through, so that the document is
	// refused with its own reason.
	lines := strings.HasSuffix(withoutCompression(name), ".jsonl")
	bound := min(MaxDirBytes-r.bytes, attest.EnvelopeBytes+1)
	if lines {
		bound = MaxDirBytes - r.bytes
		// What is too large to be read whole is not read in part first.
		if info, err := f.Stat(); err != nil || info.Size() > bound {
			return errors.Join(err, fmt.Errorf("%s: more than %d bytes in all", name, MaxDirBytes))
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, bound+1))
	if err != nil {
		return err
	}
	if data, err = Inflate(name, data, bound+1); err != nil {
		return err
	}
	if r.bytes += int64(len(data)); r.bytes > MaxDirBytes {
		return fmt.Errorf("more than %d bytes in all", MaxDirBytes)
	}
	if !lines {
		r.add(name, data)
		return nil
	}
	documents, ok := attest.Lines(data)
	if !ok {
		return fmt.Errorf("%s has more than %d lines", name, attest.MaxLines)
	}
	for i, document := range documents {
		r.add(fmt.Sprintf("%s:%d", name, i+1), document)
	}
	return nil
}

func (r *reader) add(name string, data []byte) {
	r.envelopes = append(r.envelopes, attest.Envelope{Source: r.source, Name: name, MediaType: "application/json", Bytes: data})
}
