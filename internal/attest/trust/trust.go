// Package trust reads the trust policy: who is known, and who may say what, where.
// It knows keys, identities and Sigstore roots; it checks no signature.
package trust

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"go.yaml.in/yaml/v3"
)

//go:embed trust.schema.json
var trustSchema string

// Bounds on the files of a trust policy, so that one that is handed over with a
// pull request cannot exhaust the gate. Real ones are a few KiB, roots 30 KiB.
const (
	trustBytes = 1 << 20
	keyBytes   = 64 << 10
	rootBytes  = 4 << 20
)

// policyFile is the name of the policy among its own files.
const policyFile = "trust.yaml"

// Policy says who is known, and who may say what, where. It is made by Load; the
// zero value, and nil, trust nobody.
type Policy struct {
	keys       []*Signer          // by name
	identities []*Signer          // of Sigstore instances, by name
	certified  []*Signer          // of authorities of one's own, by name
	signers    map[string]*Signer // all of them
	roots      map[string]*Root   // by name
	rules      []rule
	layouts    []Layout // by name
	files      map[string][]byte
}

// Keys are the signers that are keys, sorted by name.
func (p *Policy) Keys() []*Signer {
	if p == nil {
		return nil
	}
	return slices.Clone(p.keys)
}

// Certified are the signers that an authority of one's own vouches for, sorted by name.
func (p *Policy) Certified() []*Signer {
	if p == nil {
		return nil
	}
	return slices.Clone(p.certified)
}

// Identities are the signers that certificates name, of one root, sorted by name.
func (p *Policy) Identities(r *Root) []*Signer {
	var found []*Signer
	if p == nil {
		return nil
	}
	for _, s := range p.identities {
		if p.roots[s.root] == r {
			found = append(found, s)
		}
	}
	return found
}

// Names are the accounts and subjects of all signers, each with the account that it
// belongs to; "" where none is named.
func (p *Policy) Names() map[string]string {
	out := map[string]string{}
	if p == nil {
		return out
	}
	for _, s := range p.signers {
		out[s.Principal] = s.Principal
		out[s.subject] = s.Principal
	}
	delete(out, "")
	return out
}

// Roots are those that some identity uses, sorted by name.
func (p *Policy) Roots() []*Root {
	var used []*Root
	if p == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(p.roots)) {
		if len(p.Identities(p.roots[name])) > 0 {
			used = append(used, p.roots[name])
		}
	}
	return used
}

// Load reads a trust policy, version 1, with the keys and roots that it names.
// Their paths are relative to the folder of the policy and may not leave it. Every
// mistake is an error that names file and field: a policy is never half loaded.
func Load(fsys fs.FS, name string) (*Policy, error) {
	l := loader{fsys: fsys, name: name, files: map[string][]byte{}}
	data, err := l.read(path.Base(name), trustBytes)
	if err != nil {
		return nil, fmt.Errorf("reading trust policy: %w", err)
	}
	l.files = map[string][]byte{policyFile: data}
	doc, err := decodeTrust(data)
	if err != nil {
		return nil, fmt.Errorf("reading trust policy %s: %w", name, err)
	}
	p, err := l.build(doc)
	if err != nil {
		return nil, fmt.Errorf("reading trust policy %s: %w", name, err)
	}
	p.files = l.files
	return p, nil
}

// Files are all bytes that the policy was made from, by name relative to it; the
// policy itself is "trust.yaml". Load makes the same policy of them again.
func (p *Policy) Files() map[string][]byte {
	if p == nil {
		return map[string][]byte{}
	}
	return maps.Clone(p.files)
}

// decodeTrust reads one YAML document: unknown fields and duplicate names first,
// since yaml knows their lines, then the schema.
func decodeTrust(data []byte) (trustFile, error) {
	var doc trustFile
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return doc, errors.New("the file is empty; it needs version, signers and statements")
		}
		return doc, err
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return doc, errors.New("the file holds a second YAML document; keep one")
	}
	var plain any
	if err := yaml.Unmarshal(data, &plain); err != nil {
		return doc, err
	}
	schema, err := jsonschema.CompileString("trust.schema.json", trustSchema)
	if err != nil {
		return doc, fmt.Errorf("compiling the schema of trust policies: %w", err)
	}
	if err := schema.Validate(jsonShape(plain)); err != nil {
		var invalid *jsonschema.ValidationError
		if errors.As(err, &invalid) {
			return doc, errors.New(deepest(invalid))
		}
		return doc, err
	}
	return doc, nil
}

// deepest is the innermost message of a schema violation, with its place.
func deepest(e *jsonschema.ValidationError) string {
	for len(e.Causes) > 0 {
		e = e.Causes[0]
	}
	place := e.InstanceLocation
	if place == "" {
		place = "/"
	}
	return fmt.Sprintf("at %s: %s", place, e.Message)
}

// jsonShape turns what yaml decodes into what JSON could hold.
func jsonShape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = jsonShape(e)
		}
		return out
	case map[any]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[fmt.Sprint(k)] = jsonShape(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = jsonShape(e)
		}
		return out
	case time.Time:
		return v.Format(time.RFC3339Nano)
	default:
		return v
	}
}

// loader reads the files of one policy and keeps their bytes.
type loader struct {
	fsys  fs.FS
	name  string
	files map[string][]byte
}

// read reads a file beside the policy.
func (l *loader) read(rel string, bound int64) ([]byte, error) {
	clean := path.Clean(rel)
	if !fs.ValidPath(clean) || clean == "." {
		return nil, fmt.Errorf("%q must be a path inside the folder of the trust policy", rel)
	}
	// In what Files returns this is the policy itself, whatever its file is called.
	if clean == policyFile && clean != path.Base(l.name) {
		return nil, fmt.Errorf("%q is the name that the policy itself is sealed under; call the file something else", rel)
	}
	f, err := l.fsys.Open(path.Join(path.Dir(l.name), clean))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, bound+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > bound {
		return nil, fmt.Errorf("%s is over the bound of %d bytes", rel, bound)
	}
	l.files[clean] = data
	return data, nil
}

// build makes the policy of its parts.
func (l *loader) build(doc trustFile) (*Policy, error) {
	p := &Policy{roots: map[string]*Root{}, signers: map[string]*Signer{}}
	for _, name := range slices.Sorted(maps.Keys(doc.Roots)) {
		if err := l.addRoot(p, name, doc.Roots[name]); err != nil {
			return nil, fmt.Errorf("roots.%s: %w", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Signers)) {
		if err := l.addSigner(p, name, doc.Signers[name]); err != nil {
			return nil, fmt.Errorf("signers.%s%w", name, err)
		}
	}
	for i, r := range doc.Statements {
		if err := p.addRule(r); err != nil {
			return nil, fmt.Errorf("statements[%d].%w", i, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Layouts)) {
		if err := l.addLayout(p, name, doc.Layouts[name]); err != nil {
			return nil, fmt.Errorf("layouts.%s%w", name, err)
		}
	}
	if err := p.lint(doc); err != nil {
		return nil, err
	}
	return p, nil
}
