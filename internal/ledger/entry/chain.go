package entry

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// maxSkew is how far the clocks of those who sign their own statements may lie apart.
// Times that the ledger itself writes never go back.
const maxSkew = 5 * time.Minute

// Chain is what follows from the leaves so far: how far each sequence is, and which
// keys count. Writers and verifiers walk the same chain, so that a writer never makes
// what a verifier refuses. Its JSON is the cache of a writer.
type Chain struct {
	Origin string              `json:"origin"`
	Size   uint64              `json:"size"`
	Root   []byte              `json:"root"` // of the checkpoint at that size
	Time   time.Time           `json:"time"` // newest of all entries
	Series map[string]Head     `json:"series"`
	Log    []Reign             `json:"log"`
	Keys   map[string]EntryKey `json:"keys"` // by fingerprint
}

// Head is the last entry of a sequence.
type Head struct {
	Sequence int64  `json:"sequence"`
	Digest   string `json:"digest,omitempty"`
	Index    uint64 `json:"index"`
}

// Reign is the time of a log key: it signs checkpoints of sizes From to Until, both included.
type Reign struct {
	Key   string `json:"key"` // verifier key
	From  uint64 `json:"from"`
	Until uint64 `json:"until,omitempty"` // 0 while it is in use
}

// EntryKey is a key that the log introduced.
type EntryKey struct {
	Introduced  uint64     `json:"introduced"` // index of the leaf
	Retired     *uint64    `json:"retired,omitempty"`
	Revoked     *uint64    `json:"revoked,omitempty"`
	Compromised *time.Time `json:"compromised,omitempty"`
}

// NewChain is the chain of a log with this origin before its first leaf.
func NewChain(host string) *Chain {
	return &Chain{Origin: host, Series: map[string]Head{}, Keys: map[string]EntryKey{}}
}

// Series names a sequence. No kind holds a space.
func Series(k Kind, environment string) string { return string(k) + " " + environment }

// Active is the log key that may sign a checkpoint now, "" before the first leaf.
func (c *Chain) Active() string {
	if len(c.Log) == 0 {
		return ""
	}
	return c.Log[len(c.Log)-1].Key
}

// Signers are the log keys that may have signed a checkpoint of this size. Where one
// key follows another both may sign the size at which it does.
func (c *Chain) Signers(size uint64) []string {
	var out []string
	for _, k := range c.Log {
		if k.From <= size && (k.Until == 0 || size <= k.Until) {
			out = append(out, k.Key)
		}
	}
	return out
}

// Next takes one more leaf into account and returns what is wrong with it. It goes on
// after a problem, so that one walk finds them all.
func (c *Chain) Next(l Leaf, m Meta) []*Problem {
	index := c.Size
	c.Size++
	var found []*Problem
	add := func(p *Problem) {
		if p != nil {
			found = append(found, p)
		}
	}
	add(c.order(index, m))
	if m.Time.Before(c.Time.Add(-maxSkew)) {
		add(Problemf(ReasonTimeReversed, "its time %s is before %s, that of an entry before it", m.Time.Format(time.RFC3339), c.Time.Format(time.RFC3339)))
	}
	if m.Time.After(c.Time) {
		c.Time = m.Time
	}
	if m.Kind == KeyChange || m.Kind == Revocation {
		add(c.change(index, m))
	}
	add(c.trusted(index, l, m))
	for _, p := range found {
		at := int64(index)
		p.Index, p.ID, p.Environment, p.Sequence = &at, m.ID, m.Environment, m.Sequence
	}
	return found
}

// Try is Next, but where something is wrong the chain stays as it was.
func (c *Chain) Try(l Leaf, m Meta) []*Problem {
	before := *c
	if m.Kind == KeyChange || m.Kind == Revocation {
		c.Log, c.Keys = slices.Clone(c.Log), maps.Clone(c.Keys)
	}
	name := Series(m.Kind, m.Environment)
	last, known := c.Series[name]
	found := c.Next(l, m)
	if len(found) == 0 {
		return nil
	}
	*c = before
	if delete(c.Series, name); known {
		c.Series[name] = last
	}
	return found
}

