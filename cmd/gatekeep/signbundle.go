package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/signing/services"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Bounds of what is signed: a file is read whole, and SBOMs nest deepest of all
// predicates, by some tens of levels at most. What TUF fetches is a few KiB a file.
const (
	maxArtifact       = 1 << 30
	maxStatementDepth = 256
	fetchTime         = 30 * time.Second
)

// signBundleFlags are the flags of gatekeep sign-bundle, named by the protocol of
// sigstore-conformance (docs/cli_protocol.md there).
type signBundleFlags struct {
	staging bool
	inToto  bool
	token   string
	bundle  string
	root    string
	config  string
}

func signBundleCommand(w *world) *cobra.Command {
	var f signBundleFlags
	c := &cobra.Command{
		Use:   "sign-bundle --identity-token TOKEN --bundle OUT FILE",
		Short: "Sign any file with an identity token, as Sigstore's clients do",
		Long: `sign-bundle signs a file, or with --in-toto the in-toto statement in it, with a
fresh key that Fulcio certifies for the identity token, and writes a Sigstore
bundle v0.3. The arguments are those of sigstore-conformance.

The services are those of --signing-config. Without it they are those of the
public Sigstore instance, or with --staging of its staging instance, which are
asked for over TUF. To attach a statement to an image, see 'gatekeep attest'.`,
		Example: `  gatekeep sign-bundle --identity-token token.jwt --bundle app.sigstore.json \
      --signing-config signing_config.json --trusted-root trusted_root.json app.tar.gz
  gatekeep sign-bundle --in-toto --identity-token token.jwt --bundle statement.sigstore.json statement.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return signBundle(cmd.Context(), w, f, args[0])
		},
	}
	fs := c.Flags()
	fs.BoolVar(&f.staging, "staging", false, "use the staging instance of Sigstore where no --signing-config is given")
	fs.BoolVar(&f.inToto, "in-toto", false, "the file is an in-toto statement")
	fs.StringVar(&f.token, "identity-token", "", "OpenID Connect identity token, or a file with one (default: that in "+tokenVariable+")")
	fs.StringVar(&f.bundle, "bundle", "", "file to write the Sigstore bundle to")
	fs.StringVar(&f.root, "trusted-root", "", "trusted_root.json that the bundle must verify against")
	fs.StringVar(&f.config, "signing-config", "", "Sigstore signing configuration (v0.2) that names the services")
	return c
}

func signBundle(ctx context.Context, w *world, f signBundleFlags, file string) error {
	if f.bundle == "" {
		return usage("nowhere to put the bundle: pass --bundle FILE")
	}
	if err := isFolder("--bundle", filepath.Dir(f.bundle)); err != nil {
		return err
	}
	if info, err := os.Stat(f.bundle); err == nil && !info.Mode().IsRegular() {
		return usage("reading --bundle: %s is no file; name the file to write, such as app.sigstore.json", f.bundle)
	}
	data, err := readFile(file, maxArtifact)
	if err != nil {
		return err
	}
	sign := services.Artifact
	if f.inToto {
		if err := isStatement(data); err != nil {
			return usage("%s: %w", file, err)
		}
		sign = services.Statement
	}
	request, err := f.request(ctx, w)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, signingTime)
	defer cancel()
	signed, err := sign(ctx, request, data)
	if err != nil {
		return fmt.Errorf("signing %s: %w", file, err)
	}
	if err := writeWhole(f.bundle, signed.Bundle); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.err, "gatekeep: signed as %s, as %s says\n", signed.Identity, signed.Issuer)
	return err
}

// request names the services, and whom to trust about them. A configuration of one's
// own comes with a root of one's own, or with none.
func (f signBundleFlags) request(ctx context.Context, w *world) (services.Request, error) {
	own := signerFlags{keyless: true, token: f.token, config: f.config, root: f.root}
	request, err := own.request(w)
	if err != nil {
		return request, err
	}
	if f.config != "" {
		if err := request.Services.Check(true); err != nil {
			return request, usage("%s: %w", f.config, err)
		}
		return request, nil
	}
	options := tuf.DefaultOptions()
	if f.staging {
		options = options.WithRoot(tuf.StagingRoot()).WithRepositoryBaseURL(tuf.StagingMirror)
	}
	config, root, err := published(ctx, options)
	if err != nil {
		return request, err
	}
	if request.Root == nil {
		request.Root = root
	}
	request.Services, err = services.FromConfig(config, time.Now())
	return request, err
}

// configTarget is what a TUF repository of Sigstore calls its signing configuration.
const configTarget = "signing_config.v0.2.json"

// published are the signing configuration and the trusted root that a Sigstore
// instance publishes over TUF, as they are now.
func published(ctx context.Context, options *tuf.Options) (config, root []byte, err error) {
	options = options.WithDisableLocalCache().WithContext(ctx)
	options = options.WithFetcher(patient{options.Fetcher, ctx, fetchTime})
	client, err := tuf.New(options)
	if err != nil {
		return nil, nil, fmt.Errorf("asking %s for its services: %w (pass --signing-config to use others)", options.RepositoryBaseURL, err)
	}
	if config, err = client.GetTarget(configTarget); err == nil {
		root, err = client.GetTarget(rootTarget)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("asking %s for its services: %w", options.RepositoryBaseURL, err)
	}
	return config, root, nil
}

// isStatement refuses what no verifier of in-toto would read.
func isStatement(data []byte) error {
	var s struct {
		Type    string            `json:"_type"`
		Subject []json.RawMessage `json:"subject"`
	}
	if err := strictjson.Unmarshal(data, strictjson.Limits{Bytes: maxInput, Depth: maxStatementDepth}, &s); err != nil {
		return fmt.Errorf("reading in-toto statement: %w", err)
	}
	if !strings.HasPrefix(s.Type, "https://in-toto.io/Statement/") || len(s.Subject) == 0 {
		return fmt.Errorf("reading in-toto statement: _type %q with %d subjects is none; want https://in-toto.io/Statement/v1 with a subject", s.Type, len(s.Subject))
	}
	return nil
}
