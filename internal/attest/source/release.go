package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// Bounds on one release: more things than one decision should cover.
const (
	MaxReleaseBytes   = 1 << 20
	MaxReleaseMembers = 200
)

// releaseFile is release.yaml, version 1.
type releaseFile struct {
	Version  int      `yaml:"version"`
	Name     string   `yaml:"name"`
	Subjects []string `yaml:"subjects"` // as Resolve takes them
}

// releaseMember is one line of what the digest of a release is made from.
type releaseMember struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// ResolveRelease resolves every subject of a release.yaml and names the whole by
// the digest of the canonical list of its members. Its artifacts are those of all
// members.
func ResolveRelease(ctx context.Context, text []byte, r Registry) (gatekeep.Subject, error) {
	doc, err := decodeRelease(text)
	if err != nil {
		return gatekeep.Subject{}, fmt.Errorf("reading release: %w", err)
	}
	s := gatekeep.Subject{Kind: gatekeep.KindRelease, Name: doc.Name, Ref: doc.Name, Artifacts: map[string]gatekeep.Artifact{}}
	members := []releaseMember{}
	for _, ref := range doc.Subjects {
		member, err := Resolve(ctx, ref, r)
		if err != nil {
			return gatekeep.Subject{}, fmt.Errorf("reading release %s: %w", doc.Name, err)
		}
		members = append(members, releaseMember{member.Name, member.Digest})
		for d, a := range member.Artifacts {
			if known, ok := s.Artifacts[d]; ok {
				a = joinArtifacts(known, a)
			}
			s.Artifacts[d] = a
		}
	}
	slices.SortFunc(members, func(a, b releaseMember) int {
		return strings.Compare(a.Name+"\x00"+a.Digest, b.Name+"\x00"+b.Digest)
	})
	for i := 1; i < len(members); i++ {
		if members[i] == members[i-1] {
			return gatekeep.Subject{}, fmt.Errorf("reading release %s: subjects: %s is named twice", doc.Name, members[i].Name)
		}
	}
	if _, s.Digest, err = digest.JCS(members); err != nil {
		return gatekeep.Subject{}, fmt.Errorf("reading release %s: %w", doc.Name, err)
	}
	return s, nil
}

func decodeRelease(text []byte) (releaseFile, error) {
	var doc releaseFile
	if len(text) > MaxReleaseBytes {
		return doc, fmt.Errorf("%d bytes are over the bound of %d", len(text), MaxReleaseBytes)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&doc); err != nil {
		return doc, err
	}
	switch err := dec.Decode(new(any)); {
	case !errors.Is(err, io.EOF):
		return doc, errors.New("the file holds a second YAML document; keep one")
	case doc.Version != 1:
		return doc, fmt.Errorf("version: %d is not one that is read; write 1", doc.Version)
	case doc.Name == "":
		return doc, errors.New("name: is missing")
	case len(doc.Subjects) == 0:
		return doc, errors.New("subjects: is empty; a release of nothing cannot be judged")
	case len(doc.Subjects) > MaxReleaseMembers:
		return doc, fmt.Errorf("subjects: %d are over the bound of %d", len(doc.Subjects), MaxReleaseMembers)
	}
	return doc, nil
}

// joinArtifacts joins what two members say of one artifact: it is covered by what
// covers it in either. The name that sorts first stays, whatever the order.
func joinArtifacts(a, b gatekeep.Artifact) gatekeep.Artifact {
	if b.Name < a.Name {
		a, b = b, a
	}
	if a.Platform == "" {
		a.Platform = b.Platform
	}
	a.CoveredBy = slices.Clone(a.CoveredBy)
	for _, d := range b.CoveredBy {
		if !slices.Contains(a.CoveredBy, d) {
			a.CoveredBy = append(a.CoveredBy, d)
		}
	}
	return a
}
