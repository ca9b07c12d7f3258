//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A disk that is full at any step shuts the gate and says so. Nothing half-written is
// left: not in the store, not in the ledger, not in what the gate remembers.
func TestADiskThatIsFullAtAnyStepShutsTheGate(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		const why = "mounting a tmpfs, which root may do: %v: the test needs a disk of a known size that it can fill"
		if os.Getenv("CI") != "" {
			t.Fatalf(why, err)
		}
		t.Skipf(why, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := newPlant(t, dir)
	if out, err := s.gatekeep(s.check...).CombinedOutput(); err == nil || !bytes.Contains(out, []byte("SHUT")) {
		t.Fatalf("on an empty disk: %v: %s", err, out)
	}
	ballast := filepath.Join(dir, "ballast")
	shut, judged := 0, 0
	const page = 4096
	for free := 0; free < 60; free += 5 {
		fillDisk(t, dir, ballast, int64(free*page))
		c := s.gatekeep(s.check...)
		var out, errs bytes.Buffer
		c.Stdout, c.Stderr = &out, &errs
		_ = c.Run() // the exit code tells
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		switch code := c.ProcessState.ExitCode(); code {
		case exitShut:
			judged++
		case exitUnknown:
			shut++
			if !strings.Contains(errs.String(), "could not judge") || !strings.Contains(errs.String(), "no space left on device") {
				t.Errorf("%d pages free: it says %s", free, &errs)
			}
			if strings.Contains(out.String(), "SHUT") || strings.Contains(out.String(), "OPEN") {
				t.Errorf("%d pages free: it shows an answer that it could not keep: %s", free, &out)
			}
		default:
			t.Errorf("%d pages free: exit code %d: %s", free, code, &errs)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "store", ".*")); len(left) > 0 {
			t.Errorf("%d pages free: %v is left half-written", free, left)
		}
		s.complete()
		if n := s.agree(); n < judged+1 {
			t.Errorf("%d pages free: %d bundles of %d decisions", free, n, judged+1)
		}
	}
	if shut < 4 || judged < 2 {
		t.Errorf("%d checks found the disk full, and %d did not: the test fills it wrongly", shut, judged)
	}
	before := s.agree()
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	c := s.gatekeep(s.check...)
	out, _ := c.CombinedOutput() // the exit code tells
	if code := c.ProcessState.ExitCode(); code != exitUnknown || !bytes.Contains(out, []byte("read-only file system")) {
		t.Errorf("on a disk that cannot be written: exit code %d: %s", code, out)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	if after := s.agree(); after != before {
		t.Errorf("a disk that cannot be written held %d bundles, and holds %d", before, after)
	}
	t.Logf("%d checks found the disk full, %d did not", shut, judged)
}

// fillDisk leaves so many bytes of a disk free.
func fillDisk(t *testing.T, dir, ballast string, free int64) {
	t.Helper()
	var now syscall.Statfs_t
	if err := syscall.Statfs(dir, &now); err != nil {
		t.Fatal(err)
	}
	n := int64(now.Bavail)*now.Bsize - free
	if n < 0 {
		t.Fatalf("%d bytes are free; %d are wanted", int64(now.Bavail)*now.Bsize, free)
	}
	if err := os.WriteFile(ballast, make([]byte, n), 0o600); err != nil {
		t.Fatal(err)
	}
}
