package gate

import (
	"testing"

	"github.com/gatekeep-dev/gatekeep"
)

// worlds are all of them, with what comes of each.
var worlds = map[string]struct {
	make func(testing.TB) *world
	want gatekeep.Outcome
}{
	"open":            {opens, gatekeep.Pass},
	"shut":            {shuts, gatekeep.Fail},
	"waived":          {waived, gatekeep.Pass},
	"emergency":       {emergency, gatekeep.Pass},
	"release":         {release, gatekeep.Pass},
	"could-not-judge": {blind, gatekeep.Indeterminate},
}

func TestEachWorldHasItsOutcome(t *testing.T) {
	for name, w := range worlds {
		t.Run(name, func(t *testing.T) {
			a := w.make(t).check()
			want(t, a, w.want)
			if len(a.Record.Rejected) != 0 {
				t.Errorf("rejected: %+v", a.Record.Rejected)
			}
		})
	}
}