// order checks the place of an entry in its sequence.
func (c *Chain) order(index uint64, m Meta) *Problem {
	if m.Sequence == 0 {
		return nil // its maker keeps no sequence
	}
	name := Series(m.Kind, m.Environment)
	last, known := c.Series[name]
	defer func() {
		if m.Sequence > last.Sequence {
			c.Series[name] = Head{Sequence: m.Sequence, Digest: m.Self, Index: index}
		}
	}()
	what := fmt.Sprintf("%s of environment %q", m.Kind, m.Environment)
	switch {
	case m.Sequence <= last.Sequence:
		return Problemf(ReasonSequenceRepeated, "%s has sequence %d, which was given out before (the last is %d)", what, m.Sequence, last.Sequence)
	case m.Sequence == last.Sequence+2:
		return Problemf(ReasonSequenceGap, "%s: sequence %d is missing before %d", what, last.Sequence+1, m.Sequence)
	case m.Sequence > last.Sequence+1:
		return Problemf(ReasonSequenceGap, "%s: sequences %d to %d are missing before %d", what, last.Sequence+1, m.Sequence-1, m.Sequence)
	case !known && m.Previous != "":
		return Problemf(ReasonPreviousMismatch, "%s is the first and names %s before it", what, m.Previous)
	case known && last.Digest != "" && m.Previous != last.Digest:
		return Problemf(ReasonPreviousMismatch, "%s, sequence %d, names %q before it and not %s", what, m.Sequence, m.Previous, last.Digest)
	}
	return nil
}

// change takes a change of keys into account.
func (c *Chain) change(index uint64, m Meta) *Problem {
	bad := func(format string, args ...any) *Problem {
		return Problemf(ReasonKeyChangeInvalid, "%s: %s", m.Kind, fmt.Sprintf(format, args...))
	}
	var body KeyBody
	if err := json.Unmarshal(m.Body, &body); err != nil {
		return bad("its body cannot be read: %v", err)
	}
	endorser := c.Active()
	if index == 0 {
		endorser = body.Key // the first leaf says which key the log begins with
	}
	if !body.Holds(endorser) {
		return bad("the log key did not endorse it")
	}
	if (body.Action == Revoke) != (m.Kind == Revocation) {
		return bad("action %q does not belong into it", body.Action)
	}
	if body.Role == RoleLog {
		if body.Action != Introduce || slices.ContainsFunc(c.Log, func(k Reign) bool { return k.Key == body.Key }) {
			return bad("log keys follow one another, each once")
		}
		if n := len(c.Log); n > 0 {
			c.Log[n-1].Until = index + 1
		}
		from := uint64(0)
		if index > 0 {
			from = index + 1
		}
		c.Log = append(c.Log, Reign{Key: body.Key, From: from})
		return nil
	}
	return c.changeEntryKey(index, body, bad)
}

func (c *Chain) changeEntryKey(index uint64, body KeyBody, bad func(string, ...any) *Problem) *Problem {
	if body.Role != RoleEntry || index == 0 {
		return bad("role %q is not known here", body.Role)
	}
	if body.Action == Introduce {
		der, err := base64.StdEncoding.DecodeString(body.Key)
		if err != nil {
			return bad("its key cannot be read: %v", err)
		}
		if _, known := c.Keys[Fingerprint(der)]; known {
			return bad("key %s was introduced before", Fingerprint(der))
		}
		c.Keys[Fingerprint(der)] = EntryKey{Introduced: index}
		return nil
	}
	key, known := c.Keys[body.Key]
	switch {
	case !known:
		return bad("key %s was never introduced", body.Key)
	case body.Action == Retire && key.Retired == nil:
		key.Retired = &index
	case body.Action == Revoke && key.Revoked == nil && body.Compromised != nil:
		key.Revoked, key.Compromised = &index, body.Compromised
	default:
		return bad("action %q is not possible for key %s", body.Action, body.Key)
	}
	c.Keys[body.Key] = key
	return nil
}

// trusted tells whether the key of a leaf counts at that place. The first leaf is
// believed for the endorsement in it; the second introduces the key of both.
func (c *Chain) trusted(index uint64, l Leaf, m Meta) *Problem {
	if index == 0 {
		return nil
	}
	id := Fingerprint(l.Key)
	key, known := c.Keys[id]
	switch {
	case !known:
		return Problemf(ReasonEntryKeyUnknown, "it is signed with key %s, which the log never introduced", id)
	case key.Revoked != nil && (*key.Revoked < index || !m.Time.Before(*key.Compromised)):
		return Problemf(ReasonEntryKeyRevoked, "it is signed with key %s, which counts as stolen from %s", id, key.Compromised.Format(time.RFC3339))
	case key.Retired != nil && *key.Retired < index:
		return Problemf(ReasonEntryKeyRetired, "it is signed with key %s, which leaf %d retired", id, *key.Retired)
	}
	return nil
}
