// Package csaf reads advisories of the Common Security Advisory Framework 2.0 as what
// they say of products: CSAF VEX and security advisories, with their product tree
// flattened, and holds them against the mandatory tests of the standard.
// https://docs.oasis-open.org/csaf/csaf/v2.0/os/csaf-v2.0-os.html
//
// Whether a document conforms to the JSON schema is for package conform to say. What
// is read here is decoded in one pass into the fields that statements and tests
// need; everything after that takes time in proportion to the document.
package csaf

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
)

// ErrTooLarge marks a document that is over a bound.
var ErrTooLarge = jsonscan.ErrLimit

// Bounds of a document.
const (
	// MaxBytes holds the largest advisory seen, 23 MB for one CVE.
	MaxBytes = 64 << 20
	// MaxDepth leaves branches 55 levels; CSAF 2.1 allows 30.
	MaxDepth = 128
	// maxProducts is ten times those of the largest advisory seen.
	maxProducts = 1_000_000
	// maxVulnerabilities is what a monthly advisory of a whole product line has, times ten.
	maxVulnerabilities = 10_000
	// maxResolved bounds members of groups, counted once for each use: a document of
	// 60 MB can otherwise name a million products in each of a million flags.
	maxResolved = 5_000_000
)

// Document is the part of an advisory that is read.
type Document struct {
	Header          header          `json:"document"`
	Tree            *tree           `json:"product_tree"`
	Vulnerabilities []vulnerability `json:"vulnerabilities"`

	index *index
}

type header struct {
	Category    string `json:"category"`
	CSAFVersion string `json:"csaf_version"`
	Lang        string `json:"lang"`
	SourceLang  string `json:"source_lang"`
	Notes       []item `json:"notes"`
	References  []item `json:"references"`
	Publisher   struct {
		Category string `json:"category"`
		Name     string `json:"name"`
	} `json:"publisher"`
	Tracking tracking `json:"tracking"`
}

// item is a note, a reference: of these only the category matters.
type item struct {
	Category string `json:"category"`
}

type tracking struct {
	ID                 string     `json:"id"`
	Status             string     `json:"status"`
	Version            string     `json:"version"`
	CurrentReleaseDate string     `json:"current_release_date"`
	RevisionHistory    []revision `json:"revision_history"`
}

type revision struct {
	Date   string `json:"date"`
	Number string `json:"number"`
}

type tree struct {
	Branches      []branch       `json:"branches"`
	Names         []fullName     `json:"full_product_names"`
	Groups        []group        `json:"product_groups"`
	Relationships []relationship `json:"relationships"`
}

type branch struct {
	Category string    `json:"category"`
	Name     string    `json:"name"`
	Branches []branch  `json:"branches"`
	Product  *fullName `json:"product"`
}

type fullName struct {
	ID     string  `json:"product_id"`
	Helper *helper `json:"product_identification_helper"`
}

type helper struct {
	PURL   *string  `json:"purl"`
	Hashes []hashes `json:"hashes"`
}

