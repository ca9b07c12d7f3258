package main

import (
	"context"
	"fmt"
	"os"
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
		return source.ResolveRelease(ctx, list, registryAccess())
	}
	switch filepath.Base(subjects[0]) {
	case "release.yaml", "release.yml":
		data, err := os.ReadFile(subjects[0])
		if err != nil {
			return gatekeep.Subject{}, usage("reading release: %w", err)
		}
		return source.ResolveRelease(ctx, data, registryAccess())
	}
	return source.Resolve(ctx, subjects[0], registryAccess())
}
