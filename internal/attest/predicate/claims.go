package predicate

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/delivery"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/imagesignature"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/intoto"
)

// saying makes a decoder of a reader that only makes claims.
func saying(read func([]byte) (intoto.Claims, error)) func([]byte) (*Content, error) {
	return func(raw []byte) (*Content, error) {
		if err := unambiguous(raw); err != nil {
			return nil, fmt.Errorf("reading predicate: %w", err)
		}
		claims, err := read(raw)
		if err != nil {
			return nil, err
		}
		return &Content{Claims: claims}, nil
	}
}

func imageSignature(raw []byte) (intoto.Claims, error) {
	return intoto.Claims{}, imagesignature.Check(raw)
}

// carried is a predicate that carries the document of a tool as it stands: an object, or
// the text of what is no JSON.
type carried struct {
	Tool     string          `json:"tool"`
	Document json.RawMessage `json:"document"`
}

// bytes is the document itself.
func (c *carried) bytes() ([]byte, error) {
	if len(c.Document) == 0 || c.Document[0] != '"' {
		return c.Document, unambiguous(c.Document)
	}
	var text string
	if err := json.Unmarshal(c.Document, &text); err != nil {
		return nil, err
	}
	// The check of the envelope has not seen what is in the text.
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		return []byte(text), unambiguous([]byte(text))
	}
	return []byte(text), nil
}

// flagConfig reads a flag set of flagd.
func flagConfig(c *carried) (*Content, error) {
	document, err := c.bytes()
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	f, err := delivery.Flagd(document)
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	return &Content{Claims: map[string]any{"tool": c.Tool, "flags": list(f.Keys), "enabled": f.Enabled, "disabled": f.Disabled,
		"with_targeting": f.WithTargeting}}, nil
}

// migrationPlan reads the report of a migration tool, which has to be the one named.
func migrationPlan(c *carried) (*Content, error) {
	document, err := c.bytes()
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	m, err := delivery.MigrationReport(document)
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	if m.Tool != c.Tool {
		return nil, fmt.Errorf("document: it is a report of %s, not of %s", m.Tool, c.Tool)
	}
	items := []any{}
	for _, item := range m.Items {
		lint := []any{}
		for _, d := range item.Lint {
			lint = append(lint, map[string]any{"code": d.Code, "text": d.Text})
		}
		items = append(items, map[string]any{"id": item.ID, "state": item.State, "lint": lint})
	}
	return &Content{Claims: map[string]any{"tool": m.Tool, "database": m.Database, "items": items,
		"pending": m.Count("pending"), "failed": m.Count("failed")}}, nil
}

// manifest reads rendered Kubernetes objects: one, or a list of them.
func manifest(c *carried) (*Content, error) {
	document, err := c.bytes()
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	objects, err := delivery.Manifest(document)
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	all := []any{}
	for _, o := range objects {
		all = append(all, map[string]any{"api_version": o.APIVersion, "kind": o.Kind, "namespace": o.Namespace, "name": o.Name, "images": list(o.Images)})
	}
	return &Content{Claims: map[string]any{"tool": c.Tool, "objects": all}}, nil
}
