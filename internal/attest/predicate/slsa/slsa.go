// Package slsa reads SLSA build provenance, v1, v0.2 and v0.1, and tells who built what
// from which source.
//
// The texts are JSON that strictjson.Check and jsonscan.RefuseFolded have passed.
package slsa

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// Provenance is what is kept of a provenance predicate. Only the first two are
// always there.
type Provenance struct {
	BuilderID    string
	BuildType    string
	SourceURI    string // git+https://host/owner/repo, without a ref
	SourceRef    string // refs/heads/main
	SourceCommit string // hash
	BuildID      string
	Event        string // that set the build off, for example push
}

// slsa1 is the part of a SLSA provenance v1 predicate that is read.
// https://slsa.dev/spec/v1.1/provenance
type slsa1 struct {
	BuildDefinition slsaDefinition `json:"buildDefinition"`
	RunDetails      struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
		Metadata struct {
			InvocationID string `json:"invocationId"`
		} `json:"metadata"`
	} `json:"runDetails"`
}

type slsaDefinition struct {
	BuildType            string                     `json:"buildType"`
	ExternalParameters   map[string]json.RawMessage `json:"externalParameters"`
	InternalParameters   map[string]json.RawMessage `json:"internalParameters"`
	ResolvedDependencies []material                 `json:"resolvedDependencies"`
}

// material is a thing that went into a build.
type material struct {
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest"`
}

// commit is the hash of a material that is a Git commit. SLSA names it gitCommit,
// v0.2 sha1; GitLab writes the 40 digits under sha256.
func (m material) commit() string {
	for _, algorithm := range []string{"gitCommit", "sha1"} {
		if hash := m.Digest[algorithm]; hash != "" {
			return hash
		}
	}
	if hash := m.Digest["sha256"]; len(hash) == 40 {
		return hash
	}
	return ""
}

// origin is where a build says that its source came from.
type origin struct{ uri, ref, commit string }

// ReadV1 reads a predicate of type https://slsa.dev/provenance/v1.
func ReadV1(raw []byte) (*Provenance, error) {
	var p slsa1
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("reading SLSA provenance: %w", err)
	}
	d := p.BuildDefinition
	from := d.source()
	return provenance(p.RunDetails.Builder.ID, d.BuildType, from, p.RunDetails.Metadata.InvocationID,
		nested(d.InternalParameters, "github", "event_name"), nested(d.InternalParameters, "GITHUB_EVENT_NAME"))
}

// source reads where the source came from, as the build types in use say it:
// externalParameters.workflow (GitHub Actions), .source (GitLab, the SLSA generators
// and most others), .configSource (BuildKit), .sourceToBuild (Google Cloud Build).
// Without any of these it is the first resolved dependency that is a Git source.
func (d *slsaDefinition) source() origin {
	var from origin
	for _, names := range [][2]string{{"workflow", "repository"}, {"source", "uri"}, {"source", "repository"}, {"source", ""},
		{"configSource", "uri"}, {"sourceToBuild", "repository"}, {"sourceToBuild", "uri"}} {
		text := nested(d.ExternalParameters, names[0], names[1])
		if text == "" {
			continue
		}
		if from.uri, from.ref = repository(text); from.uri != "" {
			if ref := nested(d.ExternalParameters, names[0], "ref"); ref != "" {
				from.ref = ref
			}
			var m material
			if json.Unmarshal(d.ExternalParameters[names[0]], &m) == nil {
				from.commit = m.commit()
			}
			break
		}
	}
	// The parameters name a ref, the dependencies tell which commit that was.
	for _, dependency := range d.ResolvedDependencies {
		uri, ref := repository(dependency.URI)
		if uri == "" || from.uri != "" && uri != from.uri {
			continue
		}
		if commit := dependency.commit(); commit != "" {
			if from.uri = uri; from.ref == "" {
				from.ref = ref
			}
			from.commit = commit
			break
		}
	}
	return from
}

// slsa02 is the part of a SLSA provenance v0.2 predicate that is read.
// https://slsa.dev/spec/v0.2/provenance
type slsa02 struct {
	Builder struct {
		ID string `json:"id"`
	} `json:"builder"`
	BuildType  string `json:"buildType"`
	Invocation struct {
		ConfigSource material                   `json:"configSource"`
		Parameters   map[string]json.RawMessage `json:"parameters"` // an object, and so checked to be one
		Environment  map[string]json.RawMessage `json:"environment"`
	} `json:"invocation"`
	Metadata struct {
		BuildInvocationID string `json:"buildInvocationID"`
	} `json:"metadata"`
	Materials []material `json:"materials"`
}

