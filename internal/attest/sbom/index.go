package sbom

import "strings"

// entry is one component or package; its texts belong to the document.
type entry struct {
	kind, name, group, version, purl []byte
	licenses                         [][]byte
	nameless                         bool // no purl is to be expected
}

// index grows with each entry.
type index struct {
	byPURL       map[string]any
	byName       map[string][]any
	byLicense    map[string][]any
	unidentified []any
	count        int
	anonymous    int
}

func newIndex() *index {
	return &index{byPURL: map[string]any{}, byName: map[string][]any{},
		byLicense: map[string][]any{}, unidentified: []any{}}
}

// store is the index as the policy store takes it.
func (x *index) store() map[string]any {
	plain := func(lists map[string][]any) map[string]any {
		m := make(map[string]any, len(lists))
		for key, list := range lists {
			m[key] = list
		}
		return m
	}
	return map[string]any{"by_purl": x.byPURL, "by_name": plain(x.byName),
		"by_license": plain(x.byLicense), "unidentified": x.unidentified}
}

func (x *index) add(c entry) {
	name := string(c.name)
	identified := false
	var label any = name // what licences are listed with
	if len(c.purl) > 0 {
		var key string
		key, identified = x.addPURL(c.purl, name)
		label = key
	}
	if !identified && !c.nameless {
		x.anonymous++
		if len(x.unidentified) < maxUnidentified {
			x.unidentified = append(x.unidentified, name)
		}
	}
	if name != "" {
		var version any = string(c.version)
		x.addName(name, version)
		if len(c.group) > 0 {
			x.addName(string(c.group)+"/"+name, version)
		}
	}
	for _, text := range c.licenses {
		x.addLicense(text, label)
	}
}

func (x *index) addName(name string, version any) {
	versions := x.byName[name]
	// The same package found in two places stands side by side.
	if n := len(versions); n > 0 && versions[n-1] == version {
		return
	}
	x.byName[name] = append(versions, version)
}

// addPURL lists a purl under each of its spellings. One that cannot be read is
// listed as it stands, and does not count as an identity.
func (x *index) addPURL(purl []byte, name string) (key string, identified bool) {
	text := string(purl)
	spellings, ok := Spellings(text)
	var boxed any = name
	for _, s := range spellings {
		if _, taken := x.byPURL[s]; !taken {
			x.byPURL[s] = boxed
		}
	}
	return spellings[0], ok
}

func (x *index) addLicense(text []byte, label any) {
	x.addLicenseKey(text, label)
	if !isExpression(text) {
		return
	}
	ids := 0
	for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return r == ' ' || r == '(' || r == ')' }) {
		switch word {
		case "AND", "OR", "WITH":
			continue
		}
		if ids++; ids > maxLicenseIDs {
			return
		}
		x.addLicenseKey([]byte(word), label)
	}
}

func (x *index) addLicenseKey(key []byte, label any) {
	list := x.byLicense[string(key)]
	if n := len(list); n > 0 && list[n-1] == label {
		return
	}
	x.byLicense[string(key)] = append(list, label)
}

// isExpression tells an SPDX licence expression from an id and from the name of a
// licence in words ("GNU GPL version 2 or later"): its operators are upper case
// (SPDX 2.3 annex D.2). It is asked of ids and names too, since real documents put
// expressions there.
func isExpression(text []byte) bool {
	s := string(text)
	return strings.HasPrefix(s, "(") || strings.Contains(s, " AND ") ||
		strings.Contains(s, " OR ") || strings.Contains(s, " WITH ")
}
