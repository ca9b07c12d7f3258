package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/gatekeep-dev/gatekeep/internal/attest/roots"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
	"github.com/gatekeep-dev/gatekeep/internal/signing/kms"
	"github.com/gatekeep-dev/gatekeep/internal/signing/services"
)

// Bounds on files for Sigstore's services; the services' own are tighter.
const (
	maxToken      = 64 << 10
	maxConfig     = 64 << 10
	maxRoot       = 4 << 20
	signingTime   = 2 * time.Minute // for all services together
	tokenVariable = "SIGSTORE_ID_TOKEN"
)

// signerFlags are the flags of who signs, and who helps.
type signerFlags struct {
	key        string
	keyless    bool
	token      string
	config     string
	root       string
	fulcio     string
	rekors     []string
	timestamps []string
}

func (f *signerFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.key, "key", "", "private key that signs: a file, env://VARIABLE, or NAME://KEY of a key service (password in GATEKEEP_PASSWORD)")
	fs.BoolVar(&f.keyless, "keyless", false, "sign with a fresh key that Fulcio certifies for an identity token")
	fs.StringVar(&f.token, "identity-token", "", "OpenID Connect identity token, or a file with one (default: that in "+tokenVariable+")")
	fs.StringVar(&f.config, "signing-config", "", "Sigstore signing configuration (v0.2) that names the services")
	fs.StringVar(&f.fulcio, "fulcio-url", "", "Fulcio that certifies, instead of --signing-config")
	fs.StringArrayVar(&f.rekors, "rekor-url", nil, "Rekor v2 log that keeps an entry, instead of --signing-config (repeatable)")
	fs.StringArrayVar(&f.timestamps, "timestamp-url", nil, "RFC 3161 authority that says when, instead of --signing-config (repeatable)")
	fs.StringVar(&f.root, "trusted-root", "", "trusted_root.json that the result must verify against, or "+roots.Production+" or "+roots.Staging)
}

// served tells that services are asked. Without a flag that names them nobody is.
func (f signerFlags) served() bool {
	return f.keyless || f.config != "" || f.fulcio != "" || len(f.rekors) > 0 || len(f.timestamps) > 0
}

// sensible refuses flags that contradict each other, before anything is read.
func (f signerFlags) sensible() error {
	urls := f.fulcio != "" || len(f.rekors) > 0 || len(f.timestamps) > 0
	switch {
	case f.key == "" && !f.keyless:
		return usage("no key: pass --key (make one with 'gatekeep key generate'), or --keyless to sign with an identity token")
	case f.key != "" && f.keyless:
		return usage("--key and --keyless are both given: sign with a key or with an identity token")
	case f.token != "" && !f.keyless:
		return usage("--identity-token is for signing without a key: pass --keyless and no --key")
	case f.fulcio != "" && !f.keyless:
		return usage("--fulcio-url certifies fresh keys: pass --keyless and no --key")
	case f.config != "" && urls:
		return usage("--signing-config names the services: leave --fulcio-url, --rekor-url and --timestamp-url out")
	case f.keyless && f.config == "" && f.fulcio == "":
		return usage("nobody to certify the signer: pass --signing-config FILE, or --fulcio-url, --rekor-url and --timestamp-url")
	case f.root != "" && !f.served():
		return usage("--trusted-root verifies what services made: name them with --signing-config, or leave it out")
	}
	return nil
}

// signStatement is how a statement becomes a Sigstore bundle.
type signStatement func(ctx context.Context, statement []byte) ([]byte, error)

