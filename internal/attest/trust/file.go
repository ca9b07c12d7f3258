package trust

// trustFile is trust.yaml as written.
type trustFile struct {
	Version         int                   `yaml:"version"`
	AllowMixedRoles bool                  `yaml:"allowMixedRoles"`
	Roots           map[string]string     `yaml:"roots"`
	Signers         map[string]signerFile `yaml:"signers"`
	Statements      []ruleFile            `yaml:"statements"`
	Layouts         map[string]layoutFile `yaml:"layouts"`
}

type signerFile struct {
	Key            string `yaml:"key"`
	PEM            string `yaml:"pem"`
	CA             string `yaml:"ca"`
	TSA            string `yaml:"tsa"`
	Issuer         string `yaml:"issuer"`
	Subject        string `yaml:"subject"`
	SubjectPattern string `yaml:"subjectPattern"`
	Root           string `yaml:"root"`
	Principal      string `yaml:"principal"`
	NotBefore      string `yaml:"notBefore"`
	NotAfter       string `yaml:"notAfter"`

	BuildSigner             string `yaml:"buildSigner"`
	BuildSignerPattern      string `yaml:"buildSignerPattern"`
	BuildSignerDigest       string `yaml:"buildSignerDigest"`
	RunnerEnvironment       string `yaml:"runnerEnvironment"`
	SourceRepository        string `yaml:"sourceRepository"`
	SourceRepositoryPattern string `yaml:"sourceRepositoryPattern"`
	SourceDigest            string `yaml:"sourceDigest"`
	SourceRef               string `yaml:"sourceRef"`
	SourceRefPattern        string `yaml:"sourceRefPattern"`
	SourceRepositoryID      string `yaml:"sourceRepositoryID"`
	SourceRepositoryOwner   string `yaml:"sourceRepositoryOwner"`
	SourceRepositoryOwnerID string `yaml:"sourceRepositoryOwnerID"`
	BuildConfig             string `yaml:"buildConfig"`
	BuildConfigPattern      string `yaml:"buildConfigPattern"`
	BuildConfigDigest       string `yaml:"buildConfigDigest"`
	BuildTrigger            string `yaml:"buildTrigger"`
	RunInvocation           string `yaml:"runInvocation"`
	SourceVisibility        string `yaml:"sourceVisibility"`
}

type ruleFile struct {
	Types        []string `yaml:"types"`
	Signers      []string `yaml:"signers"`
	Threshold    int      `yaml:"threshold"`
	Unsigned     bool     `yaml:"unsigned"`
	Strict       bool     `yaml:"strict"`
	Environments []string `yaml:"environments"`
}

type layoutFile struct {
	File   string   `yaml:"file"`
	Owners []string `yaml:"owners"`
}
