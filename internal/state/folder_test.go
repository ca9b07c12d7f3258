package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

const second = int64(time.Second)

// update is the decision with a number in environment prod.
func update(number int64, previous string) Update {
	id := fmt.Sprint("dec-", number)
	return Update{
		DecisionID: id, DecisionDigest: digest.Of([]byte(id)), Environment: "prod", Service: "payments",
		Sequence: number, Previous: previous, NowNS: 1_795_428_000_123_456_789 + number*second,
		PolicyName: "default", PolicyRevision: 40 + number, ConsumeNonces: []string{"nonce-" + id},
	}
}

func commit(t testing.TB, s Store, u Update) {
	t.Helper()
	if err := s.Commit(t.Context(), u); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, s Store, q Query) Snapshot {
	t.Helper()
	got, err := s.Read(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func contents(t testing.TB, f Folder) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(string(f), stateFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestNewGateStartsAtOneAndRemembers(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	query := Query{Environment: "prod", Service: "payments", Policy: "default"}
	want := Snapshot{Fresh: true, State: gatekeep.State{Declared: true, Environment: "prod", Sequence: 1, GrantUses: map[string]int{}}}
	if diff := cmp.Diff(want, read(t, f, query), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(string(f)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading made the folder: %v", err)
	}

	due := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	first := update(1, "")
	first.GrantUses = []string{"grant-1", "exemption-1"}
	first.Obligations = []gatekeep.Obligation{{ID: "ob-2", Kind: "break_glass_review", Principal: "alice", Service: "payments", Status: "open", DueAt: due},
		{ID: "ob-1", Kind: "break_glass_review", Principal: "bob", Service: "ledger", Status: "open", DueAt: due}}
	first.BreakGlassUses = []gatekeep.BreakGlassUse{{ID: "use-1", Grant: "grant-1", Service: "payments", Principal: "alice", UsedAt: due}}
	commit(t, f, first)
	want = Snapshot{
		ClockFloorNS: first.NowNS, PolicyFloor: 41,
		State: gatekeep.State{
			Declared: true, Environment: "prod", Sequence: 2, Previous: first.DecisionDigest, ConsumedNonces: []string{"nonce-dec-1"},
			Obligations:    []gatekeep.Obligation{first.Obligations[1], first.Obligations[0]},
			BreakGlassUses: first.BreakGlassUses, GrantUses: map[string]int{"grant-1": 1, "exemption-1": 1},
		},
	}
	if diff := cmp.Diff(want, read(t, f, query), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}

	next := update(2, first.DecisionDigest)
	next.GrantUses, next.CloseObligations = []string{"grant-1"}, []string{"ob-2"}
	commit(t, f, next)
	got := read(t, f, query)
	if got.State.Sequence != 3 || got.State.GrantUses["grant-1"] != 2 || len(got.State.Obligations) != 1 || got.State.Obligations[0].ID != "ob-1" {
		t.Errorf("after the second commit: %+v", got)
	}
	if other := read(t, f, Query{Environment: "staging", Policy: "other"}); other.State.Sequence != 1 || other.State.Previous != "" || other.PolicyFloor != 0 || other.ClockFloorNS != next.NowNS || other.Fresh {
		t.Errorf("another environment: %+v", other)
	}
}

func TestQueryNarrowsOnlyWhenAsked(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	u := update(1, "")
	u.ConsumeNonces, u.GrantUses = []string{"c", "a", "b"}, []string{"g1", "g2"}
	commit(t, f, u)
	all := read(t, f, Query{Environment: "prod"}).State
	if diff := cmp.Diff([]string{"a", "b", "c"}, all.ConsumedNonces); diff != "" || len(all.GrantUses) != 2 {
		t.Errorf("asking for none in particular: %s %v", diff, all.GrantUses)
	}
	some := read(t, f, Query{Environment: "prod", Nonces: []string{"b", "x", "b"}, Grants: []string{"g2", "x"}}).State
	if diff := cmp.Diff([]string{"b"}, some.ConsumedNonces); diff != "" || len(some.GrantUses) != 1 || some.GrantUses["g2"] != 1 {
		t.Errorf("asking for some: %s %v", diff, some.GrantUses)
	}
	none := read(t, f, Query{Environment: "prod", Nonces: []string{}, Grants: []string{}}).State
	if len(none.ConsumedNonces)+len(none.GrantUses) != 0 {
		t.Errorf("asking for none: %+v", none)
	}
}

func TestNanosecondsKeepEveryDigit(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	u := update(1, "")
	u.NowNS, u.PolicyRevision = 1_795_428_000_123_456_789, 1<<62+1
	commit(t, f, u)
	if got := read(t, f, Query{Policy: "default"}); got.ClockFloorNS != u.NowNS || got.PolicyFloor != u.PolicyRevision {
		t.Errorf("floors are %d and %d", got.ClockFloorNS, got.PolicyFloor)
	}
}

func TestFloorsOnlyRise(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	first := update(1, "")
	commit(t, f, first)
	back := update(2, first.DecisionDigest)
	back.NowNS, back.PolicyRevision = first.NowNS-3600*second, 3
	commit(t, f, back)
	stated := update(3, back.DecisionDigest)
	stated.NowNS, stated.PolicyRevision = 0, 0
	commit(t, f, stated)
	if got := read(t, f, Query{Policy: "default"}); got.ClockFloorNS != first.NowNS || got.PolicyFloor != 41 {
		t.Errorf("floors fell to %d and %d", got.ClockFloorNS, got.PolicyFloor)
	}
}

func TestRefusedCommitChangesNothing(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	first := update(1, "")
	first.Obligations = []gatekeep.Obligation{{ID: "ob-1", Status: "open"}}
	commit(t, f, first)
	before := contents(t, f)
	for name, c := range map[string]struct {
		change func(*Update)
		want   error
	}{
		"sequence used":    {func(u *Update) { u.Sequence = 1 }, ErrConflict},
		"sequence skipped": {func(u *Update) { u.Sequence = 3 }, ErrConflict},
		"other previous":   {func(u *Update) { u.Previous = digest.Of(nil) }, ErrConflict},
		"no previous":      {func(u *Update) { u.Previous = "" }, ErrConflict},
		"nonce used":       {func(u *Update) { u.ConsumeNonces = []string{"new", "nonce-dec-1"} }, ErrNonceConsumed},
		"nonce used elsewhere": {func(u *Update) {
			u.Environment, u.Sequence, u.Previous, u.ConsumeNonces = "staging", 1, "", []string{"nonce-dec-1"}
		}, ErrNonceConsumed},
		"nonce twice":            {func(u *Update) { u.ConsumeNonces = []string{"new", "new"} }, ErrNonceConsumed},
		"empty nonce":            {func(u *Update) { u.ConsumeNonces = []string{""} }, nil},
		"long nonce":             {func(u *Update) { u.ConsumeNonces = []string{strings.Repeat("n", maxText+1)} }, nil},
		"no decision id":         {func(u *Update) { u.DecisionID = "" }, nil},
		"no digest":              {func(u *Update) { u.DecisionDigest = "sha256:1" }, nil},
		"no environment":         {func(u *Update) { u.Environment = "" }, nil},
		"no policy":              {func(u *Update) { u.PolicyName = "" }, nil},
		"long service":           {func(u *Update) { u.Service = strings.Repeat("s", maxText+1) }, nil},
		"sequence zero":          {func(u *Update) { u.Sequence = 0 }, nil},
		"negative time":          {func(u *Update) { u.NowNS = -1 }, nil},
		"negative revision":      {func(u *Update) { u.PolicyRevision = -1 }, nil},
		"obligation again":       {func(u *Update) { u.Obligations = []gatekeep.Obligation{{ID: "ob-1", Status: "open"}} }, nil},
		"obligation born closed": {func(u *Update) { u.Obligations = []gatekeep.Obligation{{ID: "ob-2", Status: "closed"}} }, nil},
		"obligation without id":  {func(u *Update) { u.Obligations = []gatekeep.Obligation{{Status: "open"}} }, nil},
		"closing what is not":    {func(u *Update) { u.CloseObligations = []string{"ob-9"} }, nil},
		"use without id":         {func(u *Update) { u.BreakGlassUses = []gatekeep.BreakGlassUse{{}} }, nil},
		"too many changes":       {func(u *Update) { u.GrantUses = make([]string, maxChanges+1) }, nil},
	} {
		u := update(2, first.DecisionDigest)
		c.change(&u)
		err := f.Commit(t.Context(), u)
		if err == nil {
			t.Fatalf("%s: accepted", name)
		}
		if c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if contents(t, f) != before {
			t.Fatalf("%s: the state changed", name)
		}
	}
}

func TestDamagedStateIsNeverEmpty(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	commit(t, f, update(1, ""))
	good := contents(t, f)
	cases := map[string]string{
		"empty":            "",
		"null":             "null",
		"empty object":     "{}",
		"array":            "[]",
		"not text":         "\xff\xfe",
		"two documents":    good + good,
		"new line":         good + "\n",
		"unknown field":    strings.Replace(good, `"clock_floor_ns"`, `"added":1,"clock_floor_ns"`, 1),
		"other schema":     strings.Replace(good, "state/v1", "state/v2", 1),
		"part removed":     strings.Replace(good, `"nonces":{"nonce-dec-1":`, `"nonces":null,"policies":{"x":`, 1),
		"nonces null":      replaceNonces(good, "null"),
		"nonces emptied":   strings.Replace(good, `"decision":"dec-1"`, `"decision":""`, 2),
		"key given twice":  strings.Replace(good, `"schema":`, `"schema":"x","schema":`, 1),
		"key in capitals":  strings.Replace(good, `"clock_floor_ns"`, `"CLOCK_FLOOR_NS"`, 1),
		"negative floor":   strings.Replace(good, `"clock_floor_ns":"`, `"clock_floor_ns":"-`, 1),
		"floor as number":  strings.Replace(good, `"clock_floor_ns":"1795428001123456789"`, `"clock_floor_ns":1795428001123456789`, 1),
		"negative newest":  strings.Replace(good, `"newest":"`, `"newest":"-`, 1),
		"broken digest":    strings.Replace(good, `"sha256:`, `"sha256:x`, 1),
		"sequence of none": strings.Replace(good, `"sequence":"1"`, `"sequence":"0"`, 1),
	}
	for i := range len(good) {
		cases[fmt.Sprintf("cut at %d", i)] = good[:i]
	}
	for name, text := range cases {
		if text == good {
			t.Fatalf("%s: the case changes nothing", name)
		}
		if err := os.WriteFile(filepath.Join(string(f), stateFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := f.Read(t.Context(), Query{Environment: "prod"})
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: read as %+v, %v", name, got, err)
			continue
		}
		if diff := cmp.Diff(Snapshot{}, got); diff != "" || !strings.Contains(err.Error(), "restore it from a backup") {
			t.Errorf("%s: %v %s", name, err, diff)
		}
		if err := f.Commit(t.Context(), update(1, "")); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: commit: %v", name, err)
		}
		if contents(t, f) != text {
			t.Errorf("%s: the commit wrote", name)
		}
	}
}

func replaceNonces(good, with string) string {
	start := strings.Index(good, `"nonces":`) + len(`"nonces":`)
	end := start + strings.Index(good[start:], "}}") + 2
	return good[:start] + with + good[end:]
}

func TestWhatIsNotAStateFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "nowhere"), link); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]Folder{"a file": Folder(file), "an empty folder": Folder(t.TempDir()), "a link to nowhere": Folder(link)} {
		if got, err := f.Read(t.Context(), Query{}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: read as %+v, %v", name, got, err)
		}
		if err := f.Commit(t.Context(), update(1, "")); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: commit: %v", name, err)
		}
	}
	missing := Folder(filepath.Join(dir, "no", "such", "place"))
	if err := missing.Commit(t.Context(), update(1, "")); err == nil {
		t.Error("a commit made folders above the state folder")
	}
}

