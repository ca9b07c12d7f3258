package oscal

// The parts of an OSCAL assessment results document, version 1.1.3, that are used.
type (
	document struct {
		Results assessment `json:"assessment-results"`
	}
	assessment struct {
		UUID     string     `json:"uuid"`
		Metadata metadata   `json:"metadata"`
		Plan     reference  `json:"import-ap"`
		Local    *objectSet `json:"local-definitions,omitempty"`
		Results  []result   `json:"results"`
		Back     backMatter `json:"back-matter"`
	}
	metadata struct {
		Title    string     `json:"title"`
		Modified string     `json:"last-modified"`
		Version  string     `json:"version"`
		OSCAL    string     `json:"oscal-version"`
		Props    []property `json:"props,omitempty"`
		Remarks  string     `json:"remarks,omitempty"`
	}
	property struct {
		Name  string `json:"name"`
		NS    string `json:"ns"`
		Value string `json:"value"`
	}
	reference struct {
		Href    string `json:"href"`
		Remarks string `json:"remarks,omitempty"`
	}
	objectSet struct {
		Objectives []objective `json:"objectives-and-methods"`
	}
	objective struct {
		Control     string     `json:"control-id"`
		Description string     `json:"description,omitempty"`
		Props       []property `json:"props,omitempty"`
		Parts       []part     `json:"parts"`
	}
	part struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Prose string `json:"prose"`
	}
	result struct {
		UUID         string        `json:"uuid"`
		Title        string        `json:"title"`
		Description  string        `json:"description"`
		Start        string        `json:"start"`
		End          string        `json:"end"`
		Props        []property    `json:"props,omitempty"`
		Local        *local        `json:"local-definitions,omitempty"`
		Reviewed     reviewed      `json:"reviewed-controls"`
		Observations []observation `json:"observations,omitempty"`
		Findings     []finding     `json:"findings,omitempty"`
	}
	local struct {
		Components []component `json:"components,omitempty"`
		Assets     assets      `json:"assessment-assets"`
	}
	assets struct {
		Components []component `json:"components"`
		Platforms  []platform  `json:"assessment-platforms"`
	}
	platform struct {
		UUID  string `json:"uuid"`
		Title string `json:"title"`
		Uses  []uses `json:"uses-components"`
	}
	uses struct {
		Component string `json:"component-uuid"`
	}
	component struct {
		UUID        string     `json:"uuid"`
		Type        string     `json:"type"`
		Title       string     `json:"title"`
		Description string     `json:"description"`
		Props       []property `json:"props,omitempty"`
		Status      status     `json:"status"`
	}
	reviewed struct {
		Controls   []selection          `json:"control-selections"`
		Objectives []objectiveSelection `json:"control-objective-selections,omitempty"`
	}
	selection struct {
		Description string       `json:"description"`
		Include     []controlRef `json:"include-controls,omitempty"`
		Exclude     []controlRef `json:"exclude-controls,omitempty"`
	}
	controlRef struct {
		ID string `json:"control-id"`
	}
	objectiveSelection struct {
		Include []objectiveRef `json:"include-objectives"`
	}
	objectiveRef struct {
		ID string `json:"objective-id"`
	}
	observation struct {
		UUID        string       `json:"uuid"`
		Title       string       `json:"title"`
		Description string       `json:"description"`
		Props       []property   `json:"props,omitempty"`
		Methods     []string     `json:"methods"`
		Types       []string     `json:"types"`
		Origins     []origin     `json:"origins"`
		Subjects    []subjectRef `json:"subjects,omitempty"`
		Evidence    []evidence   `json:"relevant-evidence,omitempty"`
		Collected   string       `json:"collected"`
		Remarks     string       `json:"remarks,omitempty"`
	}
	origin struct {
		Actors []actor `json:"actors"`
	}
	actor struct {
		Type string `json:"type"`
		UUID string `json:"actor-uuid"`
	}
	subjectRef struct {
		UUID string `json:"subject-uuid"`
		Type string `json:"type"`
	}
	evidence struct {
		Href        string `json:"href"`
		Description string `json:"description"`
	}
	finding struct {
		UUID         string       `json:"uuid"`
		Title        string       `json:"title"`
		Description  string       `json:"description"`
		Props        []property   `json:"props,omitempty"`
		Origins      []origin     `json:"origins"`
		Target       target       `json:"target"`
		Observations []relatedObs `json:"related-observations,omitempty"`
		Remarks      string       `json:"remarks,omitempty"`
	}
	target struct {
		Type   string `json:"type"`
		ID     string `json:"target-id"`
		Status status `json:"status"`
	}
	status struct {
		State   string `json:"state"`
		Reason  string `json:"reason,omitempty"`
		Remarks string `json:"remarks,omitempty"`
	}
	relatedObs struct {
		UUID string `json:"observation-uuid"`
	}
	backMatter struct {
		Resources []resource `json:"resources"`
	}
	resource struct {
		UUID        string     `json:"uuid"`
		Title       string     `json:"title"`
		Description string     `json:"description,omitempty"`
		Props       []property `json:"props,omitempty"`
		Links       []link     `json:"rlinks,omitempty"`
	}
	link struct {
		Href   string `json:"href"`
		Hashes []hash `json:"hashes,omitempty"`
	}
	hash struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"value"`
	}
)
