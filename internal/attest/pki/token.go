package pki

import (
	"errors"
	"fmt"
)

// Bounds on one response of a time stamping authority, which is read before anybody
// has vouched for it, by libraries that recurse and that check signatures with the
// keys that it brings.
const (
	// MaxToken holds the longest real response seen, 1262 bytes, and one with a chain
	// of RSA certificates, twice.
	MaxToken = 16 << 10
	// maxTokenDepth bounds nesting; real responses have 13 levels.
	maxTokenDepth = 64
	// maxBitString bounds the public key of a certificate in it: an RSA modulus of
	// MaxRSABits with its exponent and their headers. A key lies in a BIT STRING.
	maxBitString = MaxRSABits/8 + 32
)

// ErrTooLarge is what CheckToken wraps where a token is over a bound.
var ErrTooLarge = errors.New("is over the bound")

// CheckToken refuses a response of RFC 3161 that could exhaust who reads it: by length,
// by nesting, or by the size of the keys in its certificates. Lengths may be definite
// or not, X.690 section 8.1.3; what is inside must end inside. Errors wrap ErrTooLarge,
// or else the response is no BER.
func CheckToken(response []byte) error {
	if len(response) > MaxToken {
		return fmt.Errorf("reading timestamp: its length of %d bytes %w of %d", len(response), ErrTooLarge, MaxToken)
	}
	// Ends of the values that are open, outermost first; indefinite where it is not
	// known. Within those the bound is that of the next outer one.
	const indefinite = -1
	type level struct{ end, bound int }
	open := []level{{len(response), len(response)}}
	for at := 0; ; {
		for len(open) > 0 && open[len(open)-1].end == at {
			open = open[:len(open)-1]
		}
		if len(open) == 0 {
			return nil
		}
		if len(open) > maxTokenDepth {
			return fmt.Errorf("reading timestamp: its nesting %w of %d levels", ErrTooLarge, maxTokenDepth)
		}
		inner := open[len(open)-1]
		h, err := readHeader(response[at:inner.bound])
		if err != nil {
			return fmt.Errorf("reading timestamp at byte %d: %w", at, err)
		}
		at += h.size
		switch {
		case inner.end == indefinite && h.ends():
			open = open[:len(open)-1]
		case h.indefinite:
			open = append(open, level{indefinite, inner.bound})
			// Readers differ on a value of indefinite length that is empty.
			if at+1 < inner.bound && response[at] == 0 && response[at+1] == 0 {
				return fmt.Errorf("reading timestamp at byte %d: empty value of indefinite length", at)
			}
		case h.length > inner.bound-at:
			return fmt.Errorf("reading timestamp at byte %d: a value does not end inside the one that it is in", at)
		case h.constructed:
			open = append(open, level{at + h.length, at + h.length})
		case h.tag == tagBitString && h.length > maxBitString:
			return fmt.Errorf("reading timestamp at byte %d: a key or signature of %d bytes %w of %d", at, h.length, ErrTooLarge, maxBitString)
		default:
			at += h.length
		}
	}
}

// tagBitString is the universal tag of a BIT STRING, X.690 section 8.6.
const tagBitString = 3

// header is what a value of BER begins with.
type header struct {
	tag         byte // the first byte
	constructed bool
	indefinite  bool
	size        int // of the header itself, in bytes
	length      int // of the content, in bytes; 0 where indefinite
}

// ends tells the end-of-contents octets, X.690 section 8.1.5.
func (h header) ends() bool { return h.tag == 0 && h.length == 0 && h.size == 2 && !h.indefinite }

// readHeader reads tag and length, X.690 sections 8.1.2 and 8.1.3.
func readHeader(data []byte) (header, error) {
	const (
		isConstructed = 0x20
		longTag       = 0x1f
		more          = 0x80
		longest       = 4 // bytes of a length
	)
	short := errors.New("it ends too early")
	if len(data) < 2 {
		return header{}, short
	}
	h := header{tag: data[0], constructed: data[0]&isConstructed != 0, size: 1}
	if h.tag&longTag == longTag {
		for h.size < len(data) && data[h.size]&more != 0 {
			h.size++
		}
		h.size++
	}
	if h.size >= len(data) {
		return header{}, short
	}
	first := data[h.size]
	h.size++
	switch {
	case first == more && !h.constructed:
		return header{}, errors.New("a primitive value of indefinite length")
	case first == more:
		h.indefinite = true
	case first > more:
		n := int(first &^ more)
		if n > longest || n > len(data)-h.size {
			return header{}, errors.New("its length is not read")
		}
		for _, b := range data[h.size : h.size+n] {
			h.length = h.length<<8 | int(b)
		}
		h.size += n
	default:
		h.length = int(first)
	}
	if h.length < 0 {
		return header{}, errors.New("its length is not read")
	}
	return h, nil
}
