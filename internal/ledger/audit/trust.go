package audit

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	prototrust "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// overlap is how long an old and a new log key both count round a change: a decision is
// stamped before it is appended.
const overlap = 10 * time.Minute

// TrustSource is what a trusted root is made from, beside a ledger.
type TrustSource struct {
	// Authorities are certificate chains of timestamp authorities, leaf first.
	Authorities [][]*x509.Certificate
	// From is when the first log key began to count; zero is the time of the first leaf.
	From time.Time
}

// TrustedRoot is a Sigstore trusted root (trusted_root.json) of a ledger: every log key
// with the window in which it signed, and the timestamp authorities. The ledger must
// verify, but for what was signed with a key that was stolen. It is for the owner of the gate to hand to those who verify evidence.
func TrustedRoot(ctx context.Context, dir string, o VerifyOptions, s TrustSource) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, fmt.Errorf("making trusted root: %w", err) }
	changed := map[uint64]time.Time{}
	x := &examination{dir: dir, opts: o}
	if err := x.run(ctx, func(e ledger.LoggedEntry, _ []byte) {
		if e.Kind == entry.KeyChange {
			changed[e.Index] = e.Time
		}
	}); err != nil {
		return fail(err)
	}
	for _, p := range x.report.Problems {
		// What a stolen key signed is in doubt, and no log key is.
		if p.Reason != entry.ReasonEntryKeyRevoked {
			return fail(fmt.Errorf("the ledger does not verify: %s", p))
		}
	}
	root := &prototrust.TrustedRoot{MediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}
	for i, reign := range x.chain.Log {
		window := &protocommon.TimeRange{Start: timestamppb.New(changed[0].Truncate(time.Second))} // authorities say whole seconds
		if i > 0 {
			window.Start = timestamppb.New(changed[reign.From-1].Add(-overlap))
		} else if !s.From.IsZero() {
			window.Start = timestamppb.New(s.From)
		}
		if reign.Until > 0 {
			window.End = timestamppb.New(changed[reign.Until-1].Add(overlap))
		}
		log, err := logInstance(x.cp.Origin, reign.Key, window)
		if err != nil {
			return fail(err)
		}
		root.Tlogs = append(root.Tlogs, log)
	}
	for _, chain := range s.Authorities {
		if len(chain) == 0 {
			return fail(errors.New("a timestamp authority has no certificate"))
		}
		a := &prototrust.CertificateAuthority{
			Uri:       "https://" + x.cp.Origin,
			Subject:   &protocommon.DistinguishedName{CommonName: chain[0].Subject.CommonName},
			CertChain: &protocommon.X509CertificateChain{},
			ValidFor:  &protocommon.TimeRange{Start: timestamppb.New(chain[0].NotBefore), End: timestamppb.New(chain[0].NotAfter)},
		}
		for _, c := range chain {
			a.CertChain.Certificates = append(a.CertChain.Certificates, &protocommon.X509Certificate{RawBytes: c.Raw})
		}
		root.TimestampAuthorities = append(root.TimestampAuthorities, a)
	}
	out, err := protojson.Marshal(root)
	if err != nil {
		return fail(err)
	}
	// Package protojson varies its white space on purpose.
	var indented bytes.Buffer
	if err := json.Indent(&indented, out, "", "  "); err != nil {
		return fail(err)
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}

// logInstance is one log key with its window.
func logInstance(origin, vkey string, window *protocommon.TimeRange) (*prototrust.TransparencyLogInstance, error) {
	id, err := entry.LogID(vkey)
	if err != nil {
		return nil, err
	}
	public, err := entry.PublicPEM(vkey)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(public)
	return &prototrust.TransparencyLogInstance{
		BaseUrl: "https://" + origin, HashAlgorithm: protocommon.HashAlgorithm_SHA2_256,
		PublicKey: &protocommon.PublicKey{RawBytes: block.Bytes, KeyDetails: protocommon.PublicKeyDetails_PKIX_ED25519, ValidFor: window},
		LogId:     &protocommon.LogId{KeyId: id}, CheckpointKeyId: &protocommon.LogId{KeyId: id},
	}, nil
}
