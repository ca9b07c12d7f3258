package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// ran is what one process did.
type ran struct {
	code           int
	stdout, stderr string
	crashed        bool
}

// execute runs the program under test. A crash is a panic, a signal, or no end.
func execute(ctx context.Context, bin string, args ...string) ran {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r := ran{stdout: stdout.String(), stderr: stderr.String()}
	exit := new(exec.ExitError)
	switch {
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	case err != nil:
		r.code, r.stderr = -1, err.Error()
	}
	r.crashed = r.code < 0 || r.code == 70 || strings.Contains(r.stderr, "panic:") || strings.Contains(r.stderr, "goroutine ")
	return r
}

// last is the last line of what was said, for the list of failures.
func (r ran) last() string {
	lines := strings.Split(strings.TrimSpace(r.stderr), "\n")
	text := lines[len(lines)-1]
	return fmt.Sprintf("exit %d %s", r.code, text[:min(len(text), 200)])
}

// formats are the names that gatekeep may give what a table calls otherwise. A format
// that is not here has no name of its own in gatekeep.
var formats = map[string][]string{
	"admissionreview": {"admission-review"}, "argo-rollouts-yaml": {"rollout", "kubernetes"}, "cobertura": {"cobertura"},
	"csaf": {"csaf"}, "cyclonedx-json": {"cyclonedx-json", "scan-report"}, "cyclonedx-json-1.4": {"cyclonedx-json"}, "cyclonedx-json-1.6": {"cyclonedx-json"},
	"cyclonedx-json-vex": {"cyclonedx-json"}, "cyclonedx-vex": {"cyclonedx-json", "cyclonedx-xml"}, "cyclonedx-xml": {"cyclonedx-xml"},
	"cyclonedx-xml-1.1": {"cyclonedx-xml"}, "cyclonedx-xml-1.4": {"cyclonedx-xml"}, "cyclonedx-xml-1.6": {"cyclonedx-xml"},
	"dsse-envelope": {"dsse"}, "flagd-json": {"flagd"}, "flagd-yaml": {"flagd"}, "flagger-canary-yaml": {"rollout"},
	"in-toto-statement": {"in-toto-statement", "dsse"}, "in-toto-link-or-layout": {"in-toto-metablock", "dsse"}, "junit": {"junit"},
	"k8s-object": {"kubernetes"}, "npm-attestations": {"npm-attestations"}, "openvex": {"openvex"}, "oscal-json": {"oscal"}, "oscal-yaml": {"oscal"},
	"public-key": {"public-key"}, "scorecard-json": {"scorecard"}, "sigstore-bundle": {"sigstore-bundle"},
	"sigstore-trusted-root": {"sigstore-trusted-root"}, "slsa-predicate": {"slsa-provenance"}, "spdx-json": {"spdx-json"},
	"spdx-json-bz2": {"spdx-json"}, "spdx-tag-value": {"spdx-tag-value"}, "spdx3-json": {"spdx3-json"}, "syft-json": {"syft-json"},
	"terraform-plan-json": {"terraform-plan"}, "vulns-predicate": {"vulns-predicate"},
	"gitlab-secrets": {"scan-report"}, "gitleaks": {"scan-report"}, "govulncheck": {"scan-report"}, "grype": {"scan-report"},
	"npm-audit": {"scan-report"}, "osv-scanner": {"scan-report"}, "sarif": {"scan-report", "sarif"}, "snyk": {"scan-report"},
	"trivy": {"scan-report", "cyclonedx-json", "spdx-json", "sarif"}, "trufflehog": {"scan-report"}, "json": {"json"},
}

// inspection is one row of expected.tsv.
func inspection(o options, row []string, verify [][]string) job {
	file, format, want := row[0], row[1], row[2]
	j := job{class: want, file: file, how: "inspect"}
	list := func(why string) job {
		j.run = func(context.Context) (verdict, string) { return listed, why }
		return j
	}
	args := []string{"evidence", "inspect", "--format", "json"}
	if format == "json" && strings.Contains(row[3], "RFC 8259") {
		args = append(args, "--as", "json")
	}
	switch want {
	case "accept", "reject", "either":
	case "reject-schema":
		args = append(args, "--strict")
	case "policy-pass", "policy-fail":
		return list("for policies of Gatekeeper, a cluster's own; gatekeep reads the object and has no such rule")
	case "verify-pass", "verify-fail":
		if slices.ContainsFunc(verify, func(v []string) bool { return v[0] == file }) {
			return list("verified by its row in verify.tsv")
		}
		return verified(o, j)
	default:
		return list("a companion of another file, or input of a test of its own: " + format)
	}
	args = append(args, filepath.Join(o.corpus, file))
	j.run = func(ctx context.Context) (verdict, string) {
		got, detail := judge(execute(ctx, o.bin, args...), format, want)
		// An empty list is what several tools write that found nothing, and what is left
		// behind where none ran: it is read only by whom is told whose it is.
		if got == fail && want == "accept" && slices.Contains(tools, format) {
			return judge(execute(ctx, o.bin, append(slices.Clone(args[:len(args)-1]), "--as", format, args[len(args)-1])...), format, want)
		}
		return got, detail
	}
	return j
}

