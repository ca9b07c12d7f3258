package main

import (
	"errors"
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

// command makes a program of the scripts from a function of its arguments.
func command(run func(args []string) error) func() {
	return func() {
		if err := run(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// push is the program `image REF [PLATFORM...]` of the scripts: it pushes an image,
// or an index with one image a platform, and prints a line "PLATFORM DIGEST" for
// each and then "REF@DIGEST".
func push(args []string) error {
	if len(args) == 0 {
		return errors.New("usage: image REF [PLATFORM...]")
	}
	ref, err := name.ParseReference(args[0])
	if err != nil {
		return err
	}
	if len(args) == 1 {
		image, d, err := someImage()
		if err != nil {
			return err
		}
		fmt.Printf("%s@%s\n", ref.Context().Name(), d)
		return remote.Write(ref, image)
	}
	index := v1.ImageIndex(empty.Index)
	for _, p := range args[1:] {
		image, d, err := someImage()
		if err != nil {
			return err
		}
		platform, err := v1.ParsePlatform(p)
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

func someImage() (v1.Image, v1.Hash, error) {
	image, err := randomimage.Image(512, 1)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	d, err := image.Digest()
	return image, d, err
}
