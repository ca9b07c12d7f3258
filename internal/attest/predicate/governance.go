package predicate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
)

// span refuses a stretch of time that ends before it begins.
func span(from, to string) error {
	a, errA := time.Parse(time.RFC3339, from)
	b, errB := time.Parse(time.RFC3339, to)
	if err := errors.Join(errA, errB); err != nil {
		return err // the schema has refused these already
	}
	if !a.Before(b) {
		return fmt.Errorf("it ends at %s, which is not after its beginning at %s", to, from)
	}
	return nil
}

type approval struct {
	Principal  string `json:"principal"`
	Decision   string `json:"decision"`
	Intent     string `json:"intent"`
	Binding    string `json:"binding"`
	ApprovedAt string `json:"approvedAt"`
	ExpiresAt  string `json:"expiresAt"`
	RevokedAt  string `json:"revokedAt"`
	Nonce      string `json:"nonce"`
	Request    struct {
		Digest      string `json:"digest"`
		Environment string `json:"environment"`
	} `json:"request"`
}

func approvalContent(p *approval) (*Content, error) {
	return &Content{Approval: &gatekeep.Approval{Principal: p.Principal, Decision: p.Decision, Intent: p.Intent, Binding: p.Binding,
		Digest: p.Request.Digest, Environment: p.Request.Environment, ApprovedAt: p.ApprovedAt, ExpiresAt: p.ExpiresAt,
		RevokedAt: p.RevokedAt, Nonce: p.Nonce}}, span(p.ApprovedAt, p.ExpiresAt)
}

type waiver struct {
	ID    string `json:"id"`
	Rule  string `json:"rule"`
	Term  string `json:"term"`
	Scope struct {
		Environments   []string `json:"environments"`
		Services       []string `json:"services"`
		SubjectDigests []string `json:"subjectDigests"`
	} `json:"scope"`
	Reason      string   `json:"reason"`
	Ticket      string   `json:"ticket"`
	RequestedBy string   `json:"requestedBy"`
	GrantedBy   []string `json:"grantedBy"`
	NotBefore   string   `json:"notBefore"`
	ExpiresAt   string   `json:"expiresAt"`
	RevokedAt   string   `json:"revokedAt"`
}

func waiverContent(p *waiver) (*Content, error) {
	return &Content{Waiver: &gatekeep.Waiver{ID: p.ID, Rule: p.Rule, Term: p.Term, Reason: p.Reason, Ticket: p.Ticket,
		RequestedBy: p.RequestedBy, GrantedBy: p.GrantedBy, NotBefore: p.NotBefore, ExpiresAt: p.ExpiresAt, RevokedAt: p.RevokedAt,
		Scope: gatekeep.WaiverScope(p.Scope)}}, span(p.NotBefore, p.ExpiresAt)
}

type grant struct {
	ID          string   `json:"id"`
	Principal   string   `json:"principal"`
	Environment string   `json:"environment"`
	Service     string   `json:"service"`
	Incident    string   `json:"incident"`
	Covers      []string `json:"covers"`
	NotBefore   string   `json:"notBefore"`
	ExpiresAt   string   `json:"expiresAt"`
	MaxUses     int      `json:"maxUses"`
	GrantedBy   string   `json:"grantedBy"`
	Reason      string   `json:"reason"`
}

func grantContent(p *grant) (*Content, error) {
	return &Content{Grant: &gatekeep.Grant{ID: p.ID, Principal: p.Principal, Environment: p.Environment, Service: p.Service,
		Incident: p.Incident, Covers: p.Covers, NotBefore: p.NotBefore, ExpiresAt: p.ExpiresAt, MaxUses: p.MaxUses,
		GrantedBy: p.GrantedBy, Reason: p.Reason}}, span(p.NotBefore, p.ExpiresAt)
}

type review struct {
	Grant string `json:"grant"`
	Uses  []struct {
		DecisionID string `json:"decisionId"`
	} `json:"uses"`
	Outcome    string   `json:"outcome"`
	Reviewers  []string `json:"reviewers"`
	ReviewedAt string   `json:"reviewedAt"`
}

func reviewContent(p *review) (*Content, error) {
	r := &Review{Grant: p.Grant, Outcome: p.Outcome, Reviewers: p.Reviewers, ReviewedAt: p.ReviewedAt}
	for _, use := range p.Uses {
		r.Uses = append(r.Uses, use.DecisionID)
	}
	return &Content{Review: r}, nil
}

type exemption struct {
	ID        string   `json:"id"`
	Window    string   `json:"window"`
	Binding   string   `json:"binding"`
	Reason    string   `json:"reason"`
	GrantedBy []string `json:"grantedBy"`
	NotBefore string   `json:"notBefore"`
	ExpiresAt string   `json:"expiresAt"`
	MaxUses   int      `json:"maxUses"`
}

func exemptionContent(p *exemption) (*Content, error) {
	return &Content{Exemption: &gatekeep.Exemption{ID: p.ID, Window: p.Window, Binding: p.Binding, Reason: p.Reason,
		GrantedBy: p.GrantedBy, NotBefore: p.NotBefore, ExpiresAt: p.ExpiresAt, MaxUses: p.MaxUses}}, span(p.NotBefore, p.ExpiresAt)
}

