package evidence

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// unpack is every file of a bundle.
func unpack(t testing.TB, data []byte) []archive.File {
	t.Helper()
	b := open(t, data)
	var out []archive.File
	for _, path := range b.Paths() {
		content, err := b.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, archive.File{Path: path, Data: content})
	}
	return out
}

// pack is a well-formed archive of files, which only the checks of their contents
// can refuse.
func pack(t testing.TB, files []archive.File) []byte {
	t.Helper()
	slices.SortFunc(files, byPath)
	var out bytes.Buffer
	if err := archive.Write(&out, files); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// names tells whether a failing check names the path.
func names(v Verification, path string) bool {
	return slices.ContainsFunc(v.Checks, func(c Check) bool {
		return !c.OK && (strings.Contains(c.What, path) || strings.Contains(c.Detail, path))
	})
}

func TestEveryFileThatIsAlteredIsNoticedAndNamed(t *testing.T) {
	signer, public := newKey(t)
	data := seal(t, contents(t), signer)
	sealed := unpack(t, data)
	for i, f := range sealed {
		t.Run(f.Path, func(t *testing.T) {
			step := max(1, len(f.Data)/24)
			for at := 0; at < len(f.Data); at += step {
				for _, flip := range []byte{1, 0x80} {
					files := slices.Clone(sealed)
					files[i].Data = bytes.Clone(f.Data)
					files[i].Data[at] ^= flip
					expectBroken(t, files, public, f.Path, fmt.Sprintf("byte %d ^ %#x", at, flip))
				}
			}
			longer, shorter, empty := slices.Clone(sealed), slices.Clone(sealed), slices.Clone(sealed)
			longer[i].Data = append(bytes.Clone(f.Data), '\n')
			shorter[i].Data = f.Data[:len(f.Data)-1]
			empty[i].Data = nil
			expectBroken(t, longer, public, f.Path, "a byte more")
			expectBroken(t, shorter, public, f.Path, "a byte less")
			expectBroken(t, empty, public, f.Path, "emptied")
		})
	}
}

func expectBroken(t *testing.T, files []archive.File, key any, path, how string) {
	t.Helper()
	v := verify(pack(t, files), VerifyOptions{Key: key})
	if v.OK() {
		t.Errorf("%s: %s goes unnoticed", path, how)
	}
	if !names(v, path) {
		t.Errorf("%s: %s is noticed and not named: %+v", path, how, failures(v))
	}
}

func TestEveryFileThatIsRemovedAddedOrRenamedIsNoticedAndNamed(t *testing.T) {
	signer, public := newKey(t)
	sealed := unpack(t, seal(t, contents(t), signer))
	for i, f := range sealed {
		t.Run(f.Path, func(t *testing.T) {
			v := verify(pack(t, slices.Delete(slices.Clone(sealed), i, i+1)), VerifyOptions{Key: public})
			if want := archive.ReasonFileMissing + " " + f.Path; !slices.Contains(failures(v), want) {
				t.Errorf("removed: %q, want %q", failures(v), want)
			}
			renamed := slices.Clone(sealed)
			renamed[i].Path += ".old"
			v = verify(pack(t, renamed), VerifyOptions{Key: public})
			missing, extra := archive.ReasonFileMissing+" "+f.Path, ReasonFileExtra+" "+f.Path+".old"
			// Without the manifest nobody can say what is extra.
			if got := failures(v); !slices.Contains(got, missing) || f.Path != layout.PathManifest && !slices.Contains(got, extra) {
				t.Errorf("renamed: %q, want %q and %q", got, missing, extra)
			}
		})
	}
	for _, path := range []string{"a", "decision/extra.json", "inputs/attestations/x.json", "log/checkpoint", "zzz", layout.AttestationPath("sha256:" + hexA)} {
		v := verify(pack(t, append(slices.Clone(sealed), archive.File{Path: path, Data: []byte("x")})), VerifyOptions{Key: public})
		if want := ReasonFileExtra + " " + path; !slices.Contains(failures(v), want) {
			t.Errorf("added: %q, want %q", failures(v), want)
		}
	}
}

func TestFilesThatAreSwappedAreNoticedAndNamed(t *testing.T) {
	signer, public := newKey(t)
	sealed := unpack(t, seal(t, contents(t), signer))
	for i := range len(sealed) - 1 {
		files := slices.Clone(sealed)
		files[i].Data, files[i+1].Data = files[i+1].Data, files[i].Data
		v := verify(pack(t, files), VerifyOptions{Key: public})
		if v.OK() || !names(v, files[i].Path) {
			t.Errorf("%s and %s swapped: %q", files[i].Path, files[i+1].Path, failures(v))
		}
	}
}

// small are contents without the one long document, which would only make a test slow.
func small(t testing.TB) Contents {
	c := contents(t)
	delete(c.Envelopes, c.Record.Accepted[0].ID)
	c.Record.Accepted, c.Record.Case.Envelopes = c.Record.Accepted[1:], c.Record.Case.Envelopes[1:]
	c.Case = jcs(t, c.Record.Case)
	return c
}

// TestNoByteOfTheArchiveChangesUnnoticed flips bytes of the archive itself. What
// still verifies must unpack to the same files: Deflate has bits that mean nothing.
func TestNoByteOfTheArchiveChangesUnnoticed(t *testing.T) {
	signer, public := newKey(t)
	c := small(t)
	data := seal(t, c, signer)
	want := unpack(t, data)
	for at := 0; at < len(data); at += 7 {
		changed := bytes.Clone(data)
		changed[at] ^= 1 << (at % 8)
		if v := verify(changed, VerifyOptions{Key: public}); v.OK() {
			for i, f := range unpack(t, changed) {
				if f.Path != want[i].Path || !bytes.Equal(f.Data, want[i].Data) {
					t.Fatalf("byte %d changes %s unnoticed", at, f.Path)
				}
			}
		}
	}
}

// reseal changes the files that the manifest lists and makes the lists and the
// statement again with another key: what an attacker can do who has no key.
func reseal(t *testing.T, files []archive.File, statement []byte, signer signing.Signer) []byte {
	t.Helper()
	m := layout.Manifest{Schema: layout.Schema, DecisionID: "dec-0123456789abcdef"}
	var kept []archive.File
	for _, f := range files {
		if f.Path != layout.PathManifest && f.Path != layout.PathSums && f.Path != layout.PathSignature {
			kept = append(kept, f)
			m.Files = append(m.Files, layout.ItemOf(f))
		}
	}
	list := jcs(t, m)
	sums := m.Sums(digest.Of(list))
	if statement == nil {
		c, err := open(t, pack(t, slices.Clone(files))).Contents()
		if err != nil {
			t.Fatal(err)
		}
		if statement, err = statementOf(c.Record, digest.Of(list), digest.Of(sums), c.NotAfter); err != nil {
			t.Fatal(err)
		}
	}
	signed, err := signing.SignStatement(signer, statement)
	if err != nil {
		t.Fatal(err)
	}
	return pack(t, append(kept, archive.File{Path: layout.PathManifest, Data: list}, archive.File{Path: layout.PathSums, Data: sums},
		archive.File{Path: layout.PathSignature, Data: signed}))
}

func TestABundleThatAnotherKeySealedIsOnlyRefusedForThat(t *testing.T) {
	signer, public := newKey(t)
	thief, _ := newKey(t)
	v := verify(reseal(t, unpack(t, seal(t, contents(t), signer)), nil, thief), VerifyOptions{Key: public})
	if got := failures(v); len(got) != 1 || got[0] != ReasonSignerUnknown+" "+layout.PathSignature {
		t.Errorf("%q", got)
	}
}

// TestAGateThatContradictsItselfIsRefused covers what even the right key cannot make
// true: documents that disagree.
func TestAGateThatContradictsItselfIsRefused(t *testing.T) {
	signer, public := newKey(t)
	sealed := unpack(t, seal(t, contents(t), signer))
	replace := func(path string, change func([]byte) []byte) []archive.File {
		files := slices.Clone(sealed)
		for i := range files {
			if files[i].Path == path {
				files[i].Data = change(files[i].Data)
			}
		}
		return files
	}
	text := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte {
			if !bytes.Contains(b, []byte(old)) {
				t.Fatalf("the document does not hold %q", old)
			}
			return bytes.ReplaceAll(b, []byte(old), []byte(new))
		}
	}
	envelope, err := signing.ParseBundle(must(t, open(t, seal(t, contents(t), signer)), layout.PathSignature))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		files     []archive.File
		statement []byte // nil: the one that follows from the record
		want      string
	}{
		"decision":           {replace(layout.PathDecision, text(`"pass"`, `"fail"`)), nil, ReasonDecisionMismatch},
		"record":             {replace(layout.PathRecord, text(`"outcome":"pass","policy"`, `"outcome":"fail","policy"`)), nil, ReasonDecisionMismatch},
		"input":              {replace(layout.PathInput, text(`[1,2,3]`, `[1,2,4]`)), nil, ReasonInputMismatch},
		"case":               {replace(layout.PathCase, text(`prod-eu`, `prod-us`)), nil, ReasonCaseMismatch},
		"id":                 {replace(layout.PathRecord, text(`dec-0123456789abcdef`, `dec-0123456789abcdee`)), nil, ReasonRecordMalformed},
		"record's schema":    {replace(layout.PathRecord, text(gatekeep.RecordSchema, "other/v1")), []byte(`{}`), ReasonRecordMalformed},
		"record twice":       {replace(layout.PathRecord, text(`{"accepted":`, `{"accepted":[],"accepted":`)), []byte(`{}`), ReasonRecordMalformed},
		"policy":             {replace(layout.PathPolicy, func([]byte) []byte { p, _ := packed(t, map[string]string{"x": "y"}); return p }), nil, ReasonPolicyMismatch},
		"policy no gzip":     {replace(layout.PathPolicy, func([]byte) []byte { return []byte("x") }), nil, ReasonPolicyMismatch},
		"envelope's bytes":   {replace(sealed[slices.IndexFunc(sealed, isAttestation)].Path, func([]byte) []byte { return []byte("x") }), nil, ReasonEnvelopeChanged},
		"envelope gone":      {slices.DeleteFunc(slices.Clone(sealed), isAttestation), nil, ReasonEnvelopeMissing},
		"envelope more":      {append(slices.Clone(sealed), archive.File{Path: layout.AttestationPath(digest.Of(nil))}), nil, ReasonEnvelopeExtra},
		"envelope misplaced": {append(slices.Clone(sealed), archive.File{Path: layout.FolderAttestations + "x.json"}), nil, ReasonEnvelopeExtra},
		"other lists":        {replace(layout.PathGuide, text("#", "##")), envelope.Payload, ReasonSubjectMismatch},
		"no subjects":        {slices.Clone(sealed), []byte(`{"subject":[]}`), ReasonSubjectMismatch},
		"no statement":       {slices.Clone(sealed), []byte(`[]`), ReasonStatementMalformed},
		"result":             {slices.Clone(sealed), text(`"PASSED"`, `"FAILED"`)(envelope.Payload), ReasonStatementMismatch},
		"environment":        {slices.Clone(sealed), text(`"prod-eu"`, `"prod-us"`)(envelope.Payload), ReasonStatementMismatch},
		"artifact":           {slices.Clone(sealed), text(hexA, strings.Repeat("9", 64))(envelope.Payload), ReasonSubjectMismatch},
		"platform gone":      {slices.Clone(sealed), text(`#linux/arm64`, `#linux/arm65`)(envelope.Payload), ReasonSubjectMismatch},
		"time":               {slices.Clone(sealed), text(`2026-11-20T14:03:05`, `2026-11-20T14:03:06`)(envelope.Payload), ReasonStatementMismatch},
		"sequence":           {slices.Clone(sealed), text(`4711`, `4710`)(envelope.Payload), ReasonStatementMismatch},
		"policy's digest":    {slices.Clone(sealed), text(`urn:gatekeep:policy:default`, `urn:gatekeep:policy:other`)(envelope.Payload), ReasonStatementMismatch},
		"level":              {slices.Clone(sealed), text(`"GATEKEEP_PCI_DSS_4_0_1"`, `"GATEKEEP_PCI_DSS_4_0_1","GATEKEEP_SOC2"`)(envelope.Payload), ReasonStatementMismatch},
		"a newer member":     {slices.Clone(sealed), text(`"mode":"enforce"`, `"mode":"enforce","newer":1`)(envelope.Payload), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := verify(reseal(t, test.files, test.statement, signer), VerifyOptions{Key: public})
			hit := slices.ContainsFunc(v.Checks, func(c Check) bool { return !c.OK && c.Reason == test.want })
			if test.want == "" && !v.OK() || test.want != "" && !hit {
				t.Errorf("%q, want %q", failures(v), test.want)
			}
		})
	}
}

