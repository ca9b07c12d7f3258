package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// What is published is what was verified: a bundle is read once for each, so that of
// many only one is in memory.
func TestBundleThatChangedAfterItsVerificationGoesNowhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "evidence.zip")
	if err := writeWhole(path, []byte("another")); err != nil {
		t.Fatal(err)
	}
	p := &delivery{Bundle: path, Digest: digest.Of([]byte("verified")), DecisionID: "dec-1"}
	if _, err := p.document(); err == nil || !strings.Contains(err.Error(), "changed after it was verified") {
		t.Error(err)
	}
}
