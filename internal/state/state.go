// Package state is what the gate remembers from one decision to the next: which
// nonces are used up, which number a decision has in its environment and which
// decision came before it, the newest time and the newest policy ever seen, and
// the duties that emergency deployments left behind.
//
// Reading and committing are two steps with a judgement between them. Commit
// therefore checks again, under a lock, that nothing that was read has changed, so
// two gates that race never use one nonce or one sequence number twice.
package state

import (
	"context"
	"errors"

	"github.com/gatekeep-dev/gatekeep"
)

// Errors that a caller tells apart. All of them keep the gate shut.
var (
	// ErrConflict: another decision was committed since the state was read. Read
	// and judge again.
	ErrConflict = errors.New("another decision was committed since the state was read")
	// ErrNonceConsumed: an earlier decision used up the nonce. The request or the
	// approval is a replay.
	ErrNonceConsumed = errors.New("nonce is already consumed")
	// ErrDamaged: what is stored is not a state that this program wrote.
	ErrDamaged = errors.New("state is damaged")
	// ErrFull: a bound of what is remembered is reached.
	ErrFull = errors.New("state is full")
)

// Query says what a case needs to know.
type Query struct {
	Environment string // whose sequence
	Service     string // of the request; not a filter, since rules also look for the same person
	Policy      string // name of the policy whose floor is asked for
	// Nonces and Grants narrow the answer to those that the case mentions. Nil asks
	// for all, so that forgetting to ask never looks like "not consumed".
	Nonces []string
	Grants []string
}

// Snapshot is the answer to a Query.
type Snapshot struct {
	// State has the sequence number that the next decision of the environment takes
	// (from 1), the digest of the one before it ("" for the first), and every
	// obligation that is still open. Lists are sorted.
	State        gatekeep.State
	ClockFloorNS int64 // newest time of a decision, nanoseconds since the epoch; 0 before the first
	PolicyFloor  int64 // newest revision of the policy; 0 before the first
	Fresh        bool  // nothing was ever committed: a new gate, or one whose state was removed as a whole
}

// Update is what one decision changes. Sequence and Previous are those of the
// Snapshot that was judged.
type Update struct {
	DecisionID       string
	DecisionDigest   string // "sha256:" and 64 hex digits; Previous of the next decision
	Environment      string
	Service          string
	Sequence         int64
	Previous         string
	NowNS            int64 // 0 where the caller stated the time, which then raises no floor
	PolicyName       string
	PolicyRevision   int64
	ConsumeNonces    []string
	GrantUses        []string // ids of grants and exemptions; each counts one use more
	BreakGlassUses   []gatekeep.BreakGlassUse
	Obligations      []gatekeep.Obligation // new ones
	CloseObligations []string              // ids; closing a closed one changes nothing
	// Before runs when it is sure that the update can be remembered, and nothing else can
	// come between. Where it fails nothing is remembered, and Commit returns its error.
	// Where writing fails after it, it has run all the same.
	Before func(context.Context) error
}

// Store remembers. Read never changes anything. Commit changes all or nothing, and
// a decision counts only once it has returned nil. Every error means that the gate
// could not judge.
type Store interface {
	Read(ctx context.Context, q Query) (Snapshot, error)
	Commit(ctx context.Context, u Update) error
}

// None remembers nothing, for bundles that declare no state. Rules see
// Declared false and say of themselves that they cannot judge, where they need it.
type None struct{}

// Read is a state that is not declared.
func (None) Read(context.Context, Query) (Snapshot, error) { return Snapshot{}, nil }

// Commit runs what was to run before it.
func (None) Commit(ctx context.Context, u Update) error {
	if u.Before == nil {
		return nil
	}
	return u.Before(ctx)
}
