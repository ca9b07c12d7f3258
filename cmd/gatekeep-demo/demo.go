package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// signers are the keys that the demo makes. The gate and the policy have keys of
// their own; the others stand in the trust policy.
var signers = []string{"builder", "scanner", "source-control", "privacy", "calendar", "bob", "dave", "gate", "policy"}

// chapter is one part of the story.
type chapter func(context.Context, values) error

// run tells the story from an empty folder. It fails at the first step that does not
// come out as expected.
func (d *demo) run(ctx context.Context, address string) error {
	begun := time.Now()
	if err := d.clear(); err != nil {
		return err
	}
	l, err := listen(address)
	if err != nil {
		return err
	}
	d.image = l.Addr().String() + "/payments:1.4.2"
	stop, err := start(d.path("registry"), l)
	if err != nil {
		return err
	}
	defer stop()
	if err := writeFile(d.path("registry", addressFile), []byte(l.Addr().String()+"\n")); err != nil {
		return err
	}
	v, err := d.values()
	if err != nil {
		return err
	}
	fmt.Fprintf(d.stdout, "gatekeep demo: registry on %s, everything else in %s\n", l.Addr(), d.out)
	for _, tell := range []chapter{
		d.makeImage, d.makePolicy, d.attestSBOMs, d.attestBuild, d.attestOrganisation,
		d.seeItShut, d.goOn, d.seeItOpen, d.seeItUsedUp, d.checkEvidence,
	} {
		if err := tell(ctx, v); err != nil {
			return err
		}
	}
	d.summary(time.Since(begun))
	return nil
}

func (d *demo) makeImage(ctx context.Context, _ values) error {
	d.title("A real image: the package database of Debian and a Go program, for two platforms")
	return d.push(ctx, d.image)
}

func (d *demo) makePolicy(ctx context.Context, v values) error {
	d.title("Keys, a trust policy, and a signed bundle")
	d.say("keys have no password here; set GATEKEEP_PASSWORD for those that matter")
	for _, who := range signers {
		err := d.command(ctx, step{name: "gatekeep", args: []string{"key", "generate", "--out", d.path("keys", who)}, quiet: true})
		if err != nil {
			return err
		}
	}
	if err := d.bundle(v); err != nil {
		return err
	}
	for _, who := range signers {
		if who == "gate" || who == "policy" {
			continue
		}
		public, err := os.ReadFile(d.path("keys", who+".pub"))
		if err != nil {
			return fmt.Errorf("copying public key: %w", err)
		}
		if err := writeFile(d.path("bundle", "keys", who+".pub"), public); err != nil {
			return err
		}
	}
	d.say("copied bundles/payments to %s, dated it, and put trust.yaml and the public keys beside it", d.path("bundle"))
	return d.command(ctx, step{name: "gatekeep", args: []string{
		"policy", "sign", "--bundle", d.path("bundle"), "--key", d.path("keys", "policy.key"),
	}})
}

// attest signs a document, into the registry or into the folder of attestations.
func (d *demo) attest(ctx context.Context, kind, key, document string, more ...string) error {
	args := []string{"attest", "--type", kind, "--key", d.path("keys", key+".key")}
	args = append(append(args, more...), document, d.image)
	return d.command(ctx, step{name: "gatekeep", args: args})
}

func (d *demo) attestSBOMs(ctx context.Context, _ values) error {
	d.title("An SBOM of each platform, by syft, attached to the image")
	for _, arch := range architectures {
		file := d.path("documents", "sbom-"+arch+".cdx.json")
		err := d.command(ctx, step{name: "gatekeep-sbom", args: []string{"--platform", "linux/" + arch, "-o", file, d.image}})
		if err != nil {
			return err
		}
		if err := d.count(file); err != nil {
			return err
		}
		if err := d.attest(ctx, "sbom", "builder", file, "--push", "--platform", "linux/"+arch); err != nil {
			return err
		}
	}
	return nil
}

