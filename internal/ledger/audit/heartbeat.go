package audit

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// pulse finds the times in which nobody says that a gate was at work: a gate that is
// switched off for a while logs no decision, and leaves no other trace.
type pulse struct {
	every time.Duration
	last  map[string]time.Time // newest heartbeat, by environment
	gaps  []silence
	told  []silence // what enforcement-gap entries own up to
}

// silence is a time without heartbeat in an environment.
type silence struct {
	environment string
	from, to    time.Time
	index       uint64 // of the entry that ends it, or that owns up to it
}

func (p *pulse) entry(e ledger.LoggedEntry) {
	switch e.Kind {
	case entry.Heartbeat:
		if last, beat := p.last[e.Environment]; beat && e.Time.Sub(last) > p.every {
			p.gaps = append(p.gaps, silence{e.Environment, last, e.Time, e.Index})
		}
		p.last[e.Environment] = e.Time
	case entry.EnforcementGap:
		var body struct{ From, To time.Time }
		if json.Unmarshal(e.Body, &body) == nil && !body.From.IsZero() && !body.To.IsZero() {
			p.told = append(p.told, silence{e.Environment, body.From, body.To, e.Index})
		}
	}
}

// problems are the silences up to a moment that no entry owns up to.
func (p *pulse) problems(until time.Time) []*entry.Problem {
	for environment, last := range p.last {
		if until.Sub(last) > p.every {
			p.gaps = append(p.gaps, silence{environment: environment, from: last, to: until})
		}
	}
	var out []*entry.Problem
	for _, g := range p.gaps {
		if p.owned(g) {
			continue
		}
		problem := entry.Problemf(entry.ReasonHeartbeatMissing, "environment %q: nothing says that the gate was at work from %s to %s (%s); a heartbeat is due every %s",
			g.environment, g.from.UTC().Format(time.RFC3339), g.to.UTC().Format(time.RFC3339), g.to.Sub(g.from).Round(time.Second), p.every)
		problem.Environment = g.environment
		if g.index > 0 {
			at := int64(g.index)
			problem.Index = &at
		}
		out = append(out, problem)
	}
	return out
}

// owned tells whether an entry covers a silence, but for the pace of the heart.
func (p *pulse) owned(g silence) bool {
	for _, t := range p.told {
		if t.environment == g.environment && !t.from.After(g.from.Add(p.every)) && !t.to.Before(g.to.Add(-p.every)) {
			return true
		}
	}
	return false
}

// heartbeats checks the pulse.
func (x *examination) heartbeats(p *pulse) {
	until := x.chain.Time
	if x.opts.Until.After(until) {
		until = x.opts.Until
	}
	for _, problem := range p.problems(until) {
		x.add(problem)
	}
	if len(p.last) == 0 {
		x.add(entry.Problemf(entry.ReasonHeartbeatMissing, "the log holds no heartbeat at all; one is due every %s", p.every))
	}
	x.check("heartbeats", fmt.Sprintf("one every %s", p.every), fmt.Sprintf("%d environments, %d gaps owned up to", len(p.last), len(p.told)), entry.ReasonHeartbeatMissing)
}
