package html

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	markup "golang.org/x/net/html"

	"github.com/gatekeep-dev/gatekeep"
)

func render(t testing.TB, r gatekeep.Record) string {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// records are those of real bundles.
func records(t testing.TB) map[string]gatekeep.Record {
	t.Helper()
	paths, err := filepath.Glob("../testdata/records/*.record.json")
	if err != nil || len(paths) < 6 {
		t.Fatal(paths, err)
	}
	out := map[string]gatekeep.Record{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var r gatekeep.Record
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(path), ".record.json")] = r
	}
	return out
}

// All that the page is made of. No element or attribute of these loads or runs anything.
var (
	elements = strings.Fields("html head meta title style body main header p div h1 h2 h3 span strong nav ol li a section table caption colgroup col thead tbody tr th td pre code footer")
	attrs    = strings.Fields("lang charset http-equiv content name class id aria-hidden aria-label aria-labelledby href scope")
)

func eachTag(t testing.TB, page string, visit func(markup.Token)) {
	t.Helper()
	z := markup.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case markup.ErrorToken:
			if z.Err() != io.EOF {
				t.Fatal(z.Err())
			}
			return
		case markup.StartTagToken, markup.SelfClosingTagToken, markup.CommentToken:
			visit(z.Token())
		}
	}
}

// foreign is what a page holds beside what the template has.
func foreign(t testing.TB, page string) []string {
	t.Helper()
	var out []string
	eachTag(t, page, func(tag markup.Token) {
		if !slices.Contains(elements, tag.Data) {
			out = append(out, "element "+tag.Data)
		}
		for _, a := range tag.Attr {
			if !slices.Contains(attrs, a.Key) {
				out = append(out, "attribute "+a.Key)
			}
			if a.Key == "href" && !strings.HasPrefix(a.Val, "#") {
				out = append(out, "link to "+a.Val)
			}
		}
	})
	return out
}

func TestPageIsSelfContained(t *testing.T) {
	for name, r := range records(t) {
		page := render(t, r)
		if found := foreign(t, page); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
		if !strings.Contains(page, `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">`) {
			t.Errorf("%s: no content security policy", name)
		}
		for _, bad := range []string{"url(", "@import", "expression(", "<script", "javascript:"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s: page has %q", name, bad)
			}
		}
	}
	if found := foreign(t, `<img src=x><a href="https://evil.example">`); len(found) != 3 {
		t.Errorf("an image and a link are %v", found)
	}
}

