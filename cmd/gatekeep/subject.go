package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"go.yaml.in/yaml/v3"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source"
)

// requestTimeout is how long one request to a registry may take.
const requestTimeout = 20 * time.Second

// registryAccess logs in as docker and cosign do.
func registryAccess() source.Registry {
	return source.Registry{Keychain: authn.DefaultKeychain, Timeout: requestTimeout}
}

// resolve names by digest what the arguments name. Several of them, or a
// release.yaml, are one release: deployed together, judged together.
func resolve(ctx context.Context, subjects []string) (gatekeep.Subject, error) {
	if len(subjects) > 1 {
		list, err := yaml.Marshal(map[string]any{"version": 1, "name": strings.Join(subjects, " "), "subjects": subjects})
		if err != nil {
			return gatekeep.Subject{}, fmt.Errorf("listing subjects: %w", err)
		}
		s, err := source.ResolveRelease(ctx, list, registryAccess())
		return s, unresolved(err)
	}
	switch filepath.Base(subjects[0]) {
	case "release.yaml", "release.yml":
		data, err := readFile(subjects[0], source.MaxReleaseBytes)
		if err != nil {
			return gatekeep.Subject{}, usage("reading release: %w", err)
		}
		s, err := source.ResolveRelease(ctx, data, registryAccess())
		if err != nil {
			err = fmt.Errorf("%s: %w", subjects[0], err)
		}
		return s, unresolved(err)
	}
	s, err := source.Resolve(ctx, subjects[0], registryAccess())
	return s, unresolved(err)
}

// unresolved tells what could not be looked up from what was written wrongly.
func unresolved(err error) error {
	var looked *source.ResolveError
	if err == nil || errors.As(err, &looked) {
		return err
	}
	return usageError{err}
}
