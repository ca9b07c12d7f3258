package format

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// row is the line of the table with a name.
func row(t testing.TB, name string) Format {
	t.Helper()
	i := slices.IndexFunc(formats, func(f Format) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("no format %s", name)
	}
	return formats[i]
}

func TestEveryFormatIsFoundByItsContentAndCounted(t *testing.T) {
	seen := map[string]bool{"json": true} // read only when it is asked for
	for _, c := range examples(t) {
		seen[c.want.Format] = true
		t.Run(c.name, func(t *testing.T) {
			got, err := Read([]byte(c.doc))
			if err != nil {
				t.Fatal(err)
			}
			f := row(t, c.want.Format)
			if c.want.Title = f.Title; c.want.Kind == "" {
				c.want.Kind = f.Kind
			}
			if diff := cmp.Diff(c.want, *got, cmpopts.IgnoreUnexported(Reading{})); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, f := range Formats() {
		if !seen[f.Name] {
			t.Errorf("there is no example of %s", f.Name)
		}
	}
}
