package bundle

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
)

// catalogueFile is catalogue.yaml as written.
type catalogueFile struct {
	Environments map[string]environmentFile `yaml:"environments"`
	Services     map[string]serviceFile     `yaml:"services"`
	AnyService   bool                       `yaml:"anyService"`
}

type environmentFile struct {
	Tier     string   `yaml:"tier"`
	Provider string   `yaml:"provider"`
	Region   string   `yaml:"region"`
	Regimes  []string `yaml:"regimes"`
}

type serviceFile struct {
	Owner       string   `yaml:"owner"`
	Tier        string   `yaml:"tier"`
	Regimes     []string `yaml:"regimes"`
	DataClasses []string `yaml:"dataClasses"`
}

type identityFile struct {
	Type   string   `yaml:"type"`
	Status string   `yaml:"status"`
	Person string   `yaml:"person"`
	Groups []string `yaml:"groups"`
	MFA    bool     `yaml:"mfa"`
}

// UnknownError is a name in a request that the bundle does not have: the caller's
// mistake, not evidence against the request.
type UnknownError struct {
	Kind  string // "environment" or "service"
	Name  string
	Known []string // sorted
}

// Error names what there is.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("looking up %s %q: the bundle has %s; add it to catalogue.yaml or name one of these",
		e.Kind, e.Name, strings.Join(e.Known, ", "))
}

// Environment is the entry of the catalogue; one that is not there is an
// *UnknownError.
func (b *Bundle) Environment(name string) (gatekeep.Environment, error) {
	e, ok := b.catalogue.Environments[name]
	if !ok {
		return gatekeep.Environment{}, &UnknownError{"environment", name, slices.Sorted(maps.Keys(b.catalogue.Environments))}
	}
	return gatekeep.Environment{
		Name: name, Tier: e.Tier, Provider: e.Provider, Region: e.Region, Regimes: list(e.Regimes),
	}, nil
}

// Service is the entry of the catalogue; one that is not there is an
// *UnknownError. The built-in bundle takes any service for one that handles no
// classified data.
func (b *Bundle) Service(name string) (gatekeep.Service, error) {
	s, ok := b.catalogue.Services[name]
	switch {
	case ok:
	case b.catalogue.AnyService && name != "":
		s = serviceFile{DataClasses: []string{"none"}}
	default:
		return gatekeep.Service{}, &UnknownError{"service", name, slices.Sorted(maps.Keys(b.catalogue.Services))}
	}
	return gatekeep.Service{
		Name: name, Owner: s.Owner, Tier: s.Tier, Regimes: list(s.Regimes), DataClasses: list(s.DataClasses),
	}, nil
}

// Identities are the accounts of those principals that the bundle knows. One that
// is missing from the answer is known to nobody, and rules treat it so.
func (b *Bundle) Identities(principals []string) map[string]gatekeep.Identity {
	known := map[string]gatekeep.Identity{}
	for _, p := range principals {
		if i, ok := b.identities[p]; ok {
			known[p] = gatekeep.Identity{
				Type: i.Type, Status: i.Status, Person: i.Person, Groups: list(i.Groups), MFA: i.MFA,
			}
		}
	}
	return known
}

// list is never nil: rules tell an empty list from one that is not there.
func list(xs []string) []string { return append([]string{}, xs...) }
