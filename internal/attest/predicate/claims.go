package predicate

import (
	"encoding/json"
	"fmt"

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

// imageSignature reads what cosign 3 says of an image: nothing but that it was signed.
// https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md
func imageSignature(raw []byte) (intoto.Claims, error) {
	return intoto.Claims{}, imagesignature.Check(raw)
}

// flagConfig reads a flag set of flagd as it stands; its digest is that of the predicate.
func flagConfig(raw []byte) (intoto.Claims, error) {
	f, err := delivery.Flagd(raw)
	if err != nil {
		return nil, err
	}
	return intoto.Claims{"flags": list(f.Keys), "enabled": f.Enabled, "disabled": f.Disabled, "with_targeting": f.WithTargeting}, nil
}

// migrationPlan reads the report of a migration tool as it stands.
func migrationPlan(raw []byte) (intoto.Claims, error) {
	report := raw
	if len(raw) > 0 && raw[0] == '"' {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, fmt.Errorf("reading migration report: %w", err)
		}
		report = []byte(text)
	}
	m, err := delivery.MigrationReport(report)
	if err != nil {
		return nil, err
	}
	items := []any{}
	for _, item := range m.Items {
		lint := []any{}
		for _, d := range item.Lint {
			lint = append(lint, map[string]any{"code": d.Code, "text": d.Text})
		}
		items = append(items, map[string]any{"id": item.ID, "state": item.State, "lint": lint})
	}
	return intoto.Claims{"tool": m.Tool, "database": m.Database, "items": items, "pending": m.Count("pending"), "failed": m.Count("failed")}, nil
}

// manifest reads rendered Kubernetes objects: one, or a list of them.
func manifest(raw []byte) (intoto.Claims, error) {
	objects, err := delivery.Manifest(raw)
	if err != nil {
		return nil, err
	}
	all := []any{}
	for _, o := range objects {
		all = append(all, map[string]any{"api_version": o.APIVersion, "kind": o.Kind, "namespace": o.Namespace, "name": o.Name, "images": list(o.Images)})
	}
	return intoto.Claims{"objects": all}, nil
}
