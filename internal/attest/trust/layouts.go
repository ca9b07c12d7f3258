package trust

import (
	"fmt"
	"slices"
)

// layoutBytes bounds a layout: the keys of a hundred functionaries and their steps.
const layoutBytes = 1 << 20

// Layout is an in-toto layout that links must satisfy, as its owners signed it.
type Layout struct {
	Name     string
	File     string    // as the trust policy names it
	Document []byte    // untrusted until its owners' signatures are checked
	Owners   []*Signer // keys that must all have signed it, by name
}

// Layouts are those of the policy, sorted by name.
func (p *Policy) Layouts() []Layout {
	if p == nil {
		return nil
	}
	return slices.Clone(p.layouts)
}

// addLayout takes one entry of "layouts". Errors begin with the rest of the field's
// name. Whether its owners signed the layout is asked when it is used: a layout that
// ran out must not stop every decision.
func (l *loader) addLayout(p *Policy, name string, doc layoutFile) error {
	data, err := l.read(doc.File, layoutBytes)
	if err != nil {
		return fmt.Errorf(".file: %w", err)
	}
	layout := Layout{Name: name, File: doc.File, Document: data}
	for _, owner := range slices.Sorted(slices.Values(doc.Owners)) {
		s := p.signers[owner]
		if s == nil || s.Key == nil {
			return fmt.Errorf(".owners: %q is no signer with a key; layouts are signed with keys", owner)
		}
		layout.Owners = append(layout.Owners, s)
	}
	p.layouts = append(p.layouts, layout)
	return nil
}
