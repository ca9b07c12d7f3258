package gate

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/bundle"
	"github.com/gatekeep-dev/gatekeep/internal/people"
)

// apart makes a world keep names apart.
func apart(t testing.TB, w *world) *world {
	t.Helper()
	w.q.People = people.Store(filepath.Join(t.TempDir(), "people"))
	w.q.Seal = &gatekeep.Seal{Log: "gate.example", Timestamp: gatekeep.TimestampOwn}
	return w
}

// outcomes are those of each rule for each control.
func outcomes(d gatekeep.Decision) map[string]string {
	out := map[string]string{}
	for _, r := range d.Results {
		out[r.Regime+" "+r.Control+" "+r.Rule] = r.Outcome.String()
	}
	return out
}

var everybody = []string{"alice", "bob", "carol", "dave", "erin"}

// Rules compare names with each other only.
func TestADecisionIsTheSameAboutCommitments(t *testing.T) {
	for name, makes := range worlds {
		t.Run(name, func(t *testing.T) {
			named, unnamed := makes.make(t).check(), apart(t, makes.make(t)).check()
			if diff := cmp.Diff(outcomes(named.Record.Decision), outcomes(unnamed.Record.Decision)); diff != "" {
				t.Error(diff)
			}
			want(t, unnamed, makes.want)
			for _, document := range [][]byte{unnamed.Contents.Case, unnamed.Contents.Input, unnamed.Contents.Decision} {
				for _, name := range everybody {
					if i := bytes.Index(document, []byte(name)); i >= 0 {
						t.Errorf("%s stands in %s", name, document[max(0, i-60):i+20])
					}
				}
			}
			for path := range unnamed.Contents.Trust {
				if slices.ContainsFunc(everybody, func(name string) bool { return strings.Contains(path, name) }) {
					t.Errorf("a file of trust is called %s", path)
				}
			}
			wantSame(t, unnamed.Contents)
			// Without the names the sealed facts are judged.
			gone := unnamed.Contents
			gone.People = gone.People[1:]
			input, decision, err := Rejudge(t.Context(), gone)
			if err != nil || input != nil || !bytes.Equal(decision, gone.Decision) {
				t.Errorf("%d bytes of facts, %v; the decision is the same: %t", len(input), err, bytes.Equal(decision, gone.Decision))
			}
		})
	}
}

// The memory of a gate holds commitments, under which it knows people again.
func TestTheMemoryOfAGateKnowsPeopleByTheirCommitments(t *testing.T) {
	w := apart(t, emergency(t))
	first := w.remember()
	duty := w.recall().State.Obligations
	if len(duty) != 1 {
		t.Fatalf("duties: %+v", duty)
	}
	if _, committed := people.IDOf(duty[0].Principal); !committed {
		t.Fatalf("the gate remembers %q", duty[0].Principal)
	}
	w.revise()
	second := w.check()
	if got := second.Record.Case.State.Obligations[0].Principal; got != first.Record.Case.Request.Actor.Principal {
		t.Errorf("the duty is that of %s, and %s asked", got, first.Record.Case.Request.Actor.Principal)
	}
	if _, known := second.Record.Case.Catalogue.Identities[second.Record.Case.State.Obligations[0].Principal]; !known {
		t.Error("nobody knows whose account it is")
	}
	wantSame(t, second.Contents)
}

// Somebody who is called like a word of a claim must not hide it.
func TestAStrangersNameHidesNoClaim(t *testing.T) {
	w := apart(t, opens(t))
	w.q.Request.OnBehalfOf = "main" // as refs/heads/main, which provenance claims
	if _, err := w.ask(); err == nil || !strings.Contains(err.Error(), "the name of somebody stands in") {
		t.Errorf("got %v", err)
	}
	w.q.Request.OnBehalfOf = "git+https://git.acme.example/shop"
	if _, err := w.ask(); err == nil || !strings.Contains(err.Error(), "names somebody") {
		t.Errorf("got %v", err)
	}
}

// A rule that names somebody would judge a commitment otherwise.
func TestAPolicyThatNamesSomebodyDoesNotJudge(t *testing.T) {
	w := apart(t, opens(t))
	b, err := bundle.Load(acmeFiles(t, map[string]string{"org.yaml": acme["org.yaml"] + "denied_components: {\"pkg:npm/a@1\": \"bob\"}\n"}))
	if err != nil {
		t.Fatal(err)
	}
	w.q.Catalogue, w.q.Law.Policy.Overlay = b, b.Overlay()
	w.pinPolicy()
	if _, err := w.ask(); err == nil || !strings.Contains(err.Error(), "of the policy names somebody") {
		t.Errorf("got %v", err)
	}
}

// unknown is a registry that commits to nobody.
type unknown struct{ people.Store }

func (unknown) Commit(context.Context, []people.Name) ([]people.Person, error) {
	return nil, errors.New("the disk is full")
}

func TestWhoCannotBeCommittedToIsNotJudged(t *testing.T) {
	w := opens(t)
	w.q.People = unknown{people.Store(t.TempDir())}
	if _, err := w.ask(); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("got %v", err)
	}
}

// Names of one person are kept as such, and those of workloads are none.
func TestNamesAreThoseOfPeople(t *testing.T) {
	w := apart(t, waived(t))
	w.check()
	all, err := w.q.People.All()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range all {
		got[p.Claims.Name] = p.Of
	}
	for name, of := range got {
		if strings.HasPrefix(name, "workload:") || strings.HasPrefix(name, "p-team") || of != "p-"+strings.TrimPrefix(name, "p-") {
			t.Errorf("%s is kept as a name of %q", name, of)
		}
	}
	for _, name := range []string{"bob", "p-bob", "dave", "erin"} {
		if _, kept := got[name]; !kept {
			t.Errorf("%s is not kept: %v", name, slices.Sorted(maps.Keys(got)))
		}
	}
}

// The address of somebody who is not believed is nobody's business.
func TestStrangersAreWithheld(t *testing.T) {
	alice, err := people.New("alice", "")
	if err != nil {
		t.Fatal(err)
	}
	ev := &attest.Evidence{Rejected: []gatekeep.Rejection{{Signer: "eve@evil.example", Detail: "signed by eve@evil.example for alice", Source: "att", Name: "att/alice.json"}}}
	renameIn(ev, people.NewNames([]people.Person{alice}, nil))
	want := gatekeep.Rejection{Signer: "[withheld]", Detail: "signed by [withheld] for " + alice.ID, Source: "att", Name: "att/" + alice.ID + ".json"}
	if diff := cmp.Diff(want, ev.Rejected[0]); diff != "" {
		t.Error(diff)
	}
}
