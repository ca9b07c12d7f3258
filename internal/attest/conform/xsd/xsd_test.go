package xsd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// head opens a schema of namespace "urn:t", where the prefix t names it.
const head = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:t" xmlns:o="urn:other"
	targetNamespace="urn:t" elementFormDefault="qualified">`

func load(t testing.TB, body string) *Schema {
	t.Helper()
	s, err := Load([]byte(head+body+`</xs:schema>`), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var limits = Limits{Depth: 16, Violations: 10}

// judge returns the violations as text.
func judge(t testing.TB, s *Schema, document string) string {
	t.Helper()
	found, err := s.Validate([]byte(document), limits)
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	var lines []string
	for _, v := range found {
		lines = append(lines, v.At+" "+v.What)
	}
	return strings.Join(lines, "; ")
}

// verdict compares violations with a part of them; "" wants none.
func verdict(t *testing.T, s *Schema, document, want string) {
	t.Helper()
	got := judge(t, s, document)
	if (want == "") != (got == "") || !strings.Contains(got, want) {
		t.Errorf("%s: got %q, want %q", document, got, want)
	}
}

func doc(inside string) string { return `<r xmlns="urn:t" xmlns:o="urn:other">` + inside + `</r>` }

func TestContentIsOfTheModel(t *testing.T) {
	for model, cases := range map[string]map[string]string{
		`<xs:sequence><xs:element name="a"/><xs:element name="b" minOccurs="0"/><xs:element name="c" maxOccurs="unbounded"/></xs:sequence>`: {
			`<a/><b/><c/>`:     "",
			`<a/><c/><c/><c/>`: "",
			`<a/><b/>`:         "/r it ends too early; expected: c",
			`<b/><c/>`:         "/r element b is not allowed here; expected: a",
			`<a/><a/><c/>`:     "/r element a is not allowed here; expected: b, c",
			`<a/><c/><b/>`:     "/r element b is not allowed here; expected: c",
			`<a/><o:c/>`:       "/r element {urn:other}c is not allowed here",
			`<a/> x <c/>`:      `/r text "x" is not allowed between elements`,
			"<a/> \n <c/>":     "",
			``:                 "expected: a",
		},
		`<xs:choice><xs:element name="a"/><xs:sequence><xs:element name="b"/><xs:element name="c"/></xs:sequence></xs:choice>`: {
			`<a/>`: "", `<b/><c/>`: "", `<a/><c/>`: "expected: nothing more", `<b/>`: "expected: c", ``: "expected: a, b", `<c/>`: "c is not allowed",
		},
		`<xs:choice minOccurs="0" maxOccurs="unbounded"><xs:element name="a"/><xs:element name="b"/></xs:choice>`: {
			``: "", `<a/><b/><a/><a/>`: "", `<a/><c/>`: "c is not allowed",
		},
		`<xs:sequence minOccurs="0" maxOccurs="unbounded"><xs:element name="a"/><xs:element name="b" minOccurs="0"/></xs:sequence>`: {
			``: "", `<a/><a/><b/><a/>`: "", `<b/>`: "expected: a", `<a/><b/><b/>`: "expected: a",
		},
		`<xs:sequence><xs:element name="a" minOccurs="0"/><xs:any namespace="##other" processContents="lax" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>`: {
			``: "", `<o:x><o:y z="1">text</o:y></o:x><o:z/>`: "", `<a/><o:x/>`: "", `<o:x/><a/>`: "a is not allowed",
			`<x xmlns=""/>`: "x is not allowed", `<b/>`: "an element of another namespace",
			`<o:x><r xmlns="urn:t"><b/></r></o:x>`: "/r/x/r element b is not allowed",
			`<o:x><b/></o:x>`:                      "",
		},
		`<xs:sequence/>`: {``: "", `<a/>`: "expected: nothing more"},
	} {
		s := load(t, `<xs:element name="r"><xs:complexType>`+model+`</xs:complexType></xs:element>`)
		for inside, want := range cases {
			verdict(t, s, doc(inside), want)
		}
	}
}

func TestOneMistakeIsToldOnce(t *testing.T) {
	s := load(t, `<xs:element name="r"><xs:complexType><xs:sequence><xs:element name="a"/><xs:element name="b" type="xs:integer"/></xs:sequence></xs:complexType></xs:element>`)
	if got := judge(t, s, doc(`<b>x</b><a/><b>1</b><b>y</b>`)); got != `/r element b is not allowed here; expected: a; /r/b "x" is no integer; /r/b[3] "y" is no integer` {
		t.Errorf("got %q", got)
	}
}

func TestElementsWithoutChildren(t *testing.T) {
	s := load(t, `<xs:element name="r"><xs:complexType><xs:sequence>
		<xs:element name="empty" minOccurs="0"><xs:complexType><xs:attribute name="x" type="xs:string"/></xs:complexType></xs:element>
		<xs:element name="text" type="xs:string" minOccurs="0"/>
		<xs:element name="mixed" minOccurs="0"><xs:complexType mixed="true"><xs:sequence><xs:element name="a" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
		<xs:element name="state" minOccurs="0" default="on"><xs:simpleType><xs:restriction base="xs:string"><xs:enumeration value="on"/></xs:restriction></xs:simpleType></xs:element>
		<xs:element name="any" minOccurs="0"/>
		</xs:sequence></xs:complexType></xs:element>`)
	for inside, want := range map[string]string{
		`<empty x="1"/>`:               "",
		`<empty>a</empty>`:             "text",
		`<empty><a/></empty>`:          "there may be none",
		`<empty y="1"/>`:               "attribute y is not allowed",
		`<text>a<!-- b -->c</text>`:    "",
		`<text><a/></text>`:            "element a is not allowed",
		`<text x="1">a</text>`:         "attribute x is not allowed",
		`<mixed>a <a/> b</mixed>`:      "",
		`<mixed>a <b/> b</mixed>`:      "b is not allowed",
		`<state/>`:                     "",
		`<state>off</state>`:           "permitted",
		`<any x="1"><b>text</b></any>`: "",
		`<any><r><b/></r></any>`:       "/r/any/r element b is not allowed",
	} {
		verdict(t, s, doc(inside), want)
	}
}

func TestAttributesAreDeclared(t *testing.T) {
	s := load(t, `<xs:attributeGroup name="g"><xs:attribute name="shared" type="xs:boolean"/></xs:attributeGroup>
		<xs:element name="r"><xs:complexType><xs:sequence>
		<xs:element name="strict" minOccurs="0"><xs:complexType><xs:attribute name="a" type="xs:integer" use="required"/><xs:attribute name="b"/><xs:attributeGroup ref="t:g"/></xs:complexType></xs:element>
		<xs:element name="other" minOccurs="0"><xs:complexType><xs:anyAttribute namespace="##other" processContents="lax"/></xs:complexType></xs:element>
		<xs:element name="open" minOccurs="0"><xs:complexType><xs:attribute name="a" type="xs:integer"/><xs:anyAttribute namespace="##any" processContents="lax"/></xs:complexType></xs:element>
		<xs:element name="text" minOccurs="0"><xs:complexType><xs:simpleContent><xs:extension base="xs:integer"><xs:attribute name="unit" type="xs:string" use="required"/></xs:extension></xs:simpleContent></xs:complexType></xs:element>
		</xs:sequence></xs:complexType></xs:element>`)
	for inside, want := range map[string]string{
		`<strict a="1" b="x" shared="true"/>`: "",
		`<strict/>`:                           "/r/strict attribute a is missing",
		`<strict a="x"/>`:                     `attribute a: "x" is no integer`,
		`<strict a="1" shared="yes"/>`:        "no boolean",
		`<strict a="1" c="1"/>`:               "attribute c is not allowed",
		`<strict a="1" o:b="1"/>`:             "attribute {urn:other}b is not allowed",
		`<other o:x="1" xml:lang="en"/>`:      "",
		`<other x="1"/>`:                      "attribute x is not allowed",
		`<other t:x="1" xmlns:t="urn:t"/>`:    "attribute {urn:t}x is not allowed",
		`<open x="1" o:a="x"/>`:               "",
		`<open a="x"/>`:                       "no integer",
		`<text unit="m">5</text>`:             "",
		`<text>5</text>`:                      "unit is missing",
		`<text unit="m">five</text>`:          "no integer",
		`<open xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"/>`: "",
		`<open xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="x"/>`:             "xsi:type is not allowed",
		`<open xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>`:           "xsi:nil is not allowed",
	} {
		verdict(t, s, doc(inside), want)
	}
	if got := judge(t, s, `<r xmlns="urn:t"><text/></r>`); got != `/r/text attribute unit is missing; /r/text "" is no integer` {
		t.Errorf("got %q", got)
	}
}

