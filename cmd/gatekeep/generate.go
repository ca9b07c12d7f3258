package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
	"github.com/gatekeep-dev/gatekeep/internal/gate"
)

// sbomProgram looks into images and folders. It is a program of its own, since what it
// is made with is larger than all the rest.
const sbomProgram = "gatekeep-sbom"

// waitDelay is how long a program that was told to end may leave its output open, or a
// child of its own that holds it.
const waitDelay = 2 * time.Second

// findSBOMProgram looks beside this program first, and then where programs are.
func findSBOMProgram() (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), sbomProgram)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	path, err := exec.LookPath(sbomProgram)
	if err != nil {
		return "", usage("there is no %s beside gatekeep nor in PATH: install it ('make build' makes both)", sbomProgram)
	}
	return path, nil
}

// makeSBOM looks into an image or a folder. Platform chooses one image of an index, and
// may be empty.
func makeSBOM(ctx context.Context, what, platform string) (document []byte, err error) {
	program, err := findSBOMProgram()
	if err != nil {
		return nil, err
	}
	args := []string{"--strict"}
	if platform != "" {
		args = append(args, "--platform", platform)
	}
	cmd := exec.CommandContext(ctx, program, append(args, "--", what)...)
	ownGroup(cmd)
	cmd.WaitDelay = waitDelay
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{limit: sbom.MaxBytes, out: &out}, &limited{limit: 1 << 16, out: &said}
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("making the SBOM of %s: %w", what, ctx.Err())
		}
		// What it read in the image may have found its way into what it says.
		return nil, fmt.Errorf("making the SBOM of %s: %w: %s", what, err, visible(strings.TrimSpace(said.String())))
	}
	return out.Bytes(), nil
}

// limited takes so many bytes and fails at the next.
type limited struct {
	limit int
	out   *bytes.Buffer
}

var errTooMuch = errors.New("it wrote more than is read")

func (l *limited) Write(p []byte) (int, error) {
	if l.out.Len()+len(p) > l.limit {
		return 0, errTooMuch
	}
	return l.out.Write(p)
}

// generator makes SBOMs for a check. What the subject names by digest is what is looked
// into: an image in its registry, or the folder itself.
func generator(subject gatekeep.Subject) (gate.Generator, error) {
	if subject.Kind == gatekeep.KindFile {
		return nil, usage("--verify-sbom looks into images and folders, and %s is a file", subject.Ref)
	}
	if _, err := findSBOMProgram(); err != nil {
		return nil, err
	}
	return func(ctx context.Context, a gatekeep.Artifact, digest string) ([]byte, string, error) {
		what := a.Name + "@" + digest
		if subject.Kind == gatekeep.KindDirectory {
			what = subject.Ref
		}
		document, err := makeSBOM(ctx, what, "")
		return document, sbomProgram, err
	}, nil
}

// generated is the SBOM of a target of attest. Of an index it is about one platform: an
// index holds no packages of its own.
func generated(ctx context.Context, s gatekeep.Subject, t target) ([]byte, error) {
	switch s.Kind {
	case gatekeep.KindDirectory:
		return makeSBOM(ctx, s.Ref, "")
	case gatekeep.KindImage:
		return makeSBOM(ctx, t.name+"@"+t.digest, "")
	case gatekeep.KindIndex:
		if t.digest != s.Digest {
			return makeSBOM(ctx, t.name+"@"+t.digest, "")
		}
		var known []string
		for _, a := range s.Artifacts {
			known = append(known, a.Platform)
		}
		slices.Sort(known)
		return nil, usage("%s is an index, and an SBOM is of one platform: pass --platform, one of %s", s.Ref, strings.Join(known, ", "))
	}
	return nil, usage("--generate looks into images and folders, and %s is a %s", s.Ref, s.Kind)
}
