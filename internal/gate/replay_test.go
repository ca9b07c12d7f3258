package gate

import (
	"bytes"
	"context"
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/report"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

var update = flag.Bool("update", false, "write the stored bundles of testdata/evidence again")

// seal seals an answer with the gate's key.
func seal(t testing.TB, a *Answer) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := evidence.Seal(&out, a.Contents, keyOf(t, "gate")); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func open(t testing.TB, sealed []byte) *evidence.Bundle {
	t.Helper()
	b, err := evidence.Open(bytes.NewReader(sealed), int64(len(sealed)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wantSame fails the test unless judging again gives the sealed bytes.
func wantSame(t testing.TB, c evidence.Contents) {
	t.Helper()
	input, decision, err := Rejudge(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(input, c.Input) {
		t.Error("the facts differ")
	}
	if !bytes.Equal(decision, c.Decision) {
		t.Error("the decision differs")
	}
}

func TestJudgingAgainGivesTheSameBytes(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		a := w.check()
		// No source and no state can be asked again: they are not part of what is sealed.
		wantSame(t, a.Contents)
		contents, err := open(t, seal(t, a)).Contents()
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, contents)
	})
}

// What is remembered, denied and late comes back as it was: numbers that JSON would
// round, times with fractions, names that are no UTF-8.
func TestOddCasesAreJudgedAgainToo(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"nobody is trusted": func(w *world) {
			w.q.Law.Trust = new(attest.Trust)
		},
		"second decision": func(w *world) { w.remember() },
		"after an emergency": func(w *world) {
			e := emergency(t)
			e.q.State = w.q.State
			e.q.Request.Nonce = "nonce-0"
			e.remember()
		},
		"fraction of a second": func(w *world) {
			w.q.Request.RequestedAt = w.q.Request.RequestedAt.Add(123_456_789)
		},
		"names that are no text": func(w *world) {
			for i := range w.documents {
				w.documents[i].Name += "\xff<&\u2028"
				w.documents[i].Source += "\xfe"
			}
			w.documents = append(w.documents, attest.Envelope{Source: "\xff", Name: "\xff", Bytes: []byte("\xff{")})
			w.q.Sources = []attest.Source{place{t: t, report: gatekeep.SourceReport{Name: "\xff", Status: gatekeep.SourceFailed, Detail: "\xfe\x00"}}}
		},
		"empty document": func(w *world) {
			w.documents = append(w.documents, attest.Envelope{Source: "shelf", Name: "empty"})
		},
		"nothing at all": func(w *world) { w.documents = nil },
		"no targets, no regimes": func(w *world) {
			w.q.Request.Targets, w.q.Request.Regimes = []string{}, []string{}
		},
		"calendar read between two seconds": func(w *world) {
			w.sign("carol", "calendar", `{"revision": 8, "windows": [{"id": "w", "kind": "freeze", "title": "Sale", "tz": "Europe/Berlin",
				"recurrence": {"start": "2026-11-25T00:00:00", "durationISO": "PT36H", "rrule": "FREQ=WEEKLY"}}],
				"source": {"system": "servicenow", "fetchedAt": "2026-11-23T11:59:58.123456789Z"}}`, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := opens(t)
			change(w)
			contents, err := open(t, seal(t, w.check())).Contents()
			if err != nil {
				t.Fatal(err)
			}
			wantSame(t, contents)
		})
	}
}

// A replay compares what it judged with what was sealed, so a document that changed
// by one byte, wherever, is seen: its digest is a fact.
func TestOneChangedByteOfADocumentIsSeen(t *testing.T) {
	a := opens(t).check()
	for i, d := range slices.Sorted(maps.Keys(a.Contents.Envelopes)) {
		changed := a.Contents
		changed.Envelopes = maps.Clone(a.Contents.Envelopes)
		data := slices.Clone(changed.Envelopes[d])
		data[(i*977+13)%len(data)] ^= 0x20 // another case or another character: JSON may stay JSON
		changed.Envelopes[d] = data
		input, _, err := Rejudge(t.Context(), changed)
		if err == nil && bytes.Equal(input, a.Contents.Input) {
			t.Errorf("%s: a changed byte is not seen", d)
		}
	}
}

func TestADocumentThatIsGoneIsSeen(t *testing.T) {
	a := opens(t).check()
	less := a.Contents
	less.Envelopes = maps.Clone(a.Contents.Envelopes)
	delete(less.Envelopes, a.Record.Case.Envelopes[0].Digest)
	if input, _, err := Rejudge(t.Context(), less); err == nil && bytes.Equal(input, a.Contents.Input) {
		t.Error("a document that is gone is not seen")
	}
}

func TestWhatCannotBeJudgedAgainIsAnError(t *testing.T) {
	a := opens(t).check()
	for name, c := range map[string]struct {
		change func(*evidence.Contents)
		want   string
	}{
		"no policy":        {func(c *evidence.Contents) { c.Policy = nil }, "unpacking policy"},
		"half a policy":    {func(c *evidence.Contents) { c.Policy = c.Policy[:len(c.Policy)/2] }, "unpacking policy"},
		"no trust.yaml":    {func(c *evidence.Contents) { delete(c.Trust, "trust.yaml") }, "sealed trust policy"},
		"a key is missing": {func(c *evidence.Contents) { delete(c.Trust, "keys/bob.pub") }, "bob"},
		"two times":        {func(c *evidence.Contents) { c.Record.Case.Clock.NowNS++ }, "checking clock"},
		"subject":          {func(c *evidence.Contents) { c.Record.Case.Subject.Digest = "sha256:0" }, "sha256:0"},
		"line break":       {func(c *evidence.Contents) { c.Record.Case.Request.Change = "a\nb" }, "line break"},
		"unknown regime":   {func(c *evidence.Contents) { c.Record.Case.Request.Regimes = []string{"sox"} }, "sox"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := a.Contents
			changed.Trust = maps.Clone(a.Contents.Trust)
			c.change(&changed)
			if _, _, err := Rejudge(t.Context(), changed); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestAReplayIsStoppedWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Rejudge(ctx, opens(t).check().Contents); err == nil {
		t.Error("a replay goes on after it was stopped")
	}
}

// storedFolder holds bundles that this program or an earlier one has sealed. They
// bring their own policy, so every later one must judge them the same.
const storedFolder = "../../testdata/evidence"

// writeStored seals each world again. What it writes is committed; a bundle that an
// earlier version sealed is better kept than written again.
func writeStored(t *testing.T) {
	t.Helper()
	if err := os.MkdirAll(storedFolder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, w := range worlds {
		a := w.make(t).check()
		want(t, a, w.want)
		var page bytes.Buffer
		if err := report.Formats["markdown"](&page, a.Record, report.Options{}); err != nil {
			t.Fatal(err)
		}
		a.Contents.Reports = map[string][]byte{"report.md": page.Bytes()}
		if err := os.WriteFile(filepath.Join(storedFolder, name+".zip"), seal(t, a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(storedFolder, "gate.pub"), publicPEM(t, "gate"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestEveryStoredBundleVerifiesAndReplays(t *testing.T) {
	if *update {
		writeStored(t)
	}
	text, err := os.ReadFile(filepath.Join(storedFolder, "gate.pub"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := signing.LoadPublicKey(text)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(storedFolder, "*.zip"))
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[gatekeep.Outcome]int{}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			size, err := f.Seek(0, io.SeekEnd)
			if err != nil {
				t.Fatal(err)
			}
			b, err := evidence.Open(f, size)
			if err != nil {
				t.Fatal(err)
			}
			hold(t, evidence.Verify(b, evidence.VerifyOptions{Key: key}))
			again, err := evidence.Replay(t.Context(), b, Rejudge)
			if err != nil {
				t.Fatal(err)
			}
			hold(t, again)
			contents, err := b.Contents()
			if err != nil {
				t.Fatal(err)
			}
			outcomes[contents.Record.Decision.Outcome]++
		})
	}
	if len(paths) < len(worlds) || outcomes[gatekeep.Pass] < 4 || outcomes[gatekeep.Fail] < 1 || outcomes[gatekeep.Indeterminate] < 1 {
		t.Errorf("%d bundles with the outcomes %v; every kind must be among them", len(paths), outcomes)
	}
}

// hold fails the test for each check that does not hold.
func hold(t testing.TB, v evidence.Verification) {
	t.Helper()
	if len(v.Checks) == 0 {
		t.Error("nothing was checked")
	}
	for _, c := range v.Checks {
		if !c.OK {
			t.Errorf("%s: %s against %s: [%s] %s", c.Name, c.What, c.Against, c.Reason, c.Detail)
		}
	}
}

// A decision by an earlier version is judged again as it was then: the version is a
// fact, and comes from the record.
func TestTheVersionOfTheRecordIsJudgedAgainNotThisOne(t *testing.T) {
	w := opens(t)
	w.q.Engine.Gatekeep, w.q.Law.Version = "v0.0.1", "v0.0.1"
	a := w.check()
	wantSame(t, a.Contents)
	a.Contents.Record.Engine.Gatekeep = "v0.0.2"
	if input, _, err := Rejudge(t.Context(), a.Contents); err != nil || bytes.Equal(input, a.Contents.Input) {
		t.Errorf("another version gives the same facts, %v", err)
	}
}

func TestADecisionIsNamedByItsCase(t *testing.T) {
	a, b := opens(t).check(), opens(t)
	if again := b.check(); again.Record.ID != a.Record.ID {
		t.Errorf("one case has the names %s and %s", a.Record.ID, again.Record.ID)
	}
	b.q.Clock = Now(noon.Add(time.Second), 2*time.Second, ClockSystem, "2026c")
	if other := b.check(); other.Record.ID == a.Record.ID || !strings.HasPrefix(other.Record.ID, "dec-") {
		t.Errorf("two cases have the name %s", other.Record.ID)
	}
	if digest.Of(a.Contents.Case)[len("sha256:"):][:32] != strings.TrimPrefix(a.Record.ID, "dec-") {
		t.Error("the name is not that of the sealed case")
	}
}

// The stored bundles come out the same whenever they are written by one version.
func TestTheSameQuestionIsSealedAsTheSameBytes(t *testing.T) {
	if !bytes.Equal(seal(t, opens(t).check()), seal(t, opens(t).check())) {
		t.Error("two bundles of one question differ")
	}
}
