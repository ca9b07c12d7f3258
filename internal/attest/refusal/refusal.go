// Package refusal is the shape in which every step of verification says no.
package refusal

import (
	"fmt"

	"github.com/gatekeep-dev/gatekeep"
)

// Refusal is why a document is not believed; nil where nothing stands against it.
type Refusal struct {
	Reason gatekeep.Reason
	Detail string // for people; the same for the same document and question
	Signer string // name in the trust policy, where one matched
}

// New is a refusal for a reason, with a detail as of fmt.Sprintf.
func New(reason gatekeep.Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// Of is the same refusal of what a signer said.
func (r *Refusal) Of(signer string) *Refusal {
	named := *r
	named.Signer = signer
	return &named
}
