package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/publish"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/vsa"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// maxBundle bounds a bundle that is published: what a verifier unpacks at most.
const maxBundle = 2 << 30

// publishFlags are the flags of gatekeep evidence publish.
type publishFlags struct {
	to          []string
	key, root   string
	unverified  bool
	retainUntil string
	hold        bool
	mode        string
	noLock      bool
	timeout     time.Duration
	format      string
}

func evidencePublishCommand(w *world) *cobra.Command {
	var f publishFlags
	c := &cobra.Command{
		Use:   "publish BUNDLE... --to TARGET",
		Short: "Put bundles where they are kept: a folder, the image's registry, a locked bucket",
		Long: `publish verifies bundles, all of them before any is written, and puts them where
they are kept, each under the id of its decision: evidence-<id>.zip. Publishing the
same bundle again changes nothing and succeeds; a place that holds other bytes under
the same decision is left as it is, and the command fails.

Targets:
  dir:PATH or PATH        a folder; the file is read-only and has its name once it
                          is whole and on disk
  oci://                  beside the image that was judged, as OCI 1.1 referrers: the
                          bundle, and its signed statement as cosign attaches one
  oci://REGISTRY/REPO     the same in another repository
  s3://BUCKET/PREFIX?endpoint=URL&region=NAME
                          an object store, locked in its compliance mode until the
                          retention ends, and read back. Credentials are those of
                          AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
                          or of AWS_PROFILE in the shared credentials file

How long: the longest period that the active regimes of the decision ask for, from
the decision, or from the end of its validity where it has one. --retain-until only
makes it longer.

Exit codes: 0 everything is where it should be, 1 a bundle does not verify or
another is kept under its decision, 2 usage, 3 a place could not be reached or could
not take it.`,
		Example: `  gatekeep evidence publish --key gate.pub --to /srv/evidence --to oci:// evidence.zip
  gatekeep evidence publish --key gate.pub --to 's3://audit/gate?region=eu-central-1' evidence-*.zip
  gatekeep evidence publish --key gate.pub --to 's3://audit?endpoint=https://s3.example.com' \
      --retain-until 2036-12-31 --legal-hold evidence.zip`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runPublish(cmd.Context(), w, f, args) },
	}
	fs := c.Flags()
	fs.StringArrayVar(&f.to, "to", nil, "where to put the bundles (repeatable; see above)")
	fs.StringVar(&f.key, "key", "", "public key of the gate, from its owner")
	fs.StringVar(&f.root, "trusted-root", "", "trusted_root.json with the keys of log and timestamp authority, for bundles that a log holds")
	fs.BoolVar(&f.unverified, "unverified", false, "publish what is whole and signed by whatever key it brings, whoever vouches for it")
	fs.StringVar(&f.retainUntil, "retain-until", "", "keep longer than the regimes ask for: a date or an RFC 3339 time")
	fs.BoolVar(&f.hold, "legal-hold", false, "hold the objects until somebody lifts it (s3 only)")
	fs.StringVar(&f.mode, "lock-mode", "compliance", "lock of the objects: compliance, which nobody ends, or governance (s3 only)")
	fs.BoolVar(&f.noLock, "no-lock", false, "store objects that anybody with the right to may delete (s3 only)")
	fs.DurationVar(&f.timeout, "timeout", 2*time.Minute, "how long one bundle may take at one target")
	fs.StringVar(&f.format, "format", "text", "text or json")
	return c
}

// delivery is what came of one bundle.
type delivery struct {
	Bundle     string            `json:"bundle"`
	DecisionID string            `json:"decisionID"`
	Digest     string            `json:"digest"`
	Verified   bool              `json:"verified"` // with a key from outside
	Retention  retention         `json:"retention"`
	Receipts   []publish.Receipt `json:"receipts"`
	Failures   []failure         `json:"failures"`

	subject gatekeep.Subject
	decided time.Time
	until   time.Time
}

// failure is a target that does not have the bundle.
type failure struct {
	Target   string `json:"target"`
	Detail   string `json:"detail"`
	Conflict bool   `json:"conflict"` // it holds something else under the decision
}

