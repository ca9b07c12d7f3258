// Package layout checks signed in-toto links against a signed in-toto layout, by the
// in-toto specification 1.0. Documents and patterns are read by in-toto-golang.
//
// Left out on purpose: inspections, which are commands of the layout's author that a
// verifier would run; sublayouts; functionaries by certificate, who never count.
package layout

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/in-toto/in-toto-golang/in_toto"
)

// Bounds on what is checked. Real layouts have a handful of steps; links of large
// source trees list tens of thousands of files.
const (
	maxSteps     = 100
	maxRules     = 1000    // of a step, for its materials and its products each
	maxKeys      = 32      // of a step
	maxLinks     = 256     // documents that are tried, each with every key of its step
	maxArtifacts = 100_000 // of a link, materials and products each
	maxWork      = 1 << 27 // rules of a step times the bytes of the names that they are held against
)

// Key is an owner of a layout.
type Key struct {
	Name string // for messages
	Key  crypto.PublicKey
}

// Summary is what a layout that holds says.
type Summary struct {
	Expires time.Time
	Steps   []string // names, in the order of the layout
	// Links are the places, in the list that was given, of the links that count, sorted.
	// Final are those of the last step.
	Links, Final []int
	Products     []string // of the last step: "sha256:.." and "sha512:..", sorted, each once
	// OtherCommands are the steps of which a functionary reports another command than the
	// layout expects. In-toto specification 1.0, section 5.2: this is not an error.
	OtherCommands []string
}

// Verify checks a signed layout and signed links: DSSE envelopes or metablocks. All
// owners must have signed the layout, it must not have expired, each step must have
// links of as many functionaries as its threshold asks for, which report the same
// artifacts, and these must satisfy the rules. The error is the same for the same
// documents.
func Verify(layoutEnvelope []byte, links [][]byte, owners []Key, now time.Time) (*Summary, error) {
	l, err := read(layoutEnvelope, owners)
	if err != nil {
		return nil, err
	}
	// In-toto specification 1.0, section 4.3.1: expires, "YYYY-MM-DDTHH:MM:SSZ" in UTC.
	expires, err := time.Parse(in_toto.ISO8601DateSchema, l.Expires)
	if err != nil {
		return nil, fmt.Errorf("reading layout: expires %.40q is no time of the form %s", l.Expires, in_toto.ISO8601DateSchema)
	}
	if now.After(expires) {
		return nil, fmt.Errorf("checking layout: it expired at %s", l.Expires)
	}
	candidates, err := readLinks(links, l)
	if err != nil {
		return nil, err
	}
	s := &Summary{Expires: expires}
	reported := map[string]in_toto.Link{}
	for _, step := range l.Steps {
		done, err := perform(step, l.Keys, candidates)
		if err != nil {
			return nil, fmt.Errorf("checking step %q: %w", step.Name, err)
		}
		s.Steps = append(s.Steps, step.Name)
		s.Links, s.Final = append(s.Links, done.links...), done.links
		s.Products = productsOf(done.link)
		if done.otherCommand {
			s.OtherCommands = append(s.OtherCommands, step.Name)
		}
		reported[step.Name] = done.link
	}
	for _, step := range l.Steps {
		if err := obey(step, reported); err != nil {
			return nil, fmt.Errorf("checking step %q: %w", step.Name, err)
		}
	}
	slices.Sort(s.Links)
	return s, nil
}

// read opens a layout that all of its owners signed. Fields that are not known here are
// refused: one of them might ask for more.
func read(data []byte, owners []Key) (*in_toto.Layout, error) {
	block, err := open(data)
	if err != nil {
		return nil, fmt.Errorf("reading layout: %w", err)
	}
	if len(owners) == 0 {
		return nil, errors.New("checking layout: it has no owner")
	}
	for _, o := range owners {
		if !block.signedBy(o.Key) {
			return nil, fmt.Errorf("checking layout: %q did not sign it", o.Name)
		}
	}
	var l in_toto.Layout
	decoder := json.NewDecoder(bytes.NewReader(block.signed))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&l); err != nil {
		return nil, fmt.Errorf("reading layout: %w", err)
	}
	switch {
	case l.Type != "layout":
		return nil, fmt.Errorf("reading layout: _type is %.40q", l.Type)
	case len(l.Inspect) > 0:
		return nil, fmt.Errorf("checking layout: it asks to run %q, and the gate runs no commands; make a step of each inspection", l.Inspect[0].Name)
	case len(l.Steps) == 0:
		return nil, errors.New("checking layout: it has no steps, so it proves nothing")
	case len(l.Steps) > maxSteps:
		return nil, fmt.Errorf("reading layout: %d steps are over the bound of %d", len(l.Steps), maxSteps)
	}
	return &l, checkSteps(l.Steps)
}

