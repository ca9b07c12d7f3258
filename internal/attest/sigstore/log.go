package sigstore

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
	"google.golang.org/protobuf/proto"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// treeOrigin is how Rekor v1 names itself in a checkpoint: a name and the number of the
// tree. Rekor v2 writes its host name.
var treeOrigin = regexp.MustCompile(`^.* - [0-9]+$`)

// logOf is the log of the root that an entry names.
func (r *Root) logOf(entry *rekorpb.TransparencyLogEntry) *sigroot.TransparencyLog {
	return r.Material.RekorLogs()[hex.EncodeToString(entry.GetLogId().GetKeyId())]
}

// readEntry parses an entry and checks what the library does not. Entries of logs that
// the root does not list count for nothing, and are judged by their shape only.
func (r *Root) readEntry(entry *rekorpb.TransparencyLogEntry) (*tlog.Entry, *Failure) {
	if why := checkBody(entry.GetCanonicalizedBody()); why != nil {
		return nil, why
	}
	log := r.logOf(entry)
	if log != nil {
		entry = onlySignaturesOf(log, entry)
	}
	parsed, err := tlog.ParseTransparencyLogEntry(entry)
	if err != nil {
		return nil, fail(gatekeep.ReasonEnvelopeMalformed, "reading log entry: %v", err)
	}
	if log == nil {
		return parsed, nil
	}
	if err := checkKind(entry); err != nil {
		return nil, fail(gatekeep.ReasonLogInvalid, "reading log entry: %v", err)
	}
	if entry.GetInclusionProof() == nil {
		return parsed, nil
	}
	if err := checkProof(log, parsed); err != nil {
		return nil, fail(gatekeep.ReasonLogInvalid, "checking inclusion proof: %v", err)
	}
	return parsed, nil
}

// checkKind compares what an entry says of its body with the body. Client
// specification, section 4.4: "if a kind and apiVersion are provided in the policy (as
// in the bundle format), they must match the kind and apiVersion in body."
func checkKind(entry *rekorpb.TransparencyLogEntry) error {
	members, err := strictjson.Members(entry.GetCanonicalizedBody(), strictjson.Limits{Bytes: BundleBytes, Depth: BundleDepth})
	if err != nil {
		return fmt.Errorf("canonicalizedBody: %w", err)
	}
	want := entry.GetKindVersion()
	var kind, version string
	if json.Unmarshal(members["kind"], &kind) != nil || json.Unmarshal(members["apiVersion"], &version) != nil ||
		kind != want.GetKind() || version != want.GetVersion() {
		return fmt.Errorf("its body is %.50q of version %.20q, and kindVersion says %.50q of %.20q", kind, version, want.GetKind(), want.GetVersion())
	}
	return nil
}

// checkProof checks an inclusion proof with its checkpoint, as far as the library does
// not: it compares no size with that of a Rekor v1 checkpoint, and of a Rekor v2 proof
// reads neither size nor root nor index nor body, since it knows them by other ways. A
// proof that contradicts itself is no proof.
func checkProof(log *sigroot.TransparencyLog, parsed *tlog.Entry) error {
	entry := parsed.TransparencyLogEntry()
	proof := entry.GetInclusionProof()
	point, err := readCheckpoint(proof.GetCheckpoint().GetEnvelope())
	if err != nil {
		return err
	}
	switch {
	case proof.GetTreeSize() < 0 || uint64(proof.GetTreeSize()) != point.size:
		return fmt.Errorf("it is for a tree of %d entries, and its checkpoint for %d", proof.GetTreeSize(), point.size)
	case !bytes.Equal(proof.GetRootHash(), point.root):
		return errors.New("its root hash is not that of its checkpoint")
	case parsed.IsRekorV2() == treeOrigin.MatchString(point.origin):
		// Which proof is asked of an entry must follow from one thing, not from two.
		return fmt.Errorf("the entry is of another version of Rekor than the checkpoint of %.100q", point.origin)
	case !parsed.IsRekorV2():
		return nil
	case proof.GetLogIndex() != entry.GetLogIndex():
		// Rekor v2 has no virtual index over several trees.
		return fmt.Errorf("it is for entry %d, and the entry is %d", proof.GetLogIndex(), entry.GetLogIndex())
	}
	// The library proves that the entry which it makes from the bundle is in the log.
	// That the body in the bundle is that entry, is proved here.
	verifier, err := signature.LoadVerifier(log.PublicKey, log.SignatureHashFunc)
	if err != nil {
		return fmt.Errorf("loading the key of the log: %w", err)
	}
	base, err := url.Parse(log.BaseURL)
	if err != nil {
		return fmt.Errorf("reading the URL of the log: %w", err)
	}
	return tlog.VerifyCheckpointAndInclusion(parsed, verifier, base.Hostname())
}

