package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
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
	"github.com/gatekeep-dev/gatekeep/internal/attest/source"
	"github.com/gatekeep-dev/gatekeep/internal/bundle"
	"github.com/gatekeep-dev/gatekeep/internal/calendar"
	"github.com/gatekeep-dev/gatekeep/internal/gate"
	"github.com/gatekeep-dev/gatekeep/internal/policy"
	"github.com/gatekeep-dev/gatekeep/internal/report"
	"github.com/gatekeep-dev/gatekeep/internal/state"
)

// checkFlags are the flags of gatekeep check.
type checkFlags struct {
	law          lawFlags
	environment  string
	regimes      []string
	request      string
	attestations []string
	registry     string
	at           string
	mode         string
	format       string
	out          string
	key          string
	state        string
	vouch        vouchFlags
	people       string
	uncertainty  time.Duration
	timeout      time.Duration
	verifySBOM   bool
}

func checkCommand(w *world) *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check SUBJECT...",
		Short: "Judge a deployment: exit 0 only when the gate opens",
		Long: `check judges one deployment and prints why on one screen.

A SUBJECT is an OCI image or index by tag or digest, a local file or directory,
or a release.yaml that names several subjects deployed together. Several
SUBJECTs are one release.

Evidence is looked for in the registry (cosign .att tags, OCI 1.1 referrers) and
in the places given with --attestations. What is not signed by somebody whom the
trust policy names for it is reported and never used.`,
		Example: `  gatekeep check registry.example/app:1.4.2 --environment production \
      --regime supply_chain --trust trust.yaml
  gatekeep check registry.example/app@sha256:... --bundle bundles/payments \
      --policy-key policy.pub --request request.yaml --environment prod-eu \
      --attestations attestations/ --key gate.key --out evidence.zip
  gatekeep check release.yaml --bundle bundles/payments --environment prod-eu --format sarif`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return check(cmd.Context(), w, f, args)
		},
	}
	fs := c.Flags()
	f.law.register(fs)
	fs.StringVar(&f.environment, "environment", "", "environment to deploy to, as the bundle names it")
	fs.StringArrayVar(&f.regimes, "regime", nil, "regime to judge by, beside those that are derived (repeatable)")
	fs.StringVar(&f.request, "request", "", "request file: who asks, for what, with which change")
	fs.StringArrayVar(&f.attestations, "attestations", nil, "folder, .json or .jsonl file with attestations (repeatable)")
	fs.StringVar(&f.registry, "registry-attestations", "", `look for attestations in the registry: "auto" or "off" (default auto)`)
	fs.StringVar(&f.at, "at", "", "judge as if it were this time (RFC 3339); recorded as stated by the caller")
	fs.StringVar(&f.mode, "mode", "", "enforce, warn or observe; only enforce shuts (default: that of the bundle)")
	fs.StringVar(&f.format, "format", "text", "one of "+strings.Join(report.Names(), ", "))
	fs.StringVar(&f.out, "out", "", "write the sealed evidence bundle to this file, or into this folder as evidence-<decision>.zip; needs --key")
	fs.StringVar(&f.key, "key", "", "private key that signs the evidence (password in GATEKEEP_PASSWORD)")
	f.vouch.register(fs)
	fs.StringVar(&f.state, "state", "", "folder in which the gate remembers, for bundles that declare state")
	fs.StringVar(&f.people, "people", "", "folder of names: evidence shows salted commitments in their place, and people can be erased from it; needs --ledger")
	fs.DurationVar(&f.uncertainty, "clock-uncertainty", 2*time.Second, "how far this machine's clock may be off, the cut to a second included")
	fs.BoolVar(&f.verifySBOM, "verify-sbom", false, "make the SBOM of each artifact anew and hold the attested one against it (needs gatekeep-sbom)")
	fs.DurationVar(&f.timeout, "timeout", 2*time.Minute, "give up gathering and judging after this long")
	return c
}

// check is the whole trip, from the command line to the exit code.
func check(ctx context.Context, w *world, f checkFlags, subjects []string) error {
	show, err := printerOf(w, f.format)
	if err != nil {
		return err
	}
	if err := f.sensible(); err != nil {
		return err
	}
	p := &progress{out: w.err}
	defer p.done()
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()

	p.step("reading policy, trust and request")
	q, mode, err := questionOf(f)
	if err != nil {
		return err
	}
	k := keeper{out: f.out}
	if f.key != "" {
		if k.signer, err = openSigner(ctx, w, f.key); err != nil {
			return err
		}
	}
	release, err := f.usePeople(ctx, &q)
	if err != nil {
		return err
	}
	defer release()
	k.vouchers, err = f.vouch.open(ctx, k.signer, q.Clock.Now)
	var answer *gate.Answer
	var path string
	if err == nil {
		q.Seal = f.vouch.seal(k.vouchers)
		answer, path, err = settle(ctx, f, q, subjects, p, k)
	}
	if unknown := new(bundle.UnknownError); errors.As(err, &unknown) {
		return usageError{err}
	}
	if err != nil {
		if q.ModeOfBundle {
			mode = gatekeep.Enforce // nothing has judged the bundle, so its word does not count
		}
		return show.unjudged(err, mode)
	}
	p.done()
	if err := show.record(answer.Record, path, f.key); err != nil {
		return fmt.Errorf("printing the answer: %w", err)
	}
	return exitOf(answer.Record.Decision.Outcome, answer.Record.Mode)
}

