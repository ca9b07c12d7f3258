package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Files of a kept registry.
const (
	blobFolder   = "blobs"
	manifestFile = "manifests.jsonl"
	addressFile  = "address"
)

// maxManifestBytes is the least that registries must take by the OCI distribution
// specification, 4 MiB, and more than the demo pushes.
const maxManifestBytes = 4 << 20

// put is one manifest as it was pushed, a line of manifestFile.
type put struct {
	Path string `json:"path"`
	Type string `json:"type"`
	Body []byte `json:"body"`
}

// kept is a registry whose content outlives it: blobs are files, and manifests are
// written down in the order in which they came, since an index comes after its images.
type kept struct {
	inner http.Handler
	mu    sync.Mutex
	file  string
}

// openRegistry reads what a folder keeps; a folder that is empty keeps nothing yet.
func openRegistry(dir string) (*kept, error) {
	if err := os.MkdirAll(filepath.Join(dir, blobFolder), 0o755); err != nil {
		return nil, fmt.Errorf("opening registry: %w", err)
	}
	k := &kept{file: filepath.Join(dir, manifestFile), inner: registry.New(
		registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)),
		registry.WithBlobHandler(registry.NewDiskBlobHandler(filepath.Join(dir, blobFolder))))}
	f, err := os.Open(k.file)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening registry: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 2*maxManifestBytes)
	for lines.Scan() {
		var p put
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, fmt.Errorf("opening registry %s: %w", dir, err)
		}
		answer := &status{header: http.Header{}, code: http.StatusOK}
		k.inner.ServeHTTP(answer, p.request(context.Background()))
		if answer.code != http.StatusCreated {
			return nil, fmt.Errorf("opening registry %s: %s is not taken back (%d)", dir, p.Path, answer.code)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("opening registry %s: %w", dir, err)
	}
	return k, nil
}

func (p put) request(ctx context.Context) *http.Request {
	r := (&http.Request{Method: http.MethodPut, Header: http.Header{"Content-Type": {p.Type}},
		Body: io.NopCloser(bytes.NewReader(p.Body)), ContentLength: int64(len(p.Body))}).WithContext(ctx)
	r.URL = &url.URL{Path: p.Path}
	return r
}

// ServeHTTP serves the registry, and writes a manifest down before it is there.
func (k *kept) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/manifests/") {
		k.inner.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxManifestBytes))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	p := put{Path: r.URL.Path, Type: r.Header.Get("Content-Type"), Body: body}
	answer := &status{ResponseWriter: w, code: http.StatusOK}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.inner.ServeHTTP(answer, p.request(r.Context()))
	if answer.code == http.StatusCreated {
		if err := k.keep(p); err != nil {
			log.Printf("keeping manifest %s: %v", p.Path, err)
		}
	}
}

func (k *kept) keep(p put) error {
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(k.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// status notes the code of an answer. Without a ResponseWriter it drops the answer.
type status struct {
	http.ResponseWriter
	header http.Header
	code   int
}

func (s *status) Header() http.Header {
	if s.ResponseWriter == nil {
		return s.header
	}
	return s.ResponseWriter.Header()
}

func (s *status) Write(b []byte) (int, error) {
	if s.ResponseWriter == nil {
		return len(b), nil
	}
	return s.ResponseWriter.Write(b)
}

func (s *status) WriteHeader(code int) {
	s.code = code
	if s.ResponseWriter != nil {
		s.ResponseWriter.WriteHeader(code)
	}
}

// triedPorts is how many ports after the wanted one are tried.
const triedPorts = 20

// listen takes the wanted address, or the next port that is free.
func listen(address string) (net.Listener, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("reading address: %w", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("reading address: %w", err)
	}
	for i := range triedPorts {
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port+i))); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("listening: %w", err)
}

// start serves the registry of a folder until the returned function is called.
func start(dir string, l net.Listener) (stop func(), err error) {
	k, err := openRegistry(dir)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	server := &http.Server{Handler: k, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(l) // ends with ErrServerClosed when stopped
	return func() { server.Close() }, nil
}

// serve serves what a demo has left, at the address that its commands name.
func serve(ctx context.Context, out string, stdout io.Writer) error {
	dir := filepath.Join(out, "registry")
	address, err := os.ReadFile(filepath.Join(dir, addressFile))
	if err != nil {
		return fmt.Errorf("serving: %w (run the demo first)", err)
	}
	l, err := net.Listen("tcp", strings.TrimSpace(string(address)))
	if err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	stop, err := start(dir, l)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Fprintf(stdout, "serving %s on %s; end with Ctrl-C\n", dir, l.Addr())
	<-ctx.Done()
	return nil
}
