package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// sources is what the demo starts from, in the project.
const sources = "testdata/demo"

// architectures are those of the image; the system is linux.
var architectures = []string{"amd64", "arm64"}

// commit stands for the commit of the image's program: the SHA-256 of its source.
func commit() (string, error) {
	text, err := os.ReadFile(filepath.Join(sources, "app", "main.go"))
	if err != nil {
		return "", fmt.Errorf("reading the program's source: %w (run the demo in the project's folder)", err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(text)), nil
}

// push makes the image, one for each platform, and pushes the index of them.
func (d *demo) push(ctx context.Context, tag string) error {
	ref, err := name.ParseReference(tag)
	if err != nil {
		return fmt.Errorf("naming image: %w", err)
	}
	index := v1.ImageIndex(mutate.IndexMediaType(empty.Index, types.OCIImageIndex))
	for _, arch := range architectures {
		program := filepath.Join(d.out, "image", "payments-"+arch)
		err := d.command(ctx, step{
			name: "go", args: []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program, "./" + path.Join(sources, "app")},
			env: []string{"GOOS=linux", "GOARCH=" + arch, "CGO_ENABLED=0", "GOPROXY=off"},
		})
		if err != nil {
			return err
		}
		image, err := imageOf(arch, program)
		if err != nil {
			return fmt.Errorf("making image for %s: %w", arch, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	if err := remote.WriteIndex(ref, index, remote.WithContext(ctx)); err != nil {
		return fmt.Errorf("pushing image: %w", err)
	}
	digest, err := index.Digest()
	if err != nil {
		return fmt.Errorf("pushing image: %w", err)
	}
	d.say("pushed %s for linux/%s, as %s", tag, strings.Join(architectures, " and linux/"), digest)
	return nil
}

// imageOf is an image of two layers: the database of Debian's package manager, and
// the program.
func imageOf(arch, program string) (v1.Image, error) {
	packages, err := os.ReadFile(filepath.Join(sources, "dpkg-status"))
	if err != nil {
		return nil, err
	}
	release, err := os.ReadFile(filepath.Join(sources, "os-release"))
	if err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	packages = bytes.ReplaceAll(packages, []byte("\nArchitecture: amd64\n"), []byte("\nArchitecture: "+arch+"\n"))
	base, err := layerOf(file{"etc/os-release", 0o644, release}, file{"var/lib/dpkg/status", 0o644, packages})
	if err != nil {
		return nil, err
	}
	app, err := layerOf(file{"usr/bin/payments", 0o755, binary})
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if image, err = mutate.AppendLayers(image, base, app); err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	config.Config.Entrypoint = []string{"/usr/bin/payments"}
	config.Config.User = "65532:65532"
	return mutate.ConfigFile(image, config)
}

// file is one file of a layer.
type file struct {
	name string
	mode int64
	data []byte
}

// layerOf is a layer with these files and the folders above them. It bears no times,
// so the same files are the same layer.
func layerOf(files ...file) (v1.Layer, error) {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	var made []string
	for _, f := range files {
		parts := strings.Split(path.Dir(f.name), "/")
		for i := range parts {
			folder := strings.Join(parts[:i+1], "/") + "/"
			if slices.Contains(made, folder) {
				continue
			}
			made = append(made, folder)
			if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: folder, Mode: 0o755}); err != nil {
				return nil, err
			}
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.data))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer))
}