// checkpoint is the text of a checkpoint, C2SP tlog-checkpoint.
type checkpoint struct {
	origin string
	size   uint64
	root   []byte
}

func readCheckpoint(note string) (checkpoint, error) {
	lines := strings.SplitN(note, "\n", checkpointLines+1)
	if len(lines) <= checkpointLines {
		return checkpoint{}, errors.New("the checkpoint has too few lines")
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil {
		return checkpoint{}, errors.New("the size in the checkpoint is no number")
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil {
		return checkpoint{}, errors.New("the root hash in the checkpoint is no base64")
	}
	return checkpoint{lines[0], size, root}, nil
}

// onlySignaturesOf leaves of a Rekor v1 checkpoint the signatures by the log. C2SP
// signed-note: a signature is known by its name and key hint together, and "verifiers
// MUST ignore signatures from unknown keys"; of Rekor v1 the library asks that every
// one is by the key, and reads no name. Rekor v1 signs with its name without the tree.
func onlySignaturesOf(log *sigroot.TransparencyLog, entry *rekorpb.TransparencyLogEntry) *rekorpb.TransparencyLogEntry {
	note := entry.GetInclusionProof().GetCheckpoint().GetEnvelope()
	origin, _, _ := strings.Cut(note, "\n")
	end := strings.LastIndex(note, "\n\n")
	der, err := x509.MarshalPKIXPublicKey(log.PublicKey)
	if err != nil || end < 0 || !treeOrigin.MatchString(origin) {
		return entry
	}
	name := origin[:strings.LastIndex(origin, " - ")]
	hint := sha256.Sum256(der)
	var kept strings.Builder
	kept.WriteString(note[:end+2])
	for line := range strings.Lines(note[end+2:]) {
		encoded, named := strings.CutPrefix(line, "\u2014 "+name+" ")
		sig, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(encoded, "\n"))
		if named && err == nil && bytes.HasPrefix(sig, hint[:4]) {
			kept.WriteString(line)
		}
	}
	if kept.Len() == len(note) {
		return entry
	}
	entry = proto.CloneOf(entry)
	entry.InclusionProof.Checkpoint.Envelope = kept.String()
	return entry
}

// logged verifies that the signature is in a log of the root, and tells when logs say
// they saw it. Client specification, section 4.2.2: "the Verifier MUST verify the
// signature on the Transparency Service LogEntry [...] against the pre-distributed root
// key material"; section 4.4: signature, key and subject of the body are those of the
// bundle. TransparencyLogEntry.integrated_time: "MUST NOT be trusted if
// inclusion_promise is omitted".
func (r *Root) logged(e *entity, material sigroot.TrustedMaterial) ([]time.Time, *Failure) {
	if len(r.Material.RekorLogs()) == 0 {
		return nil, nil
	}
	for _, entry := range e.entries {
		log := r.logOf(entry.TransparencyLogEntry())
		if log == nil || !entry.HasInclusionPromise() {
			continue
		}
		if why := checkLogWindow(log, entry.IntegratedTime()); why != nil {
			return nil, why
		}
	}
	stamps, err := verify.VerifyTlogEntry(e, material, 1, true)
	if err != nil {
		return nil, fail(gatekeep.ReasonLogInvalid, "%v", err)
	}
	var times []time.Time
	for _, s := range stamps {
		times = append(times, s.Time)
	}
	return times, nil
}

// logsValid checks the window of every log that promised nothing, and so says nothing
// of time itself, against the times that others vouch for. The library reads these
// windows and does not check them.
func (r *Root) logsValid(e *entity, times []time.Time) *Failure {
	for _, entry := range e.entries {
		log := r.logOf(entry.TransparencyLogEntry())
		if log == nil || entry.HasInclusionPromise() {
			continue
		}
		for _, at := range times {
			if why := checkLogWindow(log, at); why != nil {
				return why
			}
		}
	}
	return nil
}

func checkLogWindow(log *sigroot.TransparencyLog, at time.Time) *Failure {
	w := window{log.ValidityPeriodStart, log.ValidityPeriodEnd}
	if w.holds(at) {
		return nil
	}
	return fail(gatekeep.ReasonLogKeyNotValid, "signed at %s, and the key of log %.100q is valid %s", stamp(at), log.BaseURL, w)
}
