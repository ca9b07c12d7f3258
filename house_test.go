package gatekeep_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The building inspector: what the rooms may import, how large they may be, and what
// may not happen outside cmd.

const module = "github.com/gatekeep-dev/gatekeep"

// Sizes, in lines.
const (
	maxFile     = 400
	maxTestFile = 800
	maxPackage  = 1500
	maxFunc     = 80
	maxReadme   = 150
	maxMethods  = 3 // of an interface
)

// room is a folder with everything below it.
type room struct {
	path  string
	floor int
	third []string // modules of others that it may import
	never []string // of the standard library
}

// A room may import rooms of lower floors, and nothing of its own floor but itself.
// On the first floor, digest and strictjson may know each other.
var rooms = []room{
	{path: ".", floor: 1, never: []string{"net", "os", "io"}},
	{path: "policies", floor: 1},
	{path: "bundles", floor: 1},
	{path: "internal/strictjson", floor: 1},
	{path: "internal/digest", floor: 1, third: []string{"github.com/gowebpki/jcs"}},
	{path: "internal/policy", floor: 2, third: []string{"github.com/open-policy-agent/opa"}, never: []string{"net/http", "os"}},
	{path: "internal/regimes", floor: 2, third: []string{"go.yaml.in/yaml/v3"}, never: []string{"net/http", "os"}},
	{path: "internal/bundle", floor: 2, third: []string{"go.yaml.in/yaml/v3", "github.com/package-url/packageurl-go", "github.com/santhosh-tekuri/jsonschema/v5"}, never: []string{"net/http", "os"}},
	{path: "internal/attest", floor: 2, third: []string{
		"go.yaml.in/yaml/v3", "github.com/santhosh-tekuri/jsonschema/v5", "github.com/package-url/packageurl-go",
		"github.com/sigstore/", "github.com/secure-systems-lab/", "github.com/in-toto/", "github.com/openvex/go-vex",
		"github.com/google/go-containerregistry", "google.golang.org/protobuf", "github.com/CycloneDX/cyclonedx-go", "github.com/klauspost/compress", "golang.org/x/net", "github.com/pandatix/go-cvss",
	}},
	{path: "internal/signing", floor: 2, third: []string{"github.com/sigstore/", "github.com/digitorus/timestamp", "github.com/secure-systems-lab/", "google.golang.org/protobuf"}},
	{path: "internal/calendar", floor: 2, third: []string{"github.com/robfig/cron/v3", "github.com/teambition/rrule-go"}, never: []string{"net/http"}},
	{path: "internal/state", floor: 2, never: []string{"net/http"}},
	{path: "internal/people", floor: 2, never: []string{"net/http"}},
	{path: "internal/ledger", floor: 2, third: []string{
		"github.com/transparency-dev/", "github.com/sigstore/", "github.com/secure-systems-lab/", "google.golang.org/protobuf", "golang.org/x/mod", "k8s.io/klog",
	}},
	{path: "internal/report", floor: 2, third: []string{"github.com/owenrumney/go-sarif/v3"}, never: []string{"net/http", "os"}},
	// Before the room that its folder lies in: it knows bundles as bytes only.
	{path: "internal/evidence/publish", floor: 3, third: []string{"github.com/google/go-containerregistry", "github.com/aws/aws-sdk-go-v2/aws"}},
	{path: "internal/evidence", floor: 3, third: []string{"github.com/sigstore/", "github.com/secure-systems-lab/", "github.com/google/go-containerregistry", "google.golang.org/protobuf"}},
	{path: "internal/gate", floor: 4, third: []string{"go.yaml.in/yaml/v3", "github.com/santhosh-tekuri/jsonschema/v5"}, never: []string{"net/http"}},
	{path: "cmd", floor: 6, third: []string{
		"github.com/spf13/", "golang.org/x/term", "github.com/google/go-containerregistry", "github.com/anchore/",
		"github.com/sigstore/", "github.com/secure-systems-lab/", "go.yaml.in/yaml/v3", "modernc.org/sqlite",
	}},
}

