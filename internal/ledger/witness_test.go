package ledger_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/tree"
)

// witness is one as C2SP tlog-witness wants it, for one log.
type witness struct {
	name, key string
	log       string // verifier key
	signer    note.Signer
	url       string

	mu    sync.Mutex
	last  log.Checkpoint
	asked int
	away  bool // it answers 503
}

func newWitness(t testing.TB, h *house, name string) *witness {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{name: name, log: h.opts.Key.Public, key: must(fnote.VKeyToCosignatureV1(vkey))(t), signer: must(fnote.NewSignerForCosignatureV1(skey))(t)}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// ServeHTTP answers add-checkpoint.
func (w *witness) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/add-checkpoint" {
		http.NotFound(out, r)
		return
	}
	if w.away {
		http.Error(out, "down for maintenance", http.StatusServiceUnavailable)
		return
	}
	head, signed, _ := bytes.Cut(body, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	old, err := strconv.ParseUint(strings.TrimPrefix(lines[0], "old "), 10, 64)
	var cp log.Checkpoint
	if _, bad := cp.Unmarshal(signed); err != nil || bad != nil || old > cp.Size {
		http.Error(out, "bad request", http.StatusBadRequest)
		return
	}
	if !entry.SignedBy(signed, w.log) {
		http.Error(out, "unknown key", http.StatusForbidden)
		return
	}
	if old != w.last.Size {
		out.Header().Set("Content-Type", "text/x.tlog.size")
		out.WriteHeader(http.StatusConflict)
		fmt.Fprintln(out, w.last.Size)
		return
	}
	if old > 0 {
		var hashes [][]byte
		for _, line := range lines[1:] {
			h, _ := base64.StdEncoding.DecodeString(line) // a hash that cannot be read does not verify
			hashes = append(hashes, h)
		}
		if err := proof.VerifyConsistency(rfc6962.DefaultHasher, old, cp.Size, hashes, w.last.Hash, cp.Hash); err != nil {
			http.Error(out, err.Error(), http.StatusUnprocessableEntity)
			return
		}
	}
	text, _, _ := strings.Cut(string(signed), "\n\n")
	made, err := note.Sign(&note.Note{Text: text + "\n"}, w.signer)
	if err != nil {
		http.Error(out, err.Error(), http.StatusInternalServerError)
		return
	}
	w.last = cp
	_, line, _ := bytes.Cut(made, []byte("\n\n"))
	_, _ = out.Write(line)
}

func (w *witness) set(away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = away
}

// policy wants so many of these witnesses.
func policy(wanted int, witnesses ...*witness) []byte {
	var text, names strings.Builder
	for i, w := range witnesses {
		fmt.Fprintf(&text, "witness w%d %s %s\n", i, w.key, w.url)
		fmt.Fprintf(&names, " w%d", i)
	}
	fmt.Fprintf(&text, "group all-of-them %d%s\nquorum all-of-them\n", wanted, names.String())
	return []byte(text.String())
}

func (h *house) witnessed(t testing.TB, p []byte) {
	t.Helper()
	if err := ledger.SetWitnesses(t.Context(), h.dir, p); err != nil {
		t.Fatal(err)
	}
	h.open(t)
}

func byPolicy(t testing.TB, p []byte) func(*audit.VerifyOptions) {
	t.Helper()
	witnesses := must(tree.ReadWitnesses(p))(t)
	return func(o *audit.VerifyOptions) { o.Policy = witnesses }
}

func TestWitnessesSignWhatIsAcknowledged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill(t, "prod", 2)
	a, b, c := newWitness(t, h, "a.example"), newWitness(t, h, "b.example"), newWitness(t, h, "c.example")
	c.set(true)
	two := policy(2, a, b, c)
	h.found(t, entry.ReasonWitnessThreshold, byPolicy(t, two))
	h.witnessed(t, two)
	for i := range 3 {
		r := must(h.Append(t.Context(), decision("prod", fmt.Sprint("seen-", i))))(t)
		if !must(tree.ReadWitnesses(two))(t).Satisfied(r.Checkpoint) {
			t.Errorf("acknowledged with %s", r.Checkpoint)
		}
	}
	h.holds(t, byPolicy(t, two))
	h.holds(t, func(o *audit.VerifyOptions) { o.Threshold, o.Witnesses = 2, []string{a.key, b.key, c.key} })
	h.found(t, entry.ReasonWitnessThreshold, byPolicy(t, policy(3, a, b, c)))
	h.witnessed(t, nil)
	before := a.asked
	must(h.Append(t.Context(), decision("prod", "alone")))(t)
	if a.asked != before { // nobody else asks it
		t.Error("a witness is asked that nobody wants")
	}
	h.found(t, entry.ReasonWitnessThreshold, byPolicy(t, two))
}

