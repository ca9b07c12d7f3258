package evidence

import (
	"crypto"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/erasure"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
	"github.com/gatekeep-dev/gatekeep/internal/people"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// checkErasures finds the people that were erased, by commitment, and a line for each:
// nothing may be missing for the sake of a person of whose erasure no log knows.
func (s sealed) checkErasures(r gatekeep.Record, opts VerifyOptions) (erased map[string]bool, out []Check) {
	const name, against = "erasures", "the log and the key given"
	v := erasure.Verifier{Key: opts.eraser(), Root: opts.Root}
	if r.Seal != nil {
		v.Origin = r.Seal.Log
	}
	erased = map[string]bool{}
	tried := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(s.sums)) {
		id, ok := erasure.IDOf(path)
		if !ok || tried[id] {
			continue
		}
		tried[id] = true
		if err := s.checkErasure(r, id, v); err != nil {
			out = append(out, failed(name, path, against, archive.Refuse(ReasonErasureInvalid, path, "%v", err)))
			continue
		}
		erased[id] = true
		out = append(out, held(name, id, against, "the log says that this person was erased"))
	}
	return erased, out
}

func (s sealed) checkErasure(r gatekeep.Record, id string, v erasure.Verifier) error {
	if !slices.Contains(r.Case.People, id) {
		return fmt.Errorf("the case knows nobody of commitment %q", clip(id))
	}
	bodyPath, proofPath := erasure.Paths(id)
	body, err := s.read(bodyPath, maxProof)
	if err != nil {
		return err
	}
	proof, err := s.read(proofPath, signing.MaxBundleBytes)
	if err != nil {
		return err
	}
	return v.Check(id, body, proof)
}

// eraser is whose erasures are believed.
func (o VerifyOptions) eraser() crypto.PublicKey {
	if o.Eraser != nil {
		return o.Eraser
	}
	return o.Key
}

// checkPeople holds the names beside the evidence against the commitments in it. They
// may be taken away, all or some: nothing else rests on them.
func (s sealed) checkPeople(r gatekeep.Record, err error, erased map[string]bool) []Check {
	const name, against = "people", "commitments of the case"
	if _, there := s.sums[layout.PathPeople]; err != nil || !there {
		return nil
	}
	bad := func(err error) []Check {
		return []Check{failed(name, layout.PathPeople, against, archive.Refuse(ReasonPeopleMismatch, layout.PathPeople, "%v", err))}
	}
	data, err := s.read(layout.PathPeople, layout.MaxManifest)
	if err != nil {
		return bad(err)
	}
	list, err := people.Read(data)
	if err != nil {
		return bad(err)
	}
	for _, p := range list {
		if !slices.Contains(r.Case.People, p.ID) {
			return bad(fmt.Errorf("the case knows nobody of commitment %q", p.ID))
		}
		if erased[p.ID] {
			return bad(fmt.Errorf("%s was erased, and the name is here", p.ID))
		}
	}
	return []Check{held(name, layout.PathPeople, against, fmt.Sprintf("%d of %d names", len(list), len(r.Case.People)))}
}

// personOf are the commitments to those whose file this is: their names stand in it, or it
// is called after them, as a key is.
func personOf(f archive.File, list []people.Person) []string {
	ids := people.Mentioned(f.Data, list)
	for _, p := range list {
		if strings.Contains(f.Path, p.ID) {
			ids = append(ids, p.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Erase takes people out of a bundle: their names, and the files that these stand in.
// The proofs that the log keeps of the erasures, Sigstore bundles by commitment, take
// their place. A person may be known by the commitment alone. Done tells whether the
// bundle had anything of them. Where a name would be left, that is an error.
func Erase(b *Bundle, persons []people.Person, proofs map[string][]byte) (d *Draft, done bool, err error) {
	fail := func(err error) (*Draft, bool, error) { return nil, false, fmt.Errorf("erasing people: %w", err) }
	m, _, err := sealed{read: b.archive.Read}.manifest()
	if err != nil {
		return fail(err)
	}
	if d, err = Reopen(b); err != nil {
		return fail(err)
	}
	gone := map[string]bool{}
	for _, p := range persons {
		gone[p.ID] = slices.Contains(d.record.Case.People, p.ID)
	}
	without := personal(m, gone)
	kept := []archive.File{}
	for _, f := range d.listed {
		if id, ok := erasure.IDOf(f.Path); without[f.Path] || ok && gone[id] {
			done = done || without[f.Path]
			continue
		}
		if f.Path == layout.PathPeople {
			var named []people.Person
			if f.Data, named, err = people.Without(f.Data, gone); err != nil {
				return fail(err)
			}
			done = done || len(named) > 0
			persons = append(slices.Clone(persons), named...)
		}
		kept = append(kept, f)
	}
	for _, f := range kept {
		if len(people.Mentioned(f.Data, persons)) > 0 {
			return fail(fmt.Errorf("a name stands in %s, which is not marked as theirs: it was sealed while the gate did not keep names apart", f.Path))
		}
	}
	for id, there := range gone {
		if body, proof := erasure.Paths(id); there {
			done = done || !slices.Contains(b.Paths(), proof)
			kept = append(kept, archive.File{Path: body, Data: erasure.Body(id)}, archive.File{Path: proof, Data: proofs[id]})
		}
	}
	d.listed = kept
	return d, done, nil
}
