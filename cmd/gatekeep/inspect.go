package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/attest/conform"
	"github.com/gatekeep-dev/gatekeep/internal/attest/format"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// inspectFlags are the flags of gatekeep evidence inspect.
type inspectFlags struct {
	as          string
	strict      bool
	trust       string
	environment string
	at          string
	format      string
}

func evidenceInspectCommand(w *world) *cobra.Command {
	var f inspectFlags
	c := &cobra.Command{
		Use:   "inspect FILE|FOLDER|IMAGE...",
		Short: "Tell what a document is, what it holds, and whether it would be believed",
		Long: `inspect reads documents of every format that becomes evidence, signed or not, and
tells what they are, what they count and who signed them. With --trust it tells
whether a trust policy would believe each signed document, and if not, why not:
docs/rejections.md explains every reason. A FOLDER is read file by file, or as an
OCI image layout; of an IMAGE the attestations beside it are read.

Exit codes: 0 read (and believed, with --trust), 1 read and not believed, 3 not
readable, or with --strict in breach of the schema of its format.

Formats:
` + formatHelp(),
		Example: `  gatekeep evidence inspect sbom.cdx.json scan.json
  gatekeep evidence inspect --trust trust.yaml --environment prod-eu provenance.sigstore.json
  gatekeep evidence inspect --trust trust.yaml --format json registry.example/app:1.4.2`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return inspect(cmd.Context(), w, f, args) },
	}
	fs := c.Flags()
	fs.StringVar(&f.as, "as", "", "read as this format, whatever it looks like (see above)")
	fs.BoolVar(&f.strict, "strict", false, "a document must also conform to the schema of its format")
	fs.StringVar(&f.trust, "trust", "", "trust policy: tell what it would believe")
	fs.StringVar(&f.environment, "environment", "", "environment in which it would be believed")
	fs.StringVar(&f.at, "at", "", "time at which keys must be valid (RFC 3339; default now)")
	fs.StringVar(&f.format, "format", "text", "text or json")
	return c
}

func formatHelp() string {
	var b strings.Builder
	for _, row := range format.Formats() {
		fmt.Fprintf(&b, "  %-22s %s\n", row.Name, row.Title)
	}
	fmt.Fprintf(&b, "Scanner reports by the name of their tool, where the file alone does not tell:\n  %s\n", strings.Join(scan.Formats(), ", "))
	return b.String()
}

// inspection is what is told of one document. Its JSON form is stable.
type inspection struct {
	Name     string              `json:"name"`
	Digest   string              `json:"digest"`
	Size     int                 `json:"size"`
	Reading  *format.Reading     `json:"reading,omitempty"`
	Reason   gatekeep.Reason     `json:"reason,omitempty"` // why it was not read
	Detail   string              `json:"detail,omitempty"`
	Conforms *conformity         `json:"conforms,omitempty"`
	Believed *bool               `json:"believed,omitempty"` // absent without a trust policy
	Signer   string              `json:"signer,omitempty"`   // name in the trust policy
	Rejected *gatekeep.Rejection `json:"rejected,omitempty"`

	envelope attest.Envelope // as it would be judged
	about    *attest.About   // what it must be about; nil: what it says itself
}

// conformity is what the schema of its format says of a document.
type conformity struct {
	Schema     string              `json:"schema,omitempty"`
	OK         bool                `json:"ok"`
	Unjudged   string              `json:"unjudged,omitempty"` // why nothing was held against a schema
	Violations []conform.Violation `json:"violations,omitempty"`
}

// inspect tells of every document that the arguments name.
func inspect(ctx context.Context, w *world, f inspectFlags, args []string) error {
	if f.format != "text" && f.format != "json" {
		return usage("reading --format: %q is neither text nor json", f.format)
	}
	if f.as != "" && !slices.Contains(format.Names(), f.as) {
		return usage("reading --as: no format %q is read (see 'gatekeep evidence inspect --help')", f.as)
	}
	i := inspector{flags: f, now: time.Now()}
	if f.at != "" {
		var err error
		if i.now, err = time.Parse(time.RFC3339, f.at); err != nil {
			return usage("reading --at: %q is not an RFC 3339 time such as 2026-11-23T10:00:00Z", f.at)
		}
	}
	if f.trust != "" {
		var err error
		if i.trust, err = attest.LoadTrust(os.DirFS(filepath.Dir(f.trust)), filepath.Base(f.trust)); err != nil {
			return usage("%w", err)
		}
	}
	for _, arg := range args {
		if err := i.argument(ctx, arg); err != nil {
			return err
		}
	}
	if i.trust != nil {
		i.judge()
	}
	if f.format == "json" {
		out := json.NewEncoder(w.out)
		out.SetIndent("", "  ")
		if err := out.Encode(map[string]any{"schema": "gatekeep.dev/inspection/v1", "documents": i.found}); err != nil {
			return fmt.Errorf("printing inspection: %w", err)
		}
	} else {
		for _, one := range i.found {
			one.print(w)
		}
	}
	return i.exit()
}

