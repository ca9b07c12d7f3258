package jsonscan

import (
	"bytes"
	"strings"
)

// pairwise is the number of names up to which each is compared with each.
const pairwise = 16

// RefuseFolded reports an object that has two names which differ in case only.
// encoding/json takes both for the same field and keeps the last, where other
// readers see two: one text would say different things to different people.
func RefuseFolded(data []byte, maxDepth int) error {
	s := New(data, maxDepth)
	s.folded()
	s.End()
	return s.err
}

func (s *Scanner) folded() {
	switch s.Kind() {
	case '[':
		s.Array()
		for s.Item() {
			s.folded()
		}
	case '{':
		s.Object()
		var names [][]byte
		var seen map[string]bool
		for name, ok := s.Field(); ok; name, ok = s.Field() {
			if len(names) < pairwise {
				for _, other := range names {
					if bytes.EqualFold(other, name) {
						s.Fail(nil, "the name %q stands twice, in different case", name)
					}
				}
				names = append(names, name)
			} else {
				if seen == nil {
					seen = make(map[string]bool, 2*pairwise)
					for _, other := range names {
						seen[fold(other)] = true
					}
				}
				if key := fold(name); seen[key] {
					s.Fail(nil, "the name %q stands twice, in different case", name)
				} else {
					seen[key] = true
				}
			}
			s.folded()
		}
	default:
		s.Skip()
	}
}

// fold maps names that are equal under simple case folding to one text. Upper
// and lower case both have to be taken: the Kelvin sign is a third k.
func fold(name []byte) string {
	return strings.ToLower(strings.ToUpper(string(name)))
}