// tools are the scanners whose reports may be empty.
var tools = []string{"gitleaks", "trufflehog"}

// judge compares what inspect did with what was expected of it.
func judge(r ran, format, want string) (verdict, string) {
	var t told
	if r.crashed {
		return crashed, r.last()
	}
	err := json.Unmarshal([]byte(r.stdout), &t)
	said := err == nil && len(t.Documents) > 0
	switch {
	case want == "either":
		if r.code > 3 {
			return fail, r.last()
		}
		return pass, ""
	case want == "accept":
		if r.code != 0 || !said || t.Documents[0].Reading == nil {
			if said {
				return fail, fmt.Sprintf("exit %d %s: %.200s", r.code, t.Documents[0].Reason, t.Documents[0].Detail)
			}
			return fail, r.last()
		}
		if got := t.Documents[0].Reading.Format; !slices.Contains(formats[format], got) {
			return fail, fmt.Sprintf("read as %s, not as %s", got, format)
		}
		return pass, ""
	}
	// A refusal has one of two codes and names its reason.
	if r.code != 2 && r.code != 3 || !said || t.Documents[0].Reason == "" {
		return fail, r.last()
	}
	return pass, t.Documents[0].Reason
}

// verifications is one row of verify.tsv: by the path of what was signed, and by its
// digest.
func verifications(o options, row []string) []job {
	file, root, key, subject, identity, issuer, want := row[0], row[1], row[2], row[3], row[4], row[5], row[6]
	class := "verify-" + strings.TrimSuffix(want, "-nosct")
	one := func(how string, run func(context.Context) (verdict, string)) job {
		return job{class: class, file: file, how: how, run: run}
	}
	args := []string{"verify-bundle", "--bundle", filepath.Join(o.corpus, file)}
	switch {
	case subject == "-" && want != "fail":
		return []job{one("verify", func(context.Context) (verdict, string) { return listed, "names no digest to verify" })}
	case key != "":
		args = append(args, "--key", filepath.Join(o.corpus, key))
	case identity == "" || issuer == "":
		if want != "fail" {
			return []job{one("verify", func(context.Context) (verdict, string) { return listed, "names no identity to verify" })}
		}
		args = append(args, "--certificate-identity", "nobody", "--certificate-oidc-issuer", "https://nobody.example")
	default:
		args = append(args, "--certificate-identity", identity, "--certificate-oidc-issuer", issuer)
	}
	if root != "" {
		args = append(args, "--trusted-root", filepath.Join(o.corpus, root))
	}
	check := func(target string) func(context.Context) (verdict, string) {
		return func(ctx context.Context) (verdict, string) {
			r := execute(ctx, o.bin, append(slices.Clone(args), target)...)
			switch {
			case r.crashed:
				return crashed, r.last()
			case (r.code == 0) == (want != "fail"):
				return pass, ""
			}
			return fail, r.last()
		}
	}
	if subject == "-" {
		subject = "sha256:" + strings.Repeat("0", 64)
	}
	if strings.HasPrefix(subject, "sha256:") || strings.HasPrefix(subject, "sha384:") || strings.HasPrefix(subject, "sha512:") {
		return []job{one("by digest", check(subject))}
	}
	path := filepath.Join(o.corpus, subject)
	jobs := []job{one("by path", check(path))}
	data, err := os.ReadFile(path)
	if err != nil {
		return append(jobs, one("by digest", func(context.Context) (verdict, string) { return fail, err.Error() }))
	}
	return append(jobs, one("by digest", check(digestFor(filepath.Join(o.corpus, file), data))))
}

// digestFor is the digest by which a bundle names what it signs: a signature of P-521 is
// over SHA-512, and cannot be checked against another.
func digestFor(bundle string, data []byte) string {
	var b struct {
		MessageSignature struct {
			MessageDigest struct {
				Algorithm string `json:"algorithm"`
			} `json:"messageDigest"`
		} `json:"messageSignature"`
	}
	if text, err := os.ReadFile(bundle); err == nil {
		_ = json.Unmarshal(text, &b) // what is no bundle names none
	}
	switch b.MessageSignature.MessageDigest.Algorithm {
	case "SHA2_384":
		return fmt.Sprintf("sha384:%x", sha512.Sum384(data))
	case "SHA2_512":
		return fmt.Sprintf("sha512:%x", sha512.Sum512(data))
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(data))
}
