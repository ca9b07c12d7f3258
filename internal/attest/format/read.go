package format

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	sigroot "github.com/sigstore/sigstore-go/pkg/root"

	"github.com/gatekeep-dev/gatekeep/internal/attest/conform"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/delivery"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/intoto"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/plan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/quality"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
)

func isCycloneDXXML(s *sample) bool {
	return s.shape == shapeXML && strings.HasPrefix(s.root.Space, "http://cyclonedx.org/schema/bom")
}

func isTagValue(s *sample) bool {
	return s.shape == shapeText && s.starts("SPDXVersion:") || s.has("SPDXVersion", "SPDXID")
}

func isSPDX3(s *sample) bool {
	return s.has("@graph") && strings.Contains(string(s.members["@context"]), "spdx.org/rdf/3")
}

// readSBOM reads any SBOM; the document says itself of which format it is.
func readSBOM(data []byte) (*Reading, error) {
	doc, err := sbom.Read(data)
	if err != nil {
		return nil, err
	}
	schema := doc.Format + "-" + doc.Encoding
	if doc.Encoding == sbom.JSONLD {
		schema = "spdx3-json"
	}
	return &Reading{Version: doc.SpecVersion, schema: schema, schemaVersion: doc.SpecVersion,
		Counts: map[string]int{"components": doc.Components, "unidentified components": doc.Unidentified}}, nil
}

func isVulnsPredicate(s *sample) bool { return s.has("scanner") && s.shape == shapeObject }

// isProvenance takes the predicate itself; a statement around it has _type.
func isProvenance(s *sample) bool {
	return s.has("buildDefinition", "runDetails") || s.has("builder", "buildType") || s.has("builder", "recipe")
}

func readProvenance(data []byte) (*Reading, error) {
	return readPredicate("provenance", data)
}

func readVulns(data []byte) (*Reading, error) { return readPredicate("vulns", data) }

// readPredicate reads a file as it would be wrapped into a statement.
func readPredicate(name string, data []byte) (*Reading, error) {
	w, err := predicate.Wrap(name, data, predicate.WrapOptions{})
	if err != nil {
		return nil, err
	}
	t, ok := predicate.Lookup(w.Type)
	if !ok {
		return nil, fmt.Errorf("%s is no predicate type that is read", w.Type)
	}
	c, err := t.Decode(w.Predicate)
	if err != nil {
		return nil, err
	}
	r := &Reading{Kind: t.Kind}
	r.content(c)
	return r, nil
}

func isPlan(s *sample) bool {
	return s.has("format_version") && (s.has("resource_changes") || s.has("planned_values") || s.has("configuration") || s.has("terraform_version"))
}

func readPlan(data []byte) (*Reading, error) {
	p, err := plan.Read(data)
	if err != nil {
		return nil, err
	}
	return &Reading{Version: p.FormatVersion, Counts: map[string]int{"resources": len(p.Resources)},
		Says: map[string]string{"tool version": p.ToolVersion, "complete": strconv.FormatBool(p.Complete), "errored": strconv.FormatBool(p.Errored)}}, nil
}

func isReview(s *sample) bool { return s.text("kind") == "AdmissionReview" }

func readReview(data []byte) (*Reading, error) {
	r, err := delivery.AdmissionReview(data)
	if err != nil {
		return nil, err
	}
	return &Reading{Counts: map[string]int{"images": len(r.Images)},
		Says: map[string]string{"operation": r.Operation, "object": r.Kind, "namespace": r.Namespace, "name": r.Name}}, nil
}

func isRollout(s *sample) bool {
	group, _, _ := strings.Cut(s.text("apiVersion"), "/")
	kinds := []string{"Rollout", "AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun", "Experiment"}
	return group == "argoproj.io" && slices.Contains(kinds, s.text("kind")) || group == "flagger.app" && s.text("kind") == "Canary"
}

func readRollout(data []byte) (*Reading, error) {
	rollouts, err := delivery.Rollouts(data)
	if err != nil {
		return nil, err
	}
	r := &Reading{Counts: map[string]int{"objects": len(rollouts)}, Says: map[string]string{}}
	for _, one := range rollouts {
		r.Counts["steps"] += len(one.Steps)
		r.Counts["steps that wait for a person"] += one.Manual
		if one.Strategy != "" {
			r.Says["strategy"] = one.Strategy
		}
	}
	return r, nil
}

