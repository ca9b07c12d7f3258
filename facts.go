package gatekeep

import "time"

// Facts is the document that rules read as input; policies/schemas/input.json
// is its schema. It holds only what was verified, or was observed by the gate
// itself. Times that rules compare are integers of nanoseconds or RFC 3339 text.
type Facts struct {
	Schema         string                    `json:"schema"` // FactsSchema
	Stage          string                    `json:"stage"`
	Regimes        []string                  `json:"regimes"` // asked for; rules derive the rest
	Clock          Clock                     `json:"clock"`
	Gate           GateFacts                 `json:"gate"`
	Completeness   map[string]int            `json:"completeness"` // entries handed over, by path
	EvidenceErrors []EvidenceError           `json:"evidence_errors"`
	Subject        SubjectFacts              `json:"subject"`
	Service        Service                   `json:"service"`
	Environment    Environment               `json:"environment"`
	Action         ActionFacts               `json:"action"`
	Request        RequestFacts              `json:"request"`
	Identities     map[string]Identity       `json:"identities"`
	Source         SourceFacts               `json:"source"`
	Attestations   AttestationFacts          `json:"attestations"`
	Rejected       map[string]Rejection      `json:"rejected"`
	SBOMs          map[string][]SBOMRef      `json:"sboms"`                 // by digest of the artifact
	SBOMChecks     map[string][]SBOMCheck    `json:"sbom_checks,omitempty"` // by digest of the artifact; absent where the gate did not look
	Findings       FindingFacts              `json:"findings"`
	VEX            map[string][]VEXStatement `json:"vex"`       // by vulnerability id
	Resources      map[string]Resource       `json:"resources"` // by address
	DataFlow       DataFlow                  `json:"data_flow"`
	Approvals      map[string]Approval       `json:"approvals"` // by digest of the envelope
	Waivers        []Waiver                  `json:"waivers"`
	Grants         map[string]Grant          `json:"grants"` // by id of the grant
	Exemptions     []Exemption               `json:"freeze_exemptions"`
	Reviews        []Review                  `json:"break_glass_reviews"`
	Calendar       *Calendar                 `json:"calendar,omitempty"` // absent where no calendar was believed
	Rollout        Rollout                   `json:"rollout"`
	State          StateFacts                `json:"state"`
}

// FactsSchema names the shape of Facts.
const FactsSchema = "gatekeep.dev/input/v1"

// GateFacts are facts about the gate itself.
type GateFacts struct {
	Version       string    `json:"version"`
	Policy        PolicyRef `json:"policy"`
	StateDeclared bool      `json:"state_declared"`
}

// EvidenceError is a source that could not be looked at.
type EvidenceError struct {
	Source   string `json:"source"`
	Kind     Reason `json:"kind"`
	Detail   string `json:"detail"`
	Required bool   `json:"required"`
}

// SubjectFacts is the subject with the commit it should come from.
type SubjectFacts struct {
	Subject
	Commit string `json:"commit"`
}

// Service is an entry of the organisation's catalogue.
type Service struct {
	Name        string   `json:"name"`
	Owner       string   `json:"owner,omitempty"`
	Tier        string   `json:"tier,omitempty"`
	Regimes     []string `json:"regimes"`
	DataClasses []string `json:"data_classes"`
}

// Environment is where the subject would run.
type Environment struct {
	Name     string   `json:"name"`
	Tier     string   `json:"tier"` // production, staging or development
	Provider string   `json:"provider"`
	Region   string   `json:"region"`
	Regimes  []string `json:"regimes"`
}

// ActionFacts is what would be done.
type ActionFacts struct {
	Type    string   `json:"type"`
	Targets []string `json:"targets"`
}

// RequestFacts is the request without what stands elsewhere in the facts.
type RequestFacts struct {
	ID          string    `json:"id"`
	Nonce       string    `json:"nonce"`
	RequestedAt time.Time `json:"requested_at"`
	Binding     string    `json:"binding"` // digest of BindingLines
	Actor       Actor     `json:"actor"`
	OnBehalfOf  string    `json:"on_behalf_of"`
	Emergency   bool      `json:"emergency"`
	Change      string    `json:"change"`
	Plan        string    `json:"plan"`
	Strategy    string    `json:"strategy"`
}

// Identity is an account in the organisation's directory.
type Identity struct {
	Type   string   `json:"type"`   // human or workload
	Status string   `json:"status"` // active, or another word
	Person string   `json:"person"` // whose account it is: "p-" and a name
	Groups []string `json:"groups"`
	MFA    bool     `json:"mfa"`
}

