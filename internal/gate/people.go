package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/people"
)

// People commits to names of people, which then stand nowhere in the clear but beside the
// evidence.
type People interface {
	// All are the persons that it has committed to by now.
	All() ([]people.Person, error)
	// Commit gives those of these names, and commits to new ones.
	Commit(ctx context.Context, names []people.Name) ([]people.Person, error)
}

// recall puts names back in the memory of the gate, where it knows them: they are looked
// up as those in the request are.
func recall(s gatekeep.State, known People) (gatekeep.State, error) {
	all, err := known.All()
	if err != nil {
		return s, err
	}
	n := people.NewNames(all, nil)
	return principalsOf(s, n.Unlabel), nil
}

// principalsOf is the memory of the gate with other names of people in it.
func principalsOf(s gatekeep.State, other func(string) string) gatekeep.State {
	s.Obligations, s.BreakGlassUses = slices.Clone(s.Obligations), slices.Clone(s.BreakGlassUses)
	for i := range s.Obligations {
		s.Obligations[i].Principal = other(s.Obligations[i].Principal)
	}
	for i := range s.BreakGlassUses {
		s.BreakGlassUses[i].Principal = other(s.BreakGlassUses[i].Principal)
	}
	return s
}

// namesOf are the names of people in a case, in what is believed, and in who is trusted,
// sorted: accounts, addresses in certificates, and persons, each with whose it is.
// Accounts of workloads are none, and what is the commitment to somebody who was erased
// stays.
func namesOf(q Question, c gatekeep.Case, ev *attest.Evidence) []people.Name {
	trusted := q.Law.Trust.Names()
	accounts := principals(c, ev)
	for _, use := range c.State.BreakGlassUses {
		accounts = append(accounts, use.Principal)
	}
	owner := map[string]string{} // account of an address
	for name, account := range trusted {
		accounts, owner[name] = append(accounts, account), account
	}
	for _, v := range verifications(ev) {
		accounts, owner[v.SAN] = append(accounts, v.Principal), v.Principal
	}
	known := q.Catalogue.Identities(accounts)
	whose := map[string]string{}
	add := func(name, of string) {
		if _, committed := people.IDOf(name); name != "" && name != Unknown && !committed && whose[name] == "" {
			whose[name] = of
		}
	}
	for _, name := range accounts {
		switch identity, found := known[name]; {
		case found && identity.Type == human:
			add(name, identity.Person)
			add(identity.Person, identity.Person)
		case !found && !strings.HasPrefix(name, "workload:"):
			add(name, "")
		}
	}
	for name, account := range owner {
		if people.IsAddress(name) {
			add(name, known[account].Person)
		}
	}
	names := make([]people.Name, 0, len(whose))
	for name, of := range whose {
		names = append(names, people.Name{Name: name, Of: of})
	}
	slices.SortFunc(names, func(a, b people.Name) int { return strings.Compare(a.Name, b.Name) })
	return names
}

// human is the type of an identity that is somebody's.
const human = "human"

// Unknown is the name of an actor whom the request does not name.
const Unknown = "(unknown)"

func verifications(ev *attest.Evidence) []gatekeep.Verification {
	var all []gatekeep.Verification
	for _, s := range ev.Statements {
		all = append(all, s.Verification)
	}
	for _, r := range ev.Reviews {
		all = append(all, r.Verification)
	}
	return all
}

// withhold commits to the names in a case and in what is believed, and puts the
// commitments in their place.
func withhold(ctx context.Context, q Question, c gatekeep.Case, ev *attest.Evidence) (gatekeep.Case, []people.Person, error) {
	fail := func(err error) (gatekeep.Case, []people.Person, error) {
		return c, nil, fmt.Errorf("committing to names: %w", err)
	}
	persons, err := q.People.Commit(ctx, namesOf(q, c, ev))
	if err != nil {
		return fail(err)
	}
	if file, found, err := people.InPolicy(q.Archive, persons); err != nil {
		return fail(err)
	} else if found {
		return fail(fmt.Errorf("%s of the policy names somebody: a rule would judge a commitment otherwise, and the name could not be erased; use groups or roles there", file))
	}
	return rename(c, ev, persons), persons, nil
}

// rename puts commitments in the place of names, in the case and in what is believed.
func rename(c gatekeep.Case, ev *attest.Evidence, persons []people.Person) gatekeep.Case {
	c.People = []string{}
	for _, p := range persons {
		c.People = append(c.People, p.ID)
	}
	slices.Sort(c.People)
	n := people.NewNames(persons, nil)
	c.Request.Actor.Principal, c.Request.OnBehalfOf = n.Name(c.Request.Actor.Principal), n.Name(c.Request.OnBehalfOf)
	c.State = principalsOf(c.State, n.Name)
	identities := make(map[string]gatekeep.Identity, len(c.Catalogue.Identities))
	for name, identity := range c.Catalogue.Identities {
		identity.Person = n.Name(identity.Person)
		identities[n.Name(name)] = identity
	}
	c.Catalogue.Identities = identities
	c.Sources = slices.Clone(c.Sources)
	for i := range c.Sources {
		c.Sources[i].Name, c.Sources[i].Detail = n.Label(c.Sources[i].Name), n.Text(c.Sources[i].Detail)
	}
	c.Envelopes = slices.Clone(c.Envelopes)
	for i := range c.Envelopes {
		c.Envelopes[i].Name, c.Envelopes[i].Source = n.Label(c.Envelopes[i].Name), n.Label(c.Envelopes[i].Source)
	}
	renameIn(ev, namer(c, persons))
	return c
}

// namer renames what is believed of a case that is renamed already. Claims name whom the
// catalogue knows: a stranger may call himself what a claim says, and must not hide it.
func namer(c gatekeep.Case, persons []people.Person) *people.Names {
	var accounts []string
	for name := range c.Catalogue.Identities {
		accounts = append(accounts, name)
	}
	return people.NewNames(persons, accounts)
}

// labelled are files under names in which no names of people stand.
func labelled(files map[string][]byte, persons []people.Person) map[string][]byte {
	return underNames(files, people.NewNames(persons, nil).Label)
}

func underNames(files map[string][]byte, name func(string) string) map[string][]byte {
	out := make(map[string][]byte, len(files))
	for path, data := range files {
		out[name(path)] = data
	}
	return out
}

// checkWithheld refuses evidence in which a name still stands where it cannot be erased:
// the gate does not know what it is, and may not guess.
func checkWithheld(c evidence.Contents, persons []people.Person) error {
	for _, d := range []struct {
		what string
		data []byte
	}{{"the case", c.Case}, {"the facts", c.Input}, {"the decision", c.Decision}} {
		if before, found := people.Left(d.data, persons); found {
			return fmt.Errorf("committing to names: the name of somebody stands in %s after %q, where it could not be erased; rename the account, or what has its name", d.what, before)
		}
	}
	return nil
}
