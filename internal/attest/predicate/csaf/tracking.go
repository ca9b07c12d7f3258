package csaf

import (
	"cmp"
	_ "embed"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// integerVersion and semanticVersion are the two forms of /$defs/version_t.
var (
	integerVersion  = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)
	semanticVersion = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9a-zA-Z.-]+)?(\+[0-9a-zA-Z.-]+)?$`)
)

// version is a value of /$defs/version_t; what is of neither form is not semantic.
type version struct {
	semantic bool
	core     [3]string // an integer is the major version
	pre      []string
	text     string
}

func versionOf(text string) version {
	v := version{text: text, core: [3]string{"0", "0", "0"}}
	m := semanticVersion.FindStringSubmatch(text)
	if m == nil {
		if integerVersion.MatchString(text) {
			v.core[0] = text
		}
		return v
	}
	v.semantic = true
	copy(v.core[:], m[1:4])
	if m[4] != "" {
		v.pre = strings.Split(m[4][1:], ".")
	}
	return v
}

// valid tells whether the text is of one of the two forms.
func (v version) valid() bool { return v.semantic || integerVersion.MatchString(v.text) }

// without leaves out build metadata, and the pre-release part where asked to.
func (v version) without(pre bool) string {
	text, _, _ := strings.Cut(v.text, "+")
	if pre && v.semantic {
		text, _, _ = strings.Cut(text, "-")
	}
	return text
}

func number(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) // neither has leading zeros
}

// compare orders versions as https://semver.org/spec/v2.0.0.html does.
func (v version) compare(w version) int {
	for i := range v.core {
		if n := number(v.core[i], w.core[i]); n != 0 {
			return n
		}
	}
	if len(v.pre) == 0 || len(w.pre) == 0 {
		return cmp.Compare(min(len(w.pre), 1), min(len(v.pre), 1))
	}
	for i := range min(len(v.pre), len(w.pre)) {
		a, b := v.pre[i], w.pre[i]
		p, q := integerVersion.MatchString(a), integerVersion.MatchString(b)
		n := strings.Compare(a, b)
		switch {
		case p && q:
			n = number(a, b)
		case p:
			n = -1
		case q:
			n = 1
		}
		if n != 0 {
			return n
		}
	}
	return cmp.Compare(len(v.pre), len(w.pre))
}

// instantOf is the same text for the same moment; a text that is no time stays.
func instantOf(text string) string {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC().Format(time.RFC3339Nano)
	}
	return text
}

// history is the revision history in ascending order of date; entries of the same
// date in that of their number.
func (t *tracking) history() []version {
	type entry struct {
		at      time.Time
		version version
	}
	entries := make([]entry, 0, len(t.RevisionHistory))
	for _, r := range t.RevisionHistory {
		at, _ := time.Parse(time.RFC3339, r.Date) // what is no time comes first; the schema refuses it
		entries = append(entries, entry{at, versionOf(r.Number)})
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(a.at.Compare(b.at), a.version.compare(b.version))
	})
	sorted := make([]version, len(entries))
	for i, e := range entries {
		sorted[i] = e.version
	}
	return sorted
}

const (
	atHistory = "/document/tracking/revision_history"
	atVersion = "/document/tracking/version"
	atStatus  = "/document/tracking/status"
)

// test14, Sorted Revision History: "It MUST be tested that the value of number of items
// of the revision history are sorted ascending when the items are sorted ascending by
// date."
func test14(d *Document, r *report) {
	sorted := d.Header.Tracking.history()
	for i := 1; i < len(sorted); i++ {
		if sorted[i].compare(sorted[i-1]) < 0 {
			r.fail(atHistory, "%.40q comes after %.40q", sorted[i].text, sorted[i-1].text)
		}
	}
}

// test16, Latest Document Version: "It MUST be tested that document version has the
// same value as the number in the last item of Revision History when it is sorted
// ascending by date. Build metadata is ignored in the comparison. Any pre-release part
// is also ignored if the document status is draft."
func test16(d *Document, r *report) {
	t := &d.Header.Tracking
	sorted := t.history()
	if len(sorted) == 0 {
		return
	}
	draft := t.Status == "draft"
	if last := sorted[len(sorted)-1]; last.without(draft) != versionOf(t.Version).without(draft) {
		r.fail(atVersion, "it is %.40q, and the last revision is %.40q", t.Version, last.text)
	}
}

// test17, Document Status Draft: "It MUST be tested that document status is draft if
// the document version is 0 or 0.y.z or contains the pre-release part."
func test17(d *Document, r *report) {
	t := &d.Header.Tracking
	if v := versionOf(t.Version); t.Status != "draft" && v.valid() && (v.core[0] == "0" || len(v.pre) > 0) {
		r.fail(atStatus, "it is %.40q, and the version %.40q is one of a draft", t.Status, t.Version)
	}
}

func (t *tracking) released() bool { return t.Status == "final" || t.Status == "interim" }

// test18, Released Revision History: "It MUST be tested that no item of the revision
// history has a number of 0 or 0.y.z when the document status is final or interim."
func test18(d *Document, r *report) {
	t := &d.Header.Tracking
	for i, rev := range t.RevisionHistory {
		if v := versionOf(rev.Number); t.released() && v.valid() && v.core[0] == "0" {
			r.fail(atHistory+pointer(i, "number"), "the revision %.40q is one of a draft, and the document is %s", rev.Number, t.Status)
		}
	}
}

// test19, Revision History Entries for Pre-release Versions: "It MUST be tested that no
// item of the revision history has a number which includes pre-release information."
func test19(d *Document, r *report) {
	for i, rev := range d.Header.Tracking.RevisionHistory {
		if len(versionOf(rev.Number).pre) > 0 {
			r.fail(atHistory+pointer(i, "number"), "%.40q has a pre-release part", rev.Number)
		}
	}
}

// test20, Non-draft Document Version: "It MUST be tested that document version does not
// contain a pre-release part if the document status is final or interim."
func test20(d *Document, r *report) {
	if t := &d.Header.Tracking; t.released() && len(versionOf(t.Version).pre) > 0 {
		r.fail(atVersion, "%.40q has a pre-release part, and the document is %s", t.Version, t.Status)
	}
}

// test21, Missing Item in Revision History: "It MUST be tested that items of the
// revision history do not omit a version number when the items are sorted ascending by
// date. In the case of semantic versioning, this applies only to the Major version. It
// MUST also be tested that the first item in such a sorted list has either the version
// number 0 or 1 in the case of integer versioning or a Major version of 0 or 1 in the
// case of semantic versioning."
func test21(d *Document, r *report) {
	sorted := d.Header.Tracking.history()
	for i, v := range sorted {
		major, err := strconv.Atoi(v.core[0])
		if err != nil || !v.valid() {
			continue
		}
		if i == 0 {
			if major > 1 {
				r.fail(atHistory, "the first revision is %.40q", v.text)
			}
			continue
		}
		before, err := strconv.Atoi(sorted[i-1].core[0])
		if err == nil && major > before+1 {
			r.fail(atHistory, "version %d is missing before %.40q", before+1, v.text)
		}
	}
}

// test22, Multiple Definition in Revision History: "It MUST be tested that items of the
// revision history do not contain the same version number."
func test22(d *Document, r *report) {
	seen := map[string]bool{}
	for i, rev := range d.Header.Tracking.RevisionHistory {
		if seen[rev.Number] {
			r.fail(atHistory+pointer(i, "number"), "%.40q stands twice", rev.Number)
		}
		seen[rev.Number] = true
	}
}

// test30, Mixed Integer and Semantic Versioning: "It MUST be tested that all elements of
// type /$defs/version_t follow either integer versioning or semantic versioning
// homogeneously within the same document."
func test30(d *Document, r *report) {
	t := &d.Header.Tracking
	want := versionOf(t.Version).semantic
	for i, rev := range t.RevisionHistory {
		if versionOf(rev.Number).semantic != want {
			r.fail(atHistory+pointer(i, "number"), "%.40q and the document version %.40q are of different schemes", rev.Number, t.Version)
		}
	}
}

// test15, Translator: "It MUST be tested that /document/source_lang is present and set
// if the value translator is used for /document/publisher/category."
func test15(d *Document, r *report) {
	if d.Header.Publisher.Category == "translator" && d.Header.SourceLang == "" {
		r.fail("/document/source_lang", "it is missing, and the publisher is a translator")
	}
}

// test28, Translation: "It MUST be tested that the given source language and document
// language are not the same."
func test28(d *Document, r *report) {
	if h := &d.Header; h.Lang != "" && h.Lang == h.SourceLang {
		r.fail("/document/lang", "%.40q is the source language too", h.Lang)
	}
}

// test12, Language: "For each element of type /$defs/language_t it MUST be tested that
// the language code is valid and exists."
func test12(d *Document, r *report) {
	for _, of := range [][2]string{{"lang", d.Header.Lang}, {"source_lang", d.Header.SourceLang}} {
		if tag := of[1]; tag != "" && !isLanguage(tag) {
			r.fail("/document/"+of[0], "%.40q is no language", tag)
		}
	}
}

// languageTag is the pattern of /$defs/lang_t, without private tags.
var languageTag = regexp.MustCompile(`^([a-z]{2,3})(-[a-z]{3}){0,3}(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(-[a-wyz0-9](-[a-z0-9]{2,8})+)*(-x(-[a-z0-9]{1,8})+)?$`)

// isLanguage looks two-letter languages and regions up; of the 8,000 languages with
// three letters it takes any.
func isLanguage(tag string) bool {
	lower := strings.ToLower(tag)
	if lower == "i-default" || lower == "i-mingo" || strings.HasPrefix(lower, "x-") {
		return true
	}
	m := languageTag.FindStringSubmatch(lower)
	if m == nil || len(m[1]) == 2 && !strings.Contains(languages, " "+m[1]+" ") {
		return false
	}
	region := m[5]
	private := len(region) == 2 && (region[0] == 'q' && region[1] >= 'm' || region[0] == 'x')
	return len(region) != 2 || private || strings.Contains(regions, " "+region+" ")
}

// The subtags of two letters in the IANA Language Subtag Registry.
const (
	languages = " aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik in io is it iu iw ja ji jv jw ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mo mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu "
	regions   = " aa ac ad ae af ag ai al am an ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bl bm bn bo bq br bs bt bu bv bw by bz ca cc cd cf cg ch ci ck cl cm cn co cp cq cr cs cu cv cw cx cy cz dd de dg dj dk dm do dz ea ec ee eg eh er es et eu ez fi fj fk fm fo fr fx ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu ic id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mf mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nt nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx sy sz ta tc td tf tg th tj tk tl tm tn to tp tr tt tv tw tz ua ug um un us uy uz va vc ve vg vi vn vu wf ws yd ye yt yu za zm zr zw zz "
)

//go:embed cwe.tsv
var weaknesses string

// test11, CWE: "It MUST be tested that given CWE exists and is valid." A name that an
// older version of the catalogue gave to the weakness counts.
func test11(d *Document, r *report) {
	for i, v := range d.Vulnerabilities {
		switch c := v.CWE; {
		case c == nil:
		case strings.ContainsAny(c.ID+c.Name, "\t\n") || !strings.Contains(weaknesses, "\n"+c.ID+"\t"):
			r.fail(pointer("vulnerabilities", i, "cwe", "id"), "%.40q is no weakness", c.ID)
		case !strings.Contains(weaknesses, "\n"+c.ID+"\t"+c.Name+"\n"):
			r.fail(pointer("vulnerabilities", i, "cwe", "name"), "%s is not called %.120q", c.ID, c.Name)
		}
	}
}
