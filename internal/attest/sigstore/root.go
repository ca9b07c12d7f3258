package sigstore

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rootpb "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"

	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// rootBytes and rootDepth bound a trusted_root.json; that of production has 7 KiB and
// eight levels.
const (
	rootBytes = 4 << 20
	rootDepth = 32
)

// rootMediaTypes are those of sigstore_trustroot.proto. The content of all is read
// alike; what v0.2 adds are hints.
var rootMediaTypes = []string{
	sigroot.TrustedRootMediaType01,
	"application/vnd.dev.sigstore.trustedroot.v0.1+json",
	"application/vnd.dev.sigstore.trustedroot.v0.2+json",
}

// Root is one Sigstore instance: its authorities, logs and timestampers. What is asked
// of a bundle follows from what the root lists: a log entry where it lists logs, an SCT
// where it lists certificate logs, a timestamp where nothing else gives the time.
// GitHub's own instance lists neither log; asking for them everywhere would refuse all
// of its bundles, asking nowhere would accept too much.
type Root struct {
	Name     string                  // for messages
	Material sigroot.TrustedMaterial // with the windows of its keys
	// eternal is the same without windows: what verifies with it alone was made with
	// a key outside its window.
	eternal sigroot.TrustedMaterial
}

// NewRoot reads a trusted_root.json. Every log and authority needs the start of its
// window, and no log may be listed twice. A root without CA verifies bundles that are
// signed with keys only; see CertificateReady. Errors name the part that is wrong.
func NewRoot(name string, trustedRootJSON []byte) (*Root, error) {
	wrong := func(err error) (*Root, error) { return nil, fmt.Errorf("reading Sigstore trusted root: %w", err) }
	if err := strictjson.Check(trustedRootJSON, strictjson.Limits{Bytes: rootBytes, Depth: rootDepth}); err != nil {
		return wrong(err)
	}
	pb, err := sigroot.NewTrustedRootProtobuf(trustedRootJSON)
	if err != nil {
		return wrong(err)
	}
	if !slices.Contains(rootMediaTypes, pb.GetMediaType()) {
		return wrong(fmt.Errorf("media type %.100q is none of a trusted root", pb.GetMediaType()))
	}
	pb.MediaType = sigroot.TrustedRootMediaType01 // the only spelling that the library knows
	if err := checkWindows(pb); err != nil {
		return wrong(err)
	}
	material, err := sigroot.NewTrustedRootFromProtobuf(pb)
	if err != nil {
		return wrong(err)
	}
	r, err := NewRootOf(name, material)
	if err != nil {
		return wrong(err)
	}
	return r, nil
}

// NewRootOf is NewRoot for material that is at hand. The library lets an authority
// without window through, so its start is not asked for here: it may be valid for as
// long as its certificates are.
func NewRootOf(name string, material sigroot.TrustedMaterial) (*Root, error) {
	for _, logs := range []map[string]*sigroot.TransparencyLog{material.RekorLogs(), material.CTLogs()} {
		for _, log := range logs {
			if log.ValidityPeriodStart.IsZero() {
				return nil, fmt.Errorf("log %.100q: its key has no validFor.start", log.BaseURL)
			}
		}
	}
	if len(material.FulcioCertificateAuthorities())+len(material.RekorLogs())+len(material.TimestampingAuthorities()) == 0 {
		return nil, errors.New("lists no authority and no log; it could verify nothing")
	}
	return &Root{Name: name, Material: material, eternal: eternal(material)}, nil
}

// CertificateReady is nil where the root can verify certificates, and else an error
// that says what it lacks.
func (r *Root) CertificateReady() error {
	switch {
	case len(r.Material.FulcioCertificateAuthorities()) == 0:
		return errors.New("lists no certificate authority; no certificate could ever chain to it")
	case len(r.Material.RekorLogs())+len(r.Material.TimestampingAuthorities()) == 0:
		return errors.New("lists neither a transparency log nor a timestamp authority; nothing could prove when a certificate was used")
	}
	return nil
}

