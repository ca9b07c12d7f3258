package predicate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinksOfBothShapesAreRead(t *testing.T) {
	for uri, raw := range map[string]string{
		linkV03: `{"name":"build","command":["go","build"],"materials":[{"name":"main.go","digest":{"sha256":"` + strings.Repeat("a", 64) + `"}}],"byproducts":{},"environment":{}}`,
		linkV1:  `{"_type":"link","name":"build","command":["go","build"],"materials":{"main.go":{"sha256":"aa"}},"products":{},"byproducts":{},"environment":{}}`,
	} {
		typ, ok := Lookup(uri)
		if !ok || typ.Kind != "link" {
			t.Fatalf("looking up %s: %v %v", uri, typ.Kind, ok)
		}
		content, err := typ.Decode([]byte(raw))
		if err != nil {
			t.Fatalf("%s: %v", uri, err)
		}
		want := map[string]any{"name": "build", "command": []any{"go", "build"}, "materials": 1, "products": 0}
		if diff := cmp.Diff(want, content.Claims); diff != "" {
			t.Errorf("%s: claims differ (-want +got):\n%s", uri, diff)
		}
	}
}

func TestWhatIsNoLinkIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ uri, raw, want string }{
		"no name":       {linkV03, `{"command":[]}`, "name"},
		"not an object": {linkV03, `[]`, "link"},
		"twice":         {linkV03, `{"name":"a","name":"b"}`, "name"},
		"another type":  {linkV1, `{"_type":"layout","name":"a"}`, "_type"},
		"old, no name":  {linkV1, `{"_type":"link"}`, "name"},
		"old, wrong":    {linkV1, `{"_type":"link","name":7}`, "name"},
	} {
		t.Run(name, func(t *testing.T) {
			typ, _ := Lookup(c.uri)
			if content, err := typ.Decode([]byte(c.raw)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want an error about %s", content, err, c.want)
			}
		})
	}
}

func TestALinkIsWrappedByItsShape(t *testing.T) {
	for name, c := range map[string]struct{ file, uri string }{
		"framework":        {`{"name":"build","command":["go"]}`, linkV03},
		"bare":             {`{"_type":"link","name":"build"}`, linkV1},
		"from in-toto-run": {`{"signed":{"_type":"link","name":"build"},"signatures":[]}`, linkV1},
	} {
		t.Run(name, func(t *testing.T) {
			wrapped, err := Wrap("link", []byte(c.file), WrapOptions{})
			if err != nil || wrapped.Type != c.uri || wrapped.Kind != "link" {
				t.Errorf("got %+v, %v", wrapped, err)
			}
		})
	}
}

func FuzzLink(f *testing.F) {
	f.Add([]byte(`{"name":"build","command":["go"]}`))
	f.Add([]byte(`{"_type":"link","name":"build","materials":{"a":{"sha256":"b"}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, decode := range []func([]byte) (*Content, error){decodeLink, decodeOldLink} {
			if content, err := decode(raw); err == nil && content.Claims["name"] == "" {
				t.Errorf("a link without a name was read from %q", raw)
			}
		}
	})
}
