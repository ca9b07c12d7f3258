package ledger_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// A gate that is switched off logs nothing: the silence between two heartbeats is named,
// unless an entry owns up to it, and so is a silence that goes on.
func TestSilenceOfAGateIsNamed(t *testing.T) {
	h := newHouse(t)
	beat := func(after time.Duration) {
		h.clock.Add(int64(after / time.Second))
		must(h.Append(t.Context(), ledger.Entry{Kind: entry.Heartbeat, Environment: "prod", ID: fmt.Sprint("beat-", h.clock.Load()), Body: json.RawMessage(`{}`)}))(t)
	}
	every := func(o *audit.VerifyOptions) { o.Heartbeat = 5 * time.Minute }
	silences := func(change ...func(*audit.VerifyOptions)) int {
		n := 0
		for _, p := range h.verify(t, append(change, every)...).Problems {
			if p.Reason == entry.ReasonHeartbeatMissing {
				n++
			}
		}
		return n
	}
	if got := silences(); got != 1 {
		t.Errorf("a log without heartbeats: %d silences", got)
	}
	for range 3 {
		beat(4 * time.Minute)
	}
	h.holds(t, every)
	beat(time.Hour)
	if got := silences(); got != 1 {
		t.Errorf("an hour of silence: %d", got)
	}
	if r := h.verify(t); !r.OK {
		t.Errorf("heartbeats were not asked for: %v", r.Problems)
	}
	late := func(o *audit.VerifyOptions) { o.Until = start.Add(24 * time.Hour) }
	if got := silences(late); got != 2 {
		t.Errorf("a gate that is silent since: %d", got)
	}
	gap := func(from, to time.Duration) {
		body := fmt.Sprintf(`{"from":%q,"to":%q}`, start.Add(from).Format(time.RFC3339), start.Add(to).Format(time.RFC3339))
		must(h.Append(t.Context(), ledger.Entry{Kind: entry.EnforcementGap, Environment: "prod", Body: json.RawMessage(body)}))(t)
	}
	gap(14*time.Minute, 40*time.Minute)
	if got := silences(); got != 1 {
		t.Errorf("half of it is owned up to: %d", got)
	}
	gap(13*time.Minute, 75*time.Minute)
	if got := silences(); got != 0 {
		t.Errorf("all of it is owned up to: %d", got)
	}
}