func TestSimpleTypesRestrict(t *testing.T) {
	for definition, cases := range map[string]map[string]bool{
		`<xs:restriction base="xs:string"><xs:enumeration value="a"/><xs:enumeration value="b c"/></xs:restriction>`: {"a": true, "b c": true, "": false, "A": false, " a": false},
		`<xs:restriction base="xs:token"><xs:enumeration value="b c"/></xs:restriction>`:                             {" b \n c ": true, "bc": false},
		`<xs:restriction base="xs:string"><xs:pattern value="[a-z]+"/><xs:pattern value="[0-9]|x-[0-9]"/></xs:restriction>`: {
			"abc": true, "5": true, "x-1": true, "55": false, "abc ": false, "": false, "1\n": false,
		},
		`<xs:restriction base="xs:string"><xs:minLength value="2"/><xs:maxLength value="3"/></xs:restriction>`:        {"ab": true, "äöü": true, "a": false, "abcd": false},
		`<xs:restriction base="xs:decimal"><xs:minInclusive value="0"/><xs:maxInclusive value="1"/></xs:restriction>`: {"0": true, "+1.0": true, " 0.5 ": true, "1.01": false, "-0.1": false, "x": false, "1e-1": false, strings.Repeat("0", 200): false},
		`<xs:restriction base="t:small"><xs:pattern value="[a-c]*"/></xs:restriction>`:                                {"abc": true, "abca": false, "x": false},
		`<xs:union memberTypes="t:small xs:integer"/>`:                                                                {"abc": true, "12345": true, "abcd": false},
		`<xs:restriction base="t:either"><xs:pattern value=".*1"/></xs:restriction>`:                                  {"ab1": true, "12341": true, "abc": false, "abcd1": false},
	} {
		s := load(t, `<xs:simpleType name="small"><xs:restriction base="xs:string"><xs:maxLength value="3"/></xs:restriction></xs:simpleType>
			<xs:simpleType name="either"><xs:union memberTypes="t:small xs:integer"/></xs:simpleType>
			<xs:element name="r"><xs:simpleType>`+definition+`</xs:simpleType></xs:element>`)
		for text, want := range cases {
			if got := judge(t, s, doc(text)); (got == "") != want {
				t.Errorf("%s: %q: got %q, want %v", definition, text, got, want)
			}
		}
	}
}

