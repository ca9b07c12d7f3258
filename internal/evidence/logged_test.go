package evidence

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sigstore"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
	"github.com/gatekeep-dev/gatekeep/internal/signing/stamp"
)

const origin = "gate.example"

// began is when the ledger of an office was made: before the decision of contents.
var began = time.Date(2026, 11, 20, 13, 0, 0, 0, time.UTC)

// office is a gate with a ledger and a timestamp authority.
type office struct {
	dir     string
	signer  signing.Signer
	key     entry.LogKey
	log     *ledger.Ledger
	public  []byte // of the log, PEM
	private []byte // of the authority
	chain   []*x509.Certificate
	now     time.Time
}

func newOffice(t testing.TB) *office {
	t.Helper()
	ledger.LogTo(nil)
	signer, _ := newKey(t)
	private, public, err := entry.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{dir: filepath.Join(t.TempDir(), "ledger"), signer: signer, public: public, now: began}
	if o.key, err = entry.ReadKey(private); err != nil {
		t.Fatal(err)
	}
	var chain []byte
	if o.private, chain, err = stamp.GenerateOwn(began); err != nil {
		t.Fatal(err)
	}
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		o.chain = append(o.chain, c)
	}
	o.found(t, o.dir)
	return o
}

// found makes a ledger of the office in a folder, and works with it from here on.
func (o *office) found(t testing.TB, dir string) {
	t.Helper()
	options := ledger.Options{Key: o.key, Entry: o.signer, Now: func() time.Time { return o.now }}
	if err := ledger.Init(t.Context(), dir, options); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.log, err = ledger.Open(t.Context(), dir, options); err != nil {
		t.Fatal(err)
	}
	o.dir = dir
}

// deed is what a decision of an office is about, beside what contents say.
type deed struct {
	id      string
	at      time.Time // of the decision; zero: that of contents
	stamped time.Time // zero: as the decision
	change  func(*gatekeep.Record)
	stamps  *office // whose authority stamps; nil: the office's own
}

// draft is a decision that is signed and stamped, for the next place in the ledger.
func (o *office) draft(t testing.TB, d deed) (*Draft, ledger.Head) {
	t.Helper()
	c := small(t)
	if d.at.IsZero() {
		d.at = c.Record.Case.Clock.Now
	}
	if d.stamped.IsZero() {
		d.stamped = d.at
	}
	r := &c.Record
	r.ID, r.DecidedAt, r.Case.Clock.Now, r.Case.Clock.NowNS = d.id, d.at, d.at, d.at.UnixNano()
	r.Seal = &gatekeep.Seal{Log: origin, Timestamp: gatekeep.TimestampOwn}
	if d.change != nil {
		d.change(r)
	}
	head, err := o.log.Head(t.Context(), entry.Decision, r.Case.Request.Environment)
	if err != nil {
		t.Fatal(err)
	}
	r.Case.State.Sequence, r.Case.State.Previous = head.Sequence+1, head.Digest
	if c.Case = jcs(t, r.Case); r.Seal != nil {
		c.Remembered = head.Checkpoint
	}
	draft, err := Prepare(c, o.signer)
	if err != nil {
		t.Fatal(err)
	}
	from := o
	if d.stamps != nil {
		from = d.stamps
	}
	authority, err := stamp.ReadOwn(from.private, func() time.Time { return d.stamped })
	if err != nil {
		t.Fatal(err)
	}
	response, err := authority.Stamp(t.Context(), draft.Signature())
	if err != nil {
		t.Fatal(err)
	}
	draft.Stamp(response)
	return draft, head
}

