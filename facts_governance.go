package gatekeep

// Grant lets one person deploy in an emergency.
type Grant struct {
	ID           string       `json:"id"`
	Principal    string       `json:"principal"`
	Environment  string       `json:"environment"`
	Service      string       `json:"service"`
	Incident     string       `json:"incident"`
	Covers       []string     `json:"covers"`     // rules it excuses
	NotBefore    string       `json:"not_before"` // RFC 3339
	ExpiresAt    string       `json:"expires_at"` // RFC 3339
	Uses         int          `json:"uses"`       // so far
	MaxUses      int          `json:"max_uses"`
	GrantedBy    string       `json:"granted_by"`
	Reason       string       `json:"reason"`
	Verification Verification `json:"verification"`
}

// Review is what people found when they looked back at an emergency.
type Review struct {
	Grant        string       `json:"grant"`
	Uses         []string     `json:"uses"`    // ids of the obligations it answers
	Outcome      string       `json:"outcome"` // justified or not_justified
	Reviewers    []string     `json:"reviewers"`
	ReviewedAt   string       `json:"reviewed_at"` // RFC 3339
	Verification Verification `json:"verification"`
}

// Exemption lets one request through one freeze window.
type Exemption struct {
	ID           string       `json:"id"`
	Window       string       `json:"window"`
	Binding      string       `json:"binding"`
	Reason       string       `json:"reason"`
	GrantedBy    []string     `json:"granted_by"`
	NotBefore    string       `json:"not_before"` // RFC 3339
	ExpiresAt    string       `json:"expires_at"` // RFC 3339
	Uses         int          `json:"uses"`
	MaxUses      int          `json:"max_uses"`
	Verification Verification `json:"verification"`
}

// Calendar is the signed deployment calendar, expanded to instants.
type Calendar struct {
	Verified       bool                  `json:"verified"`
	Revision       int64                 `json:"revision"`
	System         string                `json:"system"`     // native, or the system it was read from
	FetchedNS      int64                 `json:"fetched_ns"` // when its source was read
	TZData         string                `json:"tzdata"`     // release that expanded it
	HorizonStartNS int64                 `json:"horizon_start_ns"`
	HorizonEndNS   int64                 `json:"horizon_end_ns"`
	Occurrences    map[string]Occurrence `json:"occurrences"` // by window id and start
	Attestation    string                `json:"attestation"`
}

// Occurrence is one stretch of time of one window, half open: start <= t < end.
type Occurrence struct {
	Window         string              `json:"window"`
	Kind           string              `json:"kind"` // freeze, allow or maintenance
	Title          string              `json:"title"`
	TZ             string              `json:"tz"`    // IANA name
	Scope          map[string][]string `json:"scope"` // environments, tiers, services, regions
	StartNS        int64               `json:"start_ns"`
	EndNS          int64               `json:"end_ns"`
	AllowedActions []string            `json:"allowed_actions"`
}

// Rollout is how the deployment would proceed.
type Rollout struct {
	Declared      bool   `json:"declared"` // a rollout plan was believed
	Strategy      string `json:"strategy,omitempty"`
	MaxDurationNS *int64 `json:"max_duration_ns,omitempty"`
}

// StateFacts are what the gate remembers, as rules see it.
type StateFacts struct {
	ConsumedNonces []string            `json:"consumed_nonces"`
	Incidents      map[string]Incident `json:"incidents"`
	Obligations    []Obligation        `json:"obligations"`
	BreakGlassUses []BreakGlassUse     `json:"break_glass_uses"`
}

// Incident is a snapshot of one incident, as its system attests it.
type Incident struct {
	ID       string `json:"id"`
	Status   string `json:"status"` // open, mitigating, resolved or closed
	Severity string `json:"severity,omitempty"`
	Service  string `json:"service,omitempty"`
}