// ReadV02 reads a predicate of type https://slsa.dev/provenance/v0.2.
func ReadV02(raw []byte) (*Provenance, error) {
	var p slsa02
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("reading SLSA provenance: %w", err)
	}
	config := p.Invocation.ConfigSource
	var from origin
	from.uri, from.ref = repository(config.URI)
	from.commit = config.commit()
	if from.uri == "" {
		for _, m := range p.Materials {
			if uri, ref := repository(m.URI); uri != "" && m.commit() != "" {
				from = origin{uri, ref, m.commit()}
				break
			}
		}
	}
	return provenance(p.Builder.ID, p.BuildType, from, p.Metadata.BuildInvocationID,
		nested(p.Invocation.Environment, "github_event_name"), nested(p.Invocation.Environment, "GITHUB_EVENT_NAME"))
}

// slsa01 is the part of a SLSA provenance v0.1 predicate that is read; Google Cloud
// Build still writes it. https://slsa.dev/provenance/v0.1
type slsa01 struct {
	Builder struct {
		ID string `json:"id"`
	} `json:"builder"`
	Recipe struct {
		Type              string                     `json:"type"`
		DefinedInMaterial *int                       `json:"definedInMaterial"`
		Environment       map[string]json.RawMessage `json:"environment"`
	} `json:"recipe"`
	Metadata struct {
		BuildInvocationID string `json:"buildInvocationId"`
	} `json:"metadata"`
	Materials []material `json:"materials"`
}

// ReadV01 reads a predicate of type https://slsa.dev/provenance/v0.1.
func ReadV01(raw []byte) (*Provenance, error) {
	var p slsa01
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("reading SLSA provenance: %w", err)
	}
	sources := p.Materials
	// "recipe.definedInMaterial: Index in materials containing the recipe steps that
	// are not implied by recipe.type"; without it any of them may be the source.
	if i := p.Recipe.DefinedInMaterial; i != nil {
		if *i < 0 || *i >= len(p.Materials) {
			return nil, fmt.Errorf("reading SLSA provenance: recipe.definedInMaterial is %d, and there are %d materials", *i, len(p.Materials))
		}
		sources = p.Materials[*i : *i+1]
	}
	var from origin
	for _, m := range sources {
		if uri, ref := repository(m.URI); uri != "" && m.commit() != "" {
			from = origin{uri, ref, m.commit()}
			break
		}
	}
	return provenance(p.Builder.ID, p.Recipe.Type, from, p.Metadata.BuildInvocationID,
		nested(p.Recipe.Environment, "github_event_name"), nested(p.Recipe.Environment, "GITHUB_EVENT_NAME"))
}

func provenance(builder, buildType string, from origin, build string, events ...string) (*Provenance, error) {
	if builder == "" {
		return nil, errors.New("reading SLSA provenance: the builder has no id")
	}
	if buildType == "" {
		return nil, errors.New("reading SLSA provenance: buildType is missing")
	}
	return &Provenance{BuilderID: builder, BuildType: buildType, SourceURI: from.uri, SourceRef: from.ref,
		SourceCommit: from.commit, BuildID: build, Event: strings.Join(events, "")}, nil
}

// nested is a text in an object of free form: of the field named first, or of a
// field of that; empty where there is none.
func nested(object map[string]json.RawMessage, names ...string) string {
	value := object[names[0]]
	if len(names) > 1 && names[1] != "" {
		var inner map[string]json.RawMessage
		if json.Unmarshal(value, &inner) != nil {
			return ""
		}
		value = inner[names[1]]
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		return ""
	}
	return text
}

// scpForm is git@host:path, which ssh and git take for ssh://git@host/path.
var scpForm = regexp.MustCompile(`^(?:git\+)?[A-Za-z0-9_.-]+@([A-Za-z0-9.-]+):([^/].*)$`)

// repository brings the URI of a Git source to one form, git+https://host/owner/repo,
// and cuts off the ref after @ or #. Texts that are no such URI give nothing.
func repository(text string) (uri, ref string) {
	if m := scpForm.FindStringSubmatch(text); m != nil {
		text = "ssh://" + m[1] + "/" + m[2]
	}
	u, err := url.Parse(strings.TrimPrefix(text, "git+"))
	if err != nil || u.Host == "" || u.RawQuery != "" {
		return "", ""
	}
	scheme, host := "git+https", u.Host
	switch u.Scheme {
	case "https":
	case "ssh", "git":
		host = u.Hostname()
	case "http":
		scheme = "git+http" // anybody on the way could have changed it
	default:
		return "", ""
	}
	place, ref := u.Path, u.Fragment
	if i := strings.LastIndexByte(place, '@'); i > 0 {
		place, ref = place[:i], place[i+1:]
	}
	place = strings.TrimSuffix(strings.TrimSuffix(place, "/"), ".git")
	if len(place) < 2 || path.Clean(place) != place {
		return "", ""
	}
	return scheme + "://" + strings.ToLower(host) + place, ref
}
