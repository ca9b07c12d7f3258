package main

import (
	"fmt"
	"io"
	"log"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	randomimage "github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

var quiet = log.New(io.Discard, "", 0)

// pushImage is the command `image REF [PLATFORM...]` of the scripts: it pushes an
// image, or an index with one image a platform, and prints "REF@DIGEST" and then
// a line "PLATFORM DIGEST" each.
func pushImage() {
	if err := push(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func push(tag string, platforms []string) error {
	ref, err := name.ParseReference(tag)
	if err != nil {
		return err
	}
	if len(platforms) == 0 {
		image, err := randomimage.Image(512, 1)
		if err != nil {
			return err
		}
		d, err := image.Digest()
		if err != nil {
			return err
		}
		fmt.Printf("%s@%s\n", ref.Context().Name(), d)
		return remote.Write(ref, image)
	}
	index := v1.ImageIndex(empty.Index)
	for _, p := range platforms {
		image, err := randomimage.Image(512, 1)
		if err != nil {
			return err
		}
		platform, err := v1.ParsePlatform(p)
		if err != nil {
			return err
		}
		d, err := image.Digest()
		if err != nil {
			return err
		}
		fmt.Printf("%s %s\n", p, d)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: platform}})
	}
	d, err := index.Digest()
	if err != nil {
		return err
	}
	fmt.Printf("%s@%s\n", ref.Context().Name(), d)
	return remote.WriteIndex(ref, index)
}