// signer reads all that the flags name. Nobody is asked for anything yet.
func (f signerFlags) signer(ctx context.Context, w *world) (signStatement, error) {
	if err := f.sensible(); err != nil {
		return nil, err
	}
	var key signing.Signer
	var err error
	if f.key != "" {
		if key, err = openSigner(ctx, w, f.key); err != nil {
			return nil, err
		}
	}
	if !f.served() {
		return func(_ context.Context, statement []byte) ([]byte, error) {
			return signing.SignStatement(key, statement)
		}, nil
	}
	request, err := f.request(w)
	if err != nil {
		return nil, err
	}
	request.Key = key
	if err := request.Services.Check(key == nil); err != nil {
		return nil, usageError{err}
	}
	return func(ctx context.Context, statement []byte) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, signingTime)
		defer cancel()
		signed, err := services.Statement(ctx, request, statement)
		if err == nil && signed.Identity != "" {
			fmt.Fprintf(w.err, "gatekeep: signed as %s, as %s says\n", signed.Identity, signed.Issuer)
		}
		return signed.Bundle, err
	}, nil
}

// request is everything but the key.
func (f signerFlags) request(w *world) (r services.Request, err error) {
	r.Now = time.Now()
	if f.keyless {
		if r.Token, err = tokenOf(w, f.token); err != nil {
			return r, err
		}
	}
	if f.root != "" {
		if r.Root, err = trustedRootOf(f.root); err != nil {
			return r, err
		}
	}
	if f.config == "" {
		r.Services = services.Services{Fulcio: f.fulcio, Timestamps: f.timestamps}
		for _, url := range f.rekors {
			r.Services.Logs = append(r.Services.Logs, services.Log{URL: url, Version: services.RekorV2})
		}
		return r, nil
	}
	data, err := readFile(f.config, maxConfig)
	if err != nil {
		return r, usage("reading --signing-config: %w", err)
	}
	if r.Services, err = services.FromConfig(data, r.Now); err != nil {
		return r, usage("%s: %w", f.config, err)
	}
	return r, nil
}

// tokenOf is an identity token from the command line, a file or the environment. It is
// never printed: no message of here holds what was given as one.
func tokenOf(w *world, given string) (string, error) {
	if given == "" {
		given = strings.TrimSpace(w.getenv(tokenVariable))
	}
	switch {
	case given == "":
		return "", usage("no identity token: pass --identity-token FILE, or set %s", tokenVariable)
	case services.LooksLikeToken(given):
		return given, nil
	}
	if _, err := os.Stat(given); err != nil {
		return "", usage("reading identity token: what was given is neither a token (eyJ...) nor a file that is there")
	}
	data, err := readFile(given, maxToken)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(data)), nil
}

// trustedRootOf is a trusted root by file, or by the name of one that is built in.
func trustedRootOf(name string) ([]byte, error) {
	if root, ok := roots.Named(name); ok {
		return root.JSON, nil
	}
	data, err := readFile(name, maxRoot)
	if err != nil {
		return nil, usage("reading --trusted-root: %w (or name %s or %s)", err, roots.Production, roots.Staging)
	}
	return data, nil
}

// openSigner finds the key that ref names: a file, an environment variable, or a key
// that a plug-in keeps.
func openSigner(ctx context.Context, w *world, ref string) (signing.Signer, error) {
	variable, inEnvironment := strings.CutPrefix(ref, "env://")
	var data []byte
	var err error
	switch {
	case inEnvironment:
		text, set := w.lookup(variable)
		if !set {
			return nil, usage("reading private key: the environment variable %s is not set", variable)
		}
		data = []byte(text)
	case kms.Is(ref):
		signer, err := kms.Open(ctx, ref)
		if err != nil {
			if errors.Is(err, exec.ErrNotFound) {
				return nil, usageError{err}
			}
			return nil, err
		}
		return signer, nil
	default:
		if data, err = readFile(ref, maxKey); err != nil {
			return nil, usage("reading private key: %w", err)
		}
	}
	signer, err := signing.LoadPrivateKey(data, func() ([]byte, error) {
		return w.password("GATEKEEP_PASSWORD", fmt.Sprintf("Password of %s: ", ref))
	})
	if err != nil {
		return nil, usage("reading private key %s: %w", ref, err)
	}
	return signer, nil
}
