package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// mentions is `mentions NAME PATH...`: it prints every file at or below the paths in which
// the name stands, or in whose own name it does, in the clear, in base64, or packed.
func mentions(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: mentions NAME PATH...")
	}
	for _, root := range args[1:] {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err == nil && (has([]byte(path), args[0]) || within(data, args[0], 0)) {
				fmt.Println(path)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func has(data []byte, name string) bool {
	return bytes.Contains(bytes.ToLower(data), []byte(strings.ToLower(name)))
}

var base64Text = regexp.MustCompile(`[A-Za-z0-9+/_-]{8,}`)

// within looks into data, and into whatever is encoded or packed in it.
func within(data []byte, name string, depth int) bool {
	if has(data, name) {
		return true
	}
	if depth > 5 {
		return false
	}
	if archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data))); err == nil {
		for _, f := range archive.File {
			r, err := f.Open()
			if err != nil {
				return true // what cannot be looked into may hold it
			}
			inner, err := io.ReadAll(r)
			if err != nil || has([]byte(f.Name), name) || within(inner, name, depth+1) {
				return true
			}
		}
		return false
	}
	if unpacked, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
		for r := tar.NewReader(unpacked); ; {
			header, err := r.Next()
			if err == io.EOF {
				return false
			}
			if err != nil {
				return true
			}
			inner, err := io.ReadAll(r)
			if err != nil || has([]byte(header.Name), name) || within(inner, name, depth+1) {
				return true
			}
		}
	}
	for _, text := range base64Text.FindAll(data, -1) {
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			inner, err := e.DecodeString(string(text))
			if err == nil && within(inner, name, depth+1) {
				return true
			}
		}
	}
	return false
}