// inspector gathers inspections.
type inspector struct {
	flags inspectFlags
	trust *attest.Trust
	now   time.Time
	found []inspection
}

// exit is the worst that was found.
func (i *inspector) exit() error {
	worst := exitOpen
	for _, one := range i.found {
		switch {
		case one.Reason != "":
			worst = exitUnknown
		case one.Believed != nil && !*one.Believed && worst == exitOpen:
			worst = exitShut
		}
	}
	if worst != exitOpen {
		return shutError{worst}
	}
	return nil
}

// argument reads a file, a folder, or what lies beside an image.
func (i *inspector) argument(ctx context.Context, arg string) error {
	info, err := os.Stat(arg)
	switch {
	case err == nil && info.IsDir():
		return i.folder(ctx, arg)
	case err == nil:
		return i.file(arg)
	case !errors.Is(err, os.ErrNotExist):
		return usage("reading %s: %w", arg, err)
	case strings.HasPrefix(arg, ".") || filepath.IsAbs(arg) || !strings.ContainsAny(arg, "/:@"):
		return usage("reading %s: there is no such file", arg)
	}
	return i.image(ctx, arg)
}

// folder reads an OCI layout as a registry would be read, and any other file by file.
func (i *inspector) folder(ctx context.Context, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err == nil {
		return i.gather(ctx, source.OCILayout{Path: dir}, gatekeep.Subject{}, dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return usage("reading %s: %w", dir, err)
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !e.Type().IsRegular() })
	if len(entries) == 0 {
		return fmt.Errorf("reading %s: there is no file in it", dir)
	}
	for _, e := range entries {
		if err := i.file(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// image reads the attestations beside an image.
func (i *inspector) image(ctx context.Context, ref string) error {
	subject, err := resolve(ctx, []string{ref})
	if err != nil {
		return fmt.Errorf("%w (if it is meant to be a file: there is none of that name)", err)
	}
	return i.gather(ctx, source.OCI{Registry: registryAccess(), Required: true}, subject, ref)
}

func (i *inspector) gather(ctx context.Context, from attest.Source, subject gatekeep.Subject, name string) error {
	envelopes, reports := attest.Gather(ctx, []attest.Source{from}, subject)
	for _, r := range reports {
		if r.Status == gatekeep.SourceFailed {
			return fmt.Errorf("reading %s: %s: %s", r.Name, r.Reason, r.Detail)
		}
	}
	if len(envelopes) == 0 {
		return fmt.Errorf("reading %s: there are no attestations beside it", name)
	}
	for _, e := range envelopes {
		one := i.document(e.Name, e.Bytes)
		one.envelope = e
		if subject.Digest != "" {
			one.about = &attest.About{Digests: attest.AboutSubject(subject), Covers: attest.Covers(subject), Environment: i.flags.environment}
		}
		i.found = append(i.found, one)
	}
	return nil
}

// file reads one file: one document, or one a line where the lines are envelopes.
func (i *inspector) file(name string) error {
	data, err := readFile(name, source.MaxDocumentBytes)
	if err != nil {
		return err
	}
	plain, err := source.Inflate(name, data, source.MaxDocumentBytes)
	if err != nil {
		reason := gatekeep.ReasonEnvelopeMalformed
		if errors.Is(err, source.ErrTooLarge) {
			reason = gatekeep.ReasonTooLarge
		}
		i.found = append(i.found, inspection{Name: name, Digest: digest.Of(data), Size: len(data), Reason: reason, Detail: err.Error()})
		return nil
	}
	if strings.Contains(filepath.Base(name), ".jsonl") {
		if lines, ok := attest.Lines(plain); ok && len(lines) > 1 {
			for n, line := range lines {
				i.found = append(i.found, i.document(fmt.Sprintf("%s:%d", name, n+1), line))
			}
			return nil
		}
	}
	one := i.document(name, plain)
	if one.Reading != nil {
		if parts := one.Reading.Parts(plain); len(parts) > 0 {
			for n, part := range parts {
				i.found = append(i.found, i.document(fmt.Sprintf("%s#%d", name, n+1), part))
			}
			return nil
		}
	}
	i.found = append(i.found, one)
	return nil
}

// document reads one document and judges it about whatever it says it is about.
func (i *inspector) document(name string, data []byte) inspection {
	one := inspection{Name: name, Digest: digest.Of(data), Size: len(data)}
	var err error
	if i.flags.as != "" {
		one.Reading, err = format.As(i.flags.as, data)
	} else {
		one.Reading, err = format.Read(data)
	}
	if why := new(format.Error); errors.As(err, &why) {
		one.Reason, one.Detail = why.Reason, why.Error()
		return one
	}
	i.conform(&one, data)
	if i.flags.strict && one.Reason == "" && one.Reading.Broken != "" {
		one.Reason, one.Detail = gatekeep.ReasonPredicateMalformed, one.Reading.Broken
	}
	one.envelope = attest.Envelope{Source: name, Name: name, Bytes: data}
	return one
}

// aboutItself is what a statement says it is about: a file alone is asked about
// nothing else.
func (i *inspector) aboutItself(s *format.Signed) attest.About {
	about := attest.About{Environment: i.flags.environment}
	for _, subject := range s.Subjects {
		algorithm, value, _ := strings.Cut(subject, ":")
		switch {
		case digest.Valid(subject):
			about.Digests = append(about.Digests, subject)
		case (algorithm == "gitCommit" || algorithm == "sha1") && about.Commit == "":
			about.Commit = value
		}
	}
	return about
}

// judge asks the trust policy about every document that was read, each about what it says
// it is about, or all about the subject beside which they were found. They are judged
// together, since several may carry the signatures of one statement.
func (i *inspector) judge() {
	var envelopes []attest.Envelope
	for _, one := range i.found {
		if one.Reason == "" {
			envelopes = append(envelopes, one.envelope)
		}
	}
	for n := range i.found {
		one := &i.found[n]
		if one.Reason != "" {
			continue
		}
		about := i.aboutItself(cmp.Or(one.Reading.Signed, new(format.Signed)))
		if one.about != nil {
			about = *one.about
		}
		together := envelopes
		if len(together) > maxTogether {
			together = []attest.Envelope{one.envelope}
		}
		i.judgeOne(one, together, about)
	}
}

// maxTogether bounds the documents that are judged together, each of them anew.
const maxTogether = 100

func (i *inspector) judgeOne(one *inspection, envelopes []attest.Envelope, about attest.About) {
	one.Believed = new(bool)
	verdict, err := attest.Verify(envelopes, i.trust, about, i.now)
	if err != nil {
		one.Rejected = &gatekeep.Rejection{Reason: gatekeep.ReasonStatementMalformed, Detail: err.Error()}
		return
	}
	id := one.envelope.Digest()
	for _, st := range verdict.Statements {
		if st.ID == id {
			*one.Believed, one.Signer = true, st.Verification.Signer
			return
		}
	}
	for _, r := range verdict.Rejected {
		if r.ID == id {
			one.Rejected = &r
		}
	}
}

// conform holds a document against the schema of its format, where there is one.
func (i *inspector) conform(one *inspection, data []byte) {
	name, version, document := one.Reading.Schema(data)
	unjudged := func(why string) {
		one.Conforms = &conformity{Unjudged: why}
		if i.flags.strict {
			one.Reason, one.Detail = gatekeep.ReasonSchemaViolation, why
		}
	}
	if name == "" || !conform.Known(name, version) {
		unjudged("there is no schema here for " + strings.TrimSpace(one.Reading.Title+" "+one.Reading.Version))
		return
	}
	result, err := conform.Check(name, version, document)
	if err != nil {
		unjudged(err.Error())
		return
	}
	one.Conforms = &conformity{Schema: result.Schema, OK: len(result.Violations) == 0, Violations: result.Violations}
	if i.flags.strict && !one.Conforms.OK {
		first := result.Violations[0]
		one.Reason, one.Detail = gatekeep.ReasonSchemaViolation, strings.TrimSpace(first.At+" "+first.What)
	}
}
