// Package instant checks times that statements carry as text.
package instant

import (
	"fmt"
	"time"
)

// Check tells why a text is not an RFC 3339 time that a rule can compare: rules
// count nanoseconds since 1970 in 64 bits, and stop at a time beyond that.
func Check(text string) error {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("time %q is not of the form 2026-11-23T10:00:00Z (RFC 3339)", text)
	}
	if year := t.UTC().Year(); year < 1970 || year > 2261 {
		return fmt.Errorf("time %q is not between the years 1970 and 2261", text)
	}
	return nil
}

// Optional is Check for a text that may be empty.
func Optional(text string) error {
	if text == "" {
		return nil
	}
	return Check(text)
}