// only are modules that live in one place.
var only = map[string]string{
	"github.com/open-policy-agent/": "internal/policy",
	"github.com/anchore/":           "cmd/gatekeep-sbom",
	"modernc.org/":                  "cmd/gatekeep-sbom",
	"github.com/aws/":               "internal/evidence/publish",
}

// forbidden are calls that only cmd makes: clocks, environment and writers are
// handed in.
var forbidden = map[string][]string{
	"time": {"Now", "Since", "Until"},
	"os":   {"Getenv", "LookupEnv", "Environ", "Exit", "Stdout", "Stderr", "Stdin", "Args"},
	"fmt":  {"Print", "Printf", "Println"},
	"log":  {"Print", "Printf", "Println", "Fatal", "Fatalf", "Panic"},
}

// source is one Go file.
type source struct {
	name  string // slash-separated, from the root
	text  []byte
	fset  *token.FileSet
	file  *ast.File
	tests bool
}

func (s source) dir() string { return path.Dir(s.name) }

func (s source) inCmd() bool { return strings.HasPrefix(s.name, "cmd/") }

func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.name, s.fset.Position(n.Pos()).Line)
}

func parseSource(t *testing.T, name string, text []byte) source {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{name, text, fset, file, strings.HasSuffix(name, "_test.go")}
}

// house reads every Go file that is part of a build.
func house(t *testing.T) []source {
	t.Helper()
	var all []source
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := d.Name(); d.IsDir() && name != "." && (base == "testdata" || strings.HasPrefix(base, ".")) {
			return fs.SkipDir
		}
		if path.Ext(name) != ".go" || d.IsDir() {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil || ignored(text) {
			return err
		}
		all = append(all, parseSource(t, name, text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("found %d Go files; the inspector is in the wrong house", len(all))
	}
	return all
}

// ignored tells files that no build of the program holds, by their build tags.
func ignored(text []byte) bool {
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "package ") {
			return false
		}
		if !constraint.IsGoBuild(line) {
			continue
		}
		expr, err := constraint.Parse(strings.TrimSpace(line))
		return err == nil && !expr.Eval(func(tag string) bool { return tag != "deps" && tag != "ignore" })
	}
	return false
}

// eachFile runs an inspection and reports every breach.
func eachFile(t *testing.T, tests bool, inspect func(source) []string) {
	t.Helper()
	for _, s := range house(t) {
		if s.tests && !tests {
			continue
		}
		for _, breach := range inspect(s) {
			t.Error(breach)
		}
	}
}

func roomOf(dir string) (room, bool) {
	for _, r := range rooms {
		if dir == r.path || r.path != "." && strings.HasPrefix(dir, r.path+"/") {
			return r, true
		}
	}
	return room{}, false
}

func TestImportsFollowTheFloors(t *testing.T) { eachFile(t, false, imports) }

func imports(s source) []string {
	var breaches []string
	here, ok := roomOf(s.dir())
	if !ok {
		return []string{s.name + " lies in a room that the plan of the house does not have"}
	}
	for _, spec := range s.file.Imports {
		to, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return []string{err.Error()}
		}
		if why := importBreach(here, s.dir(), to); why != "" {
			breaches = append(breaches, fmt.Sprintf("%s: %s %s", s.at(spec), to, why))
		}
		if spec.Name != nil && (spec.Name.Name == "." || spec.Name.Name == "_" && to != "embed") {
			breaches = append(breaches, fmt.Sprintf("%s: %s is imported for its side effects or into the file's own names", s.at(spec), to))
		}
	}
	return breaches
}

func importBreach(here room, dir, to string) string {
	for prefix, home := range only {
		if strings.HasPrefix(to, prefix) && dir != home {
			return "is imported by " + home + " only"
		}
	}
	if below, ours := strings.CutPrefix(to+"/", module+"/"); ours {
		there, ok := roomOf(path.Clean(below))
		basics := []string{"internal/digest", "internal/strictjson"}
		switch {
		case !ok:
			return "lies in a room that the plan of the house does not have"
		case there.path == here.path || there.floor < here.floor:
		case slices.Contains(basics, here.path) && slices.Contains(basics, there.path):
		default:
			return fmt.Sprintf("is on floor %d, and %s is on floor %d", there.floor, here.path, here.floor)
		}
		return ""
	}
	if first, _, _ := strings.Cut(to, "/"); strings.Contains(first, ".") {
		if !slices.ContainsFunc(here.third, func(m string) bool { return to == m || strings.HasPrefix(to, strings.TrimSuffix(m, "/")+"/") }) {
			return "is not among the modules of " + here.path
		}
		return ""
	}
	if slices.Contains(here.never, to) {
		return "has no place in " + here.path
	}
	return ""
}

