package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// forbidden are builtins that OPA does not mark as non-deterministic and that yet
// answer differently on another day or machine, or that have no place in a rule.
// A name that ends in a dot stands for every builtin below it.
var forbidden = []string{
	"net.",  // looks up names
	"rand.", // draws numbers
	"uuid.", // draws identifiers
	"opa.runtime",
	"http.send",
	// These read the clock of the machine where they are given no time.
	"io.jwt.decode_verify",
	"crypto.x509.parse_and_verify_certificates",
	"crypto.x509.parse_and_verify_certificates_with_options",
	// These read the time zone database of the machine. Calendars are expanded to
	// instants before rules see them.
	"time.clock",
	"time.date",
	"time.weekday",
	"time.diff",
	// These follow references in schemas.
	"json.match_schema",
	"json.verify_schema",
}

// Capabilities is what policies/capabilities.json should hold, for stock OPA.
func Capabilities() ([]byte, error) {
	// An empty allow_net means that no host may be reached, a missing one that every
	// host may; ast.Capabilities leaves out empty lists.
	file := struct {
		*ast.Capabilities
		AllowNet []string `json:"allow_net"`
	}{capabilities(), []string{}}
	out, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing capabilities: %w", err)
	}
	return append(out, '\n'), nil
}

// capabilities are every builtin a rule may call: those of this OPA without the
// non-deterministic ones and those that reach out. They are computed, since to read
// the file again takes longer than to parse ten rules; a test holds the two equal.
func capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool {
		return b.Nondeterministic || isForbidden(b.Name)
	})
	// Schemas that METADATA names may not be fetched.
	c.AllowNet = []string{}
	return c
}

func isForbidden(name string) bool {
	return slices.ContainsFunc(forbidden, func(f string) bool {
		return name == f || strings.HasSuffix(f, ".") && strings.HasPrefix(name, f)
	})
}
