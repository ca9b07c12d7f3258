package people

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func person(t testing.TB, name string) Person {
	t.Helper()
	p, err := New(name, "")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The example of docs/evidence-format.md: SHA-256 over 32 zero bytes and {"name":"alice"}.
func TestACommitmentIsWhatItIsSaidToBe(t *testing.T) {
	id, err := ID(make([]byte, 32), Claims{"alice"})
	if want := "act_898c682efaee3a78cba580da8083a70c"; err != nil || id != want {
		t.Errorf("got %s, %v; want %s", id, err, want)
	}
	if a, b := person(t, "alice"), person(t, "alice"); a.ID == b.ID {
		t.Error("two salts give one commitment")
	}
	for text, want := range map[string]bool{
		id: true, "p-" + id: false, "act_": false, id[:35]: false, strings.ToUpper(id): false, "alice": false, id + "00": false,
	} {
		if ValidID(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
	if got, ok := IDOf("p-" + id); !ok || got != id {
		t.Errorf("of a person: %q, %t", got, ok)
	}
}

func TestPeopleAreReadInOneFormOnly(t *testing.T) {
	a, b := person(t, "alice"), person(t, "p-alice")
	whole, err := Write([]Person{a, b})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(whole)
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	other := a
	other.Claims.Name = "bob"
	short := a
	short.Salt = short.Salt[:62]
	kept := a
	kept.Of = "p-alice"
	for name, data := range map[string][]byte{
		"empty": nil, "a blank more": append(slices.Clone(whole), ' '), "another name": must(t, other), "a short salt": must(t, short),
		"twice": must(t, a, a), "whose it is": must(t, kept), "another schema": bytes.Replace(whole, []byte("v1"), []byte("v2"), 1),
		"a member more": bytes.Replace(whole, []byte(`"schema"`), []byte(`"more":1,"schema"`), 1),
	} {
		if list, err := Read(data); err == nil {
			t.Errorf("%s: read as %+v", name, list)
		}
	}
	left, taken, err := Without(whole, map[string]bool{a.ID: true})
	if err != nil || len(taken) != 1 || taken[0].Claims.Name != "alice" || bytes.Contains(left, []byte(`"alice"`)) || !bytes.Contains(left, []byte("p-alice")) {
		t.Errorf("%s, %+v, %v", left, taken, err)
	}
}

func must(t testing.TB, list ...Person) []byte {
	t.Helper()
	out, err := write(list)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func FuzzRead(f *testing.F) {
	f.Add(must(f, person(f, "alice"), person(f, "bob")))
	f.Add([]byte(`{"people":[],"schema":"gatekeep.dev/people/v1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := Read(data)
		if err != nil {
			return
		}
		if again, err := Write(list); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q is read and written as %q, %v", data, again, err)
		}
	})
}

func TestNamesAreReplacedAsWordsOfTheirOwn(t *testing.T) {
	al, alice, human := person(t, "al"), person(t, "alice"), person(t, "p-alice")
	n := NewNames([]Person{al, alice, human}, []string{alice.ID})
	for text, want := range map[string]string{
		"alice":              alice.ID,
		"al and alice":       al.ID + " and " + alice.ID,
		"alice,alice":        alice.ID + "," + alice.ID,
		"p-alice":            "p-" + human.ID,
		"malice alices al_1": "malice alices al_1",
		"att/alice.json":     "att/" + alice.ID + ".json",
	} {
		if got := n.Label(text); got != want || n.Unlabel(got) != text {
			t.Errorf("%q: got %q, and back %q", text, got, n.Unlabel(got))
		}
	}
	if got := n.Text("by bob.b@acme.example"); got != "by [withheld]" {
		t.Errorf("got %q", got)
	}
	if got := n.Mask("alice said so to x@y.example"); got != "***** said so to "+strings.Repeat("*", 11) {
		t.Errorf("got %q", got)
	}
	if n.Claim("alice") != alice.ID || n.Claim("al") != "al" || n.Name("al") != al.ID || n.Name("") != "" {
		t.Error("claims name accounts that the catalogue knows, and no others")
	}
	none := NewNames(nil, nil)
	if got := none.Label("alice"); got != "alice" || none.Mask(got) != "alice" {
		t.Error("nobody is replaced")
	}
	if before, found := Left([]byte(`{"who":"alice"}`), []Person{alice}); !found || before != `{"who":"` {
		t.Errorf("%q, %t", before, found)
	}
	for text, want := range map[string]bool{"a@b.example": true, "https://ci.example/x@refs/heads/main.yml": false, "@b.example": false, "": false, "a@b.example and more": false} {
		if IsAddress(text) != want {
			t.Errorf("%q is an address: %t", text, !want)
		}
	}
}

func TestANameIsFoundHoweverItIsWritten(t *testing.T) {
	p := person(t, "alice-liddell")
	list := []Person{p, person(t, "bob")}
	payload := base64.StdEncoding.EncodeToString([]byte(`{"principal":"alice-liddell"}`))
	for name, data := range map[string]string{
		"in the clear":   `{"who":"alice-liddell"}`,
		"in capitals":    "ALICE-LIDDELL",
		"escaped":        `{"who":"alice\u002dliddell"}`,
		"encoded":        `{"payload":"` + payload + `"}`,
		"twice":          `{"payload":"` + base64.StdEncoding.EncodeToString([]byte(`{"inner":"`+payload+`"}`)) + `"}`,
		"for addresses":  base64.RawURLEncoding.EncodeToString([]byte("x?>alice-liddell")),
		"in a key":       "-----BEGIN X-----\n" + payload[:16] + "\n" + payload[16:] + "\n-----END X-----\n",
		"among bytes":    "\x00\xff\x80alice-liddell\x00\xfe",
		"quoted further": `{"payload":"` + strings.ReplaceAll(payload, "=", `\u003d`) + `"}`,
	} {
		if got := Mentioned([]byte(data), list); !slices.Equal(got, []string{p.ID}) {
			t.Errorf("%s: got %v", name, got)
		}
	}
	for _, data := range []string{"", "malice-liddells", "alice liddell", `{"who":"carol"}`, "\x00bob\xff"} {
		if got := Mentioned([]byte(data), list); len(got) != 0 {
			t.Errorf("%q: got %v", data, got)
		}
	}
}

func commit(t testing.TB, s Store, names ...string) []Person {
	t.Helper()
	var list []Name
	for _, name := range names {
		list = append(list, Name{name, "p-" + name})
	}
	out, err := s.Commit(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestANameKeepsItsCommitmentUntilItIsErased(t *testing.T) {
	s := Store(filepath.Join(t.TempDir(), "people"))
	first := commit(t, s, "alice", "bob")
	if again := commit(t, s, "bob", "alice"); again[1].ID != first[0].ID || again[0].ID != first[1].ID {
		t.Error("the commitments changed")
	}
	if p, err := s.Commit(t.Context(), []Name{{"alice", ""}}); err != nil || p[0].Of != "p-alice" {
		t.Errorf("whose it is was forgotten: %+v, %v", p, err)
	}
	info, err := os.Stat(filepath.Join(string(s), storeFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: others may read names", info.Mode(), err)
	}
	if err := s.Keep(first[0].ID, []byte("proof")); err != nil {
		t.Fatal(err)
	}
	if err := s.Forget(t.Context(), []string{first[0].ID}); err != nil {
		t.Fatal(err)
	}
	all, err := s.All()
	if err != nil || len(all) != 1 || all[0].Claims.Name != "bob" {
		t.Errorf("left: %+v, %v", all, err)
	}
	data, err := os.ReadFile(filepath.Join(string(s), storeFile))
	if err != nil || bytes.Contains(data, []byte("alice")) || bytes.Contains(data, []byte(first[0].Salt)) {
		t.Errorf("alice is still there: %s, %v", data, err)
	}
	if next := commit(t, s, "alice"); next[0].ID == first[0].ID {
		t.Error("the commitment came back")
	}
	ids, err := s.ErasedIDs()
	proof, err2 := s.Proof(first[0].ID)
	none, err3 := s.Proof(first[1].ID)
	if err := errors.Join(err, err2, err3); err != nil || !slices.Equal(ids, []string{first[0].ID}) || string(proof) != "proof" || none != nil {
		t.Errorf("%v, %q, %q, %v", ids, proof, none, err)
	}
}

func TestRacingGatesGiveANameOneCommitment(t *testing.T) {
	s := Store(filepath.Join(t.TempDir(), "people"))
	var group sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]bool{}
	for range 8 {
		group.Go(func() {
			for i := range 5 {
				list, err := s.Commit(t.Context(), []Name{{"alice", ""}, {fmt.Sprint("other-", i), ""}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				ids[list[0].ID] = true
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if all, err := s.All(); len(ids) != 1 || err != nil || len(all) != 6 {
		t.Errorf("alice has %d commitments; %d names, %v", len(ids), len(all), err)
	}
}

// Who erases waits for those who may be writing names, and they for him.
func TestNobodyIsErasedWhileNamesAreWritten(t *testing.T) {
	s := Store(filepath.Join(t.TempDir(), "people"))
	first, err := s.Use(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Use(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Alone(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("erasing beside two: %v", err)
	}
	first()
	second()
	alone, err := s.Alone(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	soon, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Use(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("writing beside one who erases: %v", err)
	}
	alone()
}

func TestADamagedStoreIsNoEmptyOne(t *testing.T) {
	s := Store(filepath.Join(t.TempDir(), "people"))
	commit(t, s, "alice")
	path := filepath.Join(string(s), storeFile)
	for name, data := range map[string]string{"empty": "", "torn": `{"people":[`, "of another": `{"people":[],"schema":"x"}`} {
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Commit(t.Context(), []Name{{"bob", ""}}); err == nil || !strings.Contains(err.Error(), "restore it from a backup") {
			t.Errorf("%s: %v", name, err)
		}
		if got, _ := os.ReadFile(path); string(got) != data {
			t.Errorf("%s: it was written over", name)
		}
	}
}

// What a crash left of a write may hold names that are erased by now.
func TestWhatACrashLeftIsSwept(t *testing.T) {
	s := Store(filepath.Join(t.TempDir(), "people"))
	commit(t, s, "alice")
	left := filepath.Join(string(s), storeFile+".new")
	if err := os.WriteFile(left, []byte("alice"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if all, err := s.All(); err != nil || len(all) != 1 {
		t.Errorf("%+v, %v", all, err)
	}
	if err := Store(filepath.Join(t.TempDir(), "none")).Sweep(); err != nil {
		t.Error(err)
	}
}

// The file holds what anybody can check with stock tools.
func TestPeopleAreWrittenInCanonicalForm(t *testing.T) {
	p := person(t, "alice")
	data, err := Write([]Person{p})
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"schema": Schema, "people": []any{map[string]any{"id": p.ID, "salt": p.Salt, "claims": map[string]any{"name": "alice"}}}}
	if diff := cmp.Diff(want, back); diff != "" {
		t.Error(diff)
	}
}