func TestBuiltInTypes(t *testing.T) {
	for builtin, cases := range map[string]map[string]bool{
		"boolean":            {"true": true, "0": true, " 1 ": true, "True": false, "": false},
		"integer":            {"0": true, "-12": true, "+007": true, "1.0": false, "": false, "1 2": false},
		"nonNegativeInteger": {"0": true, "-0": true, "-1": false, "5": true},
		"positiveInteger":    {"1": true, "0": false, "-1": false, "+0": false},
		"decimal":            {"1": true, "1.": true, ".5": true, "-1.50": true, ".": false, "1e5": false, "NaN": false},
		"normalizedString":   {"a\tb": true, "": true},
		"date": {
			"2024-02-29": true, "2023-02-29": false, "2024-13-01": false, "2024-00-01": false, "2024-01-00": false, "0000-01-01": false,
			"2024-01-01Z": true, "2024-01-01+14:00": true, "2024-01-01+14:01": false, "24-01-01": false, "12024-01-01": true, "2024-01-01T00:00:00": false,
		},
		"dateTime": {
			"2024-01-01T00:00:00": true, "2024-01-01T23:59:59.123456Z": true, "2024-12-31T24:00:00-05:00": true, "-0001-01-01T00:00:00Z": true,
			"2024-01-01T24:00:01": false, "2024-01-01T00:60:00": false, "2024-01-01": false, "2024-01-01 00:00:00": false, "2024-01-01T00:00Z": false,
			"2024-04-31T00:00:00Z": false, "2024-01-01T00:00:00+5": false, "2024-01-01t00:00:00z": false,
		},
		"anyURI": {
			"https://example.com/a b?c#d": true, "": true, "../a": true, "pkg:npm/%40a/b@1": true, "http://ex/ü": true, "a/b:c": true, "#x": true,
			"%zz": false, "100%": false, "%4": false, "a#b#c": false, "1:b": false, ":b": false, "a b:c": false, "http:": false, "?a:b": true,
		},
	} {
		s := load(t, `<xs:element name="r" type="xs:`+builtin+`"/>`)
		for text, want := range cases {
			if got := judge(t, s, doc(text)); (got == "") != want {
				t.Errorf("%s %q: got %q, want %v", builtin, text, got, want)
			}
		}
	}
}