func TestFilesAndFunctionsAreShort(t *testing.T) { eachFile(t, true, sizes) }

func sizes(s source) []string {
	var breaches []string
	limit := maxFile
	if s.tests {
		limit = maxTestFile
	}
	if n := bytes.Count(s.text, []byte("\n")); n > limit {
		breaches = append(breaches, fmt.Sprintf("%s has %d lines, more than %d", s.name, n, limit))
	}
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		lines := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1
		if lines > maxFunc && !s.tests {
			breaches = append(breaches, fmt.Sprintf("%s: %s has %d lines, more than %d", s.at(f), f.Name.Name, lines, maxFunc))
		}
	}
	return breaches
}

// A program is one file a verb and grows with them; its files stay small.
func TestPackagesAreSmall(t *testing.T) {
	lines := map[string]int{}
	for _, s := range house(t) {
		if !s.tests && !strings.HasPrefix(s.dir(), "cmd/") {
			lines[s.dir()] += bytes.Count(s.text, []byte("\n"))
		}
	}
	for dir, n := range lines {
		if n > maxPackage {
			t.Errorf("%s has %d lines, more than %d", dir, n, maxPackage)
		}
	}
}

func TestNothingRunsAtImport(t *testing.T) { eachFile(t, true, noInit) }

func noInit(s source) []string {
	var breaches []string
	for _, d := range s.file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			breaches = append(breaches, s.at(f)+": init() runs at import")
		}
	}
	return breaches
}

func TestPackageVariablesNeverChange(t *testing.T) { eachFile(t, false, variables) }

// variables lets sentinels, literal tables, embeds, templates and compiled regular
// expressions through.
func variables(s source) []string {
	var breaches []string
	for _, d := range s.file.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			v := spec.(*ast.ValueSpec) // a var declaration holds nothing else
			embedded := isEmbed(group.Doc) || isEmbed(v.Doc)
			if len(v.Values) == 0 && !embedded {
				breaches = append(breaches, fmt.Sprintf("%s: %s is a package variable without a value", s.at(v), v.Names[0].Name))
			}
			for i, value := range v.Values {
				if !constantValue(value) {
					breaches = append(breaches, fmt.Sprintf("%s: %s is neither sentinel, table, embed, template nor regular expression", s.at(v), v.Names[min(i, len(v.Names)-1)].Name))
				}
			}
		}
	}
	return breaches
}

func isEmbed(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// constantValue is approximate: it looks at the outermost expression.
func constantValue(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit, *ast.CompositeLit:
		return true
	case *ast.SelectorExpr: // another package's sentinel
		return strings.HasPrefix(e.Sel.Name, "Err")
	case *ast.CallExpr:
		switch f := e.Fun.(type) {
		case *ast.SelectorExpr:
			pkg, _ := f.X.(*ast.Ident)
			return pkg != nil && slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile", "template.Must"}, pkg.Name+"."+f.Sel.Name)
		case *ast.ArrayType: // []byte("...")
			_, literal := e.Args[0].(*ast.BasicLit)
			return literal
		}
	}
	return false
}

func TestInterfacesAreNarrow(t *testing.T) { eachFile(t, false, interfaces) }

func interfaces(s source) []string {
	var breaches []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		if i, ok := n.(*ast.InterfaceType); ok && i.Methods.NumFields() > maxMethods {
			breaches = append(breaches, fmt.Sprintf("%s: an interface of %d methods, more than %d", s.at(i), i.Methods.NumFields(), maxMethods))
		}
		return true
	})
	return breaches
}

func TestExportedNamesAreDocumented(t *testing.T) { eachFile(t, false, documented) }