// calendarContent checks what a schema cannot say; whether recurrences make sense
// is for the calendar to find when it expands them.
func calendarContent(p *gatekeep.CalendarDocument) (*Content, error) {
	seen := map[string]bool{}
	for i := range p.Windows {
		w := &p.Windows[i]
		if seen[w.ID] {
			return nil, fmt.Errorf("windows[%d]: id %q stands twice", i, w.ID)
		}
		seen[w.ID] = true
		if err := checkWindow(w); err != nil {
			return nil, fmt.Errorf("windows[%d] (%s): %w", i, w.ID, err)
		}
		if w.Scope == nil {
			w.Scope = map[string][]string{}
		}
		if w.AllowedActions == nil {
			w.AllowedActions = []string{}
		}
	}
	return &Content{Calendar: p}, nil
}

// localTime is a wall-clock time without zone.
const localTime = "2006-01-02T15:04:05"

func checkWindow(w *gatekeep.Window) error {
	// time.LoadLocation takes these two for UTC and for the zone of the machine.
	if w.TZ == "" || w.TZ == "Local" {
		return fmt.Errorf("tz %q is not a name of the IANA time zone database", w.TZ)
	}
	if _, err := time.LoadLocation(w.TZ); err != nil {
		return fmt.Errorf("tz %q is not a name of the IANA time zone database: %w", w.TZ, err)
	}
	r := w.Recurrence
	if (r.EndLocal == "") == (r.Duration == "") {
		return errors.New("recurrence needs an end: either endLocal or durationISO")
	}
	if r.RRule != "" && r.Cron != "" {
		return errors.New("recurrence has both rrule and cron; it takes one")
	}
	for _, local := range []struct{ name, text string }{{"start", r.Start}, {"endLocal", r.EndLocal}, {"until", r.Until}} {
		if local.text == "" {
			continue
		}
		if _, err := time.Parse(localTime, local.text); err != nil {
			return fmt.Errorf("recurrence.%s: %q is not a time such as 2026-12-20T00:00:00", local.name, local.text)
		}
	}
	// Texts of this form sort as the times they stand for.
	if r.EndLocal != "" && r.EndLocal <= r.Start {
		return fmt.Errorf("recurrence.endLocal %s is not after its start %s", r.EndLocal, r.Start)
	}
	if r.Duration != "" && !strings.ContainsAny(r.Duration, "123456789") {
		return fmt.Errorf("recurrence.durationISO %s is no time at all", r.Duration)
	}
	return nil
}

type rollout struct {
	Binding            string `json:"binding"`
	Strategy           string `json:"strategy"`
	MaxDurationSeconds int64  `json:"maxDurationSeconds"`
}

func rolloutContent(p *rollout) (*Content, error) {
	longest := p.MaxDurationSeconds * int64(time.Second) // the schema bounds it to a year
	return &Content{Claims: map[string]any{"binding": p.Binding},
		Rollout: &gatekeep.Rollout{Declared: true, Strategy: p.Strategy, MaxDurationNS: &longest}}, nil
}

type dataFlow struct {
	Service    string `json:"service"`
	Processors []struct {
		Name      string   `json:"name"`
		Classes   []string `json:"classes"`
		Countries []string `json:"countries"`
		Contract  *struct {
			Kind      string   `json:"kind"`
			ExpiresAt string   `json:"expiresAt"`
			Scope     []string `json:"scope"`
		} `json:"contract"`
	} `json:"processors"`
	Transfers []struct {
		Destination string `json:"destination"`
		Mechanism   string `json:"mechanism"`
		DPOApproved bool   `json:"dpoApproved"`
		ReviewDue   string `json:"reviewDue"`
	} `json:"transfers"`
}

func dataFlowContent(p *dataFlow) (*Content, error) {
	d := &gatekeep.DataFlow{Declared: true, Processors: []gatekeep.Processor{}, Transfers: []gatekeep.Transfer{}}
	for _, from := range p.Processors {
		processor := gatekeep.Processor{Name: from.Name, Classes: from.Classes, Countries: from.Countries}
		if c := from.Contract; c != nil {
			processor.Contract = &gatekeep.Contract{Kind: c.Kind, ExpiresAt: c.ExpiresAt, Scope: c.Scope}
		}
		d.Processors = append(d.Processors, processor)
	}
	for _, from := range p.Transfers {
		d.Transfers = append(d.Transfers, gatekeep.Transfer(from))
	}
	return &Content{DataFlow: d, Claims: map[string]any{"service": p.Service}}, nil
}

type incident struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Severity string `json:"severity"`
	Service  string `json:"service"`
	Observed string `json:"observedAt"`
}

func incidentContent(p *incident) (*Content, error) {
	return &Content{Claims: map[string]any{"observed_at": p.Observed},
		Incident: &gatekeep.Incident{ID: p.ID, Status: p.Status, Severity: p.Severity, Service: p.Service}}, nil
}

type sourceReview struct {
	Repo       string   `json:"repo"`
	Commit     string   `json:"commit"`
	Authors    []string `json:"authors"`
	Committers []string `json:"committers"`
}

func sourceReviewContent(p *sourceReview) (*Content, error) {
	contributors := append(append([]string{}, p.Authors...), p.Committers...)
	slices.Sort(contributors)
	return &Content{Source: &gatekeep.SourceFacts{Repo: p.Repo, Contributors: slices.Compact(contributors)},
		Claims: map[string]any{"repo": p.Repo, "commit": p.Commit}}, nil
}
