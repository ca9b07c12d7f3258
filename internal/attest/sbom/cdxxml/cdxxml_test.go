package cdxxml

import (
	"encoding/xml"
	"errors"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom/inventory"
)

func TestWrongShapeIsRefused(t *testing.T) {
	bom := func(inside string) string {
		return `<bom xmlns="http://cyclonedx.org/schema/bom/1.4">` + inside + `</bom>`
	}
	component := func(inside string) string {
		return bom(`<components><component type="library">` + inside + `</component></components>`)
	}
	for name, c := range map[string]struct{ text, want string }{
		"document type":        {`<!DOCTYPE bom [<!ENTITY a "b">]>` + bom(""), "document type"},
		"document type inside": {bom(`<!DOCTYPE a>`), "document type"},
		"entity":               {component("<name>&a;</name>"), "invalid character entity"},
		"other encoding":       {`<?xml version="1.0" encoding="ISO-8859-1"?>` + bom(""), `encoding "ISO-8859-1" is not read`},
		"no element":           {"<!-- -->", "no element"},
		"text before":          {"<!-- -->a" + bom(""), "text before"},
		"two roots":            {bom("") + bom(""), "something follows"},
		"not closed":           {`<bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components>`, "unexpected EOF"},
		"closed wrongly":       {bom("<a></b>"), "closed by"},
		"other namespace":      {`<bom xmlns="http://example.com/1.4"/>`, "a bom of namespace http://example.com/1.4"},
		"no namespace":         {`<bom/>`, "a bom of namespace"},
		"new version":          {`<bom xmlns="http://cyclonedx.org/schema/bom/1.8"/>`, `version "1.8" is not read`},
		"other root":           {`<components xmlns="http://cyclonedx.org/schema/bom/1.4"/>`, "XML of another kind (components)"},
		"mixed versions":       {bom(`<c:components xmlns:c="http://cyclonedx.org/schema/bom/1.5"/>`), "in a document of"},
		"no component":         {bom(`<components><part/></components>`), "want component"},
		"components twice":     {bom(`<components/><components/>`), "components stands twice"},
		"purl twice":           {component("<purl>pkg:npm/a@1</purl><purl>pkg:npm/b@1</purl>"), "/bom/components/component (line 1): purl stands twice"},
		"type twice":           {bom(`<components><component type="file" type="library"/></components>`), "type stands twice"},
		"element in a name":    {component("<name>a<b/></name>"), "want text and no element"},
		"XML not UTF-8":        {component("<name>\xFF</name>"), "invalid UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			version, _, err := Decode([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want an error with %q", version, err, c.want)
			}
		})
	}
}

func TestBeginningIsKnown(t *testing.T) {
	for text, want := range map[string]bool{
		`<?xml version="1.0"?><!-- c --><bom xmlns="http://cyclonedx.org/schema/bom/1.6"><comp`: true,
		`<b:bom xmlns:b="http://cyclonedx.org/schema/bom/1.0">`:                                 true,
		`<bom xmlns="http://example.com/"/>`:                                                    false, `<bom xmlns="http://cyclonedx.org/schema/bom/1.6"`: false, "": false, "a": false, "<!DOCTYPE bom>": false,
	} {
		if got := Is([]byte(text)); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

func TestMoreElementsThanTheBoundAreRefused(t *testing.T) {
	d := decoder{Decoder: xml.NewDecoder(strings.NewReader("<a><b/></a>")), elements: maxElements - 1}
	if _, err := d.next(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.next(); !errors.Is(err, inventory.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}
