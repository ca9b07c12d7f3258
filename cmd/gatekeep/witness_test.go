package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// witness is `witness NAME ORIGIN LOGKEY POLICY`: a stock litewitness of that name, which
// knows the log, is there until the script ends, and is a line in the file POLICY.
func witness(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: witness NAME ORIGIN LOGKEY POLICY")
	}
	program := ts.Getenv("LITEWITNESS")
	dir := ts.MkAbs("witness-" + args[0])
	ts.Check(os.Mkdir(dir, 0o755))
	database := filepath.Join(dir, "db")
	for _, more := range [][]string{{"add-log"}, {"add-key", "-key", args[2]}} {
		words := append([]string{more[0], "-db", database, "-origin", args[1]}, more[1:]...)
		if said, err := exec.Command(filepath.Join(filepath.Dir(program), "witnessctl"), words...).CombinedOutput(); err != nil {
			ts.Fatalf("witnessctl %s: %v: %s", words, err, said)
		}
	}
	agent, fingerprint := keyAgent(ts)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	address := free.Addr().String()
	ts.Check(free.Close())
	c := exec.Command(program, "-db", database, "-name", args[0], "-key", fingerprint, "-ssh-agent", agent, "-listen", address)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	ts.Check(c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	ts.Defer(func() {
		_ = c.Process.Kill() // it may have ended
	})
	for {
		select {
		case err := <-ended:
			ts.Fatalf("litewitness: %v: %s", err, said.String())
		case <-time.After(20 * time.Millisecond):
		}
		page, err := http.Get("http://" + address + "/")
		if err != nil {
			continue // not there yet
		}
		text, err := io.ReadAll(page.Body)
		ts.Check(errors.Join(err, page.Body.Close()))
		key := regexp.MustCompile(regexp.QuoteMeta(args[0]) + `\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+`).Find(bytes.ReplaceAll(text, []byte("&#43;"), []byte("+")))
		if key == nil {
			ts.Fatalf("litewitness does not say its key: %s", text)
		}
		policy, err := os.OpenFile(ts.MkAbs(args[3]), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		ts.Check(err)
		_, err = fmt.Fprintf(policy, "witness %s %s http://%s\n", args[0], key, address)
		ts.Check(errors.Join(err, policy.Close()))
		return
	}
}

// keyAgent is an SSH agent with one Ed25519 key, which is how litewitness wants its key.
// It knows the two messages that are needed (draft-ietf-sshm-ssh-agent).
func keyAgent(ts *testscript.TestScript) (socket, fingerprint string) {
	public, private, err := ed25519.GenerateKey(nil)
	ts.Check(err)
	dir, err := os.MkdirTemp("", "agent") // the path of a socket has at most 107 bytes
	ts.Check(err)
	socket = filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", socket)
	ts.Check(err)
	ts.Defer(func() { _ = errors.Join(listener.Close(), os.RemoveAll(dir)) })
	text := func(parts ...[]byte) (out []byte) {
		for _, p := range parts {
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(p))), p...)
		}
		return out
	}
	const kind = "ssh-ed25519"
	blob := text([]byte(kind), public)
	answer := func(message []byte) []byte {
		switch {
		case len(message) == 1 && message[0] == 11: // SSH_AGENTC_REQUEST_IDENTITIES
			return append([]byte{12, 0, 0, 0, 1}, text(blob, []byte("test"))...)
		case len(message) > 5+len(blob)+4 && message[0] == 13: // SSH_AGENTC_SIGN_REQUEST
			rest := message[5+len(blob):]
			signed := ed25519.Sign(private, rest[4:4+binary.BigEndian.Uint32(rest)])
			return append([]byte{14}, text(text([]byte(kind), signed))...)
		}
		return []byte{5} // SSH_AGENT_FAILURE
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return // the script has ended
			}
			go func() {
				defer c.Close()
				for {
					var length [4]byte
					if _, err := io.ReadFull(c, length[:]); err != nil {
						return
					}
					message := make([]byte, binary.BigEndian.Uint32(length[:]))
					if _, err := io.ReadFull(c, message); err != nil {
						return
					}
					if _, err := c.Write(text(answer(message))); err != nil {
						return
					}
				}
			}()
		}
	}()
	sum := sha256.Sum256(blob)
	return socket, "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}
