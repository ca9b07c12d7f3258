package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/gate"
)

// attestFlags are the flags of gatekeep attest.
type attestFlags struct {
	signer      signerFlags
	kind        string
	generate    bool
	out         string
	push        bool
	platform    string
	request     string
	environment string
	commit      string
	principal   string
	validFor    time.Duration
	at          string
	tool        string
	scopes      []string
	fromCommit  string
	shallow     bool
}

func attestCommand(w *world) *cobra.Command {
	var f attestFlags
	c := &cobra.Command{
		Use:   "attest --type TYPE [FILE] SUBJECT",
		Short: "Sign a statement about a subject: an SBOM, a scan, an approval, ...",
		Long: `attest wraps a raw file as an in-toto Statement about the digest of a subject,
signs it, and writes a Sigstore bundle to a folder (--out), to the registry
beside the image (--push), or both. A file that does not parse as its type is
refused. FILE may be - for standard input. With --generate there is no FILE: the
SBOM is made by gatekeep-sbom, which looks into the subject.

Who signs: a key file (--key FILE: PEM, or as cosign makes them), a key that a
service keeps (--key NAME://KEY runs Sigstore's plug-in sigstore-kms-NAME), or an
identity token (--keyless): Fulcio certifies a fresh key for it, Rekor logs the
signature, and a timestamp authority says when. The services are those that
--signing-config or the --...-url flags name, and no others are asked; a key may
have its signature logged and stamped too.

Statements that are about a request and not about an image (approval,
freeze-exemption, rollout-plan) are bound to the digest of the request: give
--request and --environment as they will be given to check. A plan is named by its
digest, which attest tells, in the request's field plan.

Types:
` + typeHelp(),
		Example: `  gatekeep attest --type sbom --key builder.key --push sbom.cdx.json registry.example/app:1.4.2 --platform linux/amd64
  gatekeep attest --type sarif --key scanner.key --out attestations/ results.sarif registry.example/app@sha256:...
  gatekeep attest --type approval --key bob.key --out attestations/ --request request.yaml \
      --environment prod-eu approval.yaml registry.example/app:1.4.2
  gatekeep attest --type sbom --key hashivault://builder --push sbom.cdx.json registry.example/app:1.4.2
  SIGSTORE_ID_TOKEN=... gatekeep attest --type provenance --keyless --signing-config signing_config.json \
      --trusted-root trusted_root.json --push provenance.json registry.example/app:1.4.2
  gatekeep attest --type sbom --generate --key builder.key --push registry.example/app@sha256:...`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.generate && len(args) == 1:
				return runAttest(cmd.Context(), w, f, "", args[0])
			case f.generate:
				return usage("--generate makes the SBOM itself: name the subject and no file")
			case len(args) == 1:
				return usage("the command is '%s': name the file, and then the subject (see '%s --help')", cmd.UseLine(), cmd.CommandPath())
			}
			return runAttest(cmd.Context(), w, f, args[0], args[1])
		},
	}
	fs := c.Flags()
	fs.StringVar(&f.kind, "type", "", "type of the file (see above)")
	fs.BoolVar(&f.generate, "generate", false, "make the SBOM of the subject (needs --type sbom and gatekeep-sbom)")
	fs.StringVar(&f.out, "out", "", "folder for the signed bundle")
	fs.BoolVar(&f.push, "push", false, "attach the signed bundle to the image in its registry")
	fs.StringVar(&f.platform, "platform", "", `of an image index, speak about this platform only, for example "linux/arm64"`)
	fs.StringVar(&f.request, "request", "", "request file, for statements about a request")
	fs.StringVar(&f.environment, "environment", "", "environment of the request")
	fs.StringVar(&f.commit, "commit", "", "source commit that a scan covers, full hash (default: that of the request)")
	fs.StringVar(&f.principal, "principal", "", "account of the person who approves, grants or reviews, where the file names none")
	fs.DurationVar(&f.validFor, "valid-for", 24*time.Hour, "how long an approval, waiver or grant holds, where the file does not say")
	fs.StringVar(&f.at, "at", "", "time that the statement gives where the file gives none (RFC 3339; default now)")
	fs.StringVar(&f.tool, "tool", "", "program that wrote a report or a plan, where the file does not tell (opentofu, gitleaks, ...)")
	fs.StringArrayVar(&f.scopes, "scope", nil, "what a search for secrets covered: source_history, artifact, build_log or image_layers (repeatable)")
	fs.StringVar(&f.fromCommit, "from-commit", "", "first commit of the history that a search for secrets covered (the last is --commit)")
	fs.BoolVar(&f.shallow, "shallow", false, "the search for secrets had only a part of the history")
	f.signer.register(fs)
	return c
}