// checkWindows asks for what the library leaves open. PublicKey.valid_for and
// CertificateAuthority.valid_for: "*inclusive* of the endpoints"; only the end of a
// TimeRange is optional. Of two entries for one log the library keeps the last, with
// its window.
func checkWindows(pb *rootpb.TrustedRoot) error {
	for list, logs := range map[string][]*rootpb.TransparencyLogInstance{"tlogs": pb.GetTlogs(), "ctlogs": pb.GetCtlogs()} {
		seen := map[string]bool{}
		for i, log := range logs {
			if err := checkWindow(log.GetPublicKey().GetValidFor()); err != nil {
				return fmt.Errorf("%s[%d].publicKey.validFor: %w", list, i, err)
			}
			id := hex.EncodeToString(log.GetLogId().GetKeyId())
			if seen[id] {
				return fmt.Errorf("%s[%d]: log %s is listed twice, and its windows could contradict each other", list, i, id)
			}
			seen[id] = true
		}
	}
	for list, authorities := range map[string][]*rootpb.CertificateAuthority{
		"certificateAuthorities": pb.GetCertificateAuthorities(), "timestampAuthorities": pb.GetTimestampAuthorities(),
	} {
		for i, authority := range authorities {
			if err := checkWindow(authority.GetValidFor()); err != nil {
				return fmt.Errorf("%s[%d].validFor: %w", list, i, err)
			}
		}
	}
	return nil
}

func checkWindow(validFor *commonpb.TimeRange) error {
	start := validFor.GetStart()
	switch {
	case start == nil:
		return errors.New("its start is missing")
	case validFor.GetEnd() != nil && validFor.GetEnd().AsTime().Before(start.AsTime()):
		return errors.New("it ends before it starts")
	}
	return nil
}

// eternal copies material without its windows.
func eternal(m sigroot.TrustedMaterial) sigroot.TrustedMaterial {
	var cas []sigroot.CertificateAuthority
	for _, ca := range m.FulcioCertificateAuthorities() {
		if fulcio, ok := ca.(*sigroot.FulcioCertificateAuthority); ok {
			ca = &sigroot.FulcioCertificateAuthority{Root: fulcio.Root, Intermediates: fulcio.Intermediates, URI: fulcio.URI}
		}
		cas = append(cas, ca)
	}
	var tsas []sigroot.TimestampingAuthority
	for _, tsa := range m.TimestampingAuthorities() {
		if s, ok := tsa.(*sigroot.SigstoreTimestampingAuthority); ok {
			tsa = &sigroot.SigstoreTimestampingAuthority{Root: s.Root, Intermediates: s.Intermediates, Leaf: s.Leaf, URI: s.URI}
		}
		tsas = append(tsas, tsa)
	}
	ctlogs := maps.Clone(m.CTLogs())
	for id, log := range ctlogs {
		open := *log
		open.ValidityPeriodStart, open.ValidityPeriodEnd = time.Time{}, time.Time{} // zero is open to the library
		ctlogs[id] = &open
	}
	return withoutWindows{TrustedMaterial: m, cas: cas, tsas: tsas, ctlogs: ctlogs}
}

// withoutWindows is material whose authorities and certificate logs are always valid.
type withoutWindows struct {
	sigroot.TrustedMaterial
	cas    []sigroot.CertificateAuthority
	tsas   []sigroot.TimestampingAuthority
	ctlogs map[string]*sigroot.TransparencyLog
}

// FulcioCertificateAuthorities are the CAs without their windows.
func (w withoutWindows) FulcioCertificateAuthorities() []sigroot.CertificateAuthority { return w.cas }

// TimestampingAuthorities are the TSAs without their windows.
func (w withoutWindows) TimestampingAuthorities() []sigroot.TimestampingAuthority { return w.tsas }

// CTLogs are the certificate logs without their windows.
func (w withoutWindows) CTLogs() map[string]*sigroot.TransparencyLog { return w.ctlogs }
