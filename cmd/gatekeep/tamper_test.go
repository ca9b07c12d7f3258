package main

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// tamper is the program `tamper IN OUT VERB PATH [PATH]` of the scripts. It writes
// an evidence bundle again, in the form that a bundle has, with one thing changed:
//
//	alter PATH      one byte of a file
//	remove PATH     a file less
//	add PATH        a file more, in its place in the order
//	exchange A B    the contents of two files
//	reorder A B     the places of two files
//	replace PATH F  the contents of a file, by those of the file F on disk
func tamper(args []string) error {
	if len(args) < 4 {
		return errors.New("usage: tamper IN OUT VERB PATH [PATH]")
	}
	files, err := unzip(args[0])
	if err != nil {
		return err
	}
	at := func(path string) int {
		return slices.IndexFunc(files, func(f zipped) bool { return f.header.Name == path })
	}
	i, j := at(args[3]), at(args[len(args)-1])
	if args[2] == "replace" {
		j = i
	}
	if args[2] != "add" && (i < 0 || j < 0) {
		return fmt.Errorf("%s holds no %s", args[0], strings.Join(args[3:], " or no "))
	}
	switch args[2] {
	case "alter":
		data := files[i].data
		// A digit stays a digit, so that a document stays readable: what has to be
		// noticed is that it is another one.
		k := max(bytes.IndexAny(data, "0123456789"), 0)
		data[k] ^= 1
	case "remove":
		files = slices.Delete(files, i, i+1)
	case "add":
		more := zipped{files[0].header, []byte("{}")}
		more.header.Name = args[3]
		files = append(files, more)
		slices.SortFunc(files, func(a, b zipped) int { return strings.Compare(a.header.Name, b.header.Name) })
	case "replace":
		if files[i].data, err = os.ReadFile(args[4]); err != nil {
			return err
		}
	case "exchange":
		files[i].data, files[j].data = files[j].data, files[i].data
	case "reorder":
		files[i], files[j] = files[j], files[i]
	default:
		return fmt.Errorf("tamper has no verb %q", args[2])
	}
	return rezip(args[1], files)
}

// zipped is one file of an archive.
type zipped struct {
	header zip.FileHeader
	data   []byte
}

func unzip(path string) ([]zipped, error) {
	r, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var files []zipped
	for _, f := range r.File {
		content, err := f.Open()
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(content)
		if err != nil {
			return nil, err
		}
		files = append(files, zipped{f.FileHeader, data})
	}
	return files, nil
}

// rezip writes files with the headers that they had, but stored.
func rezip(path string, files []zipped) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	w := zip.NewWriter(out)
	for _, f := range files {
		f.header.Method, f.header.CRC32 = zip.Store, crc32.ChecksumIEEE(f.data)
		f.header.CompressedSize64, f.header.UncompressedSize64 = uint64(len(f.data)), uint64(len(f.data))
		entry, err := w.CreateRaw(&f.header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(f.data); err != nil {
			return err
		}
	}
	return w.Close()
}

// envelopes is the program `envelopes VERB ...` of the scripts, for the attestations
// that cosign attaches to an image under its .att tag, and for files of them:
//
//	pull REF FOLDER          one file each, named by predicate type
//	push REF FILE...         in place of those that are there
//	payload IN OUT           one byte of the statement changed
//	signature IN OUT         one byte of the signature changed
func envelopes(args []string) error {
	if len(args) < 3 {
		return errors.New("usage: envelopes pull REF FOLDER | push REF FILE... | payload IN OUT | signature IN OUT")
	}
	switch args[0] {
	case "pull":
		return pullEnvelopes(args[1], args[2])
	case "push":
		return pushEnvelopes(args[1], args[2:])
	}
	data, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	var e map[string]any
	if err := json.Unmarshal(data, &e); err != nil {
		return err
	}
	dsse, ok := e["dsseEnvelope"].(map[string]any) // of a Sigstore bundle
	if !ok {
		dsse = e
	}
	switch args[0] {
	case "payload":
		dsse["payload"], err = flip(dsse["payload"], func(b []byte) int {
			return bytes.LastIndexAny(b, "0123456789") // a statement still, and another one
		})
	case "signature":
		first := dsse["signatures"].([]any)[0].(map[string]any)
		first["sig"], err = flip(first["sig"], func(b []byte) int { return len(b) - 1 })
	default:
		err = fmt.Errorf("envelopes has no verb %q", args[0])
	}
	if err != nil {
		return err
	}
	if data, err = json.Marshal(e); err != nil {
		return err
	}
	return os.WriteFile(args[2], data, 0o600)
}

// flip changes one bit of what a base64 text stands for.
func flip(encoded any, at func([]byte) int) (string, error) {
	b, err := base64.StdEncoding.DecodeString(encoded.(string))
	if err != nil {
		return "", err
	}
	b[at(b)] ^= 1
	return base64.StdEncoding.EncodeToString(b), nil
}

// attTag is where cosign keeps the attestations of an image.
func attTag(ref string) (name.Tag, error) {
	d, err := name.NewDigest(ref)
	if err != nil {
		return name.Tag{}, err
	}
	return d.Tag(strings.Replace(d.DigestStr(), ":", "-", 1) + ".att"), nil
}

func pullEnvelopes(ref, folder string) error {
	tag, err := attTag(ref)
	if err != nil {
		return err
	}
	image, err := remote.Image(tag)
	if err != nil {
		return err
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, layer := range layers {
		content, err := layer.Compressed()
		if err != nil {
			return err
		}
		data, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		var e struct{ Payload []byte }
		var statement struct{ PredicateType string }
		if err := errors.Join(json.Unmarshal(data, &e), json.Unmarshal(e.Payload, &statement)); err != nil {
			return err
		}
		file := strings.NewReplacer("https://", "", "/", "-").Replace(statement.PredicateType) + ".json"
		if err := os.WriteFile(filepath.Join(folder, file), data, 0o600); err != nil {
			return err
		}
		fmt.Println(filepath.Join(folder, file))
	}
	return nil
}

func pushEnvelopes(ref string, files []string) error {
	tag, err := attTag(ref)
	if err != nil {
		return err
	}
	image := v1.Image(empty.Image)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		layer := static.NewLayer(data, types.MediaType("application/vnd.dsse.envelope.v1+json"))
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return err
		}
	}
	return remote.Write(tag, image)
}
