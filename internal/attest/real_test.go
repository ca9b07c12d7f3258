package attest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// governTrust trusts one key for what people decide.
func governTrust(t testing.TB, k testKey) *Trust {
	t.Helper()
	return trustIn(t, map[string]string{"bob.pub": k.pem, "trust.yaml": `
version: 1
signers:
  bob: {key: bob.pub, principal: bob}
statements:
  - {types: [approval, calendar, sbom], signers: [bob]}
`})
}

func TestApprovalOfAnotherRequestIsReportedNotDropped(t *testing.T) {
	k := newKey(t, "Ed25519")
	binding, another := digest.Of([]byte("binding")), digest.Of([]byte("another"))
	approval := func(stated string) string {
		return `{"binding":"` + stated + `","intent":"deploy","decision":"approve","principal":"bob",` +
			`"approvedAt":"2026-11-20T10:00:00Z","expiresAt":"2026-11-21T10:00:00Z","nonce":"0123456789abcdef0123456789abcdef"}`
	}
	about := About{Digests: []string{app}, Binding: binding, Environment: "prod"}
	const uri = "https://gatekeep.dev/approval/v1"
	for _, c := range []struct {
		shown, stated string
		reason        gatekeep.Reason
	}{
		{binding, binding, ""}, {another, another, ""},
		{binding, another, gatekeep.ReasonSubjectMismatch}, {another, binding, gatekeep.ReasonSubjectMismatch}, {app, binding, gatekeep.ReasonSubjectMismatch},
	} {
		s, _ := wantReason(t, k.signed(t, statementOf(uri, approval(c.stated), c.shown)), governTrust(t, k), about, noon, c.reason)
		if s == nil {
			continue
		}
		var f gatekeep.Facts
		evidenceOf(*s).Apply(&f)
		if a := f.Approvals[s.ID]; a.Binding != c.stated || a.Principal != "bob" || a.Verification.Principal != "bob" {
			t.Errorf("got %+v", a)
		}
	}
	wantReason(t, k.signed(t, statementOf(uri, `{"binding":"x"}`, binding)), governTrust(t, k), about, noon, gatekeep.ReasonPredicateMalformed)
}

func TestCalendarIsAboutItself(t *testing.T) {
	k := newKey(t, "Ed25519")
	const calendar = `{"revision": 3, "source": {"system": "native", "fetchedAt": "2026-11-20T11:00:00Z"}, "windows": []}`
	_, self, err := digest.JCS(json.RawMessage(calendar))
	if err != nil {
		t.Fatal(err)
	}
	const uri = "https://gatekeep.dev/calendar/v1"
	s, _ := wantReason(t, k.signed(t, statementOf(uri, calendar, self)), governTrust(t, k), aboutApp(), noon, "")
	if ev := evidenceOf(*s); len(ev.Calendars) != 1 || ev.Calendars[0].Revision != 3 || ev.Calendars[0].Attestation != s.ID {
		t.Errorf("got %+v", ev.Calendars)
	}
	wantReason(t, k.signed(t, statementOf(uri, calendar, app)), governTrust(t, k), aboutApp(), noon, gatekeep.ReasonSubjectMismatch)
	// The digest of the bytes as written is not the canonical one.
	wantReason(t, k.signed(t, statementOf(uri, calendar, digest.Of([]byte(calendar)))), governTrust(t, k), aboutApp(), noon, gatekeep.ReasonSubjectMismatch)
}

// largeSBOM is a CycloneDX document of about 5.7 MB, 7.6 MB as an envelope.
func largeSBOM() string {
	var b bytes.Buffer
	b.WriteString(`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[`)
	for i := 0; b.Len() < 5_700_000; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"type":"library","bom-ref":"c%d","name":"lib-%d","version":"1.0.%d","purl":"pkg:npm/lib-%d@1.0.%d","licenses":[{"license":{"id":"MIT"}}]}`, i, i, i, i, i)
	}
	b.WriteString(`]}`)
	return b.String()
}

func TestLargeSBOMIsIndexed(t *testing.T) {
	k := newKey(t, "Ed25519")
	s, _ := wantReason(t, k.signed(t, statementOf("https://cyclonedx.org/bom", largeSBOM(), app)), governTrust(t, k), aboutApp(), noon, "")
	ev := evidenceOf(*s)
	if b := s.Content.SBOM; b.ComponentCount < 30_000 || b.UnidentifiedCount != 0 || len(ev.Indexes[b.Ref]) != 5 {
		t.Errorf("%d components, %d unidentified, index of %d", b.ComponentCount, b.UnidentifiedCount, len(ev.Indexes[b.Ref]))
	}
}

// BenchmarkEnvelopeWithoutPredicate is all that this package does with an envelope
// of 7.6 MB: strict reading, base64, signature, statement. The decoder is not run,
// for the statement is about something else.
func BenchmarkEnvelopeWithoutPredicate(b *testing.B) {
	k := newKey(b, "P-256")
	data := k.signed(b, statementOf("https://cyclonedx.org/bom", largeSBOM(), other))
	trust := governTrust(b, k)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, r := judgeOne(b, data, trust, aboutApp(), noon); r == nil || r.Reason != gatekeep.ReasonSubjectMismatch {
			b.Fatalf("got %+v", r)
		}
	}
}