// again is the pause before a decision that another one overtook is made again.
const again = 20 * time.Millisecond

// settle judges and keeps the answer; again where another decision came between, since
// what it used up may not be used twice.
func settle(ctx context.Context, f checkFlags, q gate.Question, subjects []string, p *progress, k keeper) (*gate.Answer, string, error) {
	for {
		answer, err := answerOf(ctx, f, q, subjects, p)
		if err != nil {
			return nil, "", err
		}
		p.step("keeping evidence")
		path, err := k.keep(ctx, answer)
		if !errors.Is(err, state.ErrConflict) {
			return answer, path, err
		}
		select {
		case <-ctx.Done():
			return nil, "", err
		case <-time.After(again):
		}
	}
}

// sensible refuses flags that contradict each other or themselves, before any work
// is done.
func (f checkFlags) sensible() error {
	switch {
	case f.format == "svr":
		return usage("reading --format: svr speaks of open gates only: use 'gatekeep evidence show --format svr BUNDLE'")
	case f.out != "" && f.key == "":
		return usage("--out needs --key: evidence is worth nothing unsigned (make a key with 'gatekeep key generate')")
	case f.key != "" && f.out == "":
		return usage("--key signs the evidence: pass --out FILE too, or leave --key out")
	case f.people != "" && f.vouch.ledger == "":
		return usage("--people needs --ledger: who is erased later is proved by the log")
	case f.timeout <= 0:
		return usage("reading --timeout: %s is no time to judge in; pass more, such as 2m", f.timeout)
	case f.uncertainty < 0:
		return usage("reading --clock-uncertainty: %s is below zero", f.uncertainty)
	}
	if err := f.vouch.sensible(f.out, f.at != ""); err != nil || f.out == "" {
		return err
	}
	info, err := os.Stat(f.out)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil && !info.Mode().IsRegular():
		return usage("reading --out: %s is neither file nor folder; name the file to write, such as evidence.zip", f.out)
	}
	return isFolder("--out", filepath.Dir(f.out))
}

// exitOf applies the mode at the edge: it never changes what is recorded.
func exitOf(outcome gatekeep.Outcome, mode gatekeep.Mode) error {
	switch {
	case outcome.Opens():
		return nil
	case mode == gatekeep.Warn, mode == gatekeep.Observe:
		return nil
	case outcome == gatekeep.Fail:
		return shutError{exitShut}
	default:
		return shutError{exitUnknown}
	}
}

// questionOf reads everything that the command line names, before anything is
// asked of the outside world.
func questionOf(f checkFlags) (gate.Question, gatekeep.Mode, error) {
	var q gate.Question
	law, err := loadLaw(f.law)
	if err != nil {
		return q, "", err
	}
	mode, err := modeOf(f.mode, law.bundle.Mode)
	if err != nil {
		return q, "", err
	}
	q.Law, q.Catalogue, q.Policy = law.Law, law.bundle, law.ref
	q.PolicySignature = law.signature
	if f.out != "" { // packing takes a twentieth of a small check
		if q.Archive, err = policy.Archive(law.Policy); err != nil {
			return q, "", usageError{err}
		}
	}
	q.Engine, q.Mode, q.ModeOfBundle = engine(), mode, f.mode == ""
	if q.Request, err = requestOf(f); err != nil {
		return q, mode, err
	}
	if q.Clock, err = clockOf(f); err != nil {
		return q, mode, err
	}
	if q.Request.RequestedAt.IsZero() {
		q.Request.RequestedAt = q.Clock.Now
	}
	if err := known(q); err != nil {
		return q, mode, usageError{err}
	}
	q.State, err = stateOf(f, law)
	return q, mode, err
}