func documented(s source) []string {
	if s.file.Name.Name == "main" {
		return nil
	}
	var breaches []string
	report := func(n ast.Node, name string) {
		breaches = append(breaches, fmt.Sprintf("%s: %s has no comment", s.at(n), name))
	}
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && (d.Recv == nil || exportedReceiver(d.Recv)) && d.Doc.Text() == "" {
				report(d, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if spec.Name.IsExported() && d.Doc.Text() == "" && spec.Doc.Text() == "" {
						report(spec, spec.Name.Name)
					}
				case *ast.ValueSpec:
					if spec.Names[0].IsExported() && d.Doc.Text() == "" && spec.Doc.Text() == "" && spec.Comment.Text() == "" {
						report(spec, spec.Names[0].Name)
					}
				}
			}
		}
	}
	return breaches
}

func exportedReceiver(recv *ast.FieldList) bool {
	e := recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

func TestClockEnvironmentAndWritersAreHandedIn(t *testing.T) { eachFile(t, false, calls) }

func calls(s source) []string {
	if s.inCmd() {
		return nil
	}
	names := map[string]string{} // as the file calls the package -> its path
	for _, spec := range s.file.Imports {
		to, _ := strconv.Unquote(spec.Path.Value) // the parser has read it
		name := path.Base(to)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = to
	}
	var breaches []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := sel.X.(*ast.Ident); ok && slices.Contains(forbidden[names[pkg.Name]], sel.Sel.Name) {
			breaches = append(breaches, fmt.Sprintf("%s: %s.%s belongs to cmd", s.at(sel), pkg.Name, sel.Sel.Name))
		}
		return true
	})
	return breaches
}

func TestModuleReplacesNothing(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`(?m)^\s*(replace|exclude)\b|=>`).Match(mod) {
		t.Error("go.mod replaces or excludes a module; go install of a released version would not")
	}
}

func TestReadmeIsShort(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("\n")); n > maxReadme {
		t.Errorf("README.md has %d lines, more than %d", n, maxReadme)
	}
}

