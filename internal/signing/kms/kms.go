// Package kms signs with keys that another program keeps: a cloud's key management, a
// vault, a hardware module. It speaks the command-line plug-in protocol of Sigstore,
// as cosign does, so that no vendor's library is linked.
package kms

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin"
	"github.com/sigstore/sigstore/pkg/signature/options"

	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// scheme is what comes before the name of a key. It becomes part of the name of a
// program, so it may not hold a slash, nor begin with a dot or a dash.
var scheme = regexp.MustCompile(`^([a-z0-9][a-z0-9.+_-]*)://`)

// Is tells whether ref names a key that a plug-in keeps, "NAME://KEY", and not a file.
func Is(ref string) bool { return scheme.MatchString(ref) }

// pluginSigner asks a plug-in for every signature.
type pluginSigner struct {
	ctx    context.Context // of the whole command: Sign is given none
	ref    string
	hash   crypto.Hash
	public crypto.PublicKey
}

// Open finds the key that ref names, "NAME://KEY", by running the program
// sigstore-kms-NAME from PATH. Ctx bounds this and every signature; what the plug-in
// says to people goes to standard error. A program that is not there is
// exec.ErrNotFound.
func Open(ctx context.Context, ref string) (signing.Signer, error) {
	name := scheme.FindStringSubmatch(ref)
	if name == nil {
		return nil, fmt.Errorf("reading key reference: %q is not NAME://KEY", ref)
	}
	s := pluginSigner{ctx: ctx, ref: ref, hash: crypto.SHA256}
	err := s.ask(func(c client) (err error) {
		s.public, err = c.PublicKey(options.WithContext(ctx))
		return err
	})
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("looking for the key plug-in %s%s: it is not in PATH; install the one of your key service there: %w",
			cliplugin.PluginBinaryPrefix, name[1], err)
	}
	if err != nil {
		return nil, fmt.Errorf("asking the key plug-in for the public key of %s: %w", ref, err)
	}
	if s.hash, err = signing.HashOf(s.public); err != nil {
		return nil, fmt.Errorf("reading public key of %s: %w", ref, err)
	}
	return s, nil
}

// Public is the public half of the key, as the plug-in told it.
func (s pluginSigner) Public() crypto.PublicKey { return s.public }

// Sign lets the plug-in sign, and believes the signature only if the key made it.
func (s pluginSigner) Sign(message []byte) ([]byte, error) {
	var made []byte
	err := s.ask(func(c client) (err error) {
		made, err = c.SignMessage(bytes.NewReader(message), options.WithContext(s.ctx))
		return err
	})
	if err == nil {
		err = signing.Check(s.public, message, made)
	}
	if err != nil {
		return nil, fmt.Errorf("signing with the key plug-in of %s: %w", s.ref, err)
	}
	return made, nil
}

// client is what is used of a plug-in.
type client interface {
	PublicKey(...signature.PublicKeyOption) (crypto.PublicKey, error)
	SignMessage(message io.Reader, opts ...signature.SignOption) ([]byte, error)
}

// ask runs the plug-in once. The library takes it that an answer holds what was asked
// for, and panics over one that does not.
func (s pluginSigner) ask(question func(client) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("reading its answer: it lacks what was asked for (%v)", r)
		}
	}()
	plugin, err := cliplugin.LoadSignerVerifier(s.ctx, s.ref, s.hash)
	if err != nil {
		return err
	}
	return question(plugin)
}
