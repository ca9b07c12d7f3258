package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/rogpeppe/go-internal/testscript"
)

// objectStore is `objectstore`: it starts a versitygw on files of the script, sets S3 to
// its address, and ends it with the script.
func objectStore(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: objectstore")
	}
	// The port is free when it is asked for; the store says so if it no longer is.
	free, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	address := free.Addr().String()
	ts.Check(free.Close())
	ts.Setenv("S3", "http://"+address)
	for _, dir := range []string{"objects", "versions"} {
		ts.Check(os.Mkdir(ts.MkAbs(dir), 0o700))
	}
	var said bytes.Buffer
	server := exec.Command(ts.Getenv("VERSITYGW"), "--port", address, "--quiet", "posix", "--versioning-dir", ts.MkAbs("versions"), ts.MkAbs("objects"))
	server.Env = []string{"ROOT_ACCESS_KEY=" + ts.Getenv("AWS_ACCESS_KEY_ID"), "ROOT_SECRET_KEY=" + ts.Getenv("AWS_SECRET_ACCESS_KEY"), "HOME=" + ts.MkAbs(".")}
	server.Stdout, server.Stderr = &said, &said
	ts.Check(server.Start())
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	ts.Defer(func() {
		if server.Process.Kill() == nil {
			<-ended
		}
	})
	for {
		line, err := net.Dial("tcp", address)
		if err == nil {
			ts.Check(line.Close())
			return
		}
		select {
		case err := <-ended:
			ts.Fatalf("the object store ended: %v\n%s", err, said.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// askStore is the program `s3 METHOD PATH?QUERY [HEADER=VALUE...]` of the scripts: it
// asks the store with the credentials of the environment, and prints the status, the
// headers that the protocol adds, and the body.
func askStore(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: s3 METHOD PATH [HEADER=VALUE...]")
	}
	var body []byte
	if file, ok := strings.CutPrefix(args[len(args)-1], "@"); ok {
		var err error
		if body, err = os.ReadFile(filepath.Clean(file)); err != nil {
			return err
		}
		args = args[:len(args)-1]
	}
	req, err := http.NewRequest(args[0], os.Getenv("S3")+args[1], bytes.NewReader(body))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	req.Header.Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(sum[:]))
	for _, arg := range args[2:] {
		name, value, _ := strings.Cut(arg, "=")
		req.Header.Set(name, value)
	}
	who := aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := signer.SignHTTP(context.Background(), who, req, hex.EncodeToString(sum[:]), "s3", "us-east-1", time.Now()); err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	for name, values := range resp.Header {
		if strings.HasPrefix(name, "X-Amz-Object-Lock") {
			fmt.Println(name, values)
		}
	}
	_, err = io.Copy(os.Stdout, resp.Body)
	return err
}
