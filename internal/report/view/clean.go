package view

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds one piece of text in runes. JSON has all of it.
const maxText = 400

// maxRaw bounds in bytes what is looked at of one piece of text, so that a field of
// many megabytes costs no more than a long one. It is many times what is shown.
const maxRaw = 16 << 10

// Terminal sequences (ECMA-48, section 5): CSI with its one-byte form and two-byte ones;
// and where string commands (OSC, DCS, SOS, PM, APC), which carry text, begin and end.
var (
	escapes = regexp.MustCompile(`(?:\x1b\[|\x{9b})[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]`)
	begins  = regexp.MustCompile(`\x1b[\]PX^_]|[\x{90}\x{98}\x{9d}-\x{9f}]`)
	ends    = regexp.MustCompile(`\x07|\x1b\\|\x{9c}`)
)

// withoutCommands takes string commands from text, with what they carry. One that does
// not end is left; and then none after it ends, so the text is walked through once.
func withoutCommands(s string) string {
	var out strings.Builder
	for {
		begin := begins.FindStringIndex(s)
		if begin == nil {
			break
		}
		end := ends.FindStringIndex(s[begin[1]:])
		if end == nil {
			break
		}
		out.WriteString(s[:begin[0]])
		s = s[begin[1]+end[1]:]
	}
	out.WriteString(s)
	return out.String()
}

// Stripped takes from text what does not show or moves the cursor: terminal
// sequences, control characters, what is invisible or turns the direction of
// writing, invalid UTF-8. White space of every kind becomes a plain space.
func Stripped(s string) string {
	s = escapes.ReplaceAllString(withoutCommands(strings.ToValidUTF8(s, "\uFFFD")), "")
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.In(r, unicode.Zl, unicode.Zp):
			return ' '
		case unicode.Is(unicode.C, r), r == '\u3164', r == '\u115F', r == '\u1160', r == '\uFFA0':
			return -1 // the last four are letters that show nothing
		}
		return r
	}, s)
}

// Clean is stripped text of one line and at most 400 runes, for any format. An
// ellipsis ends what was cut.
func Clean(s string) string {
	cut := len(s) > maxRaw
	if cut {
		end := maxRaw
		for end > 0 && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end]
	}
	s = strings.Join(strings.Fields(Stripped(s)), " ")
	if runes := []rune(s); len(runes) > maxText {
		s, cut = string(runes[:maxText]), true
	}
	if cut {
		return s + "…"
	}
	return s
}

// Short is the beginning of a digest, enough to tell two apart at a glance.
func Short(digest string) string {
	hex := strings.TrimPrefix(Clean(digest), "sha256:")
	if len(hex) > 12 {
		return hex[:12]
	}
	return hex
}
