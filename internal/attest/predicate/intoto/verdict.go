package intoto

import (
	"errors"
	"fmt"
)

// policy is the policy of a verification, as SLSA names it.
type policy struct {
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest"`
}

// VSA reads https://slsa.dev/verification_summary/v1 (slsa.dev/spec/v1.1): what
// somebody else verified, by which policy, with which result.
func VSA(raw []byte) (Claims, error) {
	const what = "verification summary"
	var p struct {
		Verifier struct {
			ID string `json:"id"`
		} `json:"verifier"`
		TimeVerified string   `json:"timeVerified"`
		ResourceURI  string   `json:"resourceUri"`
		Policy       policy   `json:"policy"`
		Inputs       []policy `json:"inputAttestations"`
		Result       string   `json:"verificationResult"`
		Levels       []string `json:"verifiedLevels"`
		SLSAVersion  string   `json:"slsaVersion"`
	}
	if err := decode(raw, what, &p); err != nil {
		return nil, err
	}
	// "verifier.id", "resourceUri", "policy" and "verificationResult" are required,
	// and "verifiedLevels" where the result is PASSED.
	if err := missing(what, [2]string{"verifier.id", p.Verifier.ID}, [2]string{"resourceUri", p.ResourceURI}); err != nil {
		return nil, err
	}
	if err := checkResult(what, p.Result); err != nil {
		return nil, err
	}
	if err := checkTime(what, "timeVerified", p.TimeVerified); err != nil {
		return nil, err
	}
	if err := bounded(what, max(len(p.Levels), len(p.Inputs)), maxItems); err != nil {
		return nil, err
	}
	return Claims{"verifier_id": p.Verifier.ID, "time_verified": p.TimeVerified, "resource_uri": p.ResourceURI,
		"policy_uri": p.Policy.URI, "policy_digest": digests(p.Policy.Digest), "verification_result": p.Result,
		"verified_levels": list(p.Levels), "input_attestations": len(p.Inputs), "slsa_version": p.SLSAVersion}, nil
}

// checkResult takes the two words of a verification summary and nothing near them.
func checkResult(what, result string) error {
	if result != "PASSED" && result != "FAILED" {
		return fmt.Errorf("reading %s: result %.40q is neither PASSED nor FAILED", what, result)
	}
	return nil
}

// OldVSA reads https://slsa.dev/verification_summary/v0.1 and v0.2, which name the same
// in snake_case.
func OldVSA(raw []byte) (Claims, error) {
	const what = "verification summary"
	var p struct {
		Verifier struct {
			ID string `json:"id"`
		} `json:"verifier"`
		TimeVerified string   `json:"time_verified"`
		ResourceURI  string   `json:"resource_uri"`
		Policy       policy   `json:"policy"`
		Inputs       []policy `json:"input_attestations"`
		PolicyLevel  string   `json:"policy_level"`
		Result       string   `json:"verification_result"`
	}
	if err := decode(raw, what, &p); err != nil {
		return nil, err
	}
	if err := missing(what, [2]string{"verifier.id", p.Verifier.ID}, [2]string{"resource_uri", p.ResourceURI}); err != nil {
		return nil, err
	}
	if err := checkResult(what, p.Result); err != nil {
		return nil, err
	}
	if err := checkTime(what, "time_verified", p.TimeVerified); err != nil {
		return nil, err
	}
	levels := []any{}
	if p.PolicyLevel != "" {
		levels = append(levels, p.PolicyLevel)
	}
	return Claims{"verifier_id": p.Verifier.ID, "time_verified": p.TimeVerified, "resource_uri": p.ResourceURI,
		"policy_uri": p.Policy.URI, "policy_digest": digests(p.Policy.Digest), "verification_result": p.Result,
		"verified_levels": levels, "input_attestations": len(p.Inputs), "slsa_version": ""}, nil
}

// SVR reads https://in-toto.io/attestation/svr/v0.1 and v0.2: properties that a
// verifier found to hold.
func SVR(raw []byte) (Claims, error) {
	const what = "simple verification result"
	var p struct {
		Verifier struct {
			ID       string   `json:"id"`
			Policies []policy `json:"policies"`
		} `json:"verifier"`
		TimeCreated string   `json:"timeCreated"`
		Properties  []string `json:"properties"`
	}
	if err := decode(raw, what, &p); err != nil {
		return nil, err
	}
	// spec/predicates/svr.md: verifier.id, timeCreated and properties are required.
	if err := missing(what, [2]string{"verifier.id", p.Verifier.ID}, [2]string{"timeCreated", p.TimeCreated}); err != nil {
		return nil, err
	}
	if err := checkTime(what, "timeCreated", p.TimeCreated); err != nil {
		return nil, err
	}
	if len(p.Properties) == 0 {
		return nil, errors.New("reading simple verification result: it has no properties, so it says nothing")
	}
	if err := bounded(what, max(len(p.Properties), len(p.Verifier.Policies)), maxItems); err != nil {
		return nil, err
	}
	return Claims{"verifier_id": p.Verifier.ID, "time_created": p.TimeCreated, "properties": list(p.Properties),
		"policies": len(p.Verifier.Policies)}, nil
}