func typeHelp() string {
	var b strings.Builder
	for _, line := range predicate.Names() {
		name, what, _ := strings.Cut(line, "\t")
		fmt.Fprintf(&b, "  %-19s %s\n", name, what)
	}
	return b.String()
}

func typeNames() []string {
	var names []string
	for _, line := range predicate.Names() {
		name, _, _ := strings.Cut(line, "\t")
		names = append(names, name)
	}
	return names
}

// missing names the flags that fill in what a file of this type may leave out, and
// were not given.
func missing(f attestFlags) string {
	type flag struct{ name, given string }
	request, principal, commit := flag{"--request", f.request}, flag{"--principal", f.principal}, flag{"--commit", f.commit + f.request}
	scope, from := flag{"--scope", strings.Join(f.scopes, "")}, flag{"--from-commit", f.fromCommit}
	var absent []string
	for _, flag := range map[string][]flag{
		"approval": {request, principal}, "freeze-exemption": {request}, "rollout-plan": {request},
		"break-glass-grant": {request, principal}, "break-glass-review": {principal},
		"residency": {request}, "data-flow": {request}, "sarif": {commit}, "sast": {commit}, "secret-scan": {scope, commit, from},
	}[f.kind] {
		if flag.given == "" {
			absent = append(absent, flag.name)
		}
	}
	if len(absent) == 0 {
		return ""
	}
	return fmt.Sprintf(" (what the file leaves out may come from %s)", strings.Join(absent, " and "))
}

func runAttest(ctx context.Context, w *world, f attestFlags, file, ref string) error {
	if f.kind == "" {
		return usage("no type: pass --type (see 'gatekeep attest --help' for the list)")
	}
	if !slices.Contains(typeNames(), f.kind) {
		return usage("reading --type: %q is none of %s", f.kind, strings.Join(typeNames(), ", "))
	}
	if f.generate && f.kind != "sbom" {
		return usage("--generate makes SBOMs: pass --type sbom, not %s", f.kind)
	}
	if err := f.signer.sensible(); err != nil {
		return err
	}
	if f.out == "" && !f.push {
		return usage("nowhere to put the statement: pass --out DIR, --push, or both")
	}
	if f.validFor <= 0 {
		return usage("reading --valid-for: %s is no time to hold; pass more, such as 24h", f.validFor)
	}
	sign, err := f.signer.signer(ctx, w)
	if err != nil {
		return err
	}
	var data []byte
	if !f.generate {
		if data, err = readInput(w, file); err != nil {
			return err
		}
	}
	subject, err := resolve(ctx, []string{ref})
	if err != nil {
		return err
	}
	if f.push && subject.Kind != gatekeep.KindImage && subject.Kind != gatekeep.KindIndex {
		return usage("--push attaches to one image, and %s is a %s: use --out", ref, subject.Kind)
	}
	target, err := platformOf(subject, f.platform)
	if err != nil {
		return err
	}
	if f.generate {
		if data, err = generated(ctx, subject, target); err != nil {
			return err
		}
		file = sbomProgram
	}
	statement, wrapped, err := statementOf(f, file, data, subject, target)
	if err != nil {
		return err
	}
	bundle, err := sign(ctx, statement)
	if err != nil {
		return fmt.Errorf("signing statement: %w", err)
	}
	return deliver(ctx, w, f, bundle, wrapped, target)
}

// target is one thing that a statement speaks of.
type target struct{ name, digest string }

// platformOf is the subject itself, or one platform of an index.
func platformOf(s gatekeep.Subject, platform string) (target, error) {
	if platform == "" {
		return target{s.Name, s.Digest}, nil
	}
	if s.Kind != gatekeep.KindIndex {
		return target{}, usage("reading --platform: %s is a %s and not an index of platforms; leave the flag out", s.Ref, s.Kind)
	}
	var known []string
	for d, a := range s.Artifacts {
		if a.Platform == platform {
			return target{s.Name, d}, nil
		}
		known = append(known, a.Platform)
	}
	slices.Sort(known)
	return target{}, usage("reading --platform: %s has no platform %q; it has %s", s.Ref, platform, strings.Join(known, ", "))
}