func TestInitMakesAnEmptyStateOnce(t *testing.T) {
	for name, path := range map[string]string{"nothing": filepath.Join(t.TempDir(), "state"), "an empty folder": t.TempDir()} {
		if err := Init(path); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := read(t, Folder(path), Query{Environment: "prod"}); got.State.Sequence != 1 || !got.Fresh {
			t.Errorf("%s: %+v", name, got)
		}
		if diff := cmp.Diff([]string{lockFile, stateFile}, names(t, path)); diff != "" {
			t.Errorf("%s: files: %s", name, diff)
		}
		commit(t, Folder(path), update(1, ""))
		before := contents(t, Folder(path))
		if err := Init(path); err == nil || contents(t, Folder(path)) != before {
			t.Errorf("%s: a second Init: %v", name, err)
		}
		left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.new-*"))
		if err != nil || len(left) != 0 {
			t.Errorf("%s: left behind: %v %v", name, left, err)
		}
	}
}

func names(t testing.TB, path string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// What a gate killed in the middle of a commit leaves behind: a half-written new
// file and a lock file that nobody holds.
func TestKilledCommitIsAsIfItNeverWas(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	first := update(1, "")
	commit(t, f, first)
	if err := os.WriteFile(filepath.Join(string(f), newFile), []byte(contents(t, f)[:40]), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := read(t, f, Query{Environment: "prod"}); got.State.Sequence != 2 {
		t.Errorf("the half-written file was read: %+v", got)
	}
	commit(t, f, update(2, first.DecisionDigest))
	if _, err := os.Stat(filepath.Join(string(f), newFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the half-written file is still there: %v", err)
	}
}

func TestLinkInPlaceOfTheNewFileIsNotFollowed(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	first := update(1, "")
	commit(t, f, first)
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, filepath.Join(string(f), newFile)); err != nil {
		t.Fatal(err)
	}
	commit(t, f, update(2, first.DecisionDigest))
	if data, err := os.ReadFile(victim); err != nil || string(data) != "mine" {
		t.Errorf("the link was followed: %q %v", data, err)
	}
}

func TestFolderThatCannotBeWrittenKeepsTheState(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	first := update(1, "")
	commit(t, f, first)
	before := contents(t, f)
	// A folder in the way of the new file stops everybody, root too.
	if err := os.MkdirAll(filepath.Join(string(f), newFile, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(t.Context(), update(2, first.DecisionDigest)); err == nil || contents(t, f) != before {
		t.Errorf("commit: %v", err)
	}
	if os.Geteuid() == 0 {
		return
	}
	if err := os.RemoveAll(filepath.Join(string(f), newFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(string(f), 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(string(f), 0o700) })
	if err := f.Commit(t.Context(), update(2, first.DecisionDigest)); !errors.Is(err, fs.ErrPermission) || contents(t, f) != before {
		t.Errorf("commit to a read-only folder: %v", err)
	}
	if got := read(t, f, Query{Environment: "prod"}); got.State.Sequence != 2 {
		t.Errorf("a read-only folder cannot be read: %+v", got)
	}
}

func TestOthersCannotReadTheState(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	commit(t, f, update(1, ""))
	for path, want := range map[string]fs.FileMode{"": 0o700, stateFile: 0o600, lockFile: 0o600} {
		info, err := os.Stat(filepath.Join(string(f), path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: mode %v, %v; want %v", path, info.Mode().Perm(), err, want)
		}
	}
}

func TestCancelledContextIsNoAnswer(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := f.Read(ctx, Query{}); !errors.Is(err, context.Canceled) {
		t.Errorf("read as %+v, %v", got, err)
	}
}

func TestStateIsBounded(t *testing.T) {
	d := newDocument()
	for i := range maxNonces {
		d.Nonces[fmt.Sprint(i)] = consumed{Decision: "d"}
	}
	if err := d.apply(update(1, "")); !errors.Is(err, ErrFull) {
		t.Errorf("one nonce too many: %v", err)
	}
	if _, err := decode(bytes.Repeat([]byte(" "), maxStateBytes+1)); err == nil {
		t.Error("a document over the bound was read")
	}
}

func TestNoneDeclaresNoState(t *testing.T) {
	if diff := cmp.Diff(Snapshot{}, read(t, None{}, Query{Environment: "prod"})); diff != "" {
		t.Error(diff)
	}
	commit(t, None{}, Update{})
}

func FuzzDecode(f *testing.F) {
	d := newDocument()
	if err := d.apply(update(1, "")); err != nil {
		f.Fatal(err)
	}
	canonical, _, err := digest.JCS(d)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(canonical)
	f.Add([]byte("{}"))
	f.Add(canonical[:len(canonical)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := decode(data)
		if err != nil {
			return
		}
		again, _, err := digest.JCS(d)
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("decoded what is not its own encoding: %s, %v", again, err)
		}
		if s := d.answer(Query{Environment: "prod"}); s.State.Sequence < 1 || !s.State.Declared {
			t.Errorf("answer: %+v", s)
		}
	})
}

// What runs before a commit runs once, when nothing but the disk can refuse the commit,
// and its failure leaves the state as it was.
func TestWhatRunsBeforeACommitDecidesOverIt(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	var ran int
	made := func(n int64, previous string, err error) Update {
		u := update(n, previous)
		u.Before = func(context.Context) error { ran++; return err }
		return u
	}
	refused := errors.New("refused")
	if err := f.Commit(t.Context(), made(1, "", refused)); !errors.Is(err, refused) || ran != 1 {
		t.Errorf("%v after %d runs", err, ran)
	}
	s, err := f.Read(t.Context(), Query{Environment: update(1, "").Environment})
	if err != nil || s.State.Sequence != 1 || !s.Fresh {
		t.Errorf("a refused decision is remembered: %+v, %v", s, err)
	}
	if err := f.Commit(t.Context(), made(1, "", nil)); err != nil || ran != 2 {
		t.Errorf("%v after %d runs", err, ran)
	}
	if err := f.Commit(t.Context(), made(1, "", nil)); !errors.Is(err, ErrConflict) || ran != 2 {
		t.Errorf("an overtaken decision: %v after %d runs", err, ran)
	}
	if err := (None{}).Commit(t.Context(), made(1, "", refused)); !errors.Is(err, refused) {
		t.Errorf("without state: %v", err)
	}
}
