package report

import (
	"regexp"
	"strings"
	"unicode"
)

// maxText bounds one piece of text in runes. JSON has all of it.
const maxText = 400

// escapes are terminal sequences with their payload: CSI and its one-byte form, the
// string commands (OSC, DCS, SOS, PM, APC) up to their end, and two-byte ones.
// ECMA-48 section 5.
var escapes = regexp.MustCompile(`(?s)(?:\x1b\[|\x{9b})[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x{90}\x{98}\x{9d}-\x{9f}]).*?(?:\x07|\x1b\\|\x{9c})|\x1b[ -/]*[0-~]`)

// stripped takes from text what does not show or moves the cursor: terminal
// sequences, control characters, what is invisible or turns the direction of
// writing, invalid UTF-8. White space of every kind becomes a plain space.
func stripped(s string) string {
	s = escapes.ReplaceAllString(strings.ToValidUTF8(s, "\uFFFD"), "")
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

// clean is stripped text of one line and bounded length, for any format.
func clean(s string) string {
	s = strings.Join(strings.Fields(stripped(s)), " ")
	if runes := []rune(s); len(runes) > maxText {
		return string(runes[:maxText]) + "…"
	}
	return s
}

// wrap breaks text at spaces into lines of at most width runes; words that are
// longer are broken too. It gives at least one line.
func wrap(s string, width int) []string {
	var lines []string
	line := []rune{}
	for _, word := range strings.Fields(s) {
		rest := []rune(word)
		if len(line) > 0 && len(line)+1+len(rest) <= width {
			line = append(append(line, ' '), rest...)
			continue
		}
		if len(line) > 0 {
			lines, line = append(lines, string(line)), nil
		}
		for len(rest) > width {
			lines, rest = append(lines, string(rest[:width])), rest[width:]
		}
		line = rest
	}
	return append(lines, string(line))
}

// short is the beginning of a digest, enough to tell two apart at a glance.
func short(digest string) string {
	hex := strings.TrimPrefix(clean(digest), "sha256:")
	if len(hex) > 12 {
		return hex[:12]
	}
	return hex
}
