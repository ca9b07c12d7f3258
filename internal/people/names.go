package people

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Names puts commitments in the place of names.
type Names struct {
	ids      map[string]string
	accounts map[string]bool // commitments that a catalogue knows; only they stand in claims
	words    *regexp.Regexp  // any of the names, as a word of its own; nil where there is none
	back     *strings.Replacer
}

// mail is what looks like an address of somebody, whom nobody may know.
var mail = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}`)

// IsAddress tells whether a text is an address of somebody, and nothing else.
func IsAddress(s string) bool { return s != "" && mail.FindString(s) == s }

// withheld stands for an address that is not committed to.
const withheld = "[withheld]"

// NewNames prepares to replace these. Accounts are the commitments that a catalogue
// vouches for: a stranger may call himself what a claim says, and must not hide it.
func NewNames(list []Person, accounts []string) *Names {
	n := &Names{ids: map[string]string{}, accounts: map[string]bool{}, words: wordsOf(list)}
	var pairs []string
	for _, p := range list {
		n.ids[p.Claims.Name] = p.shown()
		pairs = append(pairs, p.shown(), p.Claims.Name)
	}
	n.back = strings.NewReplacer(pairs...)
	for _, id := range accounts {
		n.accounts[id] = true
	}
	return n
}

// wordsOf finds any of the names as a word of its own, the longest first: a name may
// begin another.
func wordsOf(list []Person) *regexp.Regexp {
	names := make([]string, 0, len(list))
	for _, p := range list {
		names = append(names, p.Claims.Name)
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	for i, name := range names {
		pattern := regexp.QuoteMeta(name)
		if wordy(name[0]) {
			pattern = `\b` + pattern
		}
		if wordy(name[len(name)-1]) {
			pattern += `\b`
		}
		names[i] = pattern
	}
	if len(names) == 0 {
		return nil
	}
	return regexp.MustCompile(strings.Join(names, "|"))
}

func wordy(c byte) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
}

// Name is the commitment in the place of a name, and what is none as it is.
func (n *Names) Name(s string) string {
	if id, known := n.ids[s]; known {
		return id
	}
	return s
}

// Claim is the commitment in the place of an account that the catalogue knows.
func (n *Names) Claim(s string) string {
	if id, known := n.ids[s]; known && n.accounts[id] {
		return id
	}
	return s
}

// Label is a name that somebody gave to a thing, with the names of people in it
// replaced. Unlabel is the way back, for whoever knows the names.
func (n *Names) Label(s string) string {
	if n.words == nil {
		return s
	}
	return n.words.ReplaceAllStringFunc(s, n.Name)
}

// Unlabel is what Label was given.
func (n *Names) Unlabel(s string) string { return n.back.Replace(s) }

// Text is what the gate says, with every name in it replaced and every address of
// somebody else withheld.
func (n *Names) Text(s string) string { return mail.ReplaceAllString(n.Label(s), withheld) }

// Mask is what somebody wrote, with names and addresses struck out: it stays as long as it
// is, since rules may want a text to have some length.
func (n *Names) Mask(s string) string {
	stars := func(found string) string { return strings.Repeat("*", utf8.RuneCountInString(found)) }
	if n.words != nil {
		s = n.words.ReplaceAllStringFunc(s, stars)
	}
	return mail.ReplaceAllStringFunc(s, stars)
}
