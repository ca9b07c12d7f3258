package evidence

import (
	"archive/zip"
	"bytes"
	"crypto"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
)

func TestASealedBundleVerifiesAndEveryCheckIsNamed(t *testing.T) {
	signer, public := newKey(t)
	v := Verify(open(t, seal(t, contents(t), signer)), VerifyOptions{Key: public, At: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)})
	if !v.OK() {
		t.Fatalf("an untouched bundle fails: %q", failures(v))
	}
	want := []string{"archive", "files", "checksums", "signature", "subjects", "record", "record", "record", "record", "inputs", "policy", "statement", "validity"}
	var got []string
	for _, c := range v.Checks {
		got = append(got, c.Name)
		if c.What == "" || c.Against == "" || c.Reason != "" {
			t.Errorf("a check does not say what it held against what: %+v", c)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
}

func TestSealingTheSameContentsTwiceGivesTheSameBytes(t *testing.T) {
	signer, _ := newKey(t)
	c := contents(t)
	first := seal(t, c, signer)
	for range 5 { // maps are walked in another order each time
		if !bytes.Equal(first, seal(t, c, signer)) {
			t.Fatal("two sealings differ")
		}
	}
}

func TestWhatIsSealedComesBackAsItWas(t *testing.T) {
	signer, _ := newKey(t)
	want := contents(t)
	got, err := open(t, seal(t, want, signer)).Contents()
	if err != nil {
		t.Fatal(err)
	}
	// JSON numbers are doubles (RFC 8785): the nanoseconds lose their last digits. The
	// time itself is text and keeps them.
	if got.Record.Case.Clock.NowNS/1000 != want.Record.Case.Clock.NowNS/1000 || !got.Record.Case.Clock.Now.Equal(want.Record.Case.Clock.Now) {
		t.Errorf("clock %+v, want %+v", got.Record.Case.Clock, want.Record.Case.Clock)
	}
	if !bytes.Equal(jcs(t, got.Record), jcs(t, want.Record)) {
		t.Error("the record has changed")
	}
	got.Record, want.Record = gatekeep.Record{}, gatekeep.Record{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("contents (-want +got):\n%s", diff)
	}
}

func TestStockUnzipReadsABundle(t *testing.T) {
	signer, _ := newKey(t)
	data := seal(t, contents(t), signer)
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, data)
	if len(r.File) != len(b.Paths()) {
		t.Fatalf("%d files, want %d", len(r.File), len(b.Paths()))
	}
	for i, f := range r.File {
		if f.Name != b.Paths()[i] || f.Mode() != 0o644 || !f.Modified.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)) || len(f.Extra) > 0 {
			t.Errorf("%s: mode %v, time %v, extra %x", f.Name, f.Mode(), f.Modified, f.Extra)
		}
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(in)
		want, ownErr := b.Read(f.Name)
		if err != nil || ownErr != nil || !bytes.Equal(got, want) {
			t.Errorf("%s reads differently: %v, %v", f.Name, err, ownErr)
		}
	}
}

