package trust

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/gatekeep-dev/gatekeep/internal/attest/roots"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sigstore"
)

// Root is one Sigstore instance: its authorities, logs and timestampers.
type Root = sigstore.Root

// addRoot takes one entry of "roots": a file beside the policy, or the name of a root
// that comes with the program.
func (l *loader) addRoot(p *Policy, name, file string) error {
	if _, embedded := roots.Named(name); embedded && file != name {
		return fmt.Errorf("is the name of a root that comes with the program; call %s something else", file)
	}
	data, err := l.rootBytes(file)
	if err != nil {
		return err
	}
	if p.roots[name], err = newRoot(name, data); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// useRoot finds the root that an identity names. One that comes with the program need
// not be listed.
func (l *loader) useRoot(p *Policy, name string) error {
	if p.roots[name] != nil {
		return nil
	}
	if _, embedded := roots.Named(name); embedded {
		return l.addRoot(p, name, name)
	}
	return fmt.Errorf("there is no root named %q; name one of those under roots, %s or %s", name, roots.Production, roots.Staging)
}

// rootBytes reads a root. Of one that comes with the program a file called
// NAME.trusted_root.json beside the policy is read in its place: so a policy can pin
// it, and what was sealed with a decision is what a later program judges by again.
func (l *loader) rootBytes(file string) ([]byte, error) {
	embedded, ok := roots.Named(file)
	if !ok {
		return l.read(file, rootBytes)
	}
	pinned := file + ".trusted_root.json"
	data, err := l.read(pinned, rootBytes)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = bytes.Clone(embedded.JSON), nil
		l.files[pinned] = data
	}
	return data, err
}

// newRoot reads a trusted_root.json by which certificates can be verified.
func newRoot(name string, data []byte) (*Root, error) {
	r, err := sigstore.NewRoot(name, data)
	if err != nil {
		return nil, err
	}
	return r, r.CertificateReady()
}
