package html

import (
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

// clean makes text from outside one line of bounded length; the template escapes it.
func clean(s string) string { return view.Clean(s) }

// say is a cell of one text; without words it is empty.
func say(words string) cell { return lines("", words) }

// code is a cell of text that is compared or copied: digests, ids, addresses.
func code(words ...string) cell { return lines("code", words...) }

// lines is a cell of texts of one class. Those without words are left out.
func lines(class string, words ...string) cell {
	var out cell
	for _, w := range words {
		if w = clean(w); w != "" {
			out = append(out, text{Words: w, Class: class})
		}
	}
	return out
}

// with is a cell with more texts under it.
func (c cell) with(more ...cell) cell {
	for _, m := range more {
		c = append(c, m...)
	}
	return c
}

// badge is a standing as symbol and word, so that it is not told by colour alone.
func badge(s view.Standing, words string) cell {
	return cell{{Words: words, Class: "badge " + classes[s], Mark: s.Symbol()}}
}

// add appends a row, and counts what is beyond the bound of a table.
func (t *table) add(row ...cell) {
	if len(t.Rows) >= maxRows {
		t.More++
		return
	}
	t.Rows = append(t.Rows, row)
}

// fact appends a row of a table of names and values, unless there is no value.
func (t *table) fact(name string, value cell) {
	if len(value) > 0 {
		t.add(say(name), value)
	}
}

// facts is a table of names and values.
func facts(caption string) table {
	return table{Caption: caption, Class: "facts", Heads: []string{"What", "Value"}}
}

// prefixed is a text with something before it, and nothing where there is no text.
func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// when is a moment as people write it, with its time zone. Records keep UTC.
func when(t time.Time) string {
	if t.IsZero() {
		return "not stated"
	}
	return t.UTC().Format("2 January 2006, 15:04:05") + " UTC"
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