func TestIdentifiersAreUniqueBelowTheirElement(t *testing.T) {
	s := load(t, `<xs:element name="r"><xs:complexType><xs:sequence><xs:any namespace="##other" processContents="lax" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>
		<xs:attribute name="id" type="xs:string"/></xs:complexType>
		<xs:unique name="u"><xs:selector xpath=".//*"/><xs:field xpath="@id"/></xs:unique></xs:element>`)
	for document, want := range map[string]string{
		doc(`<o:a id="1"/><o:b id="2"/><o:c/><o:c/>`):                   "",
		doc(`<o:a id="1"/><o:b id="1"/>`):                               `/r/b id "1" is taken by /r/a`,
		doc(`<o:a id="1"><o:b id="1"/></o:a>`):                          `/r/a/b id "1" is taken by /r/a`,
		doc(`<o:a o:id="1"/><o:b o:id="1"/>`):                           "",
		`<r xmlns="urn:t" id="1"><o:a xmlns:o="urn:other" id="1"/></r>`: "", // the element itself is not below itself
	} {
		verdict(t, s, document, want)
	}
}

func TestRootMustBeDeclared(t *testing.T) {
	s := load(t, `<xs:element name="r" type="xs:string"/>`)
	for document, want := range map[string]string{
		`<r xmlns="urn:t">a</r>`:       "",
		`<r>a</r>`:                     "the root element {}r is not declared in urn:t",
		`<r xmlns="urn:t2">a</r>`:      "the root element {urn:t2}r",
		`<x:q xmlns:x="urn:t">a</x:q>`: "the root element {urn:t}q",
	} {
		verdict(t, s, document, want)
	}
	if s.TargetNamespace() != "urn:t" {
		t.Error(s.TargetNamespace())
	}
}

func TestIllFormedDocumentsAreErrors(t *testing.T) {
	s := load(t, `<xs:element name="r"/>`)
	for document, want := range map[string]string{
		``:                               "no element",
		`<r xmlns="urn:t">`:              "unexpected EOF",
		`<r xmlns="urn:t"></x>`:          "closed by",
		`<r xmlns="urn:t"/><r/>`:         "more than one root",
		`<r xmlns="urn:t"/>x`:            "text outside",
		`<r xmlns="urn:t" a="1" a="2"/>`: "attribute a stands twice",
		`<r xmlns="urn:t"><o:x/></r>`:    "prefix o is not declared",
		`<r xmlns="urn:t" o:x="1"/>`:     "prefix o is not declared",
		`<r xmlns="urn:t"><a xmlns:o="urn:o"/><o:b/></r>`:           "prefix o is not declared",
		`<r xmlns="urn:t">&a;</r>`:                                  "invalid character entity",
		`<!DOCTYPE r><r xmlns="urn:t"/>`:                            "document type",
		`<?xml version="1.0" encoding="latin1"?><r xmlns="urn:t"/>`: "encoding",
		strings.Repeat(`<r xmlns="urn:t">`, 17):                     "more than 16 elements in each other",
	} {
		found, err := s.Validate([]byte(document), limits)
		if err == nil || !strings.Contains(err.Error(), want) || found != nil {
			t.Errorf("%s: got %v, %v, want an error with %q", document, found, err, want)
		}
	}
}

