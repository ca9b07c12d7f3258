// Package publish puts evidence bundles where they are kept: folders, registries, and
// object stores that lock what they hold. A bundle is written once under the id of its
// decision and never over another one. The caller has verified it.
package publish

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// ErrOther is a place that holds something else under the id of the decision. Nothing
// was changed there.
var ErrOther = errors.New("something else is kept there under this decision")

// decisionID is what may become the name of a file, an object or an annotation.
var decisionID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// Document is a bundle that verifies, and what its record says about it.
type Document struct {
	id        string // of the decision
	digest    string // of the bundle
	bundle    []byte
	statement []byte // the signed statement of the bundle, a Sigstore bundle
	subject   gatekeep.Subject
	until     time.Time // when it need not be kept any longer
}

// NewDocument takes a bundle, its signed statement, and what its record says: the id of
// the decision, what it is about, and until when it is kept, which a lock needs.
func NewDocument(bundle, statement []byte, id string, s gatekeep.Subject, until time.Time) (Document, error) {
	if !decisionID.MatchString(id) {
		return Document{}, fmt.Errorf("naming evidence: the decision is called %.40q, which is no name for a file", id)
	}
	return Document{id, digest.Of(bundle), bundle, statement, s, until}, nil
}

// Name is what the bundle is called in every place.
func (d Document) Name() string { return "evidence-" + d.id + ".zip" }

// Digest is that of the bundle's bytes.
func (d Document) Digest() string { return d.digest }

// Receipt tells what lies where after publishing.
type Receipt struct {
	Target   string `json:"target"`   // as the caller named it
	Kind     string `json:"kind"`     // KindBundle or KindStatement
	Location string `json:"location"` // a path, REPOSITORY@DIGEST or s3://BUCKET/KEY
	Digest   string `json:"digest"`   // of the file, or of the manifest that was pushed
	Already  bool   `json:"already"`  // it was there before, the same; registries do not tell
	Version  string `json:"version,omitempty"`
	Lock     *Lock  `json:"lock,omitempty"` // nil where the place cannot lock, or did not
}

// What a receipt is for.
const (
	KindBundle    = "bundle"
	KindStatement = "statement"
)

// Target is a place where evidence is kept.
type Target interface {
	Publish(ctx context.Context, d Document) ([]Receipt, error)
}

// Access is how the places are reached, and what they are asked to do.
type Access struct {
	Registry      source.Registry
	PredicateType string // of the statements
	MediaType     string // of the bundles
	S3            S3Access
}

// Forms are those of a target, for people.
const Forms = "dir:PATH, oci:// (beside the image), oci://REGISTRY/REPOSITORY, s3://BUCKET/PREFIX?endpoint=URL&region=NAME"

// Parse finds the target that a text names: a folder where it has no scheme.
func Parse(text string, a Access) (Target, error) {
	scheme, rest, found := strings.Cut(text, "://")
	path, isDir := strings.CutPrefix(text, "dir:")
	switch {
	case isDir && path != "":
		return dir{text, path}, nil
	case isDir, text == "":
		return nil, fmt.Errorf("reading target %q: no folder is named", text)
	case !found:
		return dir{text, text}, nil
	case scheme == "oci":
		return parseOCI(text, rest, a)
	case scheme == "s3":
		return parseS3(text, a.S3)
	}
	return nil, fmt.Errorf("reading target %q: it is none of %s", withoutSecret(text), Forms)
}

// withoutSecret is the text of an address without a password that somebody put there.
func withoutSecret(text string) string {
	if u, err := url.Parse(text); err == nil {
		return u.Redacted()
	}
	return text
}
