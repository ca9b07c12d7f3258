package entry_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"strings"
	"testing"
	"time"

	rekorpb "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

func key(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func meta() entry.Meta {
	return entry.Meta{
		Kind: entry.Approval, ID: "a1", Environment: "prod", Sequence: 1, Time: time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC),
		Body: json.RawMessage(`{"approval":"sha256:00"}`),
	}
}

func statement(t testing.TB, m entry.Meta) []byte {
	t.Helper()
	s, err := entry.Make(m, []entry.Subject{{Name: "app", Digest: map[string]string{"sha256": strings.Repeat("0", 64)}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func leafOf(t testing.TB, k *ecdsa.PrivateKey, statement []byte) entry.Leaf {
	t.Helper()
	sum := sha256.Sum256(entry.PAE(statement))
	digest := sum[:]
	if k.Curve == elliptic.P384() {
		long := sha512.Sum384(entry.PAE(statement))
		digest = long[:]
	}
	signature, err := ecdsa.SignASN1(rand.Reader, k, digest)
	if err != nil {
		t.Fatal(err)
	}
	l, err := entry.NewLeaf(statement, signature, k.Public())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func raw(t testing.TB, l entry.Leaf) []byte {
	t.Helper()
	out, err := l.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPAEIsThatOfDSSE(t *testing.T) {
	for _, s := range []string{"", "{}", strings.Repeat("x", 1000)} {
		if want := dsse.PAE("application/vnd.in-toto+json", []byte(s)); !bytes.Equal(entry.PAE([]byte(s)), want) {
			t.Errorf("%q: %q, want %q", s, entry.PAE([]byte(s)), want)
		}
	}
}

// TestLeafIsWhatRekorWrites reads a leaf with the types of Rekor v2.
func TestLeafIsWhatRekorWrites(t *testing.T) {
	for curve, want := range map[elliptic.Curve][2]string{
		elliptic.P256(): {"PKIX_ECDSA_P256_SHA_256", "SHA2_256"},
		elliptic.P384(): {"PKIX_ECDSA_P384_SHA_384", "SHA2_384"},
	} {
		l := leafOf(t, key(t, curve), statement(t, meta()))
		var e rekorpb.Entry
		if err := protojson.Unmarshal(raw(t, l), &e); err != nil {
			t.Fatal(err)
		}
		r := e.GetSpec().GetHashedRekordV002()
		if e.GetKind() != "hashedrekord" || e.GetApiVersion() != "0.0.2" || r.GetData().GetAlgorithm().String() != want[1] ||
			r.GetSignature().GetVerifier().GetKeyDetails().String() != want[0] {
			t.Errorf("Rekor reads %v", &e)
		}
		if !bytes.Equal(r.GetData().GetDigest(), l.Data) || !bytes.Equal(r.GetSignature().GetContent(), l.Signature) ||
			!bytes.Equal(r.GetSignature().GetVerifier().GetPublicKey().GetRawBytes(), l.Key) {
			t.Errorf("Rekor reads %v", r)
		}
	}
}

func TestALeafIsThatOfOneStatement(t *testing.T) {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384()} {
		s := statement(t, meta())
		l := leafOf(t, key(t, curve), s)
		back, err := entry.ParseLeaf(raw(t, l))
		if err != nil {
			t.Fatal(err)
		}
		if err := back.Verify(s); err != nil {
			t.Error(err)
		}
		for name, c := range map[string]struct {
			change func(*entry.Leaf) []byte
			want   entry.Reason
		}{
			"statement": {func(*entry.Leaf) []byte { return append(bytes.Clone(s), ' ') }, entry.ReasonEntryAltered},
			"signature": {func(l *entry.Leaf) []byte { l.Signature = []byte("x"); return s }, entry.ReasonEntrySignature},
			"key":       {func(l *entry.Leaf) []byte { l.Key = []byte("x"); return s }, entry.ReasonLeafMalformed},
			"other key": {func(l *entry.Leaf) []byte { l.Key = leafOf(t, key(t, curve), s).Key; return s }, entry.ReasonEntrySignature},
		} {
			changed := back
			about := c.change(&changed)
			problem, ok := changed.Verify(about).(*entry.Problem)
			if !ok || problem.Reason != c.want {
				t.Errorf("%s: %v, want %s", name, problem, c.want)
			}
		}
	}
}

func TestALeafHasOneSpelling(t *testing.T) {
	good := string(raw(t, leafOf(t, key(t, elliptic.P256()), statement(t, meta()))))
	for name, change := range map[string]string{
		"space":        " " + good,
		"line break":   good + "\n",
		"more members": strings.Replace(good, `{"apiVersion"`, `{"a":1,"apiVersion"`, 1),
		"twice":        strings.Replace(good, `{"apiVersion":"0.0.2",`, `{"apiVersion":"0.0.2","apiVersion":"0.0.2",`, 1),
		"another case": strings.Replace(good, `"kind"`, `"Kind"`, 1),
		"older":        strings.Replace(good, "0.0.2", "0.0.1", 1),
		"another kind": strings.Replace(good, "hashedrekord", "dsse", 1),
		"other hash":   strings.Replace(good, "SHA2_256", "SHA2_384", 1),
		"other key":    strings.Replace(good, "P256_SHA_256", "P384_SHA_384", 1),
		"not base64":   strings.Replace(good, `"content":"M`, `"content":"!`, 1),
		"nothing":      "",
		"null":         "null",
		"empty":        "{}",
		"larger":       good + strings.Repeat(" ", 5000),
		"deep":         strings.Repeat("[", 100),
	} {
		if change == good {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := entry.ParseLeaf([]byte(change)); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

func TestOnlyKeysThatStockVerifiersReadSign(t *testing.T) {
	for name, public := range map[string]crypto.PublicKey{"P-521": key(t, elliptic.P521()).Public(), "P-224": key(t, elliptic.P224()).Public(), "none": nil, "text": "x"} {
		if entry.CheckKey(public) == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := entry.CheckKey(key(t, elliptic.P256()).Public()); err != nil {
		t.Error(err)
	}
}

func TestAStatementSaysWhatItWasMadeOf(t *testing.T) {
	m := meta()
	m.Sequence, m.Previous = 2, "sha256:"+strings.Repeat("a", 64)
	s := statement(t, m)
	back, err := entry.ReadStatement(s)
	if err != nil {
		t.Fatal(err)
	}
	if back.Kind != m.Kind || back.ID != m.ID || back.Environment != m.Environment || back.Sequence != 2 || back.Previous != m.Previous || !back.Time.Equal(m.Time) || string(back.Body) != string(m.Body) {
		t.Errorf("came back as %+v", back)
	}
	good := string(s)
	for name, change := range map[string][2]string{
		"another type":      {`"_type":"https://in-toto.io/Statement/v1"`, `"_type":"https://in-toto.io/Statement/v2"`},
		"another predicate": {"https://gatekeep.dev/ledger/approval/v1", "https://gatekeep.dev/ledger/party/v1"},
		"another version":   {"https://gatekeep.dev/ledger/approval/v1", "https://gatekeep.dev/ledger/approval/v2"},
		"no sequence":       {`"sequence":2`, `"sequence":0`},
		"negative":          {`"sequence":2`, `"sequence":-2`},
		"fraction":          {`"sequence":2`, `"sequence":2.5`},
		"too large":         {`"sequence":2`, `"sequence":9007199254740993`},
		"two sequences":     {`"sequence":2`, `"Sequence":3,"sequence":2`},
		"no id":             {`"id":"a1"`, `"id":""`},
		"no time":           {`"time":"2026-11-01T09:00:00Z"`, `"time":""`},
		"zero time":         {`"time":"2026-11-01T09:00:00Z"`, `"time":"0001-01-01T00:00:00Z"`},
		"other zone":        {`"time":"2026-11-01T09:00:00Z"`, `"time":"2026-11-01T10:00:00+01:00"`},
		"no digest":         {`"previous":"sha256:a`, `"previous":"sha256:A`},
		"other body":        {`"approval":"sha256:00"`, `"approval":"sha256:01"`},
		"body no object":    {`{"approval":"sha256:00"}`, `[]`},
		"more members":      {`"id":"a1"`, `"id":"a1","note":"x"`},
		"id of two lines":   {`"id":"a1"`, `"id":"a\n1"`},
		"spaces":            {`,"predicateType"`, `, "predicateType"`},
	} {
		changed := strings.Replace(good, change[0], change[1], 1)
		if changed == good {
			t.Fatalf("%s: nothing was changed in %s", name, good)
		}
		if m, err := entry.ReadStatement([]byte(changed)); err == nil {
			t.Errorf("%s: read as %+v", name, m)
		}
	}
}

func TestSummariesAreReadByExactNames(t *testing.T) {
	const good = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app","digest":{"sha256":"00"}}],"predicateType":"https://slsa.dev/verification_summary/v1",` +
		`"predicate":{"timeVerified":"2026-11-01T09:00:00Z","https://gatekeep.dev/vsa/ext/v1":{"decisionID":"d1","environment":"prod","sequence":null,"previousDecision":null,"outcome":"fail"}}}`
	m, err := entry.ReadStatement([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if m.Kind != entry.Decision || m.ID != "d1" || m.Sequence != 0 || m.Previous != "" || m.Outcome != "fail" || m.Subject != "app@sha256:00" || m.Self != "" {
		t.Errorf("read as %+v", m)
	}
	for name, change := range map[string][2]string{
		"no extension":   {"gatekeep.dev/vsa", "gatekeep.dev/vsx"},
		"another case":   {`"decisionID"`, `"decisionid"`},
		"no time":        {`"timeVerified"`, `"time"`},
		"word as number": {`"sequence":null`, `"sequence":"7"`},
		"negative":       {`"sequence":null`, `"sequence":-1`},
		"no subject":     {`[{"name":"app","digest":{"sha256":"00"}}]`, `[]`},
	} {
		if m, err := entry.ReadStatement([]byte(strings.Replace(good, change[0], change[1], 1))); err == nil {
			t.Errorf("%s: read as %+v", name, m)
		}
	}
}

func TestLogKeysAreReadInEveryForm(t *testing.T) {
	private, public, err := entry.GenerateKey("gatekeep.example")
	if err != nil {
		t.Fatal(err)
	}
	k, err := entry.ReadKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"PEM": public, "verifier": []byte(k.Public + "\n")} {
		if got, err := entry.ReadPublic(text, "gatekeep.example"); err != nil || got != k.Public {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "words": "no key", "private": string(private), "cut": k.Public[:len(k.Public)-4],
		"of ECDSA": "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n",
	} {
		if got, err := entry.ReadPublic([]byte(text), "gatekeep.example"); err == nil {
			t.Errorf("%s: read as %q", name, got)
		}
	}
	for _, host := range []string{"", "host:8080", "host/path", "https://host", "HOST", "a b", "a+b", "-a", strings.Repeat("a", 300)} {
		if _, _, err := entry.GenerateKey(host); err == nil {
			t.Errorf("origin %q is taken", host)
		}
	}
	if _, err := entry.ReadKey([]byte("PRIVATE+KEY+x")); err == nil {
		t.Error("half a key is read")
	}
}

// FuzzParseLeaf: what is read is written as the same bytes, and nothing panics.
func FuzzParseLeaf(f *testing.F) {
	k := key(f, elliptic.P256())
	f.Add(raw(f, leafOf(f, k, statement(f, meta()))), statement(f, meta()))
	f.Add(raw(f, leafOf(f, key(f, elliptic.P384()), []byte("{}"))), []byte("{}"))
	f.Add([]byte("{}"), []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app","digest":{}}],"predicateType":"https://slsa.dev/verification_summary/v1","predicate":{"timeVerified":"2026-11-01T09:00:00Z","https://gatekeep.dev/vsa/ext/v1":{"decisionID":"d1"}}}`))
	f.Fuzz(func(t *testing.T, data, about []byte) {
		m, bad := entry.ReadStatement(about)
		if bad == nil && (m.ID == "" || m.Kind == "") {
			t.Errorf("read as %+v", m)
		}
		l, err := entry.ParseLeaf(data)
		if err != nil {
			return
		}
		if again, err := l.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("written again as %s, %v", again, err)
		}
		_ = l.Verify(about)
		if !strings.HasPrefix(entry.File(l.Data), "sha") {
			t.Error("a leaf without a file")
		}
	})
}
