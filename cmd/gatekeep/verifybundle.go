package main

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/roots"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sigstore"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Bounds on what is read whole. A larger artifact is hashed as it is read.
const (
	maxRootFile = 4 << 20
	maxWhole    = 64 << 20
)

// noRoot is the word for trusting a key alone.
const noRoot = "none"

// bundleCheck are the flags of verify-bundle.
type bundleCheck struct {
	bundle, identity, issuer, key, root string
	staging                             bool
	format                              string
}

func verifyBundleCommand(w *world) *cobra.Command {
	var f bundleCheck
	c := &cobra.Command{
		Use:   "verify-bundle --bundle FILE (--certificate-identity ID --certificate-oidc-issuer URL | --key PEM) FILE_OR_DIGEST",
		Short: "Verify a Sigstore bundle over a file or digest, offline",
		Long: `verify-bundle checks one Sigstore bundle: who signed, when, that a log holds it,
and that it is about the file or digest. It takes the flags of the Sigstore
conformance suite and never goes on-line: without --trusted-root it uses the
production root that is built in, with --staging that of staging. With --key it
also verifies a plain DSSE envelope, which has no proof of time; the trusted root
is then not asked.

Exit codes: 0 verified, 1 refused, 2 usage or configuration, 3 a file could not
be read.`,
		Example: `  gatekeep verify-bundle --bundle a.sigstore.json --certificate-identity me@example.com --certificate-oidc-issuer https://accounts.google.com a.txt
  gatekeep verify-bundle --bundle a.sigstore.json --key key.pub --trusted-root none sha256:...`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return f.run(w, args[0]) },
	}
	c.Flags().StringVar(&f.bundle, "bundle", "", "the bundle, or with --key a DSSE envelope")
	c.Flags().StringVar(&f.identity, "certificate-identity", "", "who signed, as the whole subject alternative name of the certificate")
	c.Flags().StringVar(&f.issuer, "certificate-oidc-issuer", "", "who vouched for the signer, as the whole URL in the certificate")
	c.Flags().StringVar(&f.key, "key", "", "public key of the signer, PEM")
	c.Flags().StringVar(&f.root, "trusted-root", "", "trusted_root.json or name of a root that is built in; with --key also 'none'")
	c.Flags().BoolVar(&f.staging, "staging", false, "use the root of Sigstore's staging instance, where no --trusted-root is given")
	c.Flags().StringVar(&f.format, "format", "text", "text or json")
	return c
}

// bundleVerdict is what verify-bundle says, as --format json prints it.
type bundleVerdict struct {
	Verified bool            `json:"verified"`
	Bundle   string          `json:"bundle"`
	Artifact string          `json:"artifact"` // as it was given
	Root     string          `json:"root,omitempty"`
	Identity string          `json:"identity,omitempty"` // of a certificate
	Issuer   string          `json:"issuer,omitempty"`
	Key      string          `json:"key,omitempty"` // id of a public key
	Reason   gatekeep.Reason `json:"reason,omitempty"`
	Detail   string          `json:"detail,omitempty"`
}

func (f *bundleCheck) run(w *world, artifact string) error {
	if err := f.check(); err != nil {
		return err
	}
	data, err := readWhole(f.bundle, sigstore.BundleBytes)
	if err != nil {
		return err
	}
	what, err := contentOf(artifact)
	if err != nil {
		return err
	}
	v := bundleVerdict{Bundle: f.bundle, Artifact: artifact, Identity: f.identity, Issuer: f.issuer}
	var key crypto.PublicKey
	if f.key != "" {
		if key, err = loadPublicKey(f.key); err != nil {
			return err
		}
		v.Key = signing.KeyID(key)
	}
	why, err := f.verify(&v, data, key, what)
	if err != nil {
		return err
	}
	if why != nil {
		v.Reason, v.Detail = why.Reason, why.Detail
	}
	v.Verified = why == nil
	return f.print(w, v)
}

// check finds what is wrong with the flags together.
func (f *bundleCheck) check() error {
	named := f.identity != "" || f.issuer != ""
	switch {
	case f.bundle == "":
		return usage("no bundle: pass --bundle")
	case f.key != "" && named:
		return usage("a bundle is signed with a key or by an identity: pass --key or --certificate-identity, not both")
	case f.key == "" && (f.identity == "" || f.issuer == ""):
		return usage("no signer: pass --certificate-identity with --certificate-oidc-issuer, or --key")
	case f.root == noRoot && f.key == "":
		return usage("--trusted-root none leaves nothing to trust without --key")
	case f.format != "text" && f.format != "json":
		return usage("--format %q is neither text nor json", f.format)
	}
	return nil
}