type hashes struct {
	FileHashes []struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"value"`
	} `json:"file_hashes"`
}

type group struct {
	ID       string   `json:"group_id"`
	Products []string `json:"product_ids"`
}

type relationship struct {
	Category  string   `json:"category"`
	FullName  fullName `json:"full_product_name"`
	Reference string   `json:"product_reference"`
	RelatesTo string   `json:"relates_to_product_reference"`
}

type vulnerability struct {
	CVE          *string       `json:"cve"`
	IDs          []trackingID  `json:"ids"`
	CWE          *weakness     `json:"cwe"`
	Notes        []item        `json:"notes"`
	Involvements []involvement `json:"involvements"`
	Status       *status       `json:"product_status"`
	Scores       []score       `json:"scores"`
	Flags        []targeted    `json:"flags"`
	Threats      []targeted    `json:"threats"`
	Remediations []targeted    `json:"remediations"`
}

type trackingID struct {
	Text string `json:"text"`
}

type weakness struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type involvement struct {
	Date  *string `json:"date"`
	Party string  `json:"party"`
}

// targeted is a flag (with a label), a threat or a remediation (with a category).
type targeted struct {
	Label    string   `json:"label"`
	Category string   `json:"category"`
	Groups   []string `json:"group_ids"`
	Products []string `json:"product_ids"`
}

type score struct {
	Products []string       `json:"products"`
	V2       map[string]any `json:"cvss_v2"`
	V3       map[string]any `json:"cvss_v3"`
}

type status struct {
	FirstAffected      []string `json:"first_affected"`
	FirstFixed         []string `json:"first_fixed"`
	Fixed              []string `json:"fixed"`
	KnownAffected      []string `json:"known_affected"`
	KnownNotAffected   []string `json:"known_not_affected"`
	LastAffected       []string `json:"last_affected"`
	Recommended        []string `json:"recommended"`
	UnderInvestigation []string `json:"under_investigation"`
}

// Parse decodes a document that strictjson.Check has passed. It is not tested yet:
// see Violations. Errors wrap ErrTooLarge where a bound is exceeded.
func Parse(raw []byte) (*Document, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("reading CSAF: %d bytes, limit %d: %w", len(raw), MaxBytes, ErrTooLarge)
	}
	if err := jsonscan.RefuseFolded(raw, MaxDepth); err != nil {
		return nil, fmt.Errorf("reading CSAF: %w", err)
	}
	var d Document
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("reading CSAF: %w", err)
	}
	if v := d.Header.CSAFVersion; v != "2.0" {
		return nil, fmt.Errorf("reading CSAF: document.csaf_version is %.40q, want 2.0", v)
	}
	if n := len(d.Vulnerabilities); n > maxVulnerabilities {
		return nil, fmt.Errorf("reading CSAF: %d vulnerabilities, limit %d: %w", n, maxVulnerabilities, ErrTooLarge)
	}
	d.index = newIndex(&d)
	if len(d.index.products) > maxProducts {
		return nil, fmt.Errorf("reading CSAF: %d products, limit %d: %w", len(d.index.products), maxProducts, ErrTooLarge)
	}
	if d.index.resolved(&d) > maxResolved {
		return nil, fmt.Errorf("reading CSAF: product groups stand for more than %d products: %w", maxResolved, ErrTooLarge)
	}
	return &d, nil
}

// Advisory is what a document says.
type Advisory struct {
	ID        string // document.tracking.id
	Publisher string
	Released  string // document.tracking.current_release_date, RFC 3339
	Draft     bool   // document.tracking.status
	Claims    []Claim
	// Violations are the mandatory tests that fail, of those on which no claim rests.
	Violations []Violation
}

// Claim is the status of some products for one vulnerability.
type Claim struct {
	Names         []string // CVE and other ids of the vulnerability
	Status        string   // "not_affected", "affected", "fixed" or "under_investigation"
	Justification string   // label of the flag, of products that are not affected
	Products      []*Product
}

// profiles are the categories of documents that make claims about products.
const (
	profileVEX      = "csaf_vex"
	profileAdvisory = "csaf_security_advisory"
)

// Read is Parse with the mandatory tests: "A program MUST handle a test failure as an
// error" (6.1). A document that fails one is refused, and the error names each with
// its place; see Violation.Refuses for those that are only reported.
func Read(raw []byte) (*Advisory, error) {
	d, err := Parse(raw)
	if err != nil {
		return nil, err
	}
	violations := d.Violations()
	var refused []error
	for _, v := range violations {
		if v.Refuses() {
			refused = append(refused, v)
		}
	}
	if len(refused) > 0 {
		return nil, fmt.Errorf("reading CSAF: %w", errors.Join(refused...))
	}
	if c := d.Header.Category; c != profileVEX && c != profileAdvisory {
		return nil, d.nothing(violations, fmt.Sprintf("document.category %.80q is neither %s nor %s", c, profileVEX, profileAdvisory))
	}
	a := &Advisory{ID: d.Header.Tracking.ID, Publisher: d.Header.Publisher.Name, Released: d.Header.Tracking.CurrentReleaseDate,
		Draft: d.Header.Tracking.Status != "final" && d.Header.Tracking.Status != "interim", Violations: violations}
	for i := range d.Vulnerabilities {
		a.Claims = append(a.Claims, d.claims(&d.Vulnerabilities[i])...)
	}
	if len(a.Claims) == 0 {
		return nil, d.nothing(violations, "it says nothing of any product")
	}
	return a, nil
}

// nothing is the error for a document without claims. It names the tests that fail
// too, also those that would not stand in the way of claims.
func (d *Document) nothing(violations []Violation, why string) error {
	all := []error{errors.New(why)}
	for _, v := range violations {
		all = append(all, v)
	}
	return fmt.Errorf("reading CSAF: %w", errors.Join(all...))
}

// claims are the groups of product_status as claims; those that are not affected are
// parted by the flag that says why.
func (d *Document) claims(v *vulnerability) []Claim {
	if v.Status == nil {
		return nil
	}
	var names []string
	if v.CVE != nil {
		names = append(names, *v.CVE)
	}
	for _, id := range v.IDs {
		names = append(names, id.Text)
	}
	var claims []Claim
	say := func(status, justification string, lists ...[]string) {
		c := Claim{Names: names, Status: status, Justification: justification}
		for _, list := range lists {
			for _, id := range list {
				c.Products = append(c.Products, d.index.products[id])
			}
		}
		if len(c.Products) > 0 {
			claims = append(claims, c)
		}
	}
	s := v.Status
	say("affected", "", s.FirstAffected, s.KnownAffected, s.LastAffected)
	say("fixed", "", s.FirstFixed, s.Fixed)
	say("under_investigation", "", s.UnderInvestigation)
	flag := map[string]string{}
	for _, f := range v.Flags {
		d.index.each(&f, func(id string) { flag[id] = f.Label })
	}
	byFlag := map[string][]string{}
	var labels []string
	for _, id := range s.KnownNotAffected {
		label := flag[id]
		if byFlag[label] == nil {
			labels = append(labels, label)
		}
		byFlag[label] = append(byFlag[label], id)
	}
	for _, label := range labels {
		say("not_affected", label, byFlag[label])
	}
	return claims
}