// SourceFacts is what the source control system attests of the change.
type SourceFacts struct {
	Repo         string   `json:"repo"`
	Contributors []string `json:"contributors"` // authors and committers since the last deployed commit
}

// Statuses of a statement that is used.
const (
	StatusVerified = "verified"         // a trusted signature
	StatusUnsigned = "unsigned_allowed" // no signature, and the trust policy names it as usable
)

// Verification tells on whose word a statement is believed.
type Verification struct {
	Status    string `json:"status"`
	Signer    string `json:"signer"`              // name in the trust policy
	Principal string `json:"principal,omitempty"` // the account that this signer is
	Issuer    string `json:"issuer,omitempty"`
	SAN       string `json:"san,omitempty"`
	KeyID     string `json:"key_id,omitempty"` // "sha256:" and hex of the DER public key
	// Signers are all whose signatures count, sorted; absent where one is enough.
	Signers []string `json:"signers,omitempty"`
}

// AttestationFacts are the statements that were believed.
type AttestationFacts struct {
	Items  map[string]Attestation `json:"items"`   // by digest of the envelope
	ByKind map[string][]string    `json:"by_kind"` // sorted ids
}

// Attestation is one believed statement. Claims are the few fields that rules
// use, in snake_case, never the whole predicate.
type Attestation struct {
	ID             string         `json:"id"`
	Kind           string         `json:"kind"`
	PredicateType  string         `json:"predicate_type"`
	SubjectDigests []string       `json:"subject_digests"`
	Verification   Verification   `json:"verification"`
	Claims         map[string]any `json:"claims"`
	Source         string         `json:"source"`
}

// SBOMRef names an index in the store (data.sboms[ref]) and the statement whose
// content it is.
type SBOMRef struct {
	Attestation       string `json:"attestation"`
	Ref               string `json:"ref"` // digest of the SBOM document
	Format            string `json:"format"`
	SpecVersion       string `json:"spec_version"`
	ComponentCount    int    `json:"component_count"`
	UnidentifiedCount int    `json:"unidentified_count"` // components without a purl
}

// FindingFacts are what scanners found.
type FindingFacts struct {
	SCA  map[string]SCAFinding  `json:"sca"`  // by vulnerability id and purl: "CVE-2026-1111 pkg:npm/left@1.0.0"
	SAST map[string]SASTFinding `json:"sast"` // by fingerprint
}

// SCAFinding is a known vulnerability in a component.
type SCAFinding struct {
	ID           string   `json:"id"` // vulnerability id; CVE where one is known
	Aliases      []string `json:"aliases,omitempty"`
	Severity     string   `json:"severity"` // critical, high, medium, low, negligible or unknown
	PURL         string   `json:"purl"`
	PURLs        []string `json:"purls,omitempty"`      // with qualifiers and subpath, where a scanner gave any; sorted
	FirstSeen    string   `json:"first_seen,omitempty"` // RFC 3339
	FixedIn      string   `json:"fixed_in,omitempty"`
	Attestations []string `json:"attestations"`
	Scanners     []string `json:"scanners,omitempty"`      // names of the tools that found it, sorted
	SeverityFrom string   `json:"severity_from,omitempty"` // who rated it: "nvd", "ghsa", or the scanner
	Score        float64  `json:"score,omitempty"`         // CVSS base score, 0.1 to 10, from Vector
	Vector       string   `json:"vector,omitempty"`        // CVSS 2, 3.x or 4.0
	Locations    []string `json:"locations,omitempty"`     // paths in the artifact, sorted
	Reachable    *bool    `json:"reachable,omitempty"`     // absent where no tool looked
	// Exploited and EPSS stand only where a believed feed says so.
	Exploited bool     `json:"exploited,omitempty"` // in a catalogue of exploited vulnerabilities
	EPSS      *float64 `json:"epss,omitempty"`      // probability of exploitation in 30 days, 0 to 1
	// Suppressed tells what a scanner hid by its own settings. It lifts nothing by itself.
	Suppressed []Suppression `json:"suppressed,omitempty"`
}

// Suppression is a scanner's own decision not to show a finding.
type Suppression struct {
	By     string `json:"by"`     // scanner
	Reason string `json:"reason"` // in its words
}