// verify judges the bundle. An error means that the root could not be read.
func (f *bundleCheck) verify(v *bundleVerdict, data []byte, key crypto.PublicKey, what sigstore.Content) (*sigstore.Failure, error) {
	if key != nil && isEnvelope(data) {
		return sigstore.VerifyEnvelope(data, key, what), nil
	}
	var r *sigstore.Root
	if f.root != noRoot {
		var err error
		if r, err = f.loadRoot(); err != nil {
			return nil, err
		}
		v.Root = r.Name
	}
	b, why := sigstore.ReadBundle(data)
	switch {
	case why != nil:
		return why, nil
	case key != nil && r == nil:
		return sigstore.VerifyKeyAlone(b, key, what), nil
	case key != nil:
		return r.VerifyKey(b, key, what), nil
	}
	signer, why := r.VerifyCertificate(b, what)
	if why == nil && (signer.SubjectAlternativeName != f.identity || signer.Issuer != f.issuer) {
		why = &sigstore.Failure{Reason: gatekeep.ReasonSignerUnknown,
			Detail: fmt.Sprintf("signed by %.200q of issuer %.200q", signer.SubjectAlternativeName, signer.Issuer)}
	}
	return why, nil
}

// isEnvelope tells a plain DSSE envelope from a bundle.
func isEnvelope(data []byte) bool {
	members, err := strictjson.Members(data, strictjson.Limits{Bytes: sigstore.BundleBytes, Depth: sigstore.BundleDepth})
	_, payload := members["payload"]
	_, mediaType := members["mediaType"]
	return err == nil && payload && !mediaType
}

func (f *bundleCheck) loadRoot() (*sigstore.Root, error) {
	// In the protocol of the conformance suite --staging names the instance, and
	// --trusted-root the root in place of that of the instance.
	switch {
	case f.root != "":
		return loadRoot(f.root)
	case f.staging:
		return loadRoot(roots.Staging)
	}
	return loadRoot(roots.Production)
}

// loadRoot reads a root that is built in, by its name, or a file.
func loadRoot(name string) (*sigstore.Root, error) {
	data := []byte(nil)
	if embedded, ok := roots.Named(name); ok {
		data = embedded.JSON
	} else {
		var err error
		if data, err = readWhole(name, maxRootFile); err != nil {
			return nil, err
		}
	}
	r, err := sigstore.NewRoot(name, data)
	if err != nil {
		return nil, usage("reading %s: %w", name, err)
	}
	return r, nil
}

// contentOf is the artifact: a file, or a digest that is the name of no file.
func contentOf(artifact string) (sigstore.Content, error) {
	f, err := os.Open(artifact)
	if err != nil {
		if what, wrong := sigstore.Digest(artifact); wrong == nil && errors.Is(err, os.ErrNotExist) {
			return what, nil
		}
		return sigstore.Content{}, fmt.Errorf("reading artifact: %w", err)
	}
	defer f.Close()
	// What pure Ed25519 signed is verified whole; most artifacts are small.
	head, err := io.ReadAll(io.LimitReader(f, maxWhole+1))
	if err != nil {
		return sigstore.Content{}, fmt.Errorf("reading artifact: %w", err)
	}
	if len(head) <= maxWhole {
		return sigstore.Artifact(head), nil
	}
	return sigstore.ArtifactFrom(io.MultiReader(bytes.NewReader(head), f))
}

// readWhole reads a whole file of at most limit bytes. What cannot be read cannot be
// judged, and is no mistake of the command line.
func readWhole(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading input: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("reading %s: more than %d bytes", name, limit)
	}
	return data, nil
}

func (f *bundleCheck) print(w *world, v bundleVerdict) error {
	var err error
	switch {
	case f.format == "json":
		err = json.NewEncoder(w.out).Encode(v)
	case v.Verified && v.Key != "":
		_, err = fmt.Fprintf(w.out, "verified: %s, signed with key %s%s\n", v.Artifact, v.Key, inRoot(v.Root))
	case v.Verified:
		_, err = fmt.Fprintf(w.out, "verified: %s, signed by %s of %s%s\n", v.Artifact, v.Identity, v.Issuer, inRoot(v.Root))
	default:
		_, err = fmt.Fprintf(w.err, "gatekeep: refused: %s [%s]: %s\n", v.Bundle, v.Reason, v.Detail)
	}
	if err == nil && !v.Verified {
		return shutError{exitShut}
	}
	return err
}

func inRoot(name string) string {
	if name == "" {
		return ""
	}
	return ", by root " + name
}
