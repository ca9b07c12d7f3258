package publish

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source"
)

// oci is a repository of a registry. Bundles and their statements stand there as
// referrers of the image that was judged.
type oci struct {
	name       string
	repository string // "": that of each image
	a          Access
}

func parseOCI(text, repository string, a Access) (Target, error) {
	if repository == "" {
		return oci{text, "", a}, nil
	}
	repo, err := name.NewRepository(repository, name.StrictValidation)
	if err != nil {
		return nil, fmt.Errorf("reading target %q: it names no repository of a registry, without tag or digest: %w", text, err)
	}
	return oci{text, repo.Name(), a}, nil
}

// Publish implements Target. The statement comes last: who sees it finds the bundle.
func (t oci) Publish(ctx context.Context, d Document) ([]Receipt, error) {
	images, err := imagesOf(d.subject)
	if err != nil {
		return nil, err
	}
	statement, err := source.BundleReferrer(d.statement, t.a.PredicateType)
	if err != nil {
		return nil, err
	}
	bundle := source.Referrer{MediaType: t.a.MediaType, Data: d.bundle, Annotations: map[string]string{
		"dev.gatekeep.decision.id":       d.id,
		"org.opencontainers.image.title": d.Name(), // as oras names the file
	}}
	var receipts []Receipt
	for _, image := range images {
		at := image.Context().Name()
		pushed, err := source.Attach(ctx, image.Name(), t.repository, []source.Referrer{bundle, statement}, t.a.Registry)
		for i, manifest := range pushed {
			kind := []string{KindBundle, KindStatement}[i]
			receipts = append(receipts, Receipt{Target: t.name, Kind: kind, Location: cmp.Or(t.repository, at) + "@" + manifest, Digest: manifest})
		}
		if err != nil {
			return receipts, fmt.Errorf("attaching to %s: %w", image, err)
		}
	}
	return receipts, nil
}

// imagesOf are the images that a statement about the subject speaks of: the image or
// index itself, and of a release each image that would run.
func imagesOf(s gatekeep.Subject) ([]name.Digest, error) {
	var images []name.Digest
	add := func(repository, digest string) error {
		repo, err := name.NewRepository(repository, name.StrictValidation)
		if err == nil && !strings.HasPrefix(repository, "/") && !strings.HasPrefix(repository, ".") {
			images = append(images, repo.Digest(digest))
			return nil
		}
		return fmt.Errorf("%s lies in no registry; evidence about it goes to a folder or a bucket", repository)
	}
	switch s.Kind {
	case gatekeep.KindImage, gatekeep.KindIndex:
		err := add(s.Name, s.Digest)
		return images, err
	case gatekeep.KindRelease:
		for d, a := range s.Artifacts {
			if err := add(a.Name, d); err != nil {
				return nil, err
			}
		}
		slices.SortFunc(images, func(a, b name.Digest) int { return strings.Compare(a.Name(), b.Name()) })
		return images, nil
	}
	return nil, fmt.Errorf("%s is a %s and no image; evidence about it goes to a folder or a bucket", s.Name, s.Kind)
}