func readManifest(data []byte) (*Reading, error) {
	objects, err := delivery.Manifest(data)
	if err != nil {
		return nil, err
	}
	r := &Reading{Counts: map[string]int{"objects": len(objects)}}
	for _, o := range objects {
		r.Counts["images"] += len(o.Images)
	}
	return r, nil
}

func readFlags(data []byte) (*Reading, error) {
	f, err := delivery.Flagd(data)
	if err != nil {
		return nil, err
	}
	return &Reading{Counts: map[string]int{"flags": f.Total(), "enabled": f.Enabled, "with targeting": f.WithTargeting}}, nil
}

func isOSCAL(s *sample) bool {
	for _, model := range delivery.OSCALModels() {
		if s.has(model) {
			return true
		}
	}
	return false
}

func readOSCAL(data []byte) (*Reading, error) {
	o, err := delivery.OSCAL(data)
	if err != nil {
		return nil, err
	}
	schema, version := conform.Identify(data) // of JSON; YAML has no schema here
	return &Reading{Version: o.Version, schema: schema, schemaVersion: version, Says: map[string]string{"model": o.Model, "uuid": o.UUID}}, nil
}

func readScorecard(data []byte) (*Reading, error) {
	claims, err := intoto.Scorecard(data)
	if err != nil {
		return nil, err
	}
	checks, _ := claims["checks"].(map[string]any)
	return &Reading{Counts: map[string]int{"checks": len(checks)},
		Says: map[string]string{"repository": fmt.Sprint(claims["repo"]), "score": fmt.Sprint(claims["score"])}}, nil
}

func readJUnit(data []byte) (*Reading, error) {
	t, err := quality.JUnit(data)
	if err != nil {
		return nil, err
	}
	return &Reading{Counts: map[string]int{"tests": t.Total, "failures": t.Failures, "errors": t.Errors, "skipped": t.Skipped}}, nil
}

func readCobertura(data []byte) (*Reading, error) {
	c, err := quality.Cobertura(data)
	if err != nil {
		return nil, err
	}
	return &Reading{Counts: map[string]int{"lines": c.Lines, "covered lines": c.Covered},
		Says: map[string]string{"line rate": fmt.Sprint(c.LineRate), "branch rate": fmt.Sprint(c.BranchRate)}}, nil
}

func isMigration(s *sample) bool {
	return s.has("Env", "Files") || s.has("Env", "Steps") || s.has("flywayVersion") ||
		s.shape == shapeText && (strings.Contains(string(s.data[:min(len(s.data), 1<<16)]), "have not been applied to ") ||
			strings.Contains(string(s.data[:min(len(s.data), 1<<16)]), " is up to date"))
}

func readMigration(data []byte) (*Reading, error) {
	m, err := delivery.MigrationReport(data)
	if err != nil {
		return nil, err
	}
	return &Reading{Says: map[string]string{"tool": m.Tool, "database": m.Database},
		Counts: map[string]int{"pending": m.Count("pending"), "applied": m.Count("applied"), "failed": m.Count("failed")}}, nil
}

func isKey(s *sample) bool { return s.starts("-----BEGIN PUBLIC KEY-----") }

func readKey(data []byte) (*Reading, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("holds no PEM block")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return &Reading{Says: map[string]string{"key": fmt.Sprintf("%T", key)}}, nil
}

func readTrustedRoot(data []byte) (*Reading, error) {
	material, err := sigroot.NewTrustedRootFromJSON(data)
	if err != nil {
		return nil, err
	}
	return &Reading{Counts: map[string]int{"certificate authorities": len(material.FulcioCertificateAuthorities()),
		"logs": len(material.RekorLogs()), "certificate logs": len(material.CTLogs()),
		"timestamp authorities": len(material.TimestampingAuthorities())}}, nil
}

// readJSON takes any JSON of RFC 8259. It counts names that stand twice, which JSON
// allows and no reader of evidence does.
func readJSON(data []byte) (*Reading, error) {
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errors.New("it is not JSON in UTF-8 (RFC 8259)")
	}
	return &Reading{}, nil
}