// Whatever a field holds, the page has the same elements as with plain text in it.
func TestTextFromOutsideAddsNoElement(t *testing.T) {
	shape := func(page string) string {
		var out strings.Builder
		eachTag(t, page, func(tag markup.Token) { out.WriteString(tag.Data + " ") })
		return out.String()
	}
	spoil := func(text string) gatekeep.Record {
		r := records(t)["could-not-judge"]
		r.ID, r.Case.Subject.Name, r.Case.Request.Service, r.Case.Request.Actor.Principal, r.Case.Policy.Name = text, text, text, text, text
		r.Case.Sources[1].Detail, r.Case.Sources[1].Name, r.Engine.OPA, r.Accepted[0].Kind, r.Regimes[0].Title = text, text, text, text, text
		r.Rejected = []gatekeep.Rejection{{ID: text, Reason: gatekeep.Reason(text), Detail: text, Name: text, Source: text, Kind: text, Signer: text, PredicateType: text}}
		r.Decision.Results[0].Findings = []gatekeep.Finding{{Rule: text, Message: text, At: text, Remedy: text}}
		r.Decision.Results[0].Notes = []string{"x", text}
		return r
	}
	plain := shape(render(t, spoil("plain")))
	for _, text := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</style><script>x</script>`, `</title><script>x</script>`, `<!-- x`, `-->`, `]]>`,
		`' onmouseover='alert(1)`, `javascript:alert(1)`, `{{template "cell" .}}`, `&lt;b&gt;`, "a\u202eb", "\x00<b>", "<\x00script>", `<svg/onload=alert(1)>`, `</table></main>`,
	} {
		page := render(t, spoil(text))
		if found := foreign(t, page); len(found) > 0 {
			t.Errorf("%q: %v", text, found)
		}
		if got := shape(page); got != plain {
			t.Errorf("%q changes the elements of the page", text)
		}
	}
}

func TestVerdictIsSaidInWords(t *testing.T) {
	all := records(t)
	for _, c := range []struct {
		record string
		mode   gatekeep.Mode
		want   []string
	}{
		{"open", gatekeep.Enforce, []string{"</span> OPEN</h1>", "The gate is open: no rule that can shut it stands against this request.", "Mode enforce: the outcome is binding."}},
		{"shut", gatekeep.Enforce, []string{"</span> SHUT</h1>", "The gate is shut: 1 finding stands against this request.", "A shut gate stops the deployment."}},
		{"shut", gatekeep.Warn, []string{"</span> SHUT</h1>", "Mode warn: the outcome was reported, and nothing was stopped by it."}},
		{"shut", gatekeep.Observe, []string{"Mode observe: the outcome was recorded, and nothing was stopped by it."}},
		{"open", "odd", []string{"Mode &#34;odd&#34; is not known: it cannot be said what was done"}},
		{"could-not-judge", gatekeep.Enforce, []string{"SHUT: could not judge</h1>", "it says that nobody could tell", "The place gave no answer in time. (source_timeout)"}},
		{"waived", gatekeep.Enforce, []string{"1 finding was excused", "waiver</div><div class=\"code\">W-1"}},
		{"emergency", gatekeep.Enforce, []string{"yes: asked for as an emergency", "emergency grant</div><div class=\"code\">G-1", "review of the emergency deployment", "24 November 2026, 12:00:00 UTC"}},
		{"release", gatekeep.Enforce, []string{"release of several artifacts", "registry.example/shop-job", "linux/amd64"}},
	} {
		r := all[c.record]
		r.Mode = c.mode
		page := render(t, r)
		for _, want := range c.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s in mode %s does not say %q", c.record, c.mode, want)
			}
		}
	}
}

// All that an auditor asks for is there.
func TestPageHasWhatTheRecordHas(t *testing.T) {
	for name, r := range records(t) {
		page := markup.UnescapeString(render(t, r))
		want := []string{r.ID, r.Case.Request.Actor.Principal, r.Case.Subject.Digest, r.Case.Request.Environment, "23 November 2026, 12:00:00 UTC",
			r.Case.Policy.Digest, r.Case.Policy.Signer, r.Facts.Input, r.Facts.Decision, r.Facts.Binding, r.Engine.OPA, "gatekeep evidence verify", "cosign verify-blob-attestation", "openssl dgst", "sha256sum --check"}
		for d, a := range r.Case.Subject.Artifacts {
			want = append(want, d, a.Platform)
		}
		for _, s := range r.Accepted {
			want = append(want, s.ID, s.Signer, s.Kind)
		}
		want = append(want, r.Decision.Effects.Approvals...)
		for _, g := range r.Regimes {
			want = append(want, g.Title, g.Version, g.Authority)
			for _, c := range g.Controls {
				if slices.ContainsFunc(r.Decision.Results, func(x gatekeep.Result) bool { return x.Control == c.ID && x.Regime == g.ID }) {
					want = append(want, c.ID, c.Title, c.Citation, c.Strength, strings.Join(strings.Fields(c.Limits), " "))
				}
			}
		}
		for _, x := range r.Decision.Results {
			want = append(want, x.Rule)
			want = append(want, x.Notes...)
			for _, f := range x.Findings {
				want = append(want, f.Message, f.At, f.Remedy, f.Excuse)
			}
		}
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("%s: %q is missing", name, w)
			}
		}
	}
}

func TestContradictionIsSaid(t *testing.T) {
	r := records(t)["shut"]
	r.Decision.Outcome = gatekeep.Pass
	if !strings.Contains(render(t, r), "This record contradicts itself") {
		t.Error("a record that is open and shut at once looks like any other")
	}
	if strings.Contains(render(t, records(t)["waived"]), "contradicts itself") {
		t.Error("a waiver counts as a contradiction")
	}
	r = records(t)["open"]
	r.Accepted = nil
	if !strings.Contains(render(t, r), "this record does not list the document as accepted") {
		t.Error("an approval that was not accepted looks like any other")
	}
}

func TestLongTablesAreCutAndSaySo(t *testing.T) {
	r := records(t)["shut"]
	for i := range maxRows + 7 {
		r.Rejected = append(r.Rejected, gatekeep.Rejection{ID: fmt.Sprint(i), Reason: gatekeep.ReasonUnsigned})
	}
	page := render(t, r)
	if !strings.Contains(page, "… and 7 more rows: decision/record.json") || strings.Count(page, "code unsigned") != maxRows {
		t.Error("the table is not cut, or does not say so")
	}
	if !strings.Contains(page, "1007 documents were found and not believed.") {
		t.Error("the count is that of the rows")
	}
}

func TestEmptyRecordIsShutAndRenders(t *testing.T) {
	page := render(t, gatekeep.Record{})
	for _, want := range []string{"SHUT: could not judge</h1>", "not stated", "No document was believed."} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	r := gatekeep.Record{Decision: gatekeep.Decision{Outcome: 99, Results: []gatekeep.Result{{Regime: "x", Outcome: 99}}}, Regimes: []gatekeep.Regime{{ID: "y"}}}
	if page := render(t, r); !strings.Contains(page, "no rule of this regime gave a result") || !strings.Contains(page, "could not be judged") {
		t.Error("outcomes that there are not look clean")
	}
}

func TestWhenSaysTheTimeZone(t *testing.T) {
	at := time.Date(2026, 3, 29, 1, 30, 0, 0, time.FixedZone("", 3600))
	if got := when(at); got != "29 March 2026, 00:30:00 UTC" {
		t.Errorf("%s", got)
	}
}

// Every code for which something is not believed or not seen has words.
func TestEveryReasonHasWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../../rejection.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		v, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		code, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		n++
		if words := reasons[gatekeep.Reason(code)]; !strings.HasSuffix(words, ".") {
			t.Errorf("reason %s has the words %q", code, words)
		}
		return true
	})
	if n != len(reasons) || n < 20 {
		t.Errorf("%d reasons, and words for %d", n, len(reasons))
	}
}

// WCAG 2.2: 1.3.1 (structure), 2.4.1 (headings), 3.1.1 (language).
func TestPageIsAccessible(t *testing.T) {
	for name, r := range records(t) {
		page := render(t, r)
		level, ids, tables, captions := 0, map[string]bool{}, 0, 0
		var links []string
		eachTag(t, page, func(tag markup.Token) {
			attr := map[string]string{}
			for _, a := range tag.Attr {
				attr[a.Key] = a.Val
			}
			if id := attr["id"]; id != "" && ids[id] {
				t.Errorf("%s: id %s twice", name, id)
			}
			ids[attr["id"]] = true
			links = append(links, attr["aria-labelledby"], strings.TrimPrefix(attr["href"], "#"))
			switch tag.Data {
			case "html":
				if attr["lang"] != "en" {
					t.Errorf("%s: no language", name)
				}
			case "h1", "h2", "h3":
				next := int(tag.Data[1] - '0')
				if next > level+1 || next == 1 && level != 0 {
					t.Errorf("%s: heading %d after %d", name, next, level)
				}
				level = next
			case "th":
				if attr["scope"] == "" {
					t.Errorf("%s: header of a table without scope", name)
				}
			case "table":
				tables++
			case "caption":
				captions++
			}
		})
		for _, id := range links {
			if id != "" && !ids[id] {
				t.Errorf("%s: link to %s, which is not there", name, id)
			}
		}
		if tables != captions || tables < 5 {
			t.Errorf("%s: %d tables, %d captions", name, tables, captions)
		}
	}
}

// WCAG 2.2, 1.4.3: 4.5 to 1 at least. The darkest ground is that of table headers.
func TestColoursHaveContrast(t *testing.T) {
	luminance := func(hex string) float64 {
		var c [3]float64
		for i := range c {
			n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			if c[i] = float64(n) / 255; c[i] <= 0.04045 {
				c[i] /= 12.92
			} else {
				c[i] = math.Pow((c[i]+0.055)/1.055, 2.4)
			}
		}
		return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2]
	}
	colours := regexp.MustCompile(`[{; ]color: #([0-9a-f]{3,6})`).FindAllStringSubmatch(style, -1)
	if len(colours) < 8 {
		t.Fatalf("%d colours", len(colours))
	}
	ground := luminance("e8e8e8")
	for _, c := range colours {
		hex := c[1]
		if len(hex) == 3 {
			hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
		}
		if ratio := (ground + 0.05) / (luminance(hex) + 0.05); ratio < 4.5 {
			t.Errorf("#%s has contrast %.1f", hex, ratio)
		}
	}
}

// What is told by colour is told by a symbol and a word too.
func TestStandingsAreNotToldByColourAlone(t *testing.T) {
	badge := regexp.MustCompile(`class="(?:badge|rule) [a-z]+">(<span class="mark" aria-hidden="true">[^<]+</span>&nbsp;[^<]+)?<`)
	for name, r := range records(t) {
		found := badge.FindAllStringSubmatch(render(t, r), -1)
		if len(found) < 10 {
			t.Errorf("%s: %d badges", name, len(found))
		}
		for _, m := range found {
			if m[1] == "" {
				t.Errorf("%s: %s", name, m[0])
			}
		}
	}
}