// TestWithoutWitnessesNothingIsAcknowledged: what was not acknowledged is, once they are
// back, and once.
func TestWithoutWitnessesNothingIsAcknowledged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := newWitness(t, h, "w.example")
	h.witnessed(t, policy(1, w))
	must(h.Append(t.Context(), decision("prod", "first")))(t)
	w.set(true)
	_, err := h.Append(t.Context(), decision("prod", "second"))
	if err == nil || !strings.Contains(err.Error(), "too few witnesses") || !strings.Contains(err.Error(), "down for maintenance") {
		t.Fatalf("without its witness: %v", err)
	}
	h.holds(t, byPolicy(t, policy(1, w))) // what is published is still signed
	w.set(false)
	r := must(h.Append(t.Context(), decision("prod", "second")))(t)
	if r.Index != 3 || r.Size != 4 {
		t.Errorf("leaf %d of %d", r.Index, r.Size)
	}
	must(h.Append(t.Context(), decision("prod", "third")))(t)
	h.holds(t, byPolicy(t, policy(1, w)))
}

// TestAWitnessDoesNotSignASecondHistory: a ledger that was put back to an earlier state
// goes on otherwise, and the witness remembers.
func TestAWitnessDoesNotSignASecondHistory(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := newWitness(t, h, "w.example")
	h.witnessed(t, policy(1, w))
	must(h.Append(t.Context(), decision("prod", "first")))(t)
	earlier := t.TempDir()
	if err := os.CopyFS(earlier, os.DirFS(h.dir)); err != nil {
		t.Fatal(err)
	}
	must(h.Append(t.Context(), decision("prod", "deny me")))(t)
	must(h.Append(t.Context(), decision("prod", "and this")))(t)
	l := must(ledger.Open(t.Context(), earlier, h.opts))(t)
	if _, err := l.Append(context.Background(), decision("prod", "instead")); err == nil || !strings.Contains(err.Error(), "409 Conflict") {
		t.Errorf("another history is acknowledged: %v", err)
	}
}

func TestAWitnessPolicyCountsEachPartyOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b := newWitness(t, h, "a.example"), newWitness(t, h, "b.example")
	_, rest, _ := strings.Cut(a.key, "+")
	_, material, _ := strings.Cut(rest, "+")
	public := must(base64.StdEncoding.DecodeString(material))(t)
	v := must(note.NewEd25519VerifierKey("other.example", public[1:]))(t)
	renamed := &witness{key: must(fnote.VKeyToCosignatureV1(v))(t), url: b.url}
	line := fmt.Sprintf("witness a %s %s\nwitness b %s %s\n", a.key, a.url, b.key, b.url)
	good := string(policy(2, a, b))
	if w, err := tree.ReadWitnesses([]byte(good)); err != nil || w.Number() != 2 {
		t.Fatalf("%v, %v", w, err)
	}
	for name, text := range map[string]string{
		"nothing":              "",
		"no quorum":            line,
		"nobody":               "quorum none\n",
		"a group of nobody":    line + "group g 00 a b\nquorum g\n",
		"words":                "who signs?\n",
		"one key twice":        string(policy(2, a, renamed)),
		"one address twice":    strings.ReplaceAll(good, b.url, a.url+"/"),
		"a member twice":       line + "group g 2 a a\nquorum g\n",
		"in two groups":        line + "group g 1 a b\ngroup h 1 a\ngroup i 2 g h\nquorum i\n",
		"more than there is":   line + "group g 3 a b\nquorum g\n",
		"one key in two forms": string(policy(2, a, &witness{key: v, url: b.url})),
		"no key":               strings.Replace(good, a.key, "a.example+00000000+AAAA", 1),
		"no address":           strings.Replace(good, " "+a.url, "", 1),
	} {
		if _, err := tree.ReadWitnesses([]byte(text)); err == nil {
			t.Errorf("%s: read", name)
		}
		if err := ledger.SetWitnesses(t.Context(), h.dir, []byte(text)); err == nil {
			t.Errorf("%s: set", name)
		}
	}
	put(t, h.path("witness-policy"), []byte("quorum"))
	if _, err := ledger.Open(t.Context(), h.dir, h.opts); err == nil {
		t.Error("a ledger is opened whose witnesses cannot be read")
	}
}
