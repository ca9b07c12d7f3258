package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// childCommand is the first argument with which the program runs itself, to watch
// one child.
const childCommand = "watch"

// usage is what one process used, as the kernel counts it.
type usage struct {
	CPU time.Duration `json:"cpu"` // user and system, of all threads
	RSS int64         `json:"rss"` // bytes, at most
}

// command is one command line to measure.
type command struct {
	args []string
	// out is a file for standard output; the null device where it is empty.
	out string
}

// watch runs a command and writes its usage as JSON. It is a process of its own
// since Linux counts the memory of whoever starts a program into the peak of the
// program: the starter has to be small.
func watch(ctx context.Context, args []string, w io.Writer) error {
	if len(args) < 2 {
		return errors.New("watching: an output file and a command are wanted")
	}
	out, err := os.Create(args[0])
	if err != nil {
		return fmt.Errorf("watching: %w", err)
	}
	defer out.Close()
	c := exec.CommandContext(ctx, args[1], args[2:]...)
	var complaints bytes.Buffer // and notes of progress, which nobody wants to read
	c.Stdout, c.Stderr = out, &complaints
	if err := c.Run(); err != nil {
		return fmt.Errorf("running %s: %w\n%s", args[1], err, complaints.Bytes())
	}
	used, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return errors.New("watching: this system does not tell what a process used")
	}
	u := usage{CPU: c.ProcessState.UserTime() + c.ProcessState.SystemTime(), RSS: int64(used.Maxrss)}
	if runtime.GOOS != "darwin" { // getrusage(2): kilobytes, and bytes there
		u.RSS *= 1024
	}
	return json.NewEncoder(w).Encode(u)
}

// once measures a command. Any exit code but zero is an error.
func (w *workload) once(ctx context.Context, c command) (usage, error) {
	self, err := os.Executable()
	if err != nil {
		return usage{}, err
	}
	out := c.out
	if out == "" {
		out = os.DevNull
	}
	watcher := exec.CommandContext(ctx, self, append([]string{childCommand, out}, c.args...)...)
	watcher.Stderr = os.Stderr
	text, err := watcher.Output()
	if err != nil {
		return usage{}, fmt.Errorf("running %v: %w", c.args, err)
	}
	var u usage
	if err := json.Unmarshal(text, &u); err != nil {
		return usage{}, fmt.Errorf("reading usage: %w", err)
	}
	return u, nil
}

// median measures one command.
func (w *workload) median(ctx context.Context, c command) (usage, error) {
	all, err := w.interleaved(ctx, c)
	if err != nil {
		return usage{}, err
	}
	return all[0], nil
}

// interleaved measures commands in turn, so that what else the machine does falls on
// all of them, and returns the median of each.
func (w *workload) interleaved(ctx context.Context, commands ...command) ([]usage, error) {
	samples := make([][]usage, len(commands))
	for round := range runs + 1 {
		for i, c := range commands {
			u, err := w.once(ctx, c)
			if err != nil {
				return nil, err
			}
			if round > 0 { // the first warms up
				samples[i] = append(samples[i], u)
			}
		}
	}
	medians := make([]usage, len(commands))
	for i, s := range samples {
		medians[i] = medianOf(s)
	}
	return medians, nil
}

// medianOf takes the median of each figure on its own. Of an even number of samples
// it takes the upper of the middle two; of none it is zero.
func medianOf(samples []usage) usage {
	if len(samples) == 0 {
		return usage{}
	}
	var cpu []time.Duration
	var rss []int64
	for _, s := range samples {
		cpu, rss = append(cpu, s.CPU), append(rss, s.RSS)
	}
	slices.Sort(cpu)
	slices.Sort(rss)
	return usage{CPU: cpu[len(cpu)/2], RSS: rss[len(rss)/2]}
}
