package source

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/httpguard"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocistore"
)

// OCI finds the attestations that lie in a registry beside an image: those that
// cosign attaches under tags, and OCI 1.1 referrers, on the index and on each
// platform of it.
type OCI struct {
	Registry Registry
	Required bool // a failure keeps the gate shut
}

// target is one digest in one repository.
type target struct {
	repo   name.Repository
	digest string
}

// concurrent is how many digests are looked up at once; registries limit rates.
const concurrent = 4

// Envelopes implements attest.Source, with two reports for each repository. Kinds
// of subject that lie in no registry get no report.
func (o OCI) Envelopes(ctx context.Context, s gatekeep.Subject) ([]attest.Envelope, []gatekeep.SourceReport) {
	ctx, cancel := o.Registry.Within(ctx)
	defer cancel()
	targets := targetsOf(s)
	var left atomic.Int64
	left.Store(ocistore.MaxEvidenceBytes)
	opened := map[string]func() (*ocistore.Repository, error){}
	for _, t := range targets {
		if opened[t.repo.Name()] == nil {
			opened[t.repo.Name()] = sync.OnceValues(func() (*ocistore.Repository, error) { return o.Registry.Open(ctx, t.repo, &left) })
		}
	}
	found := make([]look, 2*len(targets))
	slots := make(chan struct{}, concurrent)
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			r, err := opened[t.repo.Name()]()
			found[2*i] = lookAt(ctx, t, "cosign attachments", r.Attachments, err)
			found[2*i+1] = lookAt(ctx, t, "referrers", r.Referrers, err)
		})
	}
	wg.Wait()
	return o.report(found)
}

// targetsOf are the digests of a subject that lie in registries, sorted.
func targetsOf(s gatekeep.Subject) []target {
	var targets []target
	add := func(repository, digest string) {
		if isPath(repository) {
			return
		}
		if repo, err := name.NewRepository(repository, name.StrictValidation); err == nil {
			targets = append(targets, target{repo, digest})
		}
	}
	if s.Kind == gatekeep.KindImage || s.Kind == gatekeep.KindIndex {
		add(s.Name, s.Digest)
	}
	for d, a := range s.Artifacts {
		add(a.Name, d)
		for _, covering := range a.CoveredBy {
			add(a.Name, covering)
		}
	}
	slices.SortFunc(targets, func(a, b target) int {
		return strings.Compare(a.repo.Name()+"@"+a.digest, b.repo.Name()+"@"+b.digest)
	})
	return slices.CompactFunc(targets, func(a, b target) bool {
		return a.digest == b.digest && a.repo.Name() == b.repo.Name()
	})
}

// look is what came of one look-up.
type look struct {
	source    string
	envelopes []attest.Envelope
	err       error
}

func lookAt(ctx context.Context, t target, what string, read func(context.Context, string) ([]attest.Envelope, error), err error) look {
	l := look{source: fmt.Sprintf("%s (%s)", t.repo.Name(), what), err: err}
	if err == nil {
		l.envelopes, l.err = read(ctx, t.digest)
	}
	l.err = ocistore.Why(ctx, l.err)
	for i := range l.envelopes {
		l.envelopes[i].Source = l.source
	}
	return l
}

// report joins the look-ups of each source: it failed if one of them did.
func (o OCI) report(found []look) ([]attest.Envelope, []gatekeep.SourceReport) {
	var envelopes []attest.Envelope
	var reports []gatekeep.SourceReport
	for _, l := range found {
		i := slices.IndexFunc(reports, func(r gatekeep.SourceReport) bool { return r.Name == l.source })
		if i < 0 {
			i = len(reports)
			reports = append(reports, gatekeep.SourceReport{Name: l.source, Status: gatekeep.SourceEmpty, Required: o.Required})
		}
		r := &reports[i]
		envelopes = append(envelopes, l.envelopes...)
		r.Count += len(l.envelopes)
		switch {
		case r.Status == gatekeep.SourceFailed:
		case l.err != nil:
			r.Status, r.Reason, r.Detail = gatekeep.SourceFailed, reasonOfLook(l.err), l.err.Error()
		case r.Count > 0:
			r.Status = gatekeep.SourceRead
		}
	}
	slices.SortFunc(reports, func(a, b gatekeep.SourceReport) int { return strings.Compare(a.Name, b.Name) })
	return envelopes, reports
}

// reasonOfLook is the reason for a list that exists: where a listed thing is gone,
// the registry contradicts itself.
func reasonOfLook(err error) gatekeep.Reason {
	if reason := httpguard.Reason(err); reason != gatekeep.ReasonNotFound {
		return reason
	}
	return gatekeep.ReasonSourceMalformed
}
