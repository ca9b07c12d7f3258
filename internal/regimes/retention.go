package regimes

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
)

// DefaultPeriod is how long evidence is kept where no active regime says how long: the
// year that one audit looks back on.
const DefaultPeriod = "P1Y"

// maxYears bounds a period. A lock in compliance mode cannot be taken back, and S3 takes
// none that is longer.
const maxYears = 100

// period is ISO 8601-1:2019, section 5.5.2.2, with years, months, weeks or days: what a
// text of law counts in.
var period = regexp.MustCompile(`^P(?:([1-9][0-9]{0,4})Y)?(?:([1-9][0-9]{0,4})M)?(?:([1-9][0-9]{0,4})W)?(?:([1-9][0-9]{0,4})D)?$`)

// Kept tells until when evidence is kept, and who asks for it.
type Kept struct {
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Period   string    `json:"period"`
	Regime   string    `json:"regime,omitempty"` // "" where none says how long
	Citation string    `json:"citation,omitempty"`
}

// KeptUntil finds the longest retention that the regimes of a record ask for, from a
// moment on. A record that was made before catalogues had periods, and one of a policy
// that gives none, has that of builtin for a regime of the same id: forgetting to say
// how long never shortens.
func KeptUntil(active []gatekeep.Regime, builtin Catalogue, from time.Time) (Kept, error) {
	var longest Kept
	for _, r := range active {
		asked := cmp.Or(r.Retention, builtin[r.ID].Retention)
		if asked == nil {
			continue
		}
		until, err := after(asked.Period, from)
		if err != nil {
			return Kept{}, fmt.Errorf("reading the retention of %s: %w", r.ID, err)
		}
		if until.After(longest.Until) {
			longest = Kept{from, until, asked.Period, r.ID, asked.Citation}
		}
	}
	if longest.Regime != "" {
		return longest, nil
	}
	until, err := after(DefaultPeriod, from)
	return Kept{From: from, Until: until, Period: DefaultPeriod}, err
}

func checkRetention(r *gatekeep.Retention) error {
	if r == nil {
		return nil
	}
	if strings.TrimSpace(r.Citation) == "" {
		return errors.New("citation is missing; name the text that asks for it")
	}
	_, err := after(r.Period, time.Time{})
	return err
}

// parts are the years, months and days of a period.
func parts(text string) (years, months, days int, err error) {
	m := period.FindStringSubmatch(text)
	if m == nil || text == "P" {
		return 0, 0, 0, fmt.Errorf("%.40q is no period; write years, months, weeks or days such as P6Y or P18M", text)
	}
	var n [5]int
	for i := 1; i < len(m); i++ {
		n[i], _ = strconv.Atoi("0" + m[i]) // digits, five at most
	}
	return n[1], n[2], n[3]*7 + n[4], nil
}

// after is the moment at which a period that begins at from has passed.
func after(text string, from time.Time) (time.Time, error) {
	years, months, days, err := parts(text)
	if err != nil {
		return time.Time{}, err
	}
	until := from.UTC().AddDate(years, months, days)
	if until.After(from.UTC().AddDate(maxYears, 0, 0)) {
		return time.Time{}, fmt.Errorf("%s is longer than %d years", text, maxYears)
	}
	return until, nil
}

// InWords is a period for people: "6 years". One that is none comes back as it is.
func InWords(text string) string {
	years, months, days, err := parts(text)
	if err != nil {
		return text
	}
	var words []string
	for _, p := range []struct {
		n    int
		unit string
	}{{years, "year"}, {months, "month"}, {days, "day"}} {
		switch {
		case p.n == 1:
			words = append(words, "1 "+p.unit)
		case p.n > 1:
			words = append(words, strconv.Itoa(p.n)+" "+p.unit+"s")
		}
	}
	return strings.Join(words, " and ")
}
