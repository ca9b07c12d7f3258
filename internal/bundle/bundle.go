// Package bundle reads a deployable selection of the policy: which regimes, in
// which mode, trusting whom, over which services and environments, with which
// changes to params. It is a folder that an organisation keeps and signs:
//
//	bundle.yaml      name, revision, regimes, mode, state
//	trust.yaml       who may sign what (read by package attest)
//	params.yaml      laid over data.gatekeep.params
//	org.yaml         laid over data.gatekeep.org
//	catalogue.yaml   environments and services
//	identities.yaml  accounts
//	keys/            public keys and roots that trust.yaml names
//
// All but bundle.yaml and catalogue.yaml may be missing. Nothing in it is optional
// in silence: unknown fields and words are errors that name file and line.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// SignatureFile is the signature over all other files; it is not part of them.
const SignatureFile = "bundle.sigstore.json"

// Bounds on a bundle. A large organisation has thousands of services and accounts,
// at about 200 bytes each.
const (
	maxFiles     = 1_000
	maxFileBytes = 16 << 20
	maxBytes     = 64 << 20
)

// What a bundle says about the memory of the gate.
const (
	StateNone   = "none"   // it keeps none
	StateFolder = "folder" // in a folder that the caller names
)

// Whether attestations are looked for beside the subject in its registry.
const (
	RegistryAuto = "auto"
	RegistryOff  = "off"
)

// defaultName is the name of the bundle that is built into the program, the only
// one that may let in services it does not know.
const defaultName = "default"

// Bundle is a selection, read and checked. It is made by Load; the zero value
// knows no environment and no service.
type Bundle struct {
	Name                 string
	Revision             int64 // counts up; a gate with memory refuses to go back
	ExpiresAt            *time.Time
	State                string // StateNone or StateFolder
	Mode                 gatekeep.Mode
	Trust                string // path of the trust policy within the bundle, or ""
	RegistryAttestations string // RegistryAuto or RegistryOff

	regimes    []string
	params     map[string]any
	org        map[string]any
	catalogue  catalogueFile
	identities map[string]identityFile
	files      map[string][]byte
}

// bundleFile is bundle.yaml as written.
type bundleFile struct {
	Version              int        `yaml:"version"`
	Name                 string     `yaml:"name"`
	Revision             int64      `yaml:"revision"`
	ExpiresAt            *time.Time `yaml:"expiresAt"`
	State                string     `yaml:"state"`
	Regimes              []string   `yaml:"regimes"`
	Mode                 string     `yaml:"mode"`
	Trust                string     `yaml:"trust"`
	RegistryAttestations string     `yaml:"registryAttestations"`
}

// Load reads the bundle at the root of fsys. Errors name file, line and field.
// Whether regimes exist, the trust policy holds and the signature verifies is for
// others to say.
func Load(fsys fs.FS) (*Bundle, error) {
	files, err := read(fsys)
	if err != nil {
		return nil, fmt.Errorf("reading bundle: %w", err)
	}
	var doc bundleFile
	b := &Bundle{files: files}
	err = errors.Join(
		decode(files, "bundle.yaml", required, &doc),
		decode(files, "catalogue.yaml", required, &b.catalogue),
		decode(files, "identities.yaml", optional, &b.identities),
		decodeOverlay(files, "params.yaml", &b.params),
		decodeOverlay(files, "org.yaml", &b.org),
	)
	if err != nil {
		return nil, fmt.Errorf("reading bundle: %w", err)
	}
	if err := checkNames(b.org); err != nil {
		return nil, fmt.Errorf("reading bundle: org.yaml: %w", err)
	}
	b.Name, b.Revision, b.ExpiresAt, b.State = doc.Name, doc.Revision, doc.ExpiresAt, doc.State
	b.Mode, b.Trust, b.regimes = gatekeep.Mode(doc.Mode), doc.Trust, doc.Regimes
	if b.Mode == "" {
		b.Mode = gatekeep.Enforce
	}
	b.RegistryAttestations = doc.RegistryAttestations
	if b.RegistryAttestations == "" {
		b.RegistryAttestations = RegistryAuto
	}
	if b.Trust != "" && files[b.Trust] == nil {
		return nil, fmt.Errorf("reading bundle: bundle.yaml: trust names %s, which is not in the bundle", b.Trust)
	}
	if err := b.unread(); err != nil {
		return nil, fmt.Errorf("reading bundle: %w", err)
	}
	if b.catalogue.AnyService && b.Name != defaultName {
		return nil, errors.New("reading bundle: catalogue.yaml: anyService is for the built-in bundle; list the services")
	}
	return b, nil
}

// unread refuses YAML that nothing reads: a misspelt params.yaml would otherwise
// change nothing, in silence.
func (b *Bundle) unread() error {
	known := []string{"bundle.yaml", "catalogue.yaml", "identities.yaml", "params.yaml", "org.yaml", b.Trust}
	for _, name := range slices.Sorted(maps.Keys(b.files)) {
		if ext := path.Ext(name); (ext == ".yaml" || ext == ".yml") && !slices.Contains(known, name) {
			return fmt.Errorf("%s is read by nothing; bundle.yaml names the trust policy, and the other names are fixed", name)
		}
	}
	return nil
}

// read collects all files but the signature.
func read(fsys fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	total := 0
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() || name == SignatureFile:
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is not a regular file; a bundle holds no links", name)
		case len(files) == maxFiles:
			return fmt.Errorf("more than %d files", maxFiles)
		}
		f, err := fsys.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if total += len(data); len(data) > maxFileBytes || total > maxBytes {
			return fmt.Errorf("%s: a file is larger than %d bytes, or all together than %d", name, maxFileBytes, maxBytes)
		}
		// Every file is sealed into evidence, which others read.
		if bytes.Contains(data, []byte("PRIVATE KEY-----")) {
			return fmt.Errorf("%s holds a private key; a bundle holds public keys only", name)
		}
		files[name] = data
		return nil
	})
	return files, err
}

// Regimes are those that the bundle asks for, beside core, in its order.
func (b *Bundle) Regimes() []string { return slices.Clone(b.regimes) }

// Overlay is what the bundle lays over data.gatekeep: "params" and "org", each
// where the bundle has it.
func (b *Bundle) Overlay() map[string]any {
	overlay := map[string]any{}
	if b.params != nil {
		overlay["params"] = b.params
	}
	if b.org != nil {
		overlay["org"] = b.org
	}
	return overlay
}

// Files are all files of the bundle but the signature, by slash-separated path.
// Load makes the same bundle of them again.
func (b *Bundle) Files() map[string][]byte { return maps.Clone(b.files) }

// Digest names the bundle: the SHA-256 of a listing of Files, one line a file
// sorted by name, as sha256sum writes it. It is what SignatureFile signs.
func (b *Bundle) Digest() string { return digest.Of(b.Listing()) }

// Listing is the text that Digest is of:
//
//	<hex>  bundle.yaml
func (b *Bundle) Listing() []byte {
	var listing bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(b.files)) {
		fmt.Fprintf(&listing, "%x  %s\n", sha256.Sum256(b.files[name]), name)
	}
	return listing.Bytes()
}
