package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// standIn puts a program in the place of gatekeep-sbom.
func standIn(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, sbomProgram), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// A program that leaves a child with its output open must not hold the gate longer than
// it may think.
func TestAProgramThatLeavesAChildIsNotWaitedFor(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	standIn(t, "sleep 600 &\necho $! > "+pid+"\nwait\n")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := makeSBOM(ctx, "image", "")
		ended <- err
	}()
	for {
		if text, err := os.ReadFile(pid); err == nil && len(text) > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	// A hang would end with the time that the test has.
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	for {
		// A process that ended, or waits for nobody to take note of it, has no command line.
		if line, err := os.ReadFile("/proc/" + strings.TrimSpace(string(text)) + "/cmdline"); err != nil || len(line) == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
}

func TestWhatAProgramSaysMovesNoCursor(t *testing.T) {
	standIn(t, `printf 'bad \033[2J\007 image\n' >&2; exit 1`)
	_, err := makeSBOM(t.Context(), "image", "")
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\x07") || !strings.Contains(err.Error(), "bad <U+001B>[2J<U+0007> image") {
		t.Errorf("it says %q", err)
	}
}
