package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"
	"time"
)

// Times of the demo, from its beginning. The second check is judged at "later",
// which is recorded as stated: nobody waits for the freeze to end.
const (
	later         = 3 * time.Hour
	freezeBack    = -time.Hour
	freezeAhead   = 2 * time.Hour
	approvalLasts = 12 * time.Hour
	bundleLasts   = 90 * 24 * time.Hour
)

// values are filled into the documents of testdata/demo.
type values struct {
	Commit, Arch                         string
	Built, Scanned, DatabaseBuilt        string
	ContractEnd                          string
	CalendarRevision                     int
	CalendarRead, FreezeStart, FreezeEnd string
	Approver, Approved, ApprovalEnd      string
	Request, Nonce, Requested            string
}

// values are those that all documents share.
func (d *demo) values() (values, error) {
	hash, err := commit()
	local := "2006-01-02T15:04:05" // without zone, as calendars have it
	minute := d.now.Truncate(time.Minute)
	return values{
		Commit:      hash,
		Built:       d.at(-45 * time.Minute),
		Scanned:     d.at(-30 * time.Minute),
		ContractEnd: d.at(bundleLasts), DatabaseBuilt: d.at(-6 * time.Hour),
		FreezeStart: minute.Add(freezeBack).Format(local), FreezeEnd: minute.Add(freezeAhead).Format(local),
		Approved: d.at(0), ApprovalEnd: d.at(approvalLasts),
	}, err
}

// at is a time as documents have it, so long after the demo's beginning.
func (d *demo) at(after time.Duration) string { return d.now.Add(after).Format(time.RFC3339) }

// write fills in a document and puts it into the demo's folder.
func (d *demo) write(document string, v values, to ...string) (string, error) {
	path := d.path(to...)
	t, err := template.ParseFiles(filepath.Join(sources, "documents", document))
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", document, err)
	}
	var text bytes.Buffer
	if err := t.Execute(&text, v); err != nil {
		return "", fmt.Errorf("filling in %s: %w", document, err)
	}
	return path, writeFile(path, text.Bytes())
}

// writeFile writes a file and the folders above it.
func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// newNonce is a name that nobody else will choose.
func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand.Read crashes the program instead
	return fmt.Sprintf("%x", b)
}

// marker lies in a folder that a demo has made, and lets the next one remove it.
const marker = ".gatekeep-demo"

// clear begins with an empty folder. It removes nothing but an earlier demo.
func (d *demo) clear() error {
	_, err := os.Stat(d.path(marker))
	switch entries, readErr := os.ReadDir(d.out); {
	case errors.Is(readErr, fs.ErrNotExist), readErr == nil && len(entries) == 0:
	case readErr != nil:
		return fmt.Errorf("clearing %s: %w", d.out, readErr)
	case err != nil:
		return fmt.Errorf("clearing %s: it is not empty and no demo has made it; give another folder with -out", d.out)
	default:
		if err := os.RemoveAll(d.out); err != nil {
			return fmt.Errorf("clearing: %w", err)
		}
	}
	for _, folder := range []string{"documents", "keys"} {
		if err := os.MkdirAll(d.path(folder), 0o755); err != nil {
			return fmt.Errorf("making folder: %w", err)
		}
	}
	return writeFile(d.path(marker), nil)
}

// termOfBindings is when the roles of bundles/payments end.
const termOfBindings = "2027-12-31T00:00:00Z"

// bundle copies bundles/payments, dates it and adds the trust policy.
func (d *demo) bundle(v values) error {
	const from = "bundles/payments"
	entries, err := os.ReadDir(from)
	if err != nil {
		return fmt.Errorf("copying bundle: %w (run the demo in the project's folder)", err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			return fmt.Errorf("copying bundle: %w", err)
		}
		if e.Name() == "org.yaml" {
			data = bytes.ReplaceAll(data, []byte(termOfBindings), []byte(d.at(bundleLasts)))
		}
		if e.Name() == "bundle.yaml" {
			data = fmt.Appendf(data, "trust: trust.yaml\nexpiresAt: %q\n", d.at(bundleLasts))
		}
		if err := writeFile(d.path("bundle", e.Name()), data); err != nil {
			return err
		}
	}
	_, err = d.write("trust.yaml", v, "bundle", "trust.yaml")
	return err
}
