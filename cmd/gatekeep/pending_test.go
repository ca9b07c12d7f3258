package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// What a crash leaves between the log and the proof of it is made whole, whether the log
// holds the decision already or not, and only as long as it has its place.
func TestPendingEvidenceIsCompletedWhereItHasItsPlace(t *testing.T) {
	for name, test := range map[string]struct {
		logged, overtaken bool
		says              string
	}{
		"the log holds it":           {logged: true},
		"the log never got it":       {},
		"the log holds it and more":  {logged: true, overtaken: true},
		"another one took its place": {overtaken: true, says: "the ledger has moved on"},
	} {
		t.Run(name, func(t *testing.T) {
			answer, _ := answered(t, checkFlags{})
			t.Chdir(t.TempDir())
			gatekeep := func(want int, args ...string) string {
				t.Helper()
				w, out, errs := screen(nil)
				if code := run(t.Context(), args, w); code != want {
					t.Fatalf("%s: exit code %d: %s%s", strings.Join(args, " "), code, out, errs)
				}
				return out.String() + errs.String()
			}
			gatekeep(0, "key", "generate", "--out", "gate")
			gatekeep(0, "key", "timestamp")
			w, _, _ := screen(nil)
			signer, err := openSigner(t.Context(), w, "gate.key")
			if err != nil {
				t.Fatal(err)
			}
			gatekeep(0, "ledger", "init", "--dir", "ledger", "--log-key", "log.key", "--key", "gate.key", "--origin", "gate.example")
			f := vouchFlags{ledger: "ledger", logKey: "log.key", timestamp: "tsa.key"}
			v, err := f.open(t.Context(), signer, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			answer.Record.Seal = f.seal(v)
			k := keeper{out: "ev.zip", signer: signer, vouchers: v}
			head, err := v.log.Head(t.Context(), entry.Decision, "production")
			if err != nil {
				t.Fatal(err)
			}
			if err := answer.Place(head.Sequence+1, head.Digest); err != nil {
				t.Fatal(err)
			}
			answer.Contents.Remembered = head.Checkpoint
			d, err := k.draft(t.Context(), answer)
			if err != nil {
				t.Fatal(err)
			}
			temporary, err := writeBundle("ev.zip", d)
			if err != nil {
				t.Fatal(err)
			}
			if err := rename(temporary, "ev.zip.pending"); err != nil {
				t.Fatal(err)
			}
			if test.logged {
				if err := v.prove(t.Context(), d, signer, head.Checkpoint); err != nil {
					t.Fatal(err)
				}
			}
			if test.overtaken {
				other, _ := answered(t, checkFlags{})
				other.Record.Seal = f.seal(v)
				if _, err := (keeper{out: "other.zip", signer: signer, vouchers: v}).keep(t.Context(), other); err != nil {
					t.Fatal(err)
				}
			}
			complete := []string{"evidence", "complete", "ev.zip.pending", "--ledger", "ledger", "--log-key", "log.key", "--key", "gate.key"}
			if test.says != "" {
				if said := gatekeep(exitUnknown, complete...); !strings.Contains(said, test.says) {
					t.Errorf("it says %s", said)
				}
				if _, err := os.Stat("ev.zip"); err == nil {
					t.Error("evidence was made of a decision that is not in the log")
				}
				return
			}
			gatekeep(0, complete...)
			if left, _ := filepath.Glob("*.pending"); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
			gatekeep(0, "ledger", "trust", "--dir", "ledger", "--log-public", "log.pub", "--timestamp-chain", "tsa.pem", "--out", "root.json")
			gatekeep(0, "evidence", "verify", "--key", "gate.pub", "--trusted-root", "root.json", "--ledger", "ledger", "--log-public", "log.pub", "ev.zip")
		})
	}
}