// decide seals a decision that the ledger holds.
func (o *office) decide(t testing.TB, d deed) []byte {
	t.Helper()
	draft, head := o.draft(t, d)
	receipt, err := o.log.Append(context.Background(), ledger.Entry{Envelope: &ledger.Envelope{
		Statement: draft.Statement(), Signature: draft.Signature(), Key: o.signer.Public(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	growth, err := ledger.Grew(t.Context(), o.dir, head.Checkpoint, receipt.Size)
	if err != nil {
		t.Fatal(err)
	}
	if err := draft.Logged(receipt, growth); err != nil {
		t.Fatal(err)
	}
	return written(t, draft)
}

func written(t testing.TB, d *Draft) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := d.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// root is the trusted root that the office hands out.
func (o *office) root(t testing.TB) []byte {
	t.Helper()
	out, err := audit.TrustedRoot(t.Context(), o.dir, audit.VerifyOptions{LogKey: o.public}, audit.TrustSource{Authorities: [][]*x509.Certificate{o.chain}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// options are those of an auditor of the office.
func (o *office) options(t testing.TB) VerifyOptions {
	t.Helper()
	root, err := sigstore.NewRoot("the office's", o.root(t))
	if err != nil {
		t.Fatal(err)
	}
	return VerifyOptions{Key: o.signer.Public(), Root: root}
}

func TestALoggedDecisionVerifies(t *testing.T) {
	o := newOffice(t)
	first, second := o.decide(t, deed{id: "dec-1"}), o.decide(t, deed{id: "dec-2"})
	for i, data := range [][]byte{first, second} {
		v := verify(data, o.options(t))
		if !v.OK() {
			t.Fatalf("bundle %d: %q", i, failures(v))
		}
		said := map[string]int{}
		for _, c := range v.Checks {
			said[c.Name]++
		}
		if said["log"] != 2 || said["time"] != 1 {
			t.Errorf("bundle %d: checks %v", i, said)
		}
	}
}

func TestEveryFileOfALoggedBundleCounts(t *testing.T) {
	o := newOffice(t)
	sealed := unpack(t, o.decide(t, deed{id: "dec-1"}))
	options := o.options(t)
	for i, f := range sealed {
		for at := 0; at < len(f.Data); at += max(1, len(f.Data)/9) {
			files := unpack(t, pack(t, sealed))
			files[i].Data = bytes.Clone(f.Data)
			files[i].Data[at] ^= 1
			if verify(pack(t, files), options).OK() {
				t.Errorf("%s: byte %d changes unnoticed", f.Path, at)
			}
		}
		files := append(unpack(t, pack(t, sealed))[:i:i], sealed[i+1:]...)
		if verify(pack(t, files), options).OK() {
			t.Errorf("%s is removed unnoticed", f.Path)
		}
	}
}

func TestADraftThatTheLogDoesNotHoldYetIsRefusedAndCompleted(t *testing.T) {
	o := newOffice(t)
	draft, head := o.draft(t, deed{id: "dec-1"})
	pending := written(t, draft)
	if got := failures(verify(pending, o.options(t))); len(got) == 0 || got[0] != ReasonLogMissing+" "+layout.PathProof {
		t.Fatalf("a pending bundle: %q", got)
	}
	again, err := Reopen(open(t, pending))
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := o.log.Append(t.Context(), ledger.Entry{Envelope: &ledger.Envelope{Statement: again.Statement(), Signature: again.Signature(), Key: o.signer.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	growth, err := ledger.Grew(t.Context(), o.dir, head.Checkpoint, receipt.Size)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Logged(receipt, growth); err != nil {
		t.Fatal(err)
	}
	if v := verify(written(t, again), o.options(t)); !v.OK() {
		t.Errorf("completed: %q", failures(v))
	}
	if err := draft.Logged(ledger.Receipt{Checkpoint: receipt.Checkpoint, Statement: []byte("other")}, nil); err == nil {
		t.Error("a receipt for another statement is taken")
	}
}

// A receipt that an unlogged bundle does not promise is no proof of anything.
func TestVouchersThatWereNotPromisedAreRefused(t *testing.T) {
	o := newOffice(t)
	draft, _ := o.draft(t, deed{id: "dec-1", change: func(r *gatekeep.Record) { r.Seal = nil }})
	files := append(unpack(t, written(t, draft)), archive.File{Path: layout.PathProof, Data: []byte("x")})
	v := verify(pack(t, files), VerifyOptions{Key: o.signer.Public()})
	if got := fmt.Sprint(failures(v)); got != fmt.Sprint([]string{ReasonLogMismatch + " " + layout.PathSignature, ReasonTimestampInvalid + " timestamp"}) {
		t.Errorf("%s", got)
	}
}

func put(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
