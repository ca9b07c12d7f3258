package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// The vectors are folders of testdata/evidence/vectors: what an auditor holds, the
// flags of 'gatekeep evidence verify' in args, and, where the name ends in _fail, the
// reason code in want. The command's own test runs them.

var update = flag.Bool("update", false, "make the vectors of testdata/evidence/vectors again")

const vectors = "../../testdata/evidence/vectors"

// vector is a folder to be written.
type vector struct {
	bundle []byte
	ledger string // folder to copy; "" where none is looked at
	root   []byte // instead of the office's
	other  map[string][]byte
	args   []string
	want   string
}

func TestVectorsAreMadeAgain(t *testing.T) {
	if !*update {
		entries, err := os.ReadDir(vectors)
		if err != nil || len(entries) < 25 {
			t.Fatalf("%d vectors, %v; make them with -update", len(entries), err)
		}
		return
	}
	if err := os.RemoveAll(vectors); err != nil {
		t.Fatal(err)
	}
	o := newOffice(t)
	key, err := signing.PublicPEM(o.signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range makeVectors(t, o) {
		dir := filepath.Join(vectors, name)
		put(t, filepath.Join(dir, "bundle.zip"), v.bundle)
		put(t, filepath.Join(dir, "gate.pub"), key)
		if v.root == nil {
			v.root = o.root(t)
		}
		put(t, filepath.Join(dir, "trusted_root.json"), v.root)
		args := append([]string{"--key", "gate.pub", "--trusted-root", "trusted_root.json"}, v.args...)
		if v.ledger != "" {
			put(t, filepath.Join(dir, "log.pub"), o.public)
			if err := os.CopyFS(filepath.Join(dir, "ledger"), os.DirFS(v.ledger)); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(dir, "ledger", "cache")); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(dir, "ledger", "log", ".state")); err != nil {
				t.Fatal(err)
			}
			args = append(args, "--ledger", "ledger", "--log-public", "log.pub")
		}
		for path, data := range v.other {
			put(t, filepath.Join(dir, path), data)
		}
		put(t, filepath.Join(dir, "args"), []byte(strings.Join(append(args, "bundle.zip"), "\n")+"\n"))
		if v.want != "" {
			put(t, filepath.Join(dir, "want"), []byte(v.want+"\n"))
		}
	}
}

// copied is a ledger as it is by now.
func copied(t *testing.T, dir string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "ledger")
	if err := os.CopyFS(out, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return out
}

