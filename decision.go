package gatekeep

import "time"

// Decision is the truth about a request: no mode, no prose beyond the findings.
type Decision struct {
	Outcome Outcome  `json:"outcome"`
	Results []Result `json:"results"` // sorted by regime, control, rule
	Effects Effects  `json:"effects"`
	Policy  string   `json:"policy"` // digest of the policy that decided
	Input   string   `json:"input"`  // digest of the facts document that was judged
}

// Result is what one rule says under one control of one regime.
type Result struct {
	Regime   string    `json:"regime"`
	Control  string    `json:"control"`
	Rule     string    `json:"rule"` // "family/rule", or "" where a regime is not known
	Outcome  Outcome   `json:"outcome"`
	Severity string    `json:"severity"` // "block" or "warn"
	Findings []Finding `json:"findings"`
	Notes    []string  `json:"notes"` // said whatever the outcome, for example what could not be asked
}

// Finding is one thing that a rule holds against the request, or could not see.
type Finding struct {
	Rule     string `json:"rule"`
	Message  string `json:"message"`
	At       string `json:"at"` // the thing it is about: a digest, an address, a person, a window
	Severity string `json:"severity"`
	Remedy   string `json:"remedy"`
	Excuse   string `json:"excuse,omitempty"` // id of the waiver or grant that excuses it
}

// Effects are what an opened gate uses up and leaves behind.
type Effects struct {
	ConsumeNonces []string `json:"consume_nonces"`
	UseGrants     []string `json:"use_grants"`
	UseExemptions []string `json:"use_exemptions"`
	Approvals     []string `json:"approvals"` // ids of the approvals that counted
	// Obligations are the duties that an excused emergency leaves behind.
	Obligations []Obligation `json:"obligations"`
	// CloseObligations are ids of duties that a believed review answers.
	CloseObligations []string `json:"close_obligations"`
}

// Rule is what a policy says about one of its rules, read from its METADATA.
type Rule struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Severity    string   `json:"severity"`
	Remedy      string   `json:"remedy"`
	Stages      []string `json:"stages"`
	Evidence    []string `json:"evidence"` // kinds of statement it reads
	Waivable    bool     `json:"waivable"`
	EffectiveOn string   `json:"effective_on,omitempty"`
	References  []string `json:"references,omitempty"`
}

// Regime is a catalogue of controls, each naming the rules that give evidence for
// it. Passing them is evidence for the citation, not a statement of compliance.
type Regime struct {
	ID        string `json:"id" yaml:"-"`
	Title     string `json:"title" yaml:"title"`
	Authority string `json:"authority" yaml:"authority"`
	Version   string `json:"version" yaml:"version"`
	URL       string `json:"url,omitempty" yaml:"url"`
	// ActivatedBy says in words what brings the regime in.
	ActivatedBy string `json:"activated_by,omitempty" yaml:"activated_by"`
	// Retention is how long evidence under the regime must be kept; nil where its text
	// does not say.
	Retention *Retention `json:"retention,omitempty" yaml:"retention"`
	Controls  []Control  `json:"controls" yaml:"controls"`
}

// Retention is a period for which a regime asks to keep records.
type Retention struct {
	Period   string `json:"period" yaml:"period"` // ISO 8601: P6Y, P12M, P90D
	Citation string `json:"citation" yaml:"citation"`
}

// Control is one citation of a regime.
type Control struct {
	ID       string   `json:"id" yaml:"id"`
	Title    string   `json:"title" yaml:"title"`
	Citation string   `json:"citation,omitempty" yaml:"citation"`
	Strength string   `json:"strength,omitempty" yaml:"strength"` // direct, partial or supporting
	Limits   string   `json:"limits,omitempty" yaml:"limits"`
	Rules    []string `json:"rules" yaml:"rules"`
}

// Record is the canonical account of one decision; every format is a function of it.
type Record struct {
	Schema    string      `json:"schema"` // RecordSchema
	ID        string      `json:"id"`
	DecidedAt time.Time   `json:"decided_at"`
	Mode      Mode        `json:"mode"`
	Engine    Engine      `json:"engine"`
	Case      Case        `json:"case"`
	Facts     Digests     `json:"facts"`
	Accepted  []Signed    `json:"accepted"`
	Rejected  []Rejection `json:"rejected"`
	Regimes   []Regime    `json:"regimes"` // those that were active, as judged
	Decision  Decision    `json:"decision"`
	Seal      *Seal       `json:"seal,omitempty"` // nil where the signature is all there is
}

// Seal says who vouches for the evidence beside the key that signs it. Evidence that
// says so and lacks it was stripped.
type Seal struct {
	Log       string `json:"log,omitempty"`       // origin of the transparency log that holds the statement
	Timestamp string `json:"timestamp,omitempty"` // RFC 3161 authority: its address, or TimestampOwn
}

// TimestampOwn is an authority that the gate runs itself. Its time proves no more than
// the gate's own clock.
const TimestampOwn = "own: for demonstrations, proves no more than the gate's clock"

// RecordSchema names the shape of a Record.
const RecordSchema = "gatekeep.dev/record/v1"

// Digests name the documents of a record that stand in files of their own.
type Digests struct {
	Input    string `json:"input"`
	Decision string `json:"decision"`
	Binding  string `json:"binding"`
}

// Signed is one statement that was believed, and on whose word.
type Signed struct {
	ID            string `json:"id"` // digest of the envelope
	Kind          string `json:"kind"`
	PredicateType string `json:"predicate_type"`
	Signer        string `json:"signer"` // name in the trust policy
	Status        string `json:"status"` // StatusVerified or StatusUnsigned
	Source        string `json:"source"`
}

// Engine names the programs that decided.
type Engine struct {
	Gatekeep string `json:"gatekeep"`
	OPA      string `json:"opa"`
	Go       string `json:"go"`
}