// SASTFinding is a flaw that a static analyser reported.
type SASTFinding struct {
	Rule          string `json:"rule"`
	Severity      string `json:"severity"` // critical, high, medium, low or unknown
	Location      string `json:"location"`
	BaselineState string `json:"baseline_state"`       // new, unchanged, updated or absent
	FirstSeen     string `json:"first_seen,omitempty"` // RFC 3339
	Suppression   string `json:"suppression,omitempty"`
	Attestation   string `json:"attestation"`
}

// VEXStatement says what a vulnerability means for products.
type VEXStatement struct {
	Attestation   string     `json:"attestation"`
	Products      []string   `json:"products"`         // purls, with qualifiers and subpath, and digests
	Ranges        []VEXRange `json:"ranges,omitempty"` // versions that are meant, where it was not told whether a component is of them
	Status        string     `json:"status"`
	Justification string     `json:"justification,omitempty"`
	Timestamp     string     `json:"timestamp"`      // RFC 3339; empty where the document does not tell
	Void          string     `json:"void,omitempty"` // why it could not be taken at its word; Status is then under_investigation
}

// VEXRange is versions of a package.
type VEXRange struct {
	PURL  string `json:"purl"`  // without version
	Range string `json:"range"` // vers URI, or a text of no known form
}

// Resource is a place that holds or processes data, from a plan or a residency
// declaration.
type Resource struct {
	Address         string   `json:"address"`
	Type            string   `json:"type,omitempty"`
	Provider        string   `json:"provider,omitempty"`
	Region          string   `json:"region,omitempty"`
	Actions         []string `json:"actions,omitempty"`
	HoldsData       *bool    `json:"holds_data,omitempty"` // absent counts as true
	DataClasses     []string `json:"data_classes,omitempty"`
	EncryptedAtRest *bool    `json:"encrypted_at_rest,omitempty"`
	Key             string   `json:"key,omitempty"`
	Attestation     string   `json:"attestation"`
}

// DataFlow is what privacy tooling attests of a service.
type DataFlow struct {
	Declared   bool        `json:"declared"` // a statement was believed
	Processors []Processor `json:"processors"`
	Transfers  []Transfer  `json:"transfers"`
}

// Processor handles data on the organisation's behalf.
type Processor struct {
	Name      string    `json:"name"`
	Classes   []string  `json:"classes"`
	Countries []string  `json:"countries,omitempty"`
	Contract  *Contract `json:"contract,omitempty"`
}

// Contract is a data processing or business associate agreement.
type Contract struct {
	Kind      string   `json:"kind"`       // dpa or baa
	ExpiresAt string   `json:"expires_at"` // RFC 3339
	Scope     []string `json:"scope"`      // services it covers
}

// Transfer is a recorded route for data to another jurisdiction.
type Transfer struct {
	Destination string `json:"destination"`
	Mechanism   string `json:"mechanism"`
	DPOApproved bool   `json:"dpo_approved"`
	ReviewDue   string `json:"review_due"` // RFC 3339
}

// Approval is one person's signed word on one request.
type Approval struct {
	Principal    string       `json:"principal"`
	Decision     string       `json:"decision"` // approve or reject
	Intent       string       `json:"intent"`
	Binding      string       `json:"binding"`
	Digest       string       `json:"digest"`      // subject it is for, in the clear
	Environment  string       `json:"environment"` // environment it is for, in the clear
	ApprovedAt   string       `json:"approved_at"` // RFC 3339
	ExpiresAt    string       `json:"expires_at"`  // RFC 3339
	RevokedAt    string       `json:"revoked_at,omitempty"`
	Nonce        string       `json:"nonce"`
	Verification Verification `json:"verification"`
}

// Waiver excuses one named thing from one rule, for a while.
type Waiver struct {
	ID           string       `json:"id"`
	Rule         string       `json:"rule"`           // "family/rule"
	Term         string       `json:"term,omitempty"` // the At of the finding it excuses
	Scope        WaiverScope  `json:"scope"`
	Reason       string       `json:"reason"`
	Ticket       string       `json:"ticket"`
	RequestedBy  string       `json:"requested_by"`
	GrantedBy    []string     `json:"granted_by"`
	NotBefore    string       `json:"not_before"` // RFC 3339
	ExpiresAt    string       `json:"expires_at"` // RFC 3339
	RevokedAt    string       `json:"revoked_at,omitempty"`
	Verification Verification `json:"verification"`
}

// WaiverScope is where a waiver holds.
type WaiverScope struct {
	Environments   []string `json:"environments"`
	Services       []string `json:"services"`
	SubjectDigests []string `json:"subject_digests,omitempty"`
}
