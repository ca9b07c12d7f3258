package bundle

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"
)

// Lists of an organisation that rules look things up in, by the exact name. A name in
// another spelling would match nothing, and nobody would notice.
var named = map[string]func(name string) error{
	"denied_components": checkPURL,
	"kev":               checkVulnerability,
}

// checkNames refuses names that no evidence could ever have.
func checkNames(org map[string]any) error {
	for list, check := range named {
		names, _ := org[list].(map[string]any) // of another shape: the rules say that they cannot read it
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if err := check(name); err != nil {
				return fmt.Errorf("%s: %q would match nothing: %w", list, name, err)
			}
		}
	}
	return nil
}

// checkPURL wants a package URL with its version, in the form in which components are
// listed: canonical, without qualifiers and subpath. The name may stand without
// percent-encoding.
func checkPURL(name string) error {
	p, err := packageurl.FromString(name)
	if err != nil {
		return fmt.Errorf("it is no package URL such as pkg:npm/event-stream@3.3.6: %w", err)
	}
	if strings.TrimSpace(name) != name {
		return fmt.Errorf("write it as %q", strings.TrimSpace(name))
	}
	if p.Version == "" {
		return errors.New("it has no version; name each that is denied")
	}
	p.Qualifiers, p.Subpath = nil, ""
	canonical := p.ToString()
	if p.Type == packageurl.TypeNuget {
		canonical = strings.ToLower(canonical) // NuGet takes names in either case for one
	}
	if decoded, err := url.PathUnescape(canonical); name == canonical || err == nil && name == decoded {
		return nil
	}
	return fmt.Errorf("write it as %q", canonical)
}

// Ids as their lists write them: of GitHub's and MITRE's the form is known, of others that
// they begin with capitals and hold no blanks.
var (
	strict = regexp.MustCompile(`^(CVE-[0-9]{4}-[0-9]{4,}|GHSA(-[0-9a-z]{4}){3})$`)
	known  = regexp.MustCompile(`(?i)^(CVE|GHSA)-`)
	other  = regexp.MustCompile(`^[A-Z][A-Z0-9]*(-[A-Za-z0-9.:_~]+)+$`)
)

func checkVulnerability(name string) error {
	if !strict.MatchString(name) && (known.MatchString(name) || !other.MatchString(name)) {
		return errors.New("it is no id such as CVE-2021-44228 or GHSA-jfh8-c2jp-5v3q, in that spelling")
	}
	return nil
}
