package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const wild = "../../testdata/corpus/"

// Who signs most bundles of the conformance suite.
const (
	beacon  = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
	actions = "https://token.actions.githubusercontent.com"
	ofA     = "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf" // digest of a.txt
)

// say runs one command line in process.
func say(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	w, stdout, stderr := screen(nil)
	code = run(t.Context(), args, w)
	return code, stdout.String(), stderr.String()
}

func TestConformanceProtocol(t *testing.T) {
	conformance := wild + "sigstore/conformance/"
	a := conformance + "a.txt"
	signer := []string{"--certificate-identity", beacon, "--certificate-oidc-issuer", actions}
	in := func(folder string) []string {
		return []string{"--bundle", conformance + folder + "/bundle.sigstore.json"}
	}
	join := func(parts ...[]string) []string {
		all := []string{"verify-bundle"}
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	happy, managed := in("happy-path-v0.3"), in("managed-key-happy-path")
	key := []string{"--key", conformance + "managed-key-happy-path/key.pub"}
	gone := filepath.Join(t.TempDir(), "gone")
	for name, c := range map[string]struct {
		args []string
		code int
		says string // on either stream
	}{
		"a file, with the root that is built in": {join(happy, signer, []string{a}), exitOpen, "verified: " + a + ", signed by " + beacon},
		"a digest":                               {join(happy, signer, []string{ofA}), exitOpen, "root sigstore-production"},
		"the artifact first":                     {join([]string{a}, signer, happy), exitOpen, "verified"},
		"flags with an equals sign":              {join([]string{"--bundle=" + happy[1], "--certificate-identity=" + beacon, "--certificate-oidc-issuer=" + actions, a}), exitOpen, "verified"},
		"a root of the caller":                   {join(in("rekor2-happy-path"), signer, []string{"--trusted-root", conformance + "rekor2-happy-path/trusted_root.json", a}), exitOpen, "verified"},
		"the root of staging":                    {join([]string{"--staging"}, in("rekor2-happy-path"), signer, []string{a}), exitOpen, "root sigstore-staging"},
		"a root by its name":                     {join(in("rekor2-happy-path"), signer, []string{"--trusted-root", "sigstore-staging", a}), exitOpen, "verified"},
		"a key":                                  {join(managed, key, []string{a}), exitOpen, "signed with key sha256:"},
		"a key and a digest":                     {join(managed, key, []string{ofA}), exitOpen, "by root sigstore-production"},
		"a key alone":                            {join(managed, key, []string{"--trusted-root", "none", a}), exitOpen, "verified"},
		"an envelope":                            {join([]string{"--bundle", wild + "dsse/rebuild.dsse.json", "--key", wild + "dsse/rebuild.key", "sha256:dc4aa72b21e787c0fb948f4321c07ab411fad35bc3625bd72ea43e313a9eef6f"}), exitOpen, "verified"},
		"an envelope about another":              {join([]string{"--bundle", wild + "dsse/rebuild.dsse.json", "--key", wild + "dsse/rebuild.key", ofA}), exitShut, "[subject_mismatch]"},
		"an envelope without key":                {join([]string{"--bundle", wild + "dsse/rebuild.dsse.json"}, signer, []string{ofA}), exitShut, "[envelope_malformed]"},
		"another root":                           {join(happy, signer, []string{"--staging", a}), exitShut, "[certificate_invalid]"},
		"another identity":                       {join(happy, []string{"--certificate-identity", "me", "--certificate-oidc-issuer", actions, a}), exitShut, "[signer_unknown]: signed by"},
		"an identity in other case":              {join(happy, []string{"--certificate-identity", strings.ToUpper(beacon), "--certificate-oidc-issuer", actions, a}), exitShut, "[signer_unknown]"},
		"an issuer that begins alike":            {join(happy, []string{"--certificate-identity", beacon, "--certificate-oidc-issuer", actions + "/x", a}), exitShut, "[signer_unknown]"},
		"another artifact":                       {join(happy, signer, []string{happy[1]}), exitShut, "[subject_mismatch]"},
		"another digest":                         {join(happy, signer, []string{"sha256:" + strings.Repeat("0", 64)}), exitShut, "[subject_mismatch]"},
		"a bundle that is none":                  {join([]string{"--bundle", a}, signer, []string{a}), exitShut, "[envelope_malformed]"},
		"a key bundle without key":               {join(managed, signer, []string{a}), exitShut, "[signer_unknown]"},
		"a key for a certificate":                {join(happy, key, []string{a}), exitShut, "[signer_unknown]"},
		"a key and an identity":                  {join(managed, key, signer, []string{a}), exitUsage, "not both"},
		"an identity without issuer":             {join(happy, signer[:2], []string{a}), exitUsage, "no signer"},
		"an issuer without identity":             {join(happy, signer[2:], []string{a}), exitUsage, "no signer"},
		"no bundle":                              {join(signer, []string{a}), exitUsage, "no bundle"},
		"no artifact":                            {join(happy, signer), exitUsage, "arguments given: 0"},
		"two artifacts":                          {join(happy, signer, []string{a, a}), exitUsage, "arguments given: 2"},
		"a flag that is none":                    {join(happy, signer, []string{"--offline", a}), exitUsage, "unknown flag"},
		"the root of the caller for staging":     {join([]string{"--staging"}, in("rekor2-happy-path"), signer, []string{"--trusted-root", conformance + "rekor2-happy-path/trusted_root.json", a}), exitOpen, "rekor2-happy-path/trusted_root.json"},
		"no root of the caller for staging":      {join([]string{"--staging"}, in("rekor2-happy-path"), signer, []string{"--trusted-root", gone, a}), exitUnknown, "no such file"},
		"nothing to trust":                       {join(happy, signer, []string{"--trusted-root", "none", a}), exitUsage, "nothing to trust"},
		"a root that is none":                    {join(happy, signer, []string{"--trusted-root", a, a}), exitUsage, "reading Sigstore trusted root"},
		"a key that is none":                     {join(managed, []string{"--key", a, a}), exitUsage, "reading public key"},
		"a format that is none":                  {join(happy, signer, []string{"--format", "xml", a}), exitUsage, "neither text nor json"},
		"a bundle that is not there":             {join([]string{"--bundle", gone}, signer, []string{a}), exitUnknown, "no such file"},
		"an artifact that is not there":          {join(happy, signer, []string{gone}), exitUnknown, "no such file"},
		"a root that is not there":               {join(happy, signer, []string{"--trusted-root", gone, a}), exitUnknown, "no such file"},
		"a digest of too few digits":             {join(happy, signer, []string{ofA[:60]}), exitUnknown, "no such file"},
		"a folder for a bundle":                  {join([]string{"--bundle", t.TempDir()}, signer, []string{a}), exitUnknown, "is a directory"},
	} {
		code, out, err := say(t, c.args...)
		if code != c.code || !strings.Contains(out+err, c.says) {
			t.Errorf("%s: exit %d, want %d with %q\nout: %s\nerr: %s", name, code, c.code, c.says, out, err)
		}
		if code == exitOpen && (strings.Count(out, "\n") != 1 || err != "") {
			t.Errorf("%s: prints %q and %q, want one line", name, out, err)
		}
	}
}

func TestFileGoesBeforeDigestOfTheSameName(t *testing.T) {
	a, err := os.ReadFile(wild + "sigstore/conformance/a.txt")
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := filepath.Abs(wild + "sigstore/conformance/happy-path-v0.3/bundle.sigstore.json")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	other := "sha256:" + strings.Repeat("0", 64)
	for name, content := range map[string][]byte{other: a, ofA: []byte("something else")} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"verify-bundle", "--bundle", bundle, "--certificate-identity", beacon, "--certificate-oidc-issuer", actions}
	if code, _, err := say(t, append(args, other)...); code != exitOpen {
		t.Errorf("a file that is called by another digest: %s", err)
	}
	if code, _, err := say(t, append(args, ofA)...); code != exitShut {
		t.Errorf("a file that is called by the digest, with other content: exit %d, %s", code, err)
	}
}

