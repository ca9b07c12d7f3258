// Package format tells what a file is and what it says, before anybody has vouched for
// it: one literal table from the look of a document to its reader. What it reads is
// shown to people and turned into statements; it is never evidence by itself.
package format

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan"
)

// Reading is what a document says.
type Reading struct {
	Format  string `json:"format"`            // name in Formats
	Title   string `json:"title"`             // of the format
	Version string `json:"version,omitempty"` // of the format, where it has versions
	Kind    string `json:"kind,omitempty"`    // of evidence that it can become
	// Counts are what it holds, by kind and severity: "components", "critical".
	Counts map[string]int `json:"counts,omitempty"`
	// Says are single facts of it, as text.
	Says map[string]string `json:"says,omitempty"`
	// Broken tells why the predicate of a statement is not what its type says: the
	// statement is read, and no gate will believe it.
	Broken string `json:"broken,omitempty"`
	// Signed is what a signed document carries besides.
	Signed *Signed `json:"signed,omitempty"`

	schema        string // name of its schema in package conform
	schemaVersion string
	inner         []byte // the document within, where it is an envelope
}

// Signed is a signed document as it stands, without a look at its signatures.
type Signed struct {
	Statement     bool     `json:"statement"` // it is an in-toto statement
	PredicateType string   `json:"predicate_type,omitempty"`
	Subjects      []string `json:"subjects,omitempty"` // digests, sorted
	Signers       []Signer `json:"signers,omitempty"`  // as the signatures claim; nothing vouches for it
}

// Signer is who a signature claims to be of: a key by its hint, which may be empty, or
// an identity in a certificate.
type Signer struct {
	Key         string `json:"key,omitempty"`
	Identity    string `json:"identity,omitempty"`
	Issuer      string `json:"issuer,omitempty"`
	Certificate bool   `json:"certificate,omitempty"`
}

// String is a signer for people.
func (s Signer) String() string {
	switch {
	case s.Identity != "":
		return s.Identity + " of " + s.Issuer
	case s.Certificate:
		return "a certificate without identity"
	case s.Key != "":
		return "key " + s.Key
	}
	return "a key without hint"
}

// Error is a document that was not read, with the reason for it.
type Error struct {
	Reason gatekeep.Reason
	Err    error
}

// Error is the cause as text.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Format is one row of the table.
type Format struct {
	Name  string // "cyclonedx-json"
	Title string
	// Kind is the kind of evidence that it becomes, or "".
	Kind string

	looks func(*sample) bool
	read  func([]byte) (*Reading, error)
}

// Formats lists the names, titles and kinds of what is read, in the order in which
// they are tried.
func Formats() []Format { return slices.Clone(formats) }

// Read finds the format of a document by its content and reads it. An error is an
// *Error that tells why it was not read; the document is evidence of nothing then.
func Read(data []byte) (*Reading, error) {
	s, err := look(data)
	if err != nil {
		return nil, refused(err)
	}
	for _, f := range formats {
		if f.looks(s) {
			return f.run(s.data)
		}
	}
	return nil, &Error{gatekeep.ReasonPredicateUnknown, errors.New("no format that is read here looks like it ('gatekeep evidence inspect --help' lists them)")}
}

// As reads a document as one format, whatever it looks like.
func As(name string, data []byte) (*Reading, error) {
	i := slices.IndexFunc(formats, func(f Format) bool { return f.Name == name })
	switch {
	case i >= 0 && name != "json":
		// As strict as Read: a name that stands twice has two readings.
		s, err := look(data)
		if err != nil {
			return nil, refused(err)
		}
		return formats[i].run(s.data)
	case i >= 0:
		return formats[i].run(data)
	case slices.Contains(scan.Formats(), name):
		return asReport(name, data)
	}
	return nil, &Error{gatekeep.ReasonPredicateUnknown, fmt.Errorf("no format %q is read here", name)}
}

// Names are all names that As takes.
func Names() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.Name)
	}
	return append(names, scan.Formats()...)
}

func (f Format) run(data []byte) (*Reading, error) {
	r, err := f.read(data)
	if err != nil {
		return nil, refused(fmt.Errorf("reading as %s: %w", f.Title, err))
	}
	if (f.Kind == "sbom" || f.Kind == "vex") && r.schema != f.Name {
		return nil, refused(fmt.Errorf("reading as %s: it is %s", f.Title, r.schema))
	}
	r.Format, r.Title = f.Name, f.Title
	if r.Kind == "" {
		r.Kind = f.Kind
	}
	return r, nil
}

