package strictjson

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// key is where one name stands in the document, quotes included.
type key struct {
	hash       uint64
	start, end int
	escaped    bool
}

// keySet holds the names of the objects that are open, the innermost last, in one
// slice that grows and shrinks with them.
type keySet struct {
	seed   maphash.Seed
	seeded bool
	names  []key
}

// open begins an object and returns its mark for close.
func (k *keySet) open() int { return len(k.names) }

func (k *keySet) add(name []byte, start, end int, escaped bool) {
	// A seed of its own for each document: names that collide cannot be prepared.
	if !k.seeded {
		k.seed, k.seeded = maphash.MakeSeed(), true
	}
	k.names = append(k.names, key{maphash.Bytes(k.seed, name), start, end, escaped})
}

// pairwise is the number of names up to which comparing each with each is quicker
// than sorting them.
const pairwise = 12

// close ends the object that open began. It returns the offset of the first name
// that repeats an earlier one, or -1.
func (k *keySet) close(base int, s *scanner) int {
	names := k.names[base:]
	k.names = k.names[:base]
	repeated := -1
	same := func(a, b key) bool {
		if a.hash != b.hash || !bytes.Equal(bytes.Clone(s.key(a.start, a.end, a.escaped)), s.key(b.start, b.end, b.escaped)) {
			return false
		}
		if later := max(a.start, b.start); repeated < 0 || later < repeated {
			repeated = later
		}
		return true
	}
	if len(names) <= pairwise {
		for i := range names {
			for j := range i {
				same(names[j], names[i])
			}
		}
		return repeated
	}
	slices.SortFunc(names, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.start, b.start))
	})
	// Equal names lie side by side. Only a collision of 64 seeded bits makes the
	// inner loop go on.
	for i := 1; i < len(names); i++ {
		for j := i - 1; j >= 0 && names[j].hash == names[i].hash; j-- {
			if same(names[j], names[i]) {
				break
			}
		}
	}
	return repeated
}

// key is the name that stands from start to end, decoded. With escapes it lies in
// the scratch buffer until the next call.
func (s *scanner) key(start, end int, escaped bool) []byte {
	raw := s.data[start+1 : end-1]
	if !escaped {
		return raw
	}
	s.scratch = s.scratch[:0]
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			s.scratch = append(s.scratch, raw[i])
			continue
		}
		i++
		switch raw[i] {
		case 'b':
			s.scratch = append(s.scratch, '\b')
		case 'f':
			s.scratch = append(s.scratch, '\f')
		case 'n':
			s.scratch = append(s.scratch, '\n')
		case 'r':
			s.scratch = append(s.scratch, '\r')
		case 't':
			s.scratch = append(s.scratch, '\t')
		case 'u':
			r := unhex(raw[i+1:])
			i += 4
			// escape has seen to it that a surrogate is one half of a pair.
			if utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, unhex(raw[i+3:]))
				i += 6
			}
			s.scratch = utf8.AppendRune(s.scratch, r)
		default:
			s.scratch = append(s.scratch, raw[i])
		}
	}
	return s.scratch
}

// unhex is the value of the four hex digits that b begins with.
func unhex(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		switch {
		case isDigit(c):
			c -= '0'
		case c >= 'a':
			c -= 'a' - 10
		default:
			c -= 'A' - 10
		}
		r = r<<4 | rune(c)
	}
	return r
}
