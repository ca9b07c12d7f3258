package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// workload is a registry, images with signed evidence, and a bundle that trusts who
// signed it, all of it in one folder.
type workload struct {
	dir      string
	gatekeep string // the programs to measure
	opa      string
	address  string // of the registry
	progress io.Writer
}

func (w *workload) path(parts ...string) string {
	return filepath.Join(append([]string{w.dir}, parts...)...)
}

// listen serves a registry on loopback. Blobs lie on disk: what is measured should
// not have to share memory with them.
func (w *workload) listen() (stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	blobs := w.path("blobs")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	w.address = l.Addr().String()
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: registry.New(
		registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)),
		registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs)))}
	go server.Serve(l) // ends with ErrServerClosed when stopped
	return func() { server.Close() }, nil
}

// The bundle: one service, one environment, and what its provenance must say.
var bundleFiles = map[string]string{
	"bundle/bundle.yaml":    "version: 1\nname: bench\nrevision: 1\nexpiresAt: EXPIRES\nstate: none\nregimes: [supply_chain]\ntrust: trust.yaml\n",
	"bundle/catalogue.yaml": "environments:\n  " + environment + ": {tier: production}\nservices:\n  " + service + ": {dataClasses: [none]}\n",
	"bundle/org.yaml": "expectations:\n  " + service + ":\n    builders: [\"" + builderID + "\"]\n    source_uri: " + sourceURI +
		"\n    build_types: [\"" + buildType + "\"]\n    ref_glob: refs/heads/main\n" +
		"denied_components:\n  \"pkg:npm/event-stream@3.3.6\": malicious release\n",
	"bundle/trust.yaml": "version: 1\nallowMixedRoles: true\nsigners:\n  ci: {key: ci.pub}\nstatements:\n" +
		"  - types: [provenance, sbom, vulns, secret-scan, sast]\n    signers: [ci]\n",
	"request.yaml": "version: 1\nservice: " + service + "\ncommit: \"" + commit + "\"\n",
}

// prepare makes keys, bundle and images, and signs evidence about each image.
func (w *workload) prepare(ctx context.Context) error {
	now := time.Now().UTC().Truncate(time.Second)
	for file, text := range bundleFiles {
		text = strings.ReplaceAll(text, "EXPIRES", now.AddDate(0, 1, 0).Format(time.RFC3339))
		if err := w.write([]byte(text), file); err != nil {
			return err
		}
	}
	for _, key := range []string{"ci", "policy", "gate"} {
		if err := w.do(ctx, "key", "generate", "--out", w.path(key)); err != nil {
			return err
		}
	}
	public, err := os.ReadFile(w.path("ci.pub"))
	if err != nil {
		return err
	}
	if err := w.write(public, "bundle/ci.pub"); err != nil {
		return err
	}
	if err := w.do(ctx, "policy", "sign", "--bundle", w.path("bundle"), "--key", w.path("policy.key")); err != nil {
		return err
	}
	for file, doc := range map[string]object{
		"provenance.json": provenance(), "vulns.json": grype(now), "secret-scan.json": secretScan(now), "sast.json": sast(now),
	} {
		text, err := json.Marshal(doc)
		if err != nil {
			return err
		}
		if err := w.write(text, file); err != nil {
			return err
		}
	}
	for _, n := range sizes {
		fmt.Fprintf(w.progress, "preparing an image of %d components\n", n)
		if err := w.image(ctx, n); err != nil {
			return fmt.Errorf("image of %d components: %w", n, err)
		}
	}
	return nil
}

func (w *workload) ref(n int) string { return fmt.Sprintf("%s/bench:n%d", w.address, n) }

// sbom is the raw document of an image.
func (w *workload) sbom(n int) string { return w.path(fmt.Sprintf("sbom-%d.json", n)) }

// image pushes an image and attaches its evidence as referrers.
func (w *workload) image(ctx context.Context, n int) error {
	layer := static.NewLayer([]byte(fmt.Sprintf("layer of an image of %d components", n)), types.OCILayer)
	image, err := mutate.AppendLayers(mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1), layer)
	if err != nil {
		return err
	}
	ref, err := name.ParseReference(w.ref(n))
	if err != nil {
		return err
	}
	if err := remote.Write(ref, image, remote.WithContext(ctx)); err != nil {
		return fmt.Errorf("pushing: %w", err)
	}
	if err := w.writeSBOM(n); err != nil {
		return err
	}
	for _, s := range [][2]string{
		{"sbom", w.sbom(n)}, {"provenance", w.path("provenance.json")}, {"vulns", w.path("vulns.json")},
		{"secret-scan", w.path("secret-scan.json")}, {"sast", w.path("sast.json")},
	} {
		if err := w.do(ctx, "attest", "--type", s[0], "--key", w.path("ci.key"), "--push", s[1], w.ref(n)); err != nil {
			return err
		}
	}
	return nil
}

func (w *workload) writeSBOM(n int) (err error) {
	f, err := os.Create(w.sbom(n))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return writeSBOM(f, n)
}

// check is the command line of one check.
func (w *workload) check(n int, more ...string) []string {
	return append([]string{w.gatekeep, "check", w.ref(n), "--environment", environment, "--bundle", w.path("bundle"),
		"--policy-key", w.path("policy.pub"), "--request", w.path("request.yaml")}, more...)
}

// write puts a file into the workload's folder.
func (w *workload) write(data []byte, to string) error {
	file := w.path(filepath.FromSlash(to))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

// do runs gatekeep for what is not measured.
func (w *workload) do(ctx context.Context, args ...string) error {
	c := exec.CommandContext(ctx, w.gatekeep, args...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		return fmt.Errorf("running gatekeep %v: %w\n%s", args, err, out.Bytes())
	}
	return nil
}