func checkpoint(t *testing.T, dir string) []byte {
	t.Helper()
	raw, _, err := ledger.Checkpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func makeVectors(t *testing.T, o *office) map[string]vector {
	out := map[string]vector{}
	before := copied(t, o.dir)
	first := o.decide(t, deed{id: "dec-1"})
	at := small(t).Record.Case.Clock.Now
	o.now = at
	young := copied(t, o.dir)
	o.decide(t, deed{id: "dec-2", at: at.Add(time.Minute)})
	third := o.decide(t, deed{id: "dec-3", at: at.Add(2 * time.Minute)})
	old := copied(t, o.dir)
	subject := small(t).Record.Case.Subject.Digest
	now := at.Add(3 * time.Minute).Format(time.RFC3339)

	out["whole"] = vector{bundle: first}
	out["whole_ledger"] = vector{bundle: first, ledger: old, other: map[string][]byte{"remembered": checkpoint(t, young)}, args: []string{"--remembered", "remembered"}}
	out["whole_current"] = vector{bundle: third, ledger: old, args: []string{"--current", "--at", now, "--subject", subject, "--environment", "prod-eu"}}
	files(t, out, first)
	times(t, o, out, at)
	logs(t, o, out, first, before, young, old)

	out["rollback_superseded_fail"] = vector{bundle: first, ledger: old, args: []string{"--current", "--at", now}, want: ReasonSuperseded}
	out["rollback_expired_fail"] = vector{bundle: first, args: []string{"--current", "--at", at.AddDate(0, 0, 2).Format(time.RFC3339)}, want: ReasonExpired}
	out["other_image_fail"] = vector{bundle: first, args: []string{"--subject", "sha256:" + strings.Repeat("e", 64)}, want: ReasonSubjectMismatch}
	out["other_environment_fail"] = vector{bundle: first, args: []string{"--environment", "staging"}, want: ReasonEnvironmentMismatch}
	shut := o.decide(t, deed{id: "dec-4", at: at.Add(4 * time.Minute), change: func(r *gatekeep.Record) { r.Mode = gatekeep.Observe }})
	out["whole_observed"] = vector{bundle: shut}
	keys(t, o, out)
	off(t, o, out)
	return out
}

// off is a gate that was switched off for an hour.
func off(t *testing.T, o *office, out map[string]vector) {
	gate := &office{signer: o.signer, key: o.key, public: o.public, private: o.private, chain: o.chain, now: began}
	gate.found(t, filepath.Join(t.TempDir(), "off"))
	beat := func() {
		if _, err := gate.log.Append(t.Context(), ledger.Entry{Kind: entry.Heartbeat, Environment: "prod-eu", ID: gate.now.String(), Body: json.RawMessage("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	for range 16 {
		beat()
		gate.now = gate.now.Add(4 * time.Minute)
	}
	bundle := gate.decide(t, deed{id: "dec-1"})
	args := []string{"--heartbeat", "5m"}
	out["whole_heartbeats"] = vector{bundle: bundle, ledger: copied(t, gate.dir), root: gate.root(t), args: args}
	gate.now = gate.now.Add(time.Hour)
	beat()
	out["switched_off_fail"] = vector{bundle: bundle, ledger: gate.dir, root: gate.root(t), args: args, want: string(entry.ReasonHeartbeatMissing)}
}

// files are attacks on what lies in a bundle.
func files(t *testing.T, out map[string]vector, whole []byte) {
	sealed := unpack(t, whole)
	change := func(name, want string, f func([]archive.File) []archive.File) {
		var again []archive.File
		for _, file := range sealed {
			again = append(again, archive.File{Path: file.Path, Data: bytes.Clone(file.Data)})
		}
		out[name+"_fail"] = vector{bundle: pack(t, f(again)), want: want}
	}
	at := func(files []archive.File, path string) *archive.File {
		return &files[slices.IndexFunc(files, func(f archive.File) bool { return f.Path == path })]
	}
	change("file_edited", "file_changed", func(f []archive.File) []archive.File {
		d := at(f, layout.PathDecision)
		d.Data = bytes.Replace(d.Data, []byte(`"pass"`), []byte(`"fail"`), 1)
		return f
	})
	change("file_added", ReasonFileExtra, func(f []archive.File) []archive.File {
		return append(f, archive.File{Path: "inputs/waiver.json", Data: []byte("{}")})
	})
	change("file_removed", "file_missing", func(f []archive.File) []archive.File {
		return slices.DeleteFunc(f, func(f archive.File) bool { return strings.HasPrefix(f.Path, layout.FolderAttestations) })
	})
	resign := func(f []archive.File, edit func(*signing.Envelope)) []archive.File {
		file := at(f, layout.PathSignature)
		e, err := signing.ParseBundle(file.Data)
		if err != nil {
			t.Fatal(err)
		}
		edit(&e)
		if file.Data, err = e.Bundle(); err != nil {
			t.Fatal(err)
		}
		return f
	}
	change("log_entry_stripped", ReasonLogMissing, func(f []archive.File) []archive.File {
		f = resign(f, func(e *signing.Envelope) { e.Entry = nil })
		return slices.DeleteFunc(f, func(f archive.File) bool { return f.Path == layout.PathProof })
	})
	change("timestamp_stripped", ReasonTimestampMissing, func(f []archive.File) []archive.File {
		return resign(f, func(e *signing.Envelope) { e.Stamp = nil })
	})
	change("proof_changed", ReasonLogMismatch, func(f []archive.File) []archive.File {
		return resign(f, func(e *signing.Envelope) { e.Entry.Hashes[0][0] ^= 1 })
	})
	change("checkpoint_unsigned", string(gatekeep.ReasonLogInvalid), func(f []archive.File) []archive.File {
		// The text stays, so that the proof leads to it; the signature is another.
		edit := func(text string) string { return text[:len(text)-6] + "AAAA=\n" }
		f = resign(f, func(e *signing.Envelope) { e.Entry.Checkpoint = edit(e.Entry.Checkpoint) })
		p := at(f, layout.PathProof)
		p.Data = []byte(edit(string(p.Data)))
		return f
	})
	change("consistency_changed", ReasonLogForked, func(f []archive.File) []archive.File {
		p := at(f, layout.PathConsistency)
		p.Data = append(bytes.Clone(p.Data), p.Data...)
		return f
	})
	out["witnesses_missing_fail"] = vector{bundle: whole, args: []string{
		"--witness", "w.example+d9d4cdf4+BEQUzUE3zmdMzUdFD0Aa5cjWqyKl3sCmeNmMl1rMhiIf", "--witnesses", "1"}, want: string(entry.ReasonWitnessThreshold)}
}

// times are attacks on when something was signed.
func times(t *testing.T, o *office, out map[string]vector, at time.Time) {
	other := newOffice(t)
	out["backdated_fail"] = vector{bundle: o.decide(t, deed{id: "dec-late", at: at.Add(3 * time.Minute), stamped: at.Add(time.Hour)}), want: ReasonBackdated}
	out["timestamp_of_another_fail"] = vector{bundle: o.decide(t, deed{id: "dec-other", at: at.Add(3 * time.Minute), stamps: other}), want: string(gatekeep.ReasonNoTrustedTime)}
	whole := o.decide(t, deed{id: "dec-keys", at: at.Add(3 * time.Minute)})
	window := func(start, end time.Time) []byte {
		var root map[string]any
		if err := json.Unmarshal(o.root(t), &root); err != nil {
			t.Fatal(err)
		}
		valid := map[string]any{"start": start.Format(time.RFC3339), "end": end.Format(time.RFC3339)}
		root["tlogs"].([]any)[0].(map[string]any)["publicKey"].(map[string]any)["validFor"] = valid
		data, err := json.MarshalIndent(root, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	notValid := string(gatekeep.ReasonLogKeyNotValid)
	out["log_key_retired_fail"] = vector{bundle: whole, root: window(began.AddDate(0, 0, -9), began), want: notValid}
	out["log_key_not_yet_valid_fail"] = vector{bundle: whole, root: window(at.AddDate(0, 0, 9), at.AddDate(0, 0, 10)), want: notValid}
	out["log_unknown_fail"] = vector{bundle: whole, root: other.root(t), want: string(gatekeep.ReasonLogInvalid)}
}

// logs are attacks on the log as a whole.
func logs(t *testing.T, o *office, out map[string]vector, first []byte, before, young, old string) {
	remembered := map[string][]byte{"remembered": checkpoint(t, old)}
	args := []string{"--remembered", "remembered"}
	out["log_truncated_fail"] = vector{bundle: first, ledger: young, other: remembered, args: args, want: string(entry.ReasonLogTruncated)}
	out["leaf_hidden_fail"] = vector{bundle: first, ledger: before, want: string(entry.ReasonLeafHidden)}

	fork := &office{signer: o.signer, key: o.key, public: o.public, private: o.private, chain: o.chain, now: o.now}
	fork.found(t, filepath.Join(t.TempDir(), "fork"))
	for _, id := range []string{"dec-1", "dec-2", "dec-3", "dec-4"} {
		fork.decide(t, deed{id: id})
	}
	out["log_forked_fail"] = vector{bundle: first, ledger: fork.dir, other: remembered, args: args, want: string(entry.ReasonLogForked)}

	rewritten := copied(t, old)
	tile := filepath.Join(rewritten, "log", "tile", "entries")
	_ = filepath.WalkDir(tile, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			data, _ := os.ReadFile(path)
			data[len(data)-40] ^= 1
			put(t, path, data)
		}
		return err
	})
	out["log_rewritten_fail"] = vector{bundle: first, ledger: rewritten, want: string(entry.ReasonLeafMalformed)}

	gone := copied(t, old)
	removeStatement(t, gone, 3)
	out["decision_removed_fail"] = vector{bundle: first, ledger: gone, want: string(entry.ReasonEntryMissing)}
	out["decision_deleted_fail"] = vector{bundle: first, ledger: without(t, o, old, 3), want: string(entry.ReasonSequenceGap)}
}

// removeStatement removes what was logged at a place.
func removeStatement(t *testing.T, dir string, index uint64) {
	t.Helper()
	e, err := ledger.Read(t.Context(), dir, index)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "entries", entry.File(e.Leaf.Data))); err != nil {
		t.Fatal(err)
	}
}

// without is a ledger that its owner wrote anew without one leaf, with his own key.
func without(t *testing.T, o *office, dir string, index uint64) string {
	t.Helper()
	out := copied(t, dir)
	_, size, err := ledger.Checkpoint(dir)
	if err != nil {
		t.Fatal(err)
	}
	var leaves [][]byte
	for i := range size {
		e, err := ledger.Read(t.Context(), dir, i)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := e.Leaf.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if i != index {
			leaves = append(leaves, raw)
		}
	}
	removeStatement(t, out, index)
	if err := os.RemoveAll(filepath.Join(out, "log")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	driver, err := posix.New(ctx, posix.Config{Path: filepath.Join(out, "log")})
	if err != nil {
		t.Fatal(err)
	}
	appender, _, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().WithCheckpointSigner(o.key.Signer).
		WithBatching(uint(len(leaves)), time.Second).WithCheckpointInterval(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	var last tessera.IndexFuture
	for _, leaf := range leaves {
		last = appender.Add(ctx, tessera.NewEntry(leaf))
	}
	if _, _, err := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 5*time.Millisecond).Await(ctx, last); err != nil {
		t.Fatal(err)
	}
	return out
}

// keys are decisions signed with a key that was stolen or retired.
func keys(t *testing.T, o *office, out map[string]vector) {
	stolen := &office{signer: o.signer, key: o.key, public: o.public, private: o.private, chain: o.chain, now: began}
	stolen.found(t, filepath.Join(t.TempDir(), "stolen"))
	bundle := stolen.decide(t, deed{id: "dec-1"})
	next, _ := newKey(t)
	log, err := ledger.Open(t.Context(), stolen.dir, ledger.Options{Key: o.key, Entry: next, Now: func() time.Time { return began.AddDate(0, 0, 5) }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Introduce(t.Context(), next.Public()); err != nil {
		t.Fatal(err)
	}
	out["whole_other_key_introduced"] = vector{bundle: bundle, ledger: copied(t, stolen.dir), root: stolen.root(t)}
	if _, err := log.Revoke(t.Context(), o.signer.Public(), began.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	out["stolen_key_fail"] = vector{bundle: bundle, ledger: copied(t, stolen.dir), root: stolen.root(t), want: string(entry.ReasonEntryKeyRevoked)}
}