func TestViolationsAreBounded(t *testing.T) {
	s := load(t, `<xs:element name="r"><xs:complexType><xs:sequence><xs:element name="a" type="xs:integer" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>`)
	found, err := s.Validate([]byte(doc(strings.Repeat(`<a>x</a>`, 100))), limits)
	if err != nil || len(found) != limits.Violations || found[9].At != "/r/a[10]" {
		t.Errorf("%d violations, %v", len(found), err)
	}
}

// Half a schema would let documents through.
func TestSchemasInOtherWordsAreRefused(t *testing.T) {
	element := func(inside string) string { return `<xs:element name="r">` + inside + `</xs:element>` }
	complexType := func(inside string) string { return element(`<xs:complexType>` + inside + `</xs:complexType>`) }
	simple := func(inside string) string { return element(`<xs:simpleType>` + inside + `</xs:simpleType>`) }
	for name, body := range map[string]string{
		"include":          `<xs:include schemaLocation="x"/>`,
		"nillable":         `<xs:element name="r" nillable="true"/>`,
		"substitution":     `<xs:element name="r" substitutionGroup="t:x"/>`,
		"key":              element(`<xs:key name="k"/>`),
		"other selector":   element(`<xs:unique name="u"><xs:selector xpath="a"/><xs:field xpath="@id"/></xs:unique>`),
		"other field":      element(`<xs:unique name="u"><xs:selector xpath=".//*"/><xs:field xpath="id"/></xs:unique>`),
		"all":              complexType(`<xs:all/>`),
		"group":            complexType(`<xs:sequence><xs:group ref="t:g"/></xs:sequence>`),
		"complex content":  complexType(`<xs:complexContent/>`),
		"assertion":        complexType(`<xs:assert test="a"/>`),
		"counted":          complexType(`<xs:sequence><xs:element name="a" maxOccurs="5"/></xs:sequence>`),
		"twice at least":   complexType(`<xs:sequence><xs:element name="a" minOccurs="2"/></xs:sequence>`),
		"skipped wildcard": complexType(`<xs:sequence><xs:any namespace="##other" processContents="skip"/></xs:sequence>`),
		"any wildcard":     complexType(`<xs:sequence><xs:any namespace="##any" processContents="lax"/></xs:sequence>`),
		"strict attribute": complexType(`<xs:anyAttribute namespace="##any"/>`),
		"qualified":        complexType(`<xs:attribute name="a" form="qualified"/>`),
		"prohibited":       complexType(`<xs:attribute name="a" use="prohibited"/>`),
		"attribute kind":   complexType(`<xs:attribute name="a"><xs:complexType/></xs:attribute>`),
		"restriction":      complexType(`<xs:simpleContent><xs:restriction base="xs:string"/></xs:simpleContent>`),
		"list":             simple(`<xs:list itemType="xs:string"/>`),
		"facet":            simple(`<xs:restriction base="xs:decimal"><xs:fractionDigits value="2"/></xs:restriction>`),
		"no number":        simple(`<xs:restriction base="xs:string"><xs:minLength value="x"/></xs:restriction>`),
		"anonymous member": simple(`<xs:union memberTypes="xs:string"><xs:simpleType/></xs:union>`),
		"two definitions":  simple(`<xs:restriction base="xs:string"/><xs:restriction base="xs:string"/>`),
		"digits class":     simple(`<xs:restriction base="xs:string"><xs:pattern value="\d"/></xs:restriction>`),
		"subtraction":      simple(`<xs:restriction base="xs:string"><xs:pattern value="[a-z-[aeiou]]"/></xs:restriction>`),
		"plain caret":      simple(`<xs:restriction base="xs:string"><xs:pattern value="^a$"/></xs:restriction>`),
		"broken pattern":   simple(`<xs:restriction base="xs:string"><xs:pattern value="("/></xs:restriction>`),
		"unknown built-in": `<xs:element name="r" type="xs:QName"/>`,
		"unknown type":     `<xs:element name="r" type="t:x"/>`,
		"unknown prefix":   `<xs:element name="r" type="q:x"/>`,
		"unknown group":    complexType(`<xs:attributeGroup ref="t:g"/>`),
		"circle":           `<xs:simpleType name="a"><xs:restriction base="t:a"/></xs:simpleType><xs:element name="r" type="t:a"/>`,
		"nested groups":    `<xs:attributeGroup name="g"><xs:attributeGroup ref="t:g"/></xs:attributeGroup>` + complexType(`<xs:attributeGroup ref="t:g"/>`),
		"missing import":   `<xs:import namespace="urn:other" schemaLocation="x"/>`,
		"ill-formed":       `<xs:element>`,
	} {
		if _, err := Load([]byte(head+body+`</xs:schema>`), nil); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
	for name, text := range map[string]string{
		"unqualified": strings.Replace(head, `elementFormDefault="qualified"`, "", 1) + `</xs:schema>`,
		"no schema":   `<a/>`,
		"nothing":     ``,
		"annotation":  head + `<xs:annotation>`,
	} {
		if _, err := Load([]byte(text), nil); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
	if _, err := Load([]byte(head+complexType(`<xs:all/>`)+`</xs:schema>`), nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("got %v, want ErrUnsupported", err)
	}
}

func TestImportsAreGiven(t *testing.T) {
	other := bytes.ReplaceAll([]byte(head+`<xs:simpleType name="n"><xs:restriction base="xs:integer"/></xs:simpleType></xs:schema>`), []byte(`targetNamespace="urn:t"`), []byte(`targetNamespace="urn:other"`))
	body := head + `<xs:import namespace="urn:other" schemaLocation="http://example.com/never"/><xs:element name="r" type="o:n"/></xs:schema>`
	s, err := Load([]byte(body), map[string][]byte{"urn:other": other})
	if err != nil {
		t.Fatal(err)
	}
	verdict(t, s, doc("5"), "")
	verdict(t, s, doc("x"), "no integer")
	if _, err := Load([]byte(body), map[string][]byte{"urn:other": []byte("<")}); err == nil {
		t.Error("an import that is no XML was loaded")
	}
}

func TestLongValuesAreCut(t *testing.T) {
	if got := quote(strings.Repeat("ü", 200)); len(got) > 200 || !strings.HasSuffix(got, `..."`) {
		t.Errorf("got %s", got)
	}
}

// FuzzValidate: the verdict never depends on anything but the document, and what has no
// violations can be read by whoever comes after.
func FuzzValidate(f *testing.F) {
	spdx, err := os.ReadFile("../schemas/spdx.SNAPSHOT.xsd")
	if err != nil {
		f.Fatal(err)
	}
	text, err := os.ReadFile("../schemas/bom-1.6.SNAPSHOT.xsd")
	if err != nil {
		f.Fatal(err)
	}
	s, err := Load(text, map[string][]byte{"http://cyclonedx.org/schema/spdx": spdx})
	if err != nil {
		f.Fatal(err)
	}
	seeds, err := filepath.Glob("../../../../testdata/corpus/sbom/cyclonedx-spec/1.6/*.xml")
	if err != nil || len(seeds) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range seeds {
		seed, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := s.Validate(data, limits)
		again, err2 := s.Validate(data, limits)
		if fmt.Sprint(first, err) != fmt.Sprint(again, err2) {
			t.Fatalf("%v %v, then %v %v", first, err, again, err2)
		}
		if err != nil && first != nil || len(first) > limits.Violations {
			t.Fatalf("%d violations with %v", len(first), err)
		}
		for _, v := range first {
			if !strings.HasPrefix(v.At, "/") || v.What == "" {
				t.Fatalf("violation %+v", v)
			}
		}
		escaped := bytes.ContainsRune(data, '&')
		if err == nil && len(first) == 0 && !escaped && !bytes.Contains(data, []byte("http://cyclonedx.org/schema/bom/1.6")) {
			t.Fatal("a document of another namespace conforms")
		}
	})
}
