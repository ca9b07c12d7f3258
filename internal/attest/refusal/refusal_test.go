package refusal

import (
	"testing"

	"github.com/gatekeep-dev/gatekeep"
)

func TestNamingTheSignerLeavesTheFirstAlone(t *testing.T) {
	r := New(gatekeep.ReasonExpired, "until %d", 3)
	named := r.Of("bob")
	if r.Signer != "" || named.Signer != "bob" || named.Detail != "until 3" || named.Reason != gatekeep.ReasonExpired {
		t.Errorf("got %+v of %+v", named, r)
	}
}