// refused gives an error its reason.
func refused(err error) *Error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return &Error{known.Reason, err}
	case errors.Is(err, predicate.ErrTooLarge):
		return &Error{gatekeep.ReasonTooLarge, err}
	}
	return &Error{gatekeep.ReasonPredicateMalformed, err}
}

// formats are tried from the first to the last; what is specific stands before what is
// general.
var formats = []Format{
	{"sigstore-bundle", "Sigstore bundle", "", mediaType("application/vnd.dev.sigstore.bundle"), readBundle},
	{"sigstore-trusted-root", "Sigstore trusted root", "", mediaType("application/vnd.dev.sigstore.trustedroot"), readTrustedRoot},
	{"dsse", "DSSE envelope", "", hasAll("payload", "payloadType"), readDSSE},
	{"in-toto-metablock", "in-toto layout or link", "", hasAll("signed", "signatures"), readMetablock},
	{"in-toto-statement", "in-toto statement", "", hasAll("_type", "predicateType"), readStatement},
	{"npm-attestations", "npm registry attestations", "", isNPM, readNPM},

	{"cyclonedx-json", "CycloneDX JSON", "sbom", hasAll("bomFormat"), readSBOM},
	{"cyclonedx-xml", "CycloneDX XML", "sbom", isCycloneDXXML, readSBOM},
	{"spdx-json", "SPDX 2 JSON", "sbom", hasAll("spdxVersion"), readSBOM},
	{"spdx3-json", "SPDX 3 JSON-LD", "sbom", isSPDX3, readSBOM},
	{"spdx-tag-value", "SPDX 2 tag-value", "sbom", isTagValue, readSBOM},
	{"syft-json", "Syft JSON", "sbom", hasAll("artifacts", "descriptor", "schema"), readSBOM},

	{"openvex", "OpenVEX", "vex", isOpenVEX, readVEX},
	{"csaf", "CSAF 2.0", "vex", isCSAF, readVEX},
	{"vulns-predicate", "vulnerability scan predicate", "vulns", isVulnsPredicate, readVulns},
	{"slsa-provenance", "SLSA provenance predicate", "provenance", isProvenance, readProvenance},

	{"terraform-plan", "Terraform or OpenTofu plan", "iac-plan", isPlan, readPlan},
	{"admission-review", "Kubernetes admission review", "", isReview, readReview},
	{"rollout", "Argo Rollouts or Flagger", "rollout-plan", isRollout, readRollout},
	{"kubernetes", "Kubernetes manifest", "manifests", hasAll("apiVersion", "kind"), readManifest},
	{"flagd", "flagd flag definition", "flag-config", hasAll("flags"), readFlags},
	{"oscal", "OSCAL", "", isOSCAL, readOSCAL},
	{"scorecard", "OpenSSF Scorecard", "scorecard", hasAll("scorecard", "checks"), readScorecard},
	{"junit", "JUnit test report", "test-result", rootIn("testsuites", "testsuite"), readJUnit},
	{"cobertura", "Cobertura coverage report", "", rootIn("coverage"), readCobertura},
	{"migration-report", "Atlas, Flyway or Liquibase report", "migration-plan", isMigration, readMigration},
	{"public-key", "public key", "", isKey, readKey},

	{"scan-report", "scanner report", "", isReport, readReport},
	{"json", "JSON of no format that is read", "", never, readJSON},
}

func hasAll(names ...string) func(*sample) bool {
	return func(s *sample) bool { return s.has(names...) }
}

func mediaType(prefix string) func(*sample) bool {
	return func(s *sample) bool { return strings.HasPrefix(s.text("mediaType"), prefix) }
}

func rootIn(names ...string) func(*sample) bool {
	return func(s *sample) bool { return s.shape == shapeXML && slices.Contains(names, s.root.Local) }
}

// never is the look of what is read only when it is asked for by name.
func never(*sample) bool { return false }

// Schema names the schema that a document has to conform to, by the names of package
// conform, with the document that it is about: the predicate, in an envelope. The name
// is empty where there is no schema.
func (r *Reading) Schema(data []byte) (name, version string, document []byte) {
	if r.inner != nil {
		data = r.inner
	}
	return r.schema, r.schemaVersion, data
}
