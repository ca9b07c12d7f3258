//go:build ignore

// Zonezip makes zoneinfo.zip from a folder of compiled time zones that also holds
// tzdata.zi, as Debian's tzdata package has in usr/share/zoneinfo:
//
//	apt-get download tzdata && dpkg -x tzdata_*.deb tz
//	go run zonezip.go tz/usr/share/zoneinfo zoneinfo.zip
package main

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"log"
	"os"
	"strings"
)

func main() {
	root := os.DirFS(os.Args[1])
	source, err := fs.ReadFile(root, "tzdata.zi")
	if err != nil {
		log.Fatal(err)
	}
	// The first line of tzdata.zi is "# version 2026f".
	first, _, _ := strings.Cut(string(source), "\n")
	release, ok := strings.CutPrefix(first, "# version ")
	if !ok {
		log.Fatalf("reading tzdata.zi: its first line is %q", first)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	add := func(name string, data []byte) {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(data)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	add("VERSION", []byte(release))
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(name, "posix/") || strings.HasPrefix(name, "right/") {
			return err
		}
		data, err := fs.ReadFile(root, name)
		// RFC 9636 section 3.1: compiled zones begin with "TZif".
		if err == nil && bytes.HasPrefix(data, []byte("TZif")) && name != "localtime" && name != "posixrules" {
			add(name, data)
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[2], out.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}
