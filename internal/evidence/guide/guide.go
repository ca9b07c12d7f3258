// Package guide writes what lies in a bundle for an auditor who has only stock tools:
// VERIFY.md to read, and verify.sh to run.
package guide

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

//go:embed verify.sh.tmpl
var scriptText string

var (
	guideTemplate  = template.Must(template.New("VERIFY.md").Parse(guideText))
	scriptTemplate = template.Must(template.New("verify.sh").Parse(scriptText))
)

// Of makes VERIFY.md and verify.sh for a decision. They depend on the kind of key, and on
// who vouches for the bundle; remembered tells that it holds an earlier checkpoint of
// its log.
func Of(r gatekeep.Record, key crypto.PublicKey, remembered bool) (text, script []byte, err error) {
	// The text is read as commands by people and shells, so nothing foreign may stand in
	// it.
	if err := archive.CheckPath(r.ID); err != nil || !plain(r.ID) {
		return nil, nil, fmt.Errorf("the id %q of the decision is not plain text", r.ID)
	}
	view := struct {
		ID, Outcome, Time, CosignHash, OpenSSL, Log, Timestamp string
		Trusted, Remembered, People                            bool
	}{
		ID: r.ID, Outcome: r.Decision.Outcome.String(), Time: r.Case.Clock.Now.UTC().Format(time.RFC3339), Remembered: remembered, People: len(r.Case.People) > 0,
	}
	if r.Seal != nil {
		view.Log, view.Timestamp, view.Trusted = r.Seal.Log, r.Seal.Timestamp, true
	}
	if !plain(view.Log) {
		return nil, nil, fmt.Errorf("the name %q of the log is not plain text", view.Log)
	}
	hash, err := signing.HashOf(key)
	if err != nil {
		return nil, nil, err
	}
	name := strings.ToLower(strings.ReplaceAll(hash.String(), "-", ""))
	view.OpenSSL = "openssl dgst -" + name + ` -verify "$keys/gate.pub" -signature "$tmp/statement.sig" "$tmp/statement.pae"`
	if _, ok := key.(ed25519.PublicKey); ok {
		view.OpenSSL = `openssl pkeyutl -verify -pubin -inkey "$keys/gate.pub" -rawin -in "$tmp/statement.pae" -sigfile "$tmp/statement.sig"`
	}
	// cosign takes SHA-256 for every key unless it is told otherwise.
	if hash == crypto.SHA384 || hash == crypto.SHA512 {
		view.CosignHash = " --signature-digest-algorithm " + name
	}
	var out [2]bytes.Buffer
	for i, t := range []*template.Template{guideTemplate, scriptTemplate} {
		if err := t.Execute(&out[i], view); err != nil {
			return nil, nil, fmt.Errorf("writing %s: %w", t.Name(), err)
		}
	}
	return out[0].Bytes(), out[1].Bytes(), nil
}

// plain tells text that means nothing to a shell.
func plain(s string) bool { return !strings.ContainsAny(s, "`/ $\"'%!&|;<>(){}*?[]~#\\\n\r\t") }