// requestOf reads the request file and fills in what it leaves out.
func requestOf(f checkFlags) (gatekeep.Request, error) {
	var r gatekeep.Request
	if f.request != "" {
		data, err := readFile(f.request, maxRequest)
		if err != nil {
			return r, usage("reading request: %w", err)
		}
		if r, err = gate.ReadRequest(f.request, data); err != nil {
			return r, usageError{err}
		}
	}
	switch {
	case f.environment != "" && r.Environment != "" && f.environment != r.Environment:
		return r, usage("--environment says %q and %s says %q: name one", f.environment, f.request, r.Environment)
	case f.environment != "":
		r.Environment = f.environment
	case r.Environment == "":
		return r, usage("no environment: pass --environment, or name one in the request file")
	}
	r.Regimes = append(r.Regimes, f.regimes...)
	fill(&r.ID, "req-"+freshName())
	fill(&r.Nonce, freshName())
	fill(&r.Stage, gatekeep.StagePredeploy)
	fill(&r.Action, "deploy")
	fill(&r.Actor.Principal, gate.Unknown)
	return r, nil
}

func fill(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// freshName is a name that nobody else will choose.
func freshName() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand.Read crashes the program instead
	return hex.EncodeToString(b[:])
}

// clockOf is the time of the decision: this machine's, or the one that was stated.
func clockOf(f checkFlags) (gatekeep.Clock, error) {
	if f.at == "" {
		return gate.Now(time.Now(), f.uncertainty, gate.ClockSystem, calendar.TZData()), nil
	}
	at, err := time.Parse(time.RFC3339, f.at)
	if err != nil {
		return gatekeep.Clock{}, usage("reading --at: %q is not an RFC 3339 time such as 2026-11-23T10:00:00Z", f.at)
	}
	return gate.Now(at, f.uncertainty, gate.ClockStated, calendar.TZData()), nil
}

func modeOf(flag string, bundle gatekeep.Mode) (gatekeep.Mode, error) {
	if flag == "" {
		return bundle, nil
	}
	mode := gatekeep.Mode(flag)
	if !slices.Contains([]gatekeep.Mode{gatekeep.Enforce, gatekeep.Warn, gatekeep.Observe}, mode) {
		return "", usage("reading --mode: %q is none of enforce, warn, observe", flag)
	}
	return mode, nil
}

// known refuses names that the bundle or the policy does not know before any
// work is done. The judgement would refuse them too, later.
func known(q gate.Question) error {
	if _, err := q.Catalogue.Environment(q.Request.Environment); err != nil {
		return err
	}
	if q.Request.Service != "" { // else that of the subject, which is not known yet
		if _, err := q.Catalogue.Service(q.Request.Service); err != nil {
			return err
		}
	}
	return gate.KnownRegimes(q.Law.Policy, append(q.Catalogue.Regimes(), q.Request.Regimes...))
}

// stateOf opens what the gate remembers, where the bundle declares that it does.
func stateOf(f checkFlags, law *loadedLaw) (state.Store, error) {
	if law.bundle.State == bundle.StateNone {
		if f.state != "" {
			return nil, usage("--state is given and bundle %q declares 'state: none': declare 'state: folder', or leave the flag out", law.ref.Name)
		}
		return state.None{}, nil
	}
	if f.state == "" {
		return nil, usage("bundle %q declares state: pass --state DIR, the folder in which the gate remembers", law.ref.Name)
	}
	return state.Folder(f.state), nil
}

// answerOf resolves the subject, gathers and judges.
func answerOf(ctx context.Context, f checkFlags, q gate.Question, subjects []string, p *progress) (*gate.Answer, error) {
	p.step("resolving " + strings.Join(subjects, ", "))
	subject, err := resolve(ctx, subjects)
	if err != nil {
		return nil, err
	}
	q.Subject = subject
	if q.Request.Service == "" {
		q.Request.Service = path.Base(subject.Name)
		if _, err := q.Catalogue.Service(q.Request.Service); err != nil {
			return nil, usage("%w. The request names no service, so the name of the subject was taken; name the service in the request file", err)
		}
	}
	if q.Sources, err = sourcesOf(f, q.Catalogue.RegistryAttestations); err != nil {
		return nil, err
	}
	if f.verifySBOM {
		if q.Generate, err = generator(subject); err != nil {
			return nil, err
		}
	}
	p.step("gathering and judging evidence about " + subject.Ref)
	return gate.Check(ctx, q)
}

// sourcesOf are the places in which evidence is looked for. A place that cannot
// be looked at keeps the gate shut.
func sourcesOf(f checkFlags, bundled string) ([]attest.Source, error) {
	var out []attest.Source
	if len(f.attestations) > 0 {
		out = append(out, source.Dir{Paths: f.attestations})
	}
	registry := f.registry
	fill(&registry, bundled)
	switch registry {
	case bundle.RegistryAuto:
		return append(out, source.OCI{Registry: registryAccess(), Required: true}), nil
	case bundle.RegistryOff:
		return out, nil
	}
	return nil, usage("reading --registry-attestations: %q is neither auto nor off", registry)
}