// count says what an SBOM found, and fails where that is not what was put in.
func (d *demo) count(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading SBOM: %w", err)
	}
	var doc struct {
		Components []struct {
			PURL string `json:"purl"`
		} `json:"components"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("reading SBOM %s: %w", file, err)
	}
	debian, golang := 0, 0
	for _, c := range doc.Components {
		switch {
		case strings.HasPrefix(c.PURL, "pkg:deb/debian/"):
			debian++
		case strings.HasPrefix(c.PURL, "pkg:golang/"):
			golang++
		}
	}
	d.say("it lists %d Debian packages and %d Go modules", debian, golang)
	if debian == 0 || golang == 0 {
		return fmt.Errorf("reading SBOM %s: it lists %d Debian packages and %d Go modules, and there are some of both", file, debian, golang)
	}
	return nil
}

func (d *demo) attestBuild(ctx context.Context, v values) error {
	d.title("What the builder and the scanners say, attached to the image")
	d.say("no scanner runs here: the reports of scans are example files (testdata/demo/SOURCES.md)")
	request, err := d.request(v, 1, d.now)
	if err != nil {
		return err
	}
	for _, arch := range architectures {
		v.Arch = arch
		file, err := d.write("vulns.grype.json", v, "documents", "vulns-"+arch+".grype.json")
		if err != nil {
			return err
		}
		if err := d.attest(ctx, "vulns", "scanner", file, "--push", "--platform", "linux/"+arch); err != nil {
			return err
		}
	}
	for _, s := range []struct{ kind, key, document string }{
		{"sarif", "scanner", "sast.sarif"},
		{"secret-scan", "scanner", "secret-scan.yaml"},
		{"provenance", "builder", "provenance.json"},
	} {
		file, err := d.write(s.document, v, "documents", s.document)
		if err != nil {
			return err
		}
		more := []string{"--push"}
		if s.kind == "sarif" { // it does not say which commit was looked at; the request does
			more = append(more, "--request", request)
		}
		if err := d.attest(ctx, s.kind, s.key, file, more...); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) attestOrganisation(ctx context.Context, v values) error {
	d.title("What the organisation says: source, privacy, calendar and a first approval")
	v.CalendarRevision, v.CalendarRead = 1, d.at(0)
	for _, s := range []struct{ kind, key string }{
		{"source-review", "source-control"}, {"data-flow", "privacy"}, {"residency", "privacy"}, {"calendar", "calendar"},
	} {
		file, err := d.write(s.kind+".yaml", v, "documents", s.kind+".yaml")
		if err != nil {
			return err
		}
		if err := d.attest(ctx, s.kind, s.key, file, "--out", d.path("attestations")); err != nil {
			return err
		}
	}
	return d.approve(ctx, v, "bob")
}

// approve is one person's approval of the request.
func (d *demo) approve(ctx context.Context, v values, who string) error {
	v.Approver = who
	file, err := d.write("approval.yaml", v, "documents", "approval-"+who+".yaml")
	if err != nil {
		return err
	}
	return d.attest(ctx, "approval", who, file, "--out", d.path("attestations"), "--request", d.path("request-1.yaml"))
}

// request writes the request of one check. Approvals are bound to what is asked for
// and not to how often it is asked, so that of bob holds for both.
func (d *demo) request(v values, number int, at time.Time) (string, error) {
	v.Request, v.Nonce = fmt.Sprintf("req-%d", number), newNonce()
	v.Requested = at.Format(time.RFC3339)
	return d.write("request.yaml", v, fmt.Sprintf("request-%d.yaml", number))
}

// checkLine is one check, by the number of its request.
func (d *demo) checkLine(number int, evidence string, more ...string) []string {
	return append([]string{
		"check", d.image, "--environment", "prod-eu",
		"--bundle", d.path("bundle"), "--policy-key", d.path("keys", "policy.pub"),
		"--request", d.path(fmt.Sprintf("request-%d.yaml", number)), "--attestations", d.path("attestations"),
		"--state", d.path("state"), "--key", d.path("keys", "gate.key"), "--out", evidence,
	}, more...)
}

func (d *demo) evidence(number int) string { return d.path(fmt.Sprintf("evidence-%d.zip", number)) }

func (d *demo) seeItShut(ctx context.Context, _ values) error {
	d.title("Check for prod-eu, now: shut, by the open freeze and the missing second approval")
	err := d.command(ctx, step{name: "gatekeep", exit: 1, args: d.checkLine(1, d.evidence(1))})
	if err != nil {
		return err
	}
	return d.expect(ctx, 1, "fail", "freeze/active-window-blocks", "rbac/approvals-insufficient")
}

func (d *demo) goOn(ctx context.Context, v values) error {
	d.title("dave of security approves, and the calendar is read again shortly before the second check")
	if err := d.approve(ctx, v, "dave"); err != nil {
		return err
	}
	v.CalendarRevision, v.CalendarRead = 2, d.at(later-10*time.Minute)
	file, err := d.write("calendar.yaml", v, "documents", "calendar-2.yaml")
	if err != nil {
		return err
	}
	return d.attest(ctx, "calendar", "calendar", file, "--out", d.path("attestations"))
}

func (d *demo) seeItOpen(ctx context.Context, v values) error {
	at := d.now.Add(later)
	d.title("Check again, as if it were %s, an hour after the freeze: open", at.Format(time.RFC3339))
	if _, err := d.request(v, 2, at.Add(-time.Minute)); err != nil {
		return err
	}
	if err := d.command(ctx, step{name: "gatekeep", args: d.checkLine(2, d.evidence(2), "--at", d.at(later))}); err != nil {
		return err
	}
	return d.expect(ctx, 2, "pass")
}

func (d *demo) seeItUsedUp(ctx context.Context, _ values) error {
	d.title("The same request again: shut, for the gate remembers that it opened")
	line := d.checkLine(2, d.evidence(3), "--at", d.at(later))
	if err := d.command(ctx, step{name: "gatekeep", exit: 1, args: line}); err != nil {
		return err
	}
	return d.expect(ctx, 3, "fail", "gate/request-replayed", "rbac/approvals-insufficient")
}

// expect compares the outcome and the rules that failed with what the story needs.
func (d *demo) expect(ctx context.Context, number int, outcome string, rules ...string) error {
	out, err := d.output(ctx, step{name: "gatekeep", quiet: true,
		args: []string{"evidence", "show", "--format", "json", d.evidence(number)}})
	if err != nil {
		return err
	}
	var record struct {
		Decision struct {
			Outcome string `json:"outcome"`
			Results []struct {
				Rule    string `json:"rule"`
				Outcome string `json:"outcome"`
			} `json:"results"`
		} `json:"decision"`
	}
	if err := json.Unmarshal(out, &record); err != nil {
		return fmt.Errorf("reading record of check %d: %w", number, err)
	}
	var failed []string
	for _, r := range record.Decision.Results {
		if r.Outcome != "pass" && r.Outcome != "not_applicable" {
			failed = append(failed, r.Rule)
		}
	}
	slices.Sort(failed)
	failed = slices.Compact(failed)
	if record.Decision.Outcome != outcome || !slices.Equal(failed, rules) {
		return fmt.Errorf("reading record of check %d: outcome %s by %v, and %s by %v was expected",
			number, record.Decision.Outcome, failed, outcome, rules)
	}
	d.say("the record says %s; rules that are not content: %s", outcome, orNone(failed))
	return nil
}

func orNone(xs []string) string {
	if len(xs) == 0 {
		return "none"
	}
	return strings.Join(xs, ", ")
}

func (d *demo) checkEvidence(ctx context.Context, _ values) error {
	d.title("Verify the evidence with the gate's public key, and make all three decisions again from it")
	for _, args := range d.evidenceLines() {
		if err := d.command(ctx, step{name: "gatekeep", args: args}); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) evidenceLines() [][]string {
	return [][]string{
		{"evidence", "verify", "--key", d.path("keys", "gate.pub"), d.evidence(1), d.evidence(2), d.evidence(3)},
		{"evidence", "replay", d.evidence(1), d.evidence(2), d.evidence(3)},
	}
}

// summary names what is left behind and how to go on.
func (d *demo) summary(took time.Duration) {
	d.title("Done in %s. What is left in %s:", took.Round(time.Second), d.out)
	for _, line := range [][2]string{
		{"evidence-1.zip to -3.zip", "the sealed decisions: shut, open, shut"},
		{"attestations/", "signed statements that lie beside the image"},
		{"documents/", "the raw files that were signed"},
		{"request-1.yaml, request-2.yaml", "the requests"},
		{"bundle/, keys/", "the signed policy bundle with its trust policy; all keys"},
		{"state/", "what the gate remembers"},
		{"registry/", "the image and what is attached to it"},
	} {
		fmt.Fprintf(d.stdout, "   %-32s %s\n", line[0], line[1])
	}
	gatekeep := filepath.Join(d.bin, "gatekeep")
	fmt.Fprintf(d.stdout, "\n   To repeat any command above, serve the registry in another terminal:\n\n")
	fmt.Fprintf(d.stdout, "     go run ./cmd/gatekeep-demo serve -out %s\n\n", d.out)
	for _, args := range d.evidenceLines() {
		fmt.Fprintf(d.stdout, "     %s\n", folded(append([]string{gatekeep}, args...)))
	}
	again := d.checkLine(2, d.path("evidence-4.zip"), "--at", d.at(later))
	fmt.Fprintf(d.stdout, "     %s\n\n", folded(append([]string{gatekeep}, again...)))
	d.say("The check stays shut: its request and approvals are used up. So is any after dave's")
	d.say("approval without --at: the calendar would have been read in the future.")
}
