package entry

import "fmt"

// Reason is a stable code for what is wrong with a ledger. Codes are never renamed or
// reused.
type Reason string

// Reasons for which a ledger does not verify: those that concern the log as a whole.
const (
	ReasonCheckpointMissing   Reason = "checkpoint_missing"   // there is no checkpoint -> Restore the file from a copy; the log says nothing without it.
	ReasonCheckpointMalformed Reason = "checkpoint_malformed" // not a C2SP checkpoint -> Restore the file from a copy.
	ReasonCheckpointSignature Reason = "checkpoint_signature" // not signed by the log key that was valid at its size -> Check that the key is the one that was handed over; else take it for tampering.
	ReasonOriginMismatch      Reason = "origin_mismatch"      // the checkpoint of another log -> Give the folder and the key of the same log.
	ReasonLogKeyUnknown       Reason = "log_key_unknown"      // the log never named the key that was given -> Check that the key is the one that was handed over; else take it for tampering.
	ReasonLogTruncated        Reason = "log_truncated"        // leaves that a checkpoint promises are gone -> Restore the folder from a copy, and find out who removed them.
	ReasonLogRewritten        Reason = "log_rewritten"        // the leaves do not give the root of the checkpoint -> Take it for tampering; restore the folder from a copy.
	ReasonLogForked           Reason = "log_forked"           // not a continuation of the remembered checkpoint -> Take it for tampering: two histories were shown.
	ReasonTileInvalid         Reason = "tile_invalid"         // a tile does not follow from the leaves -> Restore the tile; the leaves are whole.
	ReasonWitnessThreshold    Reason = "witness_threshold"    // fewer witnesses signed the checkpoint than are wanted -> Ask the witnesses to sign it, or why they do not.
	ReasonHeartbeatMissing    Reason = "heartbeat_missing"    // no heartbeat when one was due, and no entry owns up to it -> Ask who switched the gate off, and what was deployed meanwhile.
	ReasonEnvironmentUnknown  Reason = "environment_unknown"  // nothing was ever logged of that environment -> Check its spelling.
)

// Reasons for which a ledger does not verify: those that concern one leaf, its statement or its bundle.
const (
	ReasonLeafMalformed      Reason = "leaf_malformed"      // not a hashedrekord 0.0.2 in canonical form -> Take it for tampering.
	ReasonEntryMissing       Reason = "entry_missing"       // the statement that the leaf commits to is gone -> Restore the file in entries/ from a copy.
	ReasonEntryAltered       Reason = "entry_altered"       // the statement is not the one that was logged -> Restore the file in entries/ from a copy.
	ReasonEntryMalformed     Reason = "entry_malformed"     // not a statement that a ledger holds -> Take it for tampering.
	ReasonEntrySignature     Reason = "entry_signature"     // the signature in the leaf does not verify -> Take it for tampering.
	ReasonEntryKeyUnknown    Reason = "entry_key_unknown"   // signed with a key that the log never introduced -> Take it for tampering.
	ReasonEntryKeyRetired    Reason = "entry_key_retired"   // signed with a key after it was retired -> Find out who still signs with it.
	ReasonEntryKeyRevoked    Reason = "entry_key_revoked"   // signed with a key at or after the time from which it counts as stolen -> Judge what it says anew, from other evidence.
	ReasonKeyChangeInvalid   Reason = "key_change_invalid"  // a change of keys that the log key did not endorse -> Take it for tampering.
	ReasonSequenceGap        Reason = "sequence_gap"        // a number of the sequence is left out -> Ask for the entry with that number: it is hidden or lost.
	ReasonSequenceRepeated   Reason = "sequence_repeated"   // a number of the sequence comes again -> Compare the two entries; one of them should not be.
	ReasonPreviousMismatch   Reason = "previous_mismatch"   // does not name the entry before it -> Take it for tampering: entries were exchanged or reordered.
	ReasonTimeReversed       Reason = "time_reversed"       // earlier than the entry before it -> Check the clock of the writer; else it was backdated.
	ReasonEntryDoubled       Reason = "entry_doubled"       // one id was logged twice -> Compare the two entries; one of them should not be.
	ReasonSequenceUnnumbered Reason = "sequence_unnumbered" // without a number in its sequence -> Let the ledger number decisions (`gatekeep check --ledger`); of these nothing proves that none was left out.
	ReasonBundleMissing      Reason = "bundle_missing"      // logged, and its bundle is not in the store -> Restore the bundle from a copy.
	ReasonBundleAltered      Reason = "bundle_altered"      // the bundle in the store holds another statement than was logged -> Restore the bundle from a copy.
	ReasonBundleUnreadable   Reason = "bundle_unreadable"   // a file in the store that is no evidence bundle -> Restore it from a copy, or move what is no bundle out of the store.
	ReasonBundlePending      Reason = "bundle_pending"      // a crash left the bundle without the proof of the log -> Make it whole with `gatekeep evidence complete`.
	ReasonLeafHidden         Reason = "leaf_hidden"         // a bundle that the log does not hold -> Ask whoever runs the log for the leaf, and why it is not shown.
)

// Problem is one thing that does not hold.
type Problem struct {
	Reason      Reason `json:"reason"`
	Index       *int64 `json:"index,omitempty"` // of the leaf, where it is about one
	ID          string `json:"id,omitempty"`
	Environment string `json:"environment,omitempty"`
	Sequence    int64  `json:"sequence,omitempty"`
	Detail      string `json:"detail"` // for people
}

// String is the problem on one line.
func (p Problem) String() string {
	where := ""
	if p.Index != nil {
		where = fmt.Sprintf("leaf %d: ", *p.Index)
	}
	return fmt.Sprintf("%s%s [%s]", where, p.Detail, p.Reason)
}

// Problemf is a problem with its words.
func Problemf(reason Reason, format string, args ...any) *Problem {
	return &Problem{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// Error makes a problem usable where reading cannot go on.
func (p *Problem) Error() string { return p.String() }