func runPublish(ctx context.Context, w *world, f publishFlags, args []string) error {
	now := time.Now().UTC()
	targets, err := f.targets(w)
	if err != nil {
		return err
	}
	check, err := f.verification(ctx)
	if err != nil {
		return err
	}
	until, err := f.until()
	if err != nil {
		return err
	}
	var all []*delivery
	broken := false
	for _, path := range args {
		p, err := prepared(w, path, check)
		var shut shutError
		if errors.As(err, &shut) {
			broken = true
			continue
		}
		if err != nil {
			return err
		}
		p.Verified = !f.unverified
		if err := p.keep(until, now, f.locks()); err != nil {
			return err
		}
		all = append(all, p)
	}
	if broken {
		fmt.Fprintln(w.err, "gatekeep: nothing is published")
		return shutError{exitShut}
	}
	if f.unverified {
		fmt.Fprintln(w.err, "gatekeep: UNVERIFIED: nobody vouches for the keys that signed these bundles")
	}
	work := progress{out: w.err}
	defer work.done()
	code := exitOpen
	for _, p := range all {
		document, err := p.document()
		for i, target := range targets {
			if err != nil {
				code = max(code, p.failed(w, f.to[i], err))
				continue
			}
			work.step("publishing " + p.Bundle + " to " + f.to[i])
			code = max(code, p.publish(ctx, w, f.to[i], target, document))
		}
	}
	work.done()
	if err := showPublished(w, f.format, all); err != nil {
		return err
	}
	if code != exitOpen {
		return shutError{code}
	}
	return nil
}

// document reads the bundle once more: of many, only one is held in memory. It is the
// very one that was verified, or an error.
func (p *delivery) document() (publish.Document, error) {
	data, err := readFile(p.Bundle, maxBundle)
	if err != nil {
		return publish.Document{}, err
	}
	if digest.Of(data) != p.Digest {
		return publish.Document{}, fmt.Errorf("%s changed after it was verified", p.Bundle)
	}
	b, err := evidence.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return publish.Document{}, err
	}
	statement, err := b.Read(layout.PathSignature)
	if err != nil {
		return publish.Document{}, err
	}
	return publish.NewDocument(data, statement, p.DecisionID, p.subject, p.until)
}

// publish puts the bundle in one place, and tells how it went as an exit code.
func (p *delivery) publish(ctx context.Context, w *world, name string, target publish.Target, document publish.Document) int {
	receipts, err := target.Publish(ctx, document)
	p.Receipts = append(p.Receipts, receipts...)
	if err == nil {
		return exitOpen
	}
	return p.failed(w, name, err)
}

// failed says why a place does not have the bundle.
func (p *delivery) failed(w *world, name string, err error) int {
	conflict := errors.Is(err, publish.ErrOther)
	p.Failures = append(p.Failures, failure{name, err.Error(), conflict})
	fmt.Fprintf(w.err, "gatekeep: publishing %s to %s: %v\n", p.Bundle, name, err)
	if conflict {
		return exitShut
	}
	return exitUnknown
}

// locks tells whether a bucket would lock what is published.
func (f publishFlags) locks() bool {
	return !f.noLock && slices.ContainsFunc(f.to, func(to string) bool { return strings.HasPrefix(to, "s3://") })
}

// targets are the places that the command line names.
func (f publishFlags) targets(w *world) ([]publish.Target, error) {
	buckets := slices.ContainsFunc(f.to, func(to string) bool { return strings.HasPrefix(to, "s3://") })
	mode, known := map[string]string{"compliance": publish.Compliance, "governance": publish.Governance}[f.mode]
	switch {
	case len(f.to) == 0:
		return nil, usage("nowhere to publish to: pass --to with one of %s", publish.Forms)
	case f.timeout <= 0:
		return nil, usage("reading --timeout: %s is no time to wait; pass more, such as 2m", f.timeout)
	case f.format != "text" && f.format != "json":
		return nil, usage("reading --format: %q is neither text nor json", f.format)
	case !known:
		return nil, usage("reading --lock-mode: %q is neither compliance nor governance", f.mode)
	case f.noLock && f.hold:
		return nil, usage("--no-lock and --legal-hold contradict each other")
	case f.hold && !buckets:
		return nil, usage("--legal-hold: only s3:// holds what it keeps; no such target is named")
	}
	if f.noLock {
		mode = ""
	}
	access := publish.Access{
		Registry: registryAccess(), PredicateType: vsa.PredicateType, MediaType: layout.MediaType,
		S3: publish.S3Access{Now: time.Now, Timeout: f.timeout, Mode: mode, Hold: f.hold},
	}
	access.Registry.Timeout = f.timeout
	if buckets {
		if err := awsAccess(w, &access.S3); err != nil {
			return nil, err
		}
	}
	var targets []publish.Target
	for _, to := range f.to {
		if f.unverified && to == "oci://" {
			return nil, usage("--unverified: a bundle that nobody vouches for does not choose the registry; name it as oci://REGISTRY/REPOSITORY")
		}
		target, err := publish.Parse(to, access)
		if err != nil {
			return nil, usageError{err}
		}
		targets = append(targets, target)
	}
	return targets, nil
}

