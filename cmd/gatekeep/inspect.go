package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
	Name     string                `json:"name"`
	Digest   string                `json:"digest"`
	Size     int                   `json:"size"`
	Reading  *format.Reading       `json:"reading,omitempty"`
	Reason   gatekeep.Reason       `json:"reason,omitempty"` // why it was not read
	Detail   string                `json:"detail,omitempty"`
	Conforms *conformity           `json:"conforms,omitempty"`
	Believed *bool                 `json:"believed,omitempty"` // absent without a trust policy
	Signer   string                `json:"signer,omitempty"`   // name in the trust policy
	Rejected *gatekeep.Rejection   `json:"rejected,omitempty"`
	About    *attest.About         `json:"-"`
	Source   *attest.Envelope      `json:"-"`
	Word     *gatekeep.Attestation `json:"-"`
}

// conformity is what the schema of its format says of a document.
type conformity struct {
	Schema     string              `json:"schema"`
	OK         bool                `json:"ok"`
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
	case strings.HasPrefix(arg, ".") || filepath.IsAbs(arg):
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
	for _, e := range entries {
		if e.Type().IsRegular() {
			if err := i.file(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
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
		if subject.Digest != "" && i.trust != nil {
			i.judge(&one, e, attest.About{Digests: attest.AboutSubject(subject), Environment: i.flags.environment})
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
	if i.trust != nil && one.Reading.Signed != nil && one.Reason == "" {
		i.judge(&one, attest.Envelope{Source: name, Name: name, Bytes: data}, i.aboutItself(one.Reading.Signed))
	}
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

// judge asks the trust policy.
func (i *inspector) judge(one *inspection, e attest.Envelope, about attest.About) {
	verdict, err := attest.Verify([]attest.Envelope{e}, i.trust, about, i.now)
	believed := err == nil && len(verdict.Statements) == 1
	one.Believed = &believed
	switch {
	case err != nil:
		one.Rejected = &gatekeep.Rejection{Reason: gatekeep.ReasonStatementMalformed, Detail: err.Error()}
	case believed:
		one.Signer = verdict.Statements[0].Verification.Signer
	case len(verdict.Rejected) > 0:
		one.Rejected = &verdict.Rejected[0]
	}
}

// conform holds a document against the schema of its format, where there is one.
func (i *inspector) conform(one *inspection, data []byte) {
	name, version, document := one.Reading.Schema(data)
	if name == "" || !conform.Known(name, version) {
		return
	}
	result, err := conform.Check(name, version, document)
	if err != nil {
		result.Violations = []conform.Violation{{What: err.Error()}}
	}
	one.Conforms = &conformity{Schema: result.Schema, OK: len(result.Violations) == 0, Violations: result.Violations}
	if i.flags.strict && !one.Conforms.OK {
		first := result.Violations[0]
		one.Reason, one.Detail = gatekeep.ReasonSchemaViolation, strings.TrimSpace(first.At+" "+first.What)
	}
}

// print tells of one document in a few lines.
func (one *inspection) print(w *world) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w.out, "  %-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	if one.Reading == nil {
		fmt.Fprintf(w.out, "%s: not read\n", one.Name)
		line("reason", "%s: %s", one.Reason, one.Detail)
		return
	}
	r := one.Reading
	fmt.Fprintf(w.out, "%s: %s\n", one.Name, strings.TrimSpace(r.Title+" "+r.Version))
	line("digest", "%s, %d bytes", one.Digest, one.Size)
	if r.Kind != "" {
		line("kind", "%s", r.Kind)
	}
	if s := r.Signed; s != nil {
		if s.PredicateType != "" {
			line("says", "%s", s.PredicateType)
		}
		line("about", "%s", some(s.Subjects, 3))
		line("signed by", "%s", some(s.Signers, 5))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Says)) {
		line(name, "%s", r.Says[name])
	}
	var counts []string
	for _, name := range slices.Sorted(maps.Keys(r.Counts)) {
		counts = append(counts, fmt.Sprintf("%s %d", name, r.Counts[name]))
	}
	if len(counts) > 0 {
		line("counts", "%s", strings.Join(counts, ", "))
	}
	if c := one.Conforms; c != nil && c.OK {
		line("conforms", "yes, to %s", c.Schema)
	} else if c != nil {
		line("conforms", "no, to %s: %s %s%s", c.Schema, c.Violations[0].At, c.Violations[0].What, more(len(c.Violations)-1))
	}
	switch {
	case one.Reason != "":
		line("reason", "%s: %s", one.Reason, one.Detail)
	case one.Believed == nil:
	case *one.Believed:
		line("trust", "believed, on the word of %s", one.Signer)
	case one.Rejected != nil:
		line("trust", "not believed: %s: %s", one.Rejected.Reason, one.Rejected.Detail)
	}
}

// some is the first few of a list.
func some[T any](list []T, n int) string {
	if len(list) == 0 {
		return "nothing"
	}
	var words []string
	for _, one := range list[:min(n, len(list))] {
		words = append(words, fmt.Sprint(one))
	}
	return strings.Join(words, ", ") + more(len(list)-n)
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n)
}
