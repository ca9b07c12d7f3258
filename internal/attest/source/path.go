package source

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// MaxTreeFiles bounds a folder that is a subject. A large front end with its
// modules has some tens of thousands.
const MaxTreeFiles = 200_000

// isPath tells whether a text can only be a path.
func isPath(ref string) bool {
	return ref == "." || ref == ".." || strings.HasPrefix(ref, "./") || strings.HasPrefix(ref, "../") || filepath.IsAbs(ref)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func isFile(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}

// pathName is a path as the name of a subject: never one that reads as a repository.
func pathName(path string) string {
	path = filepath.ToSlash(filepath.Clean(path))
	if isPath(path) {
		return path
	}
	return "./" + path
}

var errSymlink = errors.New("symbolic links are not followed; give the file itself")

// resolvePath names a file by the digest of its bytes and a folder by the digest of
// the list of its files.
func resolvePath(path string) (gatekeep.Subject, error) {
	fail := func(err error) (gatekeep.Subject, error) {
		return gatekeep.Subject{}, &ResolveError{path, reasonOfFile(err), err}
	}
	info, err := os.Lstat(path)
	if err != nil {
		return fail(err)
	}
	kind, d := gatekeep.KindFile, ""
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return fail(errSymlink)
	case info.IsDir():
		kind = gatekeep.KindDirectory
		d, err = treeDigest(path)
	case info.Mode().IsRegular():
		d, err = fileDigest(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	default:
		err = errors.New("neither a file nor a folder")
	}
	if err != nil {
		return fail(err)
	}
	name := pathName(path)
	return gatekeep.Subject{Kind: kind, Name: name, Ref: path, Digest: d, Artifacts: map[string]gatekeep.Artifact{
		d: {Name: name, CoveredBy: []string{d}},
	}}, nil
}

// reasonOfFile is the reason for an error of the file system.
func reasonOfFile(err error) gatekeep.Reason {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return gatekeep.ReasonNotFound
	case errors.Is(err, fs.ErrPermission):
		return gatekeep.ReasonSourceDenied
	case errors.Is(err, ErrTooLarge):
		return gatekeep.ReasonTooLarge
	}
	return gatekeep.ReasonSourceMalformed
}

func fileDigest(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// treeFile is one file of a folder. Of its mode only "may run" counts: the rest
// differs between machines.
type treeFile struct {
	Path   string `json:"path"` // slashes, relative
	Exec   bool   `json:"exec"`
	SHA256 string `json:"sha256"`
}

// treeDigest is the digest of the canonical list of a folder's files, sorted by
// path. Empty folders do not count; links and devices are an error.
func treeDigest(dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	files := []treeFile{}
	err = fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return nil
		case entry.Type()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s: %w", path, errSymlink)
		case !entry.Type().IsRegular():
			return fmt.Errorf("%s: neither a file nor a folder", path)
		case len(files) == MaxTreeFiles:
			return fmt.Errorf("more than %d files", MaxTreeFiles)
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		d, err := fileDigest(root.FS(), path)
		if err != nil {
			return err
		}
		files = append(files, treeFile{path, info.Mode()&0o111 != 0, strings.TrimPrefix(d, "sha256:")})
		return nil
	})
	if err != nil {
		return "", err
	}
	slices.SortFunc(files, func(a, b treeFile) int { return strings.Compare(a.Path, b.Path) })
	_, d, err := digest.JCS(files)
	return d, err
}
