package main

import (
	"crypto"
	"io/fs"
	"os"
	"path/filepath"
	"testing/fstest"

	"github.com/spf13/pflag"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/bundles"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/bundle"
	"github.com/gatekeep-dev/gatekeep/internal/gate"
	"github.com/gatekeep-dev/gatekeep/internal/policy"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
	"github.com/gatekeep-dev/gatekeep/policies"
)

// lawFlags say by which policy, bundle and trust a case is judged.
type lawFlags struct {
	bundle        string
	policy        string
	trust         string
	policyKey     string
	allowUnsigned bool
}

func (f *lawFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.bundle, "bundle", "", "folder of a bundle: regimes, parameters, catalogue, roles (default: the one built in)")
	fs.StringVar(&f.policy, "policy", "", "folder of rules to use in place of those built in, as policies/rego")
	fs.StringVar(&f.trust, "trust", "", "trust policy: who may sign what (default: that of the bundle; without any nobody is trusted)")
	fs.StringVar(&f.policyKey, "policy-key", "", "public key that must have signed the bundle ('gatekeep policy sign')")
	fs.BoolVar(&f.allowUnsigned, "allow-unsigned-policy", false, "judge by a bundle or rules that nobody signed; the record says so")
}

// loadedLaw is a law with how it came to be trusted.
type loadedLaw struct {
	gate.Law
	bundle    *bundle.Bundle
	ref       gatekeep.PolicyRef
	signature []byte
}

// loadLaw reads policy, bundle and trust. Every mistake in them is a usage error.
func loadLaw(f lawFlags) (*loadedLaw, error) {
	if f.policyKey != "" && f.bundle == "" {
		return nil, usage("--policy-key checks the signature in the folder of a bundle: pass --bundle DIR")
	}
	rego, selection, name, err := trees(f)
	if err != nil {
		return nil, err
	}
	b, err := bundle.Load(selection)
	if err != nil {
		return nil, usage("loading bundle %s: %w", name, err)
	}
	out := &loadedLaw{bundle: b}
	out.Policy = policy.Source{Rego: rego, Overlay: b.Overlay(), BuiltIn: f.policy == ""}
	out.Schema, out.Version = policies.InputSchema, engine().Gatekeep
	if out.Trust, err = loadTrust(f.trust, b); err != nil {
		return nil, err
	}
	out.ref = gatekeep.PolicyRef{
		Origin: "embedded", Name: b.Name, Bundle: b.Digest(), Revision: b.Revision, ExpiresAt: b.ExpiresAt,
	}
	if out.ref.Digest, err = policy.Digest(out.Policy); err != nil {
		return nil, usageError{err}
	}
	if f.bundle == "" && f.policy == "" {
		return out, nil
	}
	out.ref.Origin, out.ref.UnsignedAllowed = "directory", f.allowUnsigned
	return out, out.verifySignature(f, selection)
}

// trees are the rules and the bundle to use: those given, or those built in.
func trees(f lawFlags) (rego, selection fs.FS, name string, err error) {
	if rego, err = policies.Rego(); err != nil {
		return nil, nil, "", err
	}
	if f.policy != "" {
		if rego, err = rulesIn(f.policy); err == nil {
			err = indexed(rego, f.policy)
		}
		if err != nil {
			return nil, nil, "", err
		}
	}
	if f.bundle != "" {
		if err := isFolder("--bundle", f.bundle); err != nil {
			return nil, nil, "", err
		}
		return rego, os.DirFS(f.bundle), f.bundle, nil
	}
	selection, err = bundles.Default()
	return rego, selection, "default", err
}

// verifySignature checks the bundle's signature against the key that was pinned.
// A bundle without one stays unverified, which the policy itself judges.
func (l *loadedLaw) verifySignature(f lawFlags, selection fs.FS) error {
	if f.policyKey == "" {
		return nil
	}
	key, err := loadPublicKey(f.policyKey)
	if err != nil {
		return err
	}
	signed, err := fs.ReadFile(selection, bundle.SignatureFile)
	if err != nil {
		return usage("reading the signature of bundle %s: %w (sign it with 'gatekeep policy sign')", f.bundle, err)
	}
	if err := gate.VerifyPolicy(signed, key, l.ref); err != nil {
		return usage("verifying bundle %s: %w", f.bundle, err)
	}
	l.signature, l.ref.SignatureVerified, l.ref.Signer = signed, true, signing.KeyID(key)
	return nil
}

// filesOf are the files of a bundle as they were read and are signed, and not as they
// may be on disk by now.
func filesOf(b *bundle.Bundle) fs.FS {
	read := fstest.MapFS{}
	for name, data := range b.Files() {
		read[name] = &fstest.MapFile{Data: data}
	}
	return read
}

func loadTrust(path string, b *bundle.Bundle) (*attest.Trust, error) {
	switch {
	case path != "":
		t, err := attest.LoadTrust(os.DirFS(filepath.Dir(path)), filepath.Base(path))
		if err != nil {
			return nil, usage("%w", err)
		}
		return t, nil
	case b.Trust != "":
		t, err := attest.LoadTrust(filesOf(b), b.Trust)
		if err != nil {
			return nil, usage("%w", err)
		}
		return t, nil
	}
	return new(attest.Trust), nil
}

func loadPublicKey(path string) (crypto.PublicKey, error) {
	data, err := readFile(path, maxKey)
	if err != nil {
		return nil, usage("reading public key: %w", err)
	}
	key, err := signing.LoadPublicKey(data)
	if err != nil {
		return nil, usage("reading public key %s: %w", path, err)
	}
	return key, nil
}
