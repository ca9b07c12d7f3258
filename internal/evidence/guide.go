package evidence

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	_ "embed"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

//go:embed VERIFY.md.tmpl
var guideText string

var guideTemplate = template.Must(template.New(PathGuide).Parse(guideText))

// guideOf is VERIFY.md: the commands with which an auditor verifies a bundle with
// stock tools. They depend on the kind of key.
func guideOf(r gatekeep.Record, key crypto.PublicKey) ([]byte, error) {
	// The text is read as commands by people, so nothing foreign may stand in it.
	if err := archive.CheckPath(r.ID); err != nil || strings.ContainsAny(r.ID, "`/ ") {
		return nil, fmt.Errorf("the id %q of the decision is not plain text", r.ID)
	}
	view := struct{ ID, Outcome, Time, CosignHash, OpenSSL string }{
		ID: r.ID, Outcome: r.Decision.Outcome.String(), Time: r.Case.Clock.Now.UTC().Format(time.RFC3339),
	}
	hash, err := signing.HashOf(key)
	if err != nil {
		return nil, err
	}
	name := strings.ToLower(strings.ReplaceAll(hash.String(), "-", ""))
	view.OpenSSL = "openssl dgst -" + name + " -verify gate.pub -signature /tmp/statement.sig /tmp/statement.pae"
	if _, ok := key.(ed25519.PublicKey); ok {
		view.OpenSSL = "openssl pkeyutl -verify -pubin -inkey gate.pub -rawin -in /tmp/statement.pae -sigfile /tmp/statement.sig"
	}
	// cosign takes SHA-256 for every key unless it is told otherwise.
	if hash == crypto.SHA384 || hash == crypto.SHA512 {
		view.CosignHash = " --signature-digest-algorithm " + name
	}
	var out bytes.Buffer
	if err := guideTemplate.Execute(&out, view); err != nil {
		return nil, fmt.Errorf("writing %s: %w", PathGuide, err)
	}
	return out.Bytes(), nil
}