// checkSteps refuses what the rules would be judged by wrongly, or not at all.
func checkSteps(steps []in_toto.Step) error {
	known := map[string]bool{}
	for _, step := range steps {
		switch {
		case step.Name == "" || known[step.Name]:
			return fmt.Errorf("reading layout: step %q has no name of its own", step.Name)
		// A threshold below one would be met by nobody at all.
		case step.Threshold < 1:
			return fmt.Errorf("reading layout: step %q has the threshold %d; it must be 1 or more", step.Name, step.Threshold)
		case len(step.PubKeys) > maxKeys:
			return fmt.Errorf("reading layout: step %q has %d keys, over the bound of %d", step.Name, len(step.PubKeys), maxKeys)
		}
		known[step.Name] = true
		for _, rules := range [][][]string{step.ExpectedMaterials, step.ExpectedProducts} {
			if len(rules) > maxRules {
				return fmt.Errorf("reading layout: step %q has %d rules, over the bound of %d", step.Name, len(rules), maxRules)
			}
			for _, rule := range rules {
				if err := checkRule(rule); err != nil {
					return fmt.Errorf("reading layout: step %q: %w", step.Name, err)
				}
			}
		}
	}
	return nil
}

// performed is what a step's functionaries agree on.
type performed struct {
	link         in_toto.Link
	links        []int // their places in the list that was given
	otherCommand bool  // one of them reports another command than is expected
}

// perform finds the links of a step. In-toto specification 1.0, section 5.2: as many
// different functionaries as the threshold says must have signed one each, and all of
// them must report the same materials and products.
func perform(step in_toto.Step, keys map[string]in_toto.Key, candidates []candidate) (performed, error) {
	functionaries, err := keysOf(step, keys)
	if err != nil {
		return performed{}, err
	}
	var done performed
	signed := 0
	for _, id := range slices.Sorted(maps.Keys(functionaries)) {
		counted := false
		for _, c := range candidates {
			if c.link.Name != step.Name || !c.block.signedBy(functionaries[id]) {
				continue
			}
			switch {
			case len(done.links) == 0:
				done.link = c.link
			case !sameArtifacts(done.link, c.link):
				return performed{}, errors.New("its links report different artifacts")
			}
			if !slices.Contains(done.links, c.place) {
				done.links = append(done.links, c.place)
			}
			if len(step.ExpectedCommand) > 0 && !slices.Equal(step.ExpectedCommand, c.link.Command) {
				done.otherCommand = true
			}
			counted = true
		}
		if counted {
			signed++
		}
	}
	if signed < step.Threshold {
		return performed{}, fmt.Errorf("%d of %d functionaries signed a link, and the threshold is %d", signed, len(functionaries), step.Threshold)
	}
	slices.Sort(done.links)
	return done, nil
}

func sameArtifacts(a, b in_toto.Link) bool {
	same := func(x, y map[string]in_toto.HashObj) bool {
		return maps.EqualFunc(x, y, func(a, b in_toto.HashObj) bool { return maps.Equal(a, b) })
	}
	return same(a.Materials, b.Materials) && same(a.Products, b.Products)
}

// productsOf are the digests of what a step made.
func productsOf(l in_toto.Link) []string {
	var digests []string
	for _, hashes := range l.Products {
		for _, algorithm := range []string{"sha256", "sha512"} {
			if h := hashes[algorithm]; h != "" {
				digests = append(digests, algorithm+":"+h)
			}
		}
	}
	slices.Sort(digests)
	return slices.Compact(digests)
}