// verification is what a bundle must pass: every check with the keys that the caller
// brought, or with its own where the caller says so.
func (f publishFlags) verification(ctx context.Context) (func(*evidence.Bundle) (evidence.Verification, error), error) {
	switch {
	case f.unverified && f.key+f.root != "":
		return nil, usage("--unverified contradicts --key and --trusted-root")
	case f.key != "":
		return verifyFlags{key: f.key, root: f.root}.checks(ctx)
	case f.unverified:
		return verifyAlone, nil
	}
	return nil, usage("no key: pass --key with the gate's public key, got from its owner and not from the bundle, or --unverified")
}

// verifyAlone makes every check with the key that the bundle brings. Nobody brought the
// keys of the log and the authority that it may name: that one check is left out.
func verifyAlone(b *evidence.Bundle) (evidence.Verification, error) {
	var own evidence.VerifyOptions
	if text, err := b.Read(layout.PathKey); err == nil {
		own.Key, _ = signing.LoadPublicKey(text) // without one the signature check fails
	}
	v := evidence.Verify(b, own)
	v.Checks = slices.DeleteFunc(v.Checks, func(c evidence.Check) bool { return c.Reason == evidence.ReasonTrustMissing })
	return v, nil
}

// prepared reads a bundle once and verifies what it read. Checks that fail are printed.
func prepared(w *world, path string, check func(*evidence.Bundle) (evidence.Verification, error)) (*delivery, error) {
	data, err := readFile(path, maxBundle)
	if err != nil {
		return nil, err
	}
	b, err := evidence.Open(bytes.NewReader(data), int64(len(data)))
	var v evidence.Verification
	if err != nil {
		v = evidence.Broken(path, err)
	} else if v, err = check(b); err != nil {
		return nil, err
	}
	if !v.OK() {
		for _, c := range v.Checks {
			if !c.OK {
				fmt.Fprintf(w.err, "gatekeep: %s: %s: %s against %s [%s]: %s\n", path, c.Name, c.What, c.Against, c.Reason, c.Detail)
			}
		}
		fmt.Fprintf(w.err, "gatekeep: %s does not verify\n", path)
		return nil, shutError{exitShut}
	}
	return readPublished(path, data, b)
}

// readPublished reads what publishing needs to know of a bundle.
func readPublished(path string, data []byte, b *evidence.Bundle) (*delivery, error) {
	contents, err := b.Contents()
	if err != nil {
		return nil, err
	}
	kept, err := retentionOf(contents)
	if err != nil {
		return nil, err
	}
	if _, err := publish.NewDocument(data, nil, contents.Record.ID, contents.Record.Case.Subject, kept.Until); err != nil {
		return nil, err // it could have a name nowhere
	}
	return &delivery{
		Bundle: path, DecisionID: contents.Record.ID, Digest: digest.Of(data), Retention: kept,
		Receipts: []publish.Receipt{}, Failures: []failure{},
		subject: contents.Record.Case.Subject, decided: contents.Record.Case.Clock.Now,
	}, nil
}

func showPublished(w *world, format string, all []*delivery) error {
	if format == "json" {
		enc := json.NewEncoder(w.out)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"bundles": all})
	}
	for _, p := range all {
		fmt.Fprintf(w.out, "%s: %s\n  %s\n", p.Bundle, view.Clean(p.DecisionID), view.Clean(p.Retention.String()))
		for _, r := range p.Receipts {
			verb := "published"
			if r.Already {
				verb = "was there"
			}
			fmt.Fprintf(w.out, "  %s  %-9s  %s", verb, r.Kind, r.Location)
			if !strings.HasSuffix(r.Location, r.Digest) {
				fmt.Fprintf(w.out, "  %s", r.Digest)
			}
			if l := r.Lock; l != nil && l.Mode != "" {
				fmt.Fprintf(w.out, "  %s until %s", strings.ToLower(l.Mode), l.Until.Format(time.RFC3339))
			}
			if l := r.Lock; l != nil && l.Hold {
				fmt.Fprint(w.out, "  legal hold")
			}
			fmt.Fprintln(w.out)
		}
		for _, bad := range p.Failures {
			fmt.Fprintf(w.out, "  FAILED     %s\n", bad.Target)
		}
	}
	return nil
}
