package attest

import (
	"fmt"

	"github.com/gatekeep-dev/gatekeep"
)

// refusal is why a document is not believed; nil where nothing stands against it.
type refusal struct {
	reason gatekeep.Reason
	detail string
	signer string // name in the trust policy, where one matched
}

func refuse(reason gatekeep.Reason, format string, args ...any) *refusal {
	return &refusal{reason: reason, detail: fmt.Sprintf(format, args...)}
}
