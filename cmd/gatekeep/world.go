package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// defaultWidth is used where nobody can say how wide the screen is.
const defaultWidth = 80

func here() *world {
	w := &world{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, lookup: os.LookupEnv, width: defaultWidth}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		w.terminal = true
		if columns, _, err := term.GetSize(fd); err == nil && columns > 0 {
			w.width = columns
		}
	}
	w.width = widthOf(w.getenv("COLUMNS"), w.width)
	return w
}

// widthOf is what COLUMNS says (POSIX.1-2024, XBD 8.3): logs of a pipeline have no
// terminal that could be asked. What is no number above zero says nothing.
func widthOf(columns string, otherwise int) int {
	if n, err := strconv.Atoi(columns); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// colour follows https://no-color.org: any value of NO_COLOR turns colours off.
func (w *world) colour() bool {
	return w.terminal && w.getenv("NO_COLOR") == "" && w.getenv("TERM") != "dumb"
}

// password reads a secret from the environment variable, or asks where a person
// can answer. The secret itself is never printed. A variable that is set and empty
// is the empty password, with which cosign makes keys where nobody gives another.
func (w *world) password(variable, prompt string) ([]byte, error) {
	if secret, set := w.lookup(variable); set {
		return []byte(secret), nil
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, usage("no password: set %s, or run on a terminal", variable)
	}
	fmt.Fprint(w.err, prompt)
	secret, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(w.err)
	if err != nil {
		return nil, fmt.Errorf("reading password: %w", err)
	}
	return secret, nil
}

// patience is how long work may take before it says what it is doing.
const patience = time.Second

// progress says on standard error what takes longer than patience.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	timer *time.Timer
}

// step names the work that begins now and ends at the next step or at done.
func (p *progress) step(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop()
	var timer *time.Timer
	timer = time.AfterFunc(patience, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		// A timer that fired while it was being stopped has nothing to say.
		if p.timer == timer {
			fmt.Fprintf(p.out, "gatekeep: %s ...\n", what)
		}
	})
	p.timer = timer
}

// done ends the last step. Nothing is written after it returns.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop()
}

func (p *progress) stop() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

// Bounds on files that people write: names and lists, and one key.
const (
	maxRequest = 1 << 20
	maxKey     = 64 << 10
)

// readFile reads a whole file of at most limit bytes. One that is larger is refused
// by its size, before any of it is read.
func readFile(name string, limit int64) ([]byte, error) {
	// Opening a pipe with a name waits for a writer, maybe for ever. Standard input is a
	// pipe that is open already.
	if info, err := os.Stat(name); err == nil && info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDevice) != 0 && !open(name) {
		return nil, usage("reading %s: it is a %s and no file", name, kindOf(info.Mode()))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, usageError{err}
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() > limit {
		return nil, usage("reading %s: %d bytes, and at most %d are read", name, info.Size(), limit)
	}
	return readAll(f, name, limit)
}

// open tells a name for something that this process holds open: /dev/stdin, and what
// shells give for <(command).
func open(name string) bool {
	return name == "/dev/stdin" || strings.HasPrefix(name, "/dev/fd/") || strings.HasPrefix(name, "/proc/self/fd/")
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

func readAll(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, usage("reading %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, usage("reading %s: more than %d bytes", name, limit)
	}
	return data, nil
}

// isFolder refuses a flag that names something else than a folder.
func isFolder(flag, path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usage("reading %s: there is no folder %s", flag, path)
	case err != nil:
		return usage("reading %s: %w", flag, err)
	case !info.IsDir():
		return usage("reading %s: %s is no folder", flag, path)
	}
	return nil
}
