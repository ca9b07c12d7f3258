package gatekeep

import "time"

// Case is all that a decision is made from, before anything in it is believed:
// the request, the moment, the state of the gate, and what was found where. A
// sealed case can be judged again, years later, with the same answer.
type Case struct {
	Schema  string    `json:"schema"` // CaseSchema
	Request Request   `json:"request"`
	Subject Subject   `json:"subject"`
	Clock   Clock     `json:"clock"`
	Policy  PolicyRef `json:"policy"`
	// Catalogue is what the bundle says of the environment, the service and the
	// accounts that the evidence mentions.
	Catalogue Catalogue `json:"catalogue"`
	State     State     `json:"state"`
	// Sources tell each place that was looked at. "Nothing there" and "could not
	// look" are different statuses.
	Sources   []SourceReport `json:"sources"`
	Envelopes []EnvelopeRef  `json:"envelopes"`
	// SBOMChecks are, by artifact, what the gate found when it made the SBOM itself.
	// Absent where it was not asked to.
	SBOMChecks map[string][]SBOMCheck `json:"sbom_checks,omitempty"`
	// People are the commitments that stand in the place of names, sorted. Absent where
	// names stand as they are.
	People []string `json:"people,omitempty"`
}

// SBOMCheck holds one attested SBOM against the components that the gate found in the
// artifact. Components are compared by type, namespace, name and version of their purl.
type SBOMCheck struct {
	Attestation string `json:"attestation"`
	Ref         string `json:"ref"`       // digest of the attested SBOM document
	Generator   string `json:"generator"` // program that looked into the artifact
	Generated   string `json:"generated"` // digest of the SBOM that it made
	Components  int    `json:"components"`
	// Undeclared are in the artifact and not in the attested SBOM, Absent the reverse:
	// the first 200 of them, sorted, and how many there are.
	Undeclared      []string `json:"undeclared"`
	UndeclaredCount int      `json:"undeclared_count"`
	Absent          []string `json:"absent"`
	AbsentCount     int      `json:"absent_count"`
}

// Catalogue is the part of a bundle's catalogue that a case needs. The caller of a
// check chooses names; what they stand for is the bundle's word.
type Catalogue struct {
	Regimes     []string            `json:"regimes"` // that the bundle asks for
	Environment Environment         `json:"environment"`
	Service     Service             `json:"service"`
	Identities  map[string]Identity `json:"identities"`
}

// CaseSchema names the shape of a Case.
const CaseSchema = "gatekeep.dev/case/v1"

// Clock is the time of the decision as a fact.
type Clock struct {
	Now           time.Time `json:"now"`
	NowNS         int64     `json:"now_ns"`         // nanoseconds since the epoch; what rules compare
	UncertaintyNS int64     `json:"uncertainty_ns"` // half-width; rules add it on the denying side
	FloorNS       *int64    `json:"floor_ns,omitempty"`
	Source        string    `json:"source"` // "system", or "stated" where the caller gave the time
	TZData        string    `json:"tzdata"` // release of the time zone data, for example "2026c"
}

// PolicyRef names the policy that judges and tells how it came to be trusted.
type PolicyRef struct {
	Origin            string     `json:"origin"` // "embedded" in the program, or "directory"
	Name              string     `json:"name"`   // name of the bundle
	Digest            string     `json:"digest"` // over every file of rules and data
	Bundle            string     `json:"bundle"` // digest over every file of the bundle
	Revision          int64      `json:"revision"`
	FloorRevision     *int64     `json:"floor_revision,omitempty"` // newest revision ever used; nil without state
	SignatureVerified bool       `json:"signature_verified"`
	UnsignedAllowed   bool       `json:"unsigned_allowed"` // the operator said so on the command line
	Signer            string     `json:"signer,omitempty"`
	ExpiresAt         *time.Time `json:"expires_at,omitempty"`
}

// State is what the gate remembers of earlier decisions.
type State struct {
	Declared       bool            `json:"declared"`                  // false: the bundle declares that it keeps none
	Environment    string          `json:"environment,omitempty"`     // whose sequence follows
	Sequence       int64           `json:"sequence,omitempty"`        // number of this decision in its environment, from 1
	Previous       string          `json:"previous,omitempty"`        // digest of the decision before it
	ConsumedNonces []string        `json:"consumed_nonces,omitempty"` // of those that this case mentions
	Obligations    []Obligation    `json:"obligations,omitempty"`
	BreakGlassUses []BreakGlassUse `json:"break_glass_uses,omitempty"`
	GrantUses      map[string]int  `json:"grant_uses,omitempty"` // uses of a grant or exemption by its id
}

// Obligation is a duty that an earlier decision left behind.
type Obligation struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"` // "break_glass_review"
	Grant     string    `json:"grant"`
	Principal string    `json:"principal"`
	Service   string    `json:"service"`
	Status    string    `json:"status"` // "open" or "closed"
	DueAt     time.Time `json:"due_at"`
}

// BreakGlassUse is one emergency deployment that a grant excused.
type BreakGlassUse struct {
	ID        string    `json:"id"`
	Grant     string    `json:"grant"`
	Service   string    `json:"service"`
	Principal string    `json:"principal"`
	UsedAt    time.Time `json:"used_at"`
}

// Statuses of a source.
const (
	SourceRead   = "read"   // looked, and found something
	SourceEmpty  = "empty"  // looked, and there was nothing
	SourceFailed = "failed" // could not look
)

// SourceReport tells what came of looking in one place.
type SourceReport struct {
	Name     string `json:"name"` // "registry.example/app (referrers)"
	Status   string `json:"status"`
	Reason   Reason `json:"reason,omitempty"` // where it failed
	Detail   string `json:"detail,omitempty"`
	Required bool   `json:"required"` // a failure keeps the gate shut
	Count    int    `json:"count"`    // envelopes found
}

// EnvelopeRef names one untrusted document by its digest; the bytes lie beside.
type EnvelopeRef struct {
	Digest    string `json:"digest"` // of the bytes as found
	Source    string `json:"source"` // Name of a SourceReport
	Name      string `json:"name"`   // file name or manifest digest, for messages
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"` // bytes
}