// control is one practice that a source control system enforces.
type control struct {
	Name  string `json:"name"`
	Since string `json:"since"`
}

// SourceProvenance reads the source track's
// https://github.com/slsa-framework/slsa-source-poc/source-provenance/v1-draft: how one
// revision of a branch came to be.
func SourceProvenance(raw []byte) (Claims, error) {
	const what = "source provenance"
	var p struct {
		PrevCommit   string    `json:"prev_commit"`
		RepoURI      string    `json:"repo_uri"`
		ActivityType string    `json:"activity_type"`
		Actor        string    `json:"actor"`
		Branch       string    `json:"branch"`
		CreatedOn    string    `json:"created_on"`
		Controls     []control `json:"controls"`
	}
	if err := decode(raw, what, &p); err != nil {
		return nil, err
	}
	return sourceClaims(what, Claims{"repo": p.RepoURI, "prev_commit": p.PrevCommit, "activity": p.ActivityType,
		"actor": p.Actor, "branch": p.Branch, "tag": "", "created_on": p.CreatedOn}, p.RepoURI, p.CreatedOn, p.Controls)
}

// TagProvenance reads tag-provenance/v1-draft of the same: who made a tag.
func TagProvenance(raw []byte) (Claims, error) {
	const what = "tag provenance"
	var p struct {
		RepoURI   string    `json:"repo_uri"`
		Actor     string    `json:"actor"`
		Tag       string    `json:"tag"`
		CreatedOn string    `json:"created_on"`
		Controls  []control `json:"controls"`
	}
	if err := decode(raw, what, &p); err != nil {
		return nil, err
	}
	if err := missing(what, [2]string{"tag", p.Tag}); err != nil {
		return nil, err
	}
	return sourceClaims(what, Claims{"repo": p.RepoURI, "prev_commit": "", "activity": "tag", "actor": p.Actor, "branch": "",
		"tag": p.Tag, "created_on": p.CreatedOn}, p.RepoURI, p.CreatedOn, p.Controls)
}

func sourceClaims(what string, claims Claims, repo, created string, controls []control) (Claims, error) {
	if err := missing(what, [2]string{"repo_uri", repo}); err != nil {
		return nil, err
	}
	if err := checkTime(what, "created_on", created); err != nil {
		return nil, err
	}
	if err := bounded(what, len(controls), maxItems); err != nil {
		return nil, err
	}
	since := map[string]any{}
	for i, c := range controls {
		if c.Name == "" {
			return nil, fmt.Errorf("reading %s: controls[%d].name is missing", what, i)
		}
		if err := checkTime(what, "controls.since", c.Since); err != nil {
			return nil, err
		}
		since[c.Name] = c.Since
	}
	claims["controls"] = since
	return claims, nil
}

// Publish reads what a package registry says when it takes a package in:
// https://github.com/npm/attestation/tree/main/specs/publish/v0.1, and
// https://docs.pypi.org/attestations/publish/v1 of PEP 740, whose predicate is empty.
func Publish(raw []byte) (Claims, error) {
	const what = "publication"
	var p struct {
		Name     string `json:"name"`
		Version  string `json:"version"`
		Registry string `json:"registry"`
	}
	if err := decode(raw, what, &p); err != nil {
		return nil, err
	}
	return Claims{"name": p.Name, "version": p.Version, "registry": p.Registry}, nil
}

// Scorecard reads https://scorecard.dev/result/v0.1, which is the JSON of OpenSSF
// Scorecard itself.
func Scorecard(raw []byte) (Claims, error) {
	const what = "scorecard"
	var p struct {
		Date string `json:"date"`
		Repo *struct {
			Name   string `json:"name"`
			Commit string `json:"commit"`
		} `json:"repo"`
		Scorecard struct {
			Version string `json:"version"`
		} `json:"scorecard"`
		Score  *float64 `json:"score"`
		Checks []struct {
			Name  string   `json:"name"`
			Score *float64 `json:"score"`
		} `json:"checks"`
	}
	if err := decode(raw, what, &p); err != nil {
		return nil, err
	}
	if p.Repo == nil || p.Repo.Name == "" || p.Score == nil || len(p.Checks) == 0 {
		return nil, errors.New("reading scorecard: repo.name, score or checks is missing")
	}
	if err := bounded(what, len(p.Checks), maxItems); err != nil {
		return nil, err
	}
	checks := map[string]any{}
	for i, c := range p.Checks {
		// A check that could not run has the score -1; none at all is no check.
		if c.Name == "" || c.Score == nil {
			return nil, fmt.Errorf("reading scorecard: checks[%d] has no name or no score", i)
		}
		checks[c.Name] = *c.Score
	}
	return Claims{"repo": p.Repo.Name, "commit": p.Repo.Commit, "date": p.Date, "version": p.Scorecard.Version,
		"score": *p.Score, "checks": checks}, nil
}
