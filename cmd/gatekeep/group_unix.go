//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// ownGroup gives a program a process group, all of which ends when it is told to: also
// the children that it leaves behind.
func ownGroup(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
