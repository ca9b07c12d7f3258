package xsd

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Lexical spaces of XML Schema 1.0 Part 2, section 3.
var (
	integers = regexp.MustCompile(`^[-+]?[0-9]+$`)
	decimals = regexp.MustCompile(`^[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$`)
	zones    = `(Z|[-+](?:0[0-9]|1[0-3]):[0-5][0-9]|[-+]14:00)?$`
	dates    = regexp.MustCompile(`^-?([1-9][0-9]{4,}|[0-9]{4})-([0-9]{2})-([0-9]{2})` + zones)
	instants = regexp.MustCompile(`^-?([1-9][0-9]{4,}|[0-9]{4})-([0-9]{2})-([0-9]{2})T(?:([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?|24:00:00(\.0+)?)` + zones)
	schemes  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*$`)
	escapes  = regexp.MustCompile(`%(?:[^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)`)
)

// lexical tells whether a text, its white space normalized, is of a built-in type.
func lexical(builtin, text string) bool {
	switch builtin {
	case "boolean":
		return text == "true" || text == "false" || text == "1" || text == "0"
	case "decimal":
		return decimals.MatchString(text)
	case "integer":
		return integers.MatchString(text)
	case "nonNegativeInteger":
		return integers.MatchString(text) && (text[0] != '-' || isZero(text))
	case "positiveInteger":
		return integers.MatchString(text) && text[0] != '-' && !isZero(text)
	case "date":
		return calendar(dates.FindStringSubmatch(text))
	case "dateTime":
		return calendar(instants.FindStringSubmatch(text))
	case "anyURI":
		return isURI(text)
	}
	return true
}

func isZero(integer string) bool { return strings.Trim(integer, "-+0") == "" }

// calendar checks the day of year, month and day in 1 to 3. Part 2, 3.2.7.1: there is
// no year 0000.
func calendar(m []string) bool {
	if m == nil || strings.Trim(m[1], "0") == "" {
		return false
	}
	year, _ := strconv.Atoi(m[1][len(m[1])-4:]) // days of the Gregorian year repeat after 400 years
	month, _ := strconv.Atoi(m[2])              // two digits
	day, _ := strconv.Atoi(m[3])
	if month < 1 || month > 12 || day < 1 {
		return false
	}
	return day <= time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// isURI follows Part 2, 3.2.17: what a URI reference is after its other characters
// have been escaped (RFC 2396). Only escapes, the scheme and the fragment can be wrong
// then.
func isURI(text string) bool {
	if escapes.MatchString(text) || strings.Count(text, "#") > 1 {
		return false
	}
	path, _, _ := strings.Cut(text, "#")
	colon := strings.IndexByte(path, ':')
	if end := strings.IndexAny(path, "/?"); colon < 0 || end >= 0 && end < colon {
		return true
	}
	return schemes.MatchString(path[:colon]) && colon+1 < len(path)
}
