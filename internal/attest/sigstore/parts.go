package sigstore

import (
	"cmp"
	"slices"
	"time"

	sigroot "github.com/sigstore/sigstore-go/pkg/root"
)

// Kinds of Part.
const (
	KindAuthority      = "certificate authority"
	KindLog            = "transparency log"
	KindCertificateLog = "certificate log"
	KindTimestamper    = "timestamp authority"
)

// Part is one authority or log of a root, with the window in which it is trusted, both
// ends inclusive.
type Part struct {
	Kind  string     `json:"kind"`
	URI   string     `json:"uri"`
	ID    string     `json:"id,omitempty"` // of a log, in hex
	Start time.Time  `json:"start"`
	End   *time.Time `json:"end,omitempty"` // nil where it is open
}

// Parts lists the authorities and logs of the root, by kind, start and URI.
func (r *Root) Parts() []Part {
	var parts []Part
	add := func(kind, uri, id string, start, end time.Time) {
		p := Part{Kind: kind, URI: uri, ID: id, Start: start.UTC()}
		if !end.IsZero() {
			end = end.UTC()
			p.End = &end
		}
		parts = append(parts, p)
	}
	for _, ca := range r.Material.FulcioCertificateAuthorities() {
		if c, ok := ca.(*sigroot.FulcioCertificateAuthority); ok {
			add(KindAuthority, c.URI, "", c.ValidityPeriodStart, c.ValidityPeriodEnd)
		}
	}
	for id, log := range r.Material.RekorLogs() {
		add(KindLog, log.BaseURL, id, log.ValidityPeriodStart, log.ValidityPeriodEnd)
	}
	for id, log := range r.Material.CTLogs() {
		add(KindCertificateLog, log.BaseURL, id, log.ValidityPeriodStart, log.ValidityPeriodEnd)
	}
	for _, tsa := range r.Material.TimestampingAuthorities() {
		if s, ok := tsa.(*sigroot.SigstoreTimestampingAuthority); ok {
			add(KindTimestamper, s.URI, "", s.ValidityPeriodStart, s.ValidityPeriodEnd)
		}
	}
	slices.SortFunc(parts, func(a, b Part) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), a.Start.Compare(b.Start), cmp.Compare(a.URI, b.URI), cmp.Compare(a.ID, b.ID))
	})
	return parts
}