func TestContentsThatDoNotAgreeAreNotSealed(t *testing.T) {
	signer, _ := newKey(t)
	other := []byte(`{"other":1}`)
	tests := map[string]struct {
		change func(*Contents)
		want   string
	}{
		"decision":           {func(c *Contents) { c.Decision = other }, ReasonDecisionMismatch},
		"record's decision":  {func(c *Contents) { c.Record.Decision.Outcome = gatekeep.Fail }, ReasonDecisionMismatch},
		"input":              {func(c *Contents) { c.Input = other }, ReasonInputMismatch},
		"case":               {func(c *Contents) { c.Case = other }, ReasonCaseMismatch},
		"policy":             {func(c *Contents) { c.Policy, _ = packed(t, map[string]string{"overlay.json": "{}"}) }, ReasonPolicyMismatch},
		"no policy":          {func(c *Contents) { c.Policy = nil }, ReasonPolicyMismatch},
		"no decision":        {func(c *Contents) { c.Decision = nil }, ReasonDecisionMismatch},
		"envelope more":      {func(c *Contents) { c.Envelopes[digest.Of(other)] = other }, ReasonEnvelopeExtra},
		"envelope gone":      {func(c *Contents) { delete(c.Envelopes, c.Record.Accepted[0].ID) }, ReasonEnvelopeMissing},
		"envelope changed":   {func(c *Contents) { c.Envelopes[c.Record.Accepted[0].ID] = other }, ReasonEnvelopeChanged},
		"envelope misnamed":  {func(c *Contents) { c.Envelopes["../x"] = other }, "not named by a digest"},
		"believed elsewhere": {func(c *Contents) { c.Record.Accepted[0].ID = digest.Of(other) }, ReasonEnvelopeMissing},
		"schema":             {func(c *Contents) { c.Record.Schema = "x" }, ReasonRecordMalformed},
		"id":                 {func(c *Contents) { c.Record.ID = "`rm`" }, "not plain text"},
		"no id":              {func(c *Contents) { c.Record.ID = "" }, "not plain text"},
		"trust path":         {func(c *Contents) { c.Trust["../trust.yaml"] = other }, "cannot be written"},
		"trust path folded":  {func(c *Contents) { c.Trust["TRUST.yaml"] = other }, "names the same file"},
		"report as folder":   {func(c *Contents) { c.Reports["report.md/x"] = other }, "a file and a folder"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := contents(t)
			test.change(&c)
			var out bytes.Buffer
			err := Seal(&out, c, signer)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if out.Len() > 0 {
				t.Error("something was written all the same")
			}
		})
	}
	if err := Seal(io.Discard, contents(t), nil); err == nil {
		t.Error("sealed without a key")
	}
	full := errors.New("disk full")
	if err := Seal(failingWriter{full}, contents(t), signer); !errors.Is(err, full) {
		t.Errorf("the error of writing is lost: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestTheKeyComesFromOutside(t *testing.T) {
	signer, public := newKey(t)
	_, stranger := newKey(t)
	data := seal(t, contents(t), signer)
	tests := map[string]struct {
		key  crypto.PublicKey
		want []string
	}{
		"right":    {public, nil},
		"stranger": {stranger, []string{ReasonSignerUnknown + " " + layout.PathSignature}},
		"none":     {nil, []string{ReasonKeyMissing + " " + layout.PathSignature}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := verify(data, VerifyOptions{Key: test.key})
			if diff := cmp.Diff(test.want, failures(v)); diff != "" {
				t.Errorf("failures (-want +got):\n%s", diff)
			}
			if v.OK() != (test.want == nil) {
				t.Errorf("OK is %v", v.OK())
			}
		})
	}
}

func TestADecisionExpiresOnlyWhereItSaysSoAndATimeIsGiven(t *testing.T) {
	signer, public := newKey(t)
	c := contents(t)
	expiring, lasting := seal(t, c, signer), []byte(nil)
	end := c.NotAfter
	c.NotAfter = time.Time{}
	lasting = seal(t, c, signer)
	tests := map[string]struct {
		data []byte
		at   time.Time
		ok   bool
	}{
		"no time":        {expiring, time.Time{}, true},
		"at its end":     {expiring, end, true},
		"after its end":  {expiring, end.Add(time.Nanosecond), false},
		"without an end": {lasting, end.AddDate(50, 0, 0), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := verify(test.data, VerifyOptions{Key: public, At: test.at})
			if v.OK() != test.ok {
				t.Errorf("OK is %v: %q", v.OK(), failures(v))
			}
		})
	}
}

func TestNoChecksAreNoVerification(t *testing.T) {
	if (Verification{}).OK() {
		t.Error("a verification without checks holds")
	}
	if Broken("x", errors.New("y")).OK() {
		t.Error("a broken bundle holds")
	}
}
