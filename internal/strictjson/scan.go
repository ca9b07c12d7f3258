package strictjson

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
)

// scanner walks one document. Its recursion is bounded by depth.
type scanner struct {
	data    []byte
	pos     int
	depth   int
	keys    keySet
	scratch []byte // the last key that had escapes, decoded
	members map[string]json.RawMessage
}

func (s *scanner) fail(reason string) error {
	if s.pos >= len(s.data) {
		reason = "document ends too early"
	}
	return &Error{int64(s.pos), reason}
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek is the byte at hand, or 0 at the end; 0 begins no token.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// value reads one value that stands inside depth objects and arrays.
func (s *scanner) value(depth int) error {
	switch c := s.peek(); c {
	case '{', '[':
		if depth >= s.depth {
			return s.fail(fmt.Sprintf("nested deeper than %d", s.depth))
		}
		s.pos++
		if c == '{' {
			return s.object(depth + 1)
		}
		return s.array(depth + 1)
	case '"':
		_, err := s.text()
		return err
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		if c == '-' || isDigit(c) {
			return s.number()
		}
		return s.fail("expected a value")
	}
}

func (s *scanner) object(depth int) error {
	base := s.keys.open()
	for first := true; ; first = false {
		s.space()
		if first && s.peek() == '}' {
			break
		}
		if s.peek() != '"' {
			return s.fail("expected a key")
		}
		start := s.pos
		escaped, err := s.text()
		if err != nil {
			return err
		}
		end := s.pos
		s.keys.add(s.key(start, end, escaped), start, end, escaped)
		s.space()
		if s.peek() != ':' {
			return s.fail("expected a colon")
		}
		s.pos++
		s.space()
		from := s.pos
		if err := s.value(depth); err != nil {
			return err
		}
		if depth == 1 && s.members != nil {
			s.members[string(s.key(start, end, escaped))] = s.data[from:s.pos:s.pos]
		}
		s.space()
		if s.peek() == ',' {
			s.pos++
			continue
		}
		if s.peek() != '}' {
			return s.fail("expected a comma or the end of the object")
		}
		break
	}
	s.pos++
	// RFC 7493 section 2.3: objects MUST NOT have members with duplicate names.
	// Names are compared as decoded: "a" and "\u0061" are one name.
	if at := s.keys.close(base, s); at >= 0 {
		return &Error{int64(at), "duplicate key"}
	}
	return nil
}

func (s *scanner) array(depth int) error {
	s.space()
	if s.peek() == ']' {
		s.pos++
		return nil
	}
	for {
		s.space()
		if err := s.value(depth); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			return nil
		default:
			return s.fail("expected a comma or the end of the array")
		}
	}
}

func (s *scanner) literal(word string) error {
	for i := 0; i < len(word); i++ {
		if s.peek() != word[i] {
			return s.fail("expected " + word)
		}
		s.pos++
	}
	return nil
}

// number reads the grammar of RFC 8259 section 6. Of its values only those that a
// double can hold are taken, as RFC 8785 section 3.2.2.3 asks for: beyond, some readers
// give up, some round to infinity, and some stop working.
func (s *scanner) number() error {
	start := s.pos
	if err := s.numeral(); err != nil {
		return err
	}
	const certain = 300 // digits that a double holds, whatever they are
	text := s.data[start:s.pos]
	if !bytes.ContainsAny(text, "eE") && len(text) < certain {
		return nil
	}
	if _, err := strconv.ParseFloat(string(text), 64); err != nil {
		s.pos = start
		return s.fail("number beyond what a double holds")
	}
	return nil
}

func (s *scanner) numeral() error {
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if err := s.digits(); err != nil {
		return err
	}
	if s.peek() == '.' {
		s.pos++
		if err := s.digits(); err != nil {
			return err
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		return s.digits()
	}
	return nil
}

func (s *scanner) digits() error {
	if !isDigit(s.peek()) {
		return s.fail("expected a digit")
	}
	for isDigit(s.peek()) {
		s.pos++
	}
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// text reads a string, from its quote to past the closing one, and tells whether
// it has escapes.
func (s *scanner) text() (escaped bool, err error) {
	s.pos++
	for {
		s.skipPlain()
		if s.pos >= len(s.data) {
			return false, s.fail("")
		}
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return escaped, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return false, err
			}
		case c < ' ':
			return false, s.fail("control character in a string")
		default:
			s.pos++
		}
	}
}

// skipPlain moves over eight bytes at a time while none of them is a quote, a
// backslash or a control character. A payload in base64 is one string of
// megabytes, so this loop is where the time goes.
func (s *scanner) skipPlain() {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for s.pos+8 <= len(s.data) {
		w := binary.LittleEndian.Uint64(s.data[s.pos:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// x - ones has a high bit that ^x has too only where a byte of x is zero;
		// for w the same with 0x20 finds bytes below it. A borrow can only bring a
		// false alarm, which the slow path then walks over.
		hit := (quote-ones)&^quote | (slash-ones)&^slash | (w-ones*' ')&^w
		if hit&high != 0 {
			return
		}
		s.pos += 8
	}
}

// escape reads one escape sequence, from its backslash. RFC 7493 section 2.1:
// strings MUST NOT include code points that identify surrogates.
func (s *scanner) escape() error {
	start := s.pos
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
		s.pos++
	default:
		return s.fail("unknown escape")
	}
	unit, ok := s.hex4()
	switch {
	case !ok:
		return s.fail("expected four hex digits")
	case unit < 0xD800 || unit > 0xDFFF:
		return nil
	}
	if unit < 0xDC00 && s.pos+2 <= len(s.data) && s.data[s.pos] == '\\' && s.data[s.pos+1] == 'u' {
		s.pos += 2
		if low, ok := s.hex4(); ok && low >= 0xDC00 && low <= 0xDFFF {
			return nil
		}
	}
	return &Error{int64(start), "unpaired surrogate"}
}

// hex4 reads four hex digits and moves past them.
func (s *scanner) hex4() (unit rune, ok bool) {
	for range 4 {
		c := s.peek()
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | rune(c)
		s.pos++
	}
	return unit, true
}