func isAttestation(f archive.File) bool { return strings.HasPrefix(f.Path, layout.FolderAttestations) }

func must(t *testing.T, b *Bundle, path string) []byte {
	t.Helper()
	data, err := b.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAManifestIsReadInOneWayOnly(t *testing.T) {
	item := func(path string) string {
		return `{"mediaType":"a","path":"` + path + `","role":"b","sha256":"` + hexA + `","size":1}`
	}
	whole := func(files ...string) string {
		return `{"decisionID":"d","files":[` + strings.Join(files, ",") + `],"schema":"` + layout.Schema + `"}`
	}
	if _, err := layout.Parse([]byte(whole(item("a"), item("b")))); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"order":          whole(item("b"), item("a")),
		"twice":          whole(item("a"), item("a")),
		"itself":         whole(item(layout.PathManifest)),
		"the signature":  whole(item(layout.PathSignature)),
		"path":           whole(item("../a")),
		"upper-case hex": whole(strings.ToUpper(item("a"))),
		"digest":         whole(strings.Replace(item("a"), "aaa", "aa", 1)),
		"size":           whole(strings.Replace(item("a"), ":1}", ":-1}", 1)),
		"unknown member": whole(strings.Replace(item("a"), `"size"`, `"sighs":1,"size"`, 1)),
		"member twice":   whole(strings.Replace(item("a"), `"size"`, `"size":2,"size"`, 1)),
		"schema":         strings.Replace(whole(item("a")), "/v1", "/v2", 1),
		"data behind":    whole(item("a")) + "{}",
		"no object":      "[]",
		"other spelling": strings.Replace(whole(item("a")), `"schema"`, `"layout.Schema"`, 1),
		"white space":    whole(item("a")) + "\n",
	} {
		if _, err := layout.Parse([]byte(text)); reasonOf(err, "") != ReasonManifestMalformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReplayNamesTheFirstPathThatDiffers(t *testing.T) {
	signer, _ := newKey(t)
	b := open(t, seal(t, contents(t), signer))
	same := func(_ context.Context, c Contents) ([]byte, []byte, error) { return c.Input, c.Decision, nil }
	v, err := Replay(t.Context(), b, same)
	if err != nil || !v.OK() || len(v.Checks) != 2 {
		t.Fatalf("%+v, %v", v, err)
	}
	tests := map[string]struct {
		change func(map[string]any)
		want   string
	}{
		"value":       {func(m map[string]any) { m["results"].([]any)[1].(map[string]any)["outcome"] = "fail" }, "results[1].outcome"},
		"more":        {func(m map[string]any) { m["x"] = 1 }, "x"},
		"less":        {func(m map[string]any) { delete(m, "policy") }, "policy"},
		"longer list": {func(m map[string]any) { m["results"] = append(m["results"].([]any), 1) }, "results[3]"},
		"kind":        {func(m map[string]any) { m["effects"] = []any{} }, "effects"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v, err := Replay(t.Context(), b, func(_ context.Context, c Contents) ([]byte, []byte, error) {
				var m map[string]any
				if err := json.Unmarshal(c.Decision, &m); err != nil {
					return nil, nil, err
				}
				test.change(m)
				return c.Input, jcs(t, m), nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := v.Checks[1]; got.OK || got.Reason != ReasonDecisionDiffers || got.Detail != test.want+" differs first" {
				t.Errorf("%+v, want %s", got, test.want)
			}
			if !v.Checks[0].OK {
				t.Errorf("the facts differ too: %+v", v.Checks[0])
			}
		})
	}
	broken := errors.New("no policy")
	if _, err := Replay(t.Context(), b, func(context.Context, Contents) ([]byte, []byte, error) { return nil, nil, broken }); !errors.Is(err, broken) {
		t.Errorf("the judge's error is lost: %v", err)
	}
	v, err = Replay(t.Context(), b, func(_ context.Context, c Contents) ([]byte, []byte, error) { return nil, append(c.Decision, ' '), nil })
	if err != nil || v.Checks[0].OK || v.Checks[1].OK {
		t.Errorf("nothing, and another spelling: %+v, %v", v, err)
	}
}

func FuzzOpen(f *testing.F) {
	// One key for all of the fuzzer's processes, or none could verify another's inputs.
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		f.Fatal(err)
	}
	signer, err := signing.LoadPrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil)
	if err != nil {
		f.Fatal(err)
	}
	c := small(f)
	f.Add(seal(f, c, signer))
	c.Reports, c.PolicySignature = nil, nil
	f.Add(seal(f, c, signer))
	want := jcs(f, c.Record)
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		_, _ = b.Contents()
		if v := Verify(b, VerifyOptions{Key: signer.Public()}); v.OK() {
			if record, err := b.Read(layout.PathRecord); err != nil || !bytes.Equal(record, want) {
				t.Fatal("a record that was never sealed verifies")
			}
		}
	})
}