// Lines that are neither blank nor comment. Rules are tested more than code: a line of
// a rule decides more. Scripts of the command line are tests of Go; the programs for
// developers are tests themselves, or run by one.
func TestThereIsAsMuchTestAsCode(t *testing.T) {
	for ext, c := range map[string]struct {
		suffix, comment string
		ratio           float64
	}{
		".go": {"_test.go", "//", 1.0}, ".rego": {"_test.rego", "#", 1.5},
	} {
		code, tests := 0, 0
		err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
			script := ext == ".go" && path.Ext(name) == ".txtar"
			if err != nil || d.IsDir() || path.Ext(name) != ext && !script || forDevelopers(name) {
				return err
			}
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(text)) {
				line = strings.TrimSpace(line)
				switch {
				case line == "" || strings.HasPrefix(line, c.comment):
				case script && strings.HasPrefix(line, "#"):
				case script, strings.HasSuffix(name, c.suffix):
					tests++
				default:
					code++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if ratio := float64(tests) / float64(max(code, 1)); ratio < c.ratio {
			t.Errorf("%s: %d lines of tests for %d lines of code, %.2f; at least %.1f", ext, tests, code, ratio, c.ratio)
		}
	}
}

// forDevelopers tells a file that no user ever runs.
func forDevelopers(name string) bool {
	for _, folder := range []string{"cmd/gatekeep-demo/", "cmd/gatekeep-bench/", "cmd/gatekeep-docs/", "testdata/"} {
		if strings.HasPrefix(name, folder) {
			return true
		}
	}
	return name == "internal/calendar/zonezip.go"
}

// The inspector itself: each inspection must see a breach where there is one.
func TestInspectorSeesEachBreach(t *testing.T) {
	long := "func f() {\n" + strings.Repeat("\tg()\n", maxFunc) + "}\n"
	for name, c := range map[string]struct {
		inspect func(source) []string
		file    string
		text    string
		want    int
	}{
		"floor above":     {imports, "internal/policy/x.go", `import _ "` + module + `/internal/gate"`, 2},
		"same floor":      {imports, "internal/policy/x.go", `import "` + module + `/internal/regimes"`, 1},
		"floor below":     {imports, "internal/policy/x.go", `import "` + module + `/internal/digest"`, 0},
		"nouns":           {imports, "internal/policy/x.go", `import "` + module + `"`, 0},
		"own room":        {imports, "internal/attest/source/x.go", `import "` + module + `/internal/attest"`, 0},
		"basics":          {imports, "internal/digest/x.go", `import "` + module + `/internal/strictjson"`, 0},
		"unknown room":    {imports, "internal/util/x.go", `import "fmt"`, 1},
		"OPA elsewhere":   {imports, "internal/gate/x.go", `import "github.com/open-policy-agent/opa/v1/rego"`, 1},
		"syft elsewhere":  {imports, "cmd/gatekeep/x.go", `import "github.com/anchore/syft/syft"`, 1},
		"syft at home":    {imports, "cmd/gatekeep-sbom/x.go", `import "github.com/anchore/syft/syft"`, 0},
		"foreign module":  {imports, "internal/regimes/x.go", `import "github.com/spf13/cobra"`, 1},
		"net in policy":   {imports, "internal/policy/x.go", `import "net/http"`, 1},
		"dot import":      {imports, "internal/state/x.go", `import . "fmt"`, 1},
		"long function":   {sizes, "x.go", long, 1},
		"long file":       {sizes, "x.go", strings.Repeat("\n", maxFile), 1},
		"long test file":  {sizes, "x_test.go", strings.Repeat("\n", maxFile), 0},
		"init":            {noInit, "x.go", "func init() {}", 1},
		"method init":     {noInit, "x.go", "func (t T) init() {}", 0},
		"mutex":           {variables, "x.go", "var mu sync.Mutex", 1},
		"pointer":         {variables, "x.go", "var p = &T{}", 1},
		"function":        {variables, "x.go", "var f = func() {}", 1},
		"made":            {variables, "x.go", "var m = make(map[string]int)", 1},
		"called":          {variables, "x.go", "var c = load()", 1},
		"sentinels":       {variables, "x.go", "var (\n\ta = errors.New(\"a\")\n\tb = pkg.ErrX\n)", 0},
		"tables":          {variables, "x.go", "var a, b = map[string]int{}, []byte(\"x\")", 0},
		"embed":           {variables, "x.go", "//go:embed a.json\nvar a string", 0},
		"wide interface":  {interfaces, "x.go", "type I interface { A(); B(); C(); D() }", 1},
		"narrow":          {interfaces, "x.go", "type I interface { A(); B(); C() }", 0},
		"no comments":     {documented, "x.go", "func F() {}\ntype T int\nconst C = 1\nfunc (t *T) M() {}", 4},
		"comments":        {documented, "x.go", "// F.\nfunc F() {}\n\n// T.\ntype T int\n\nconst C = 1 // C\n\nfunc (t t) M() {}", 0},
		"clock":           {calls, "internal/x/x.go", "import \"time\"\nvar _ = time.Now()", 1},
		"renamed clock":   {calls, "internal/x/x.go", "import clock \"time\"\nvar _ = clock.Now", 1},
		"clock in cmd":    {calls, "cmd/x/x.go", "import \"time\"\nvar _ = time.Now()", 0},
		"someone's Now":   {calls, "internal/x/x.go", "func f(time T) { time.Now() }", 0},
		"printing":        {calls, "internal/x/x.go", "import \"fmt\"\nfunc f() { fmt.Println() }", 1},
		"handed a writer": {calls, "internal/x/x.go", "import \"fmt\"\nfunc f() { fmt.Fprintln(nil) }", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := parseSource(t, c.file, []byte("package x\n\n"+c.text+"\n"))
			if got := c.inspect(s); len(got) != c.want {
				t.Errorf("got %d breaches, want %d: %q", len(got), c.want, got)
			}
		})
	}
}

func TestInspectorIgnoresFilesOutsideTheBuild(t *testing.T) {
	for text, want := range map[string]bool{
		"//go:build deps\n\npackage x":      true,
		"//go:build ignore\n\npackage x":    true,
		"//go:build linux\n\npackage x":     false,
		"// Package x.\npackage x":          false,
		"package x\n\n// //go:build deps\n": false,
	} {
		if got := ignored([]byte(text)); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}
