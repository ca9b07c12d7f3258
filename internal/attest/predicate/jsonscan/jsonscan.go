// Package jsonscan walks a JSON text held in memory, field by field, without
// building a tree of it. Names are compared exactly, as RFC 8259 has it, where
// encoding/json would fold case.
//
// The package checks grammar and depth. That names are unique is for
// strictjson.Check to see, before.
package jsonscan

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrLimit marks a text that is over a bound of its reader.
var ErrLimit = errors.New("over a limit")

// Scanner is a place in a text. The first error stays: every later call does
// nothing, so a walk asks for Err once, at its end.
type Scanner struct {
	data     []byte
	pos      int
	maxDepth int
	open     []frame
	err      error
}

// frame is one object or array that is being read.
type frame struct {
	array bool
	index int    // of the element being read, from 0; -1 before the first
	key   []byte // of the field being read
}

// New starts at the beginning of data, which is not changed and must not be.
// maxDepth is the largest number of objects and arrays within each other.
func New(data []byte, maxDepth int) *Scanner {
	return &Scanner{data: data, maxDepth: maxDepth}
}

// Err is the first error, or nil.
func (s *Scanner) Err() error { return s.err }

// Pos is the offset of the next byte, for At.
func (s *Scanner) Pos() int { return s.pos }

// At is a scanner that starts at an offset of the same text, on a value of the
// top-level object.
func (s *Scanner) At(pos int, key string) *Scanner {
	return &Scanner{data: s.data, pos: pos, maxDepth: s.maxDepth,
		open: []frame{{key: []byte(key)}}, err: s.err}
}

// Fail records an error at the present path, unless there is one already. The
// error that is wrapped may be nil.
func (s *Scanner) Fail(wrapped error, format string, args ...any) {
	if s.err != nil {
		return
	}
	message := fmt.Sprintf("%s (byte %d): %s", s.Path(), s.pos, fmt.Sprintf(format, args...))
	if wrapped != nil {
		s.err = fmt.Errorf("%s: %w", message, wrapped)
		return
	}
	s.err = errors.New(message)
}

// Path names the value being read: "$.components[3].purl".
func (s *Scanner) Path() string {
	var b strings.Builder
	b.WriteByte('$')
	for _, f := range s.open {
		switch {
		case f.array && f.index >= 0:
			b.WriteString("[" + strconv.Itoa(f.index) + "]")
		case !f.array && f.key != nil:
			b.WriteString("." + strings.ToValidUTF8(string(f.key), "\uFFFD"))
		}
	}
	return b.String()
}

// Kind is the first byte of the next value: one of { [ " t f n, a digit or minus
// sign, or 0 where the text ends.
func (s *Scanner) Kind() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// Object enters an object, and reports whether there is one.
func (s *Scanner) Object() bool { return s.enter('{', "an object") }

// Array enters an array, and reports whether there is one.
func (s *Scanner) Array() bool { return s.enter('[', "an array") }

func (s *Scanner) enter(opening byte, what string) bool {
	if s.err != nil {
		return false
	}
	if s.Kind() != opening {
		s.Fail(nil, "want %s", what)
		return false
	}
	if len(s.open) >= s.maxDepth {
		s.Fail(ErrLimit, "nested deeper than %d", s.maxDepth)
		return false
	}
	s.pos++
	s.open = append(s.open, frame{array: opening == '[', index: -1})
	return true
}

// Field goes to the next field of the object that was entered last, and gives its
// name; false is the end of the object, or an error. The caller reads or skips
// the value.
func (s *Scanner) Field() (name []byte, ok bool) {
	if !s.next('}') {
		return nil, false
	}
	if s.Kind() != '"' {
		s.Fail(nil, "want the name of a field")
		return nil, false
	}
	name = s.text()
	if s.err == nil && s.Kind() != ':' {
		s.Fail(nil, "want a colon")
	}
	if s.err != nil {
		return nil, false
	}
	s.pos++
	s.open[len(s.open)-1].key = name
	return name, true
}

// Item goes to the next element of the array that was entered last; false is the
// end of the array, or an error.
func (s *Scanner) Item() bool { return s.next(']') }

// next steps over the comma or the closing bracket.
func (s *Scanner) next(closing byte) bool {
	if s.err != nil {
		return false
	}
	top := &s.open[len(s.open)-1]
	top.key = nil
	c := s.Kind()
	if c == closing {
		s.pos++
		s.open = s.open[:len(s.open)-1]
		return false
	}
	if top.index >= 0 {
		if c != ',' {
			s.Fail(nil, "want a comma or %q", closing)
			return false
		}
		s.pos++
	}
	top.index++
	return true
}

// Text reads a string. The bytes are part of the text where it has no escapes, and
// are valid UTF-8.
func (s *Scanner) Text() []byte {
	if s.err != nil {
		return nil
	}
	if s.Kind() != '"' {
		s.Fail(nil, "want a string")
		return nil
	}
	text := s.text()
	if s.err == nil && !utf8.Valid(text) {
		s.Fail(nil, "string is not UTF-8")
		return nil
	}
	return text
}

// Null skips a null, and reports whether there was one.
func (s *Scanner) Null() bool {
	if s.err != nil || s.Kind() != 'n' {
		return false
	}
	s.Skip()
	return s.err == nil
}

// End sees to it that nothing but white space is left.
func (s *Scanner) End() {
	if s.err != nil {
		return
	}
	if s.Kind(); s.pos < len(s.data) { // a zero byte is not the end
		s.Fail(nil, "something follows the document")
	}
}
