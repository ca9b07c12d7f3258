package main

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Names that the documents and the bundle agree on.
const (
	commit      = "1111111111111111111111111111111111111111"
	environment = "production"
	service     = "bench"
	builderID   = "https://ci.example/builders/image/v1"
	buildType   = "https://ci.example/buildtypes/image/v1"
	sourceURI   = "git+https://git.example/bench"
)

// findings is how many vulnerabilities each scan reports, of a severity that never
// blocks.
const findings = 20

// licences are given to components in turn.
var licences = []string{"MIT", "Apache-2.0", "BSD-3-Clause", "ISC", "MPL-2.0", "BSD-2-Clause", "Unlicense", "0BSD"}

// object is one JSON object.
type object = map[string]any

func componentName(i int) string { return fmt.Sprintf("component-%06d", i) }

func purl(i int) string { return fmt.Sprintf("pkg:npm/%s@%d.%d.%d", componentName(i), i%9, i%7, i%5) }

// component is a component as generators write it.
type component struct {
	Type     string   `json:"type"`
	Ref      string   `json:"bom-ref"`
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Scope    string   `json:"scope"`
	Hashes   []hash   `json:"hashes"`
	Licenses []object `json:"licenses"`
	PURL     string   `json:"purl"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

func componentOf(i int) component {
	name := []byte(componentName(i))
	return component{
		Type: "library", Scope: "required", Ref: purl(i), Name: string(name), Version: fmt.Sprintf("%d.%d.%d", i%9, i%7, i%5), PURL: purl(i),
		Hashes: []hash{
			{"SHA-256", fmt.Sprintf("%x", sha256.Sum256(name))},
			{"SHA-512", fmt.Sprintf("%x", sha512.Sum512(name))},
		},
		Licenses: []object{{"license": object{"id": licences[i%len(licences)]}}},
	}
}

// writeSBOM writes a CycloneDX document of n components, each with licence, hashes,
// purl and dependencies.
func writeSBOM(w io.Writer, n int) error {
	doc := struct {
		Format       string       `json:"bomFormat"`
		Spec         string       `json:"specVersion"`
		Version      int          `json:"version"`
		Metadata     object       `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}{
		Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata: object{"component": object{"type": "container", "name": service, "version": fmt.Sprint(n)}},
	}
	for i := range n {
		doc.Components = append(doc.Components, componentOf(i))
		doc.Dependencies = append(doc.Dependencies, dependency{purl(i), []string{purl((i + 1) % n)}})
	}
	return json.NewEncoder(w).Encode(doc)
}

func provenance() object {
	return object{
		"buildDefinition": object{
			"buildType":            buildType,
			"externalParameters":   object{"source": object{"uri": sourceURI, "ref": "refs/heads/main"}},
			"internalParameters":   object{},
			"resolvedDependencies": []any{object{"uri": sourceURI + "@refs/heads/main", "digest": object{"gitCommit": commit}}},
		},
		"runDetails": object{
			"builder":  object{"id": builderID},
			"metadata": object{"invocationId": "https://ci.example/bench/builds/1"},
		},
	}
}

// grype is a scan that found nothing that has to be fixed.
func grype(now time.Time) object {
	matches := make([]any, findings)
	for i := range matches {
		matches[i] = object{
			"vulnerability": object{"id": fmt.Sprintf("CVE-2026-%04d", 1000+i), "severity": "Low",
				"fix": object{"versions": []any{}, "state": "not-fixed"}},
			"artifact": object{"name": componentName(i), "version": "1.0.0", "type": "npm", "purl": purl(i)},
		}
	}
	at := now.Format(time.RFC3339)
	return object{"matches": matches, "descriptor": object{"name": "grype", "version": "0.100.0", "timestamp": at,
		"db": object{"status": object{"built": at}}}}
}

func secretScan(now time.Time) object {
	return object{
		"tool": object{"name": "gitleaks", "version": "8.30.1"}, "scopes": []string{"source_history", "artifact", "build_log"},
		"fromCommit": commit, "toCommit": commit, "shallow": false, "findings": []any{}, "finishedAt": now.Format(time.RFC3339),
	}
}

func sast(now time.Time) object {
	at := now.Format(time.RFC3339)
	return object{
		"tool": object{"name": "CodeQL", "version": "2.20.0"}, "sourceCommit": commit, "scope": "full",
		"languages": []string{"go"}, "filesAnalyzed": 10, "executionSuccessful": true, "startedAt": at, "finishedAt": at,
		"sarif": object{"version": "2.1.0", "runs": []any{object{"tool": object{"driver": object{"name": "CodeQL"}}, "results": []any{}}}},
	}
}
