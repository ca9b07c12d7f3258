package jsonscan

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Skip reads over one value and checks its grammar.
func (s *Scanner) Skip() {
	if s.err == nil {
		s.skip(len(s.open))
	}
}

func (s *Scanner) skip(depth int) {
	switch c := s.Kind(); {
	case c == '"':
		s.skipText()
	case c == '{' || c == '[':
		s.skipNested(c, depth+1)
	case c == '-' || isDigit(c):
		s.skipNumber()
	case c == 't':
		s.literal("true")
	case c == 'f':
		s.literal("false")
	case c == 'n':
		s.literal("null")
	default:
		s.Fail(nil, "want a value")
	}
}

func (s *Scanner) skipNested(opening byte, depth int) {
	if depth > s.maxDepth {
		s.Fail(ErrLimit, "nested deeper than %d", s.maxDepth)
		return
	}
	s.pos++
	closing := opening + 2 // in ASCII both pairs of brackets lie two apart
	for first := true; s.err == nil; first = false {
		c := s.Kind()
		if c == closing {
			s.pos++
			return
		}
		if !first {
			if c != ',' {
				s.Fail(nil, "want a comma or %q", closing)
				return
			}
			s.pos++
		}
		if opening == '{' {
			if s.Kind() != '"' {
				s.Fail(nil, "want the name of a field")
				return
			}
			s.skipText()
			if s.err == nil && s.Kind() != ':' {
				s.Fail(nil, "want a colon")
				return
			}
			s.pos++
		}
		if s.err == nil {
			s.skip(depth)
		}
	}
}

func (s *Scanner) literal(word string) {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		s.Fail(nil, "want a value")
		return
	}
	s.pos += len(word)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// skipNumber follows RFC 8259 section 6: number = [ minus ] int [ frac ] [ exp ].
func (s *Scanner) skipNumber() {
	digits := func() bool {
		start := s.pos
		for s.pos < len(s.data) && isDigit(s.data[s.pos]) {
			s.pos++
		}
		return s.pos > start
	}
	at := func(set string) bool {
		if s.pos < len(s.data) && strings.IndexByte(set, s.data[s.pos]) >= 0 {
			s.pos++
			return true
		}
		return false
	}
	at("-")
	ok := at("0") || digits()
	if ok && at(".") {
		ok = digits()
	}
	if ok && at("eE") {
		at("+-")
		ok = digits()
	}
	if !ok {
		s.Fail(nil, "not a number")
	}
}

// skipText reads over a string and reports whether it holds an escape.
func (s *Scanner) skipText() (escaped bool) {
	for i := s.pos + 1; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.pos = i + 1
			return escaped
		case c == '\\':
			escaped = true
			length := escapeLength(s.data[i:])
			if length == 0 {
				s.pos = i
				s.Fail(nil, "unknown escape")
				return false
			}
			i += length - 1
		case c < ' ':
			s.pos = i
			s.Fail(nil, "control character in a string")
			return false
		}
	}
	s.pos = len(s.data)
	s.Fail(nil, "string does not end")
	return false
}

// escapeLength is the number of bytes of the escape that b begins with, or 0.
func escapeLength(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	if b[1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, b[1]) < 0 {
			return 0
		}
		return 2
	}
	if _, ok := unhex(b); !ok {
		return 0
	}
	return 6
}

// unhex is the value of the escape, \u and four hex digits, that b begins with.
func unhex(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case isDigit(c):
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// text reads a string, decoding its escapes.
func (s *Scanner) text() []byte {
	start := s.pos
	escaped := s.skipText()
	if s.err != nil {
		return nil
	}
	raw := s.data[start+1 : s.pos-1]
	if !escaped {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			i++
			continue
		}
		if raw[i+1] != 'u' {
			out = append(out, plainEscape(raw[i+1]))
			i += 2
			continue
		}
		r, _ := unhex(raw[i:])
		i += 6
		if utf16.IsSurrogate(r) {
			low, ok := unhex(raw[i:])
			if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
				s.pos = start
				s.Fail(nil, "half of a surrogate pair")
				return nil
			}
			i += 6
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

func plainEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // quote, backslash, slash
}