// maxInput bounds a raw file at the size of envelope that a check will still read,
// less the third that base64 adds.
const maxInput = attest.EnvelopeBytes / 4 * 3

func readInput(w *world, file string) ([]byte, error) {
	if file != "-" {
		return readFile(file, maxInput)
	}
	return readAll(w.in, "standard input", maxInput)
}

// statementOf wraps the file as an in-toto Statement v1.
func statementOf(f attestFlags, file string, data []byte, s gatekeep.Subject, t target) ([]byte, predicate.Wrapped, error) {
	options, err := optionsOf(f, s)
	if err != nil {
		return nil, predicate.Wrapped{}, err
	}
	wrapped, err := predicate.Wrap(f.kind, data, options)
	if err != nil {
		return nil, wrapped, usage("%s: %w%s", file, err, missing(f))
	}
	about := t
	if wrapped.Subject != "" {
		about = target{wrapped.Kind, wrapped.Subject}
	}
	subject := map[string]any{"name": about.name, "digest": map[string]string{"sha256": strings.TrimPrefix(about.digest, "sha256:")}}
	// Not canonical JSON: a predicate may hold numbers that it would round.
	statement, err := json.Marshal(struct {
		Type          string          `json:"_type"`
		Subject       []any           `json:"subject"`
		PredicateType string          `json:"predicateType"`
		Predicate     json.RawMessage `json:"predicate"`
	}{"https://in-toto.io/Statement/v1", []any{subject}, wrapped.Type, wrapped.Predicate})
	return statement, wrapped, err
}

// optionsOf is what the command line says where a file says nothing.
func optionsOf(f attestFlags, s gatekeep.Subject) (predicate.WrapOptions, error) {
	o := predicate.WrapOptions{
		Now: time.Now().UTC().Truncate(time.Second), ValidFor: f.validFor, Digest: s.Digest,
		Environment: f.environment, Nonce: freshName(), Commit: f.commit, Principal: f.principal,
		Tool: f.tool, Scopes: f.scopes, FromCommit: f.fromCommit, Shallow: f.shallow,
	}
	if f.at != "" {
		at, err := time.Parse(time.RFC3339, f.at)
		if err != nil {
			return o, usage("reading --at: %q is not an RFC 3339 time such as 2026-11-23T10:00:00Z", f.at)
		}
		o.Now = at.UTC()
	}
	if f.request == "" {
		return o, nil
	}
	request, err := requestOf(checkFlags{request: f.request, environment: f.environment})
	if err != nil {
		return o, err
	}
	fill(&request.Service, path.Base(s.Name))
	fill(&o.Commit, request.Commit)
	o.Environment, o.Service = request.Environment, request.Service
	if o.Binding, err = gate.Binding(request, s.Digest); err != nil {
		return o, usageError{err}
	}
	return o, nil
}

// deliver writes the bundle to a folder, to the registry, or to both.
func deliver(ctx context.Context, w *world, f attestFlags, bundle []byte, wrapped predicate.Wrapped, t target) error {
	if wrapped.Kind == "iac-plan" {
		fmt.Fprintf(w.err, "gatekeep: a request for this plan names it so: plan: %s\n", wrapped.Subject)
	}
	if f.out != "" {
		if err := os.MkdirAll(f.out, 0o755); err != nil {
			return usage("making folder: %w", err)
		}
		name := fmt.Sprintf("%s-%s.sigstore.json", wrapped.Kind, strings.TrimPrefix(digest.Of(bundle), "sha256:")[:12])
		path := filepath.Join(f.out, name)
		if err := writeWhole(path, bundle); err != nil {
			return err
		}
		fmt.Fprintln(w.out, path)
	}
	if f.push {
		pushed, err := source.Push(ctx, t.name+"@"+t.digest, bundle, wrapped.Type, registryAccess())
		if err != nil {
			return fmt.Errorf("attaching to %s: %w", t.name, err)
		}
		fmt.Fprintf(w.out, "%s@%s\n", t.name, pushed)
	}
	return nil
}

// writeWhole writes a file under a temporary name first, so that nobody reads half.
func writeWhole(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), os.Remove(f.Name()))
	}
	return nil
}