func TestVerdictInJSON(t *testing.T) {
	conformance := wild + "sigstore/conformance/"
	args := func(folder string) []string {
		return []string{"verify-bundle", "--format", "json", "--bundle", conformance + folder + "/bundle.sigstore.json",
			"--certificate-identity", beacon, "--certificate-oidc-issuer", actions, conformance + "a.txt"}
	}
	for folder, want := range map[string]bundleVerdict{
		"happy-path-v0.1":         {Verified: true},
		"signature-mismatch_fail": {Reason: "signature_invalid"},
	} {
		code, out, stderr := say(t, args(folder)...)
		var got bundleVerdict
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%s: %v in %q, %s", folder, err, out, stderr)
		}
		if got.Verified != want.Verified || got.Reason != want.Reason || (got.Detail == "") != want.Verified ||
			got.Identity != beacon || got.Issuer != actions || got.Root != "sigstore-production" || got.Artifact != conformance+"a.txt" || (code == exitOpen) != want.Verified {
			t.Errorf("%s: exit %d, %+v", folder, code, got)
		}
	}
}

func TestEveryRowOfTheWild(t *testing.T) {
	table, err := os.ReadFile(wild + "verify.tsv")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, line := range strings.Split(strings.TrimSpace(string(table)), "\n")[1:] {
		c := strings.Split(line, "\t")
		subject := c[3]
		if !strings.Contains(subject, ":") {
			subject = wild + subject
		}
		args := []string{"verify-bundle", "--bundle", wild + c[0], "--trusted-root", wild + c[1]}
		if c[2] != "" {
			args = append(args, "--key", wild+c[2])
		} else {
			args = append(args, "--certificate-identity", c[4], "--certificate-oidc-issuer", c[5])
		}
		code, out, stderr := say(t, append(args, subject)...)
		if want := map[bool]int{true: exitOpen, false: exitShut}[strings.HasPrefix(c[6], "pass")]; code != want {
			t.Errorf("%s: exit %d, want %d: %s%s", c[0], code, want, out, stderr)
		}
		seen++
	}
	if seen < 50 {
		t.Errorf("%d rows", seen)
	}
}
