package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/exploit"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/handwritten"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/sast"
)

// URIs of the predicates that are made here.
const (
	reportURI = "https://gatekeep.dev/scan-report/v1"
	sastURI   = "https://gatekeep.dev/sast/v1"
	secretURI = "https://gatekeep.dev/secret-scan/v1"
	feedURI   = "https://gatekeep.dev/exploit-feed/v1"
)

// Options say what a file leaves out.
type Options struct {
	Now           time.Time // when a scan ended, where its report does not say
	DBLastUpdate  time.Time // of the vulnerability database, where the report does not say
	Tool          string    // whose report it is, by scan.Formats; by its content where this is empty
	Commit        string    // source commit that was looked at, full hash
	FromCommit    string    // where the history begins that a search for secrets covered
	Languages     []string  // that static analysis covered
	FilesAnalyzed *int      // by static analysis, where its document does not list them
	Scopes        []string  // that a search for secrets covered
	Shallow       bool      // a search for secrets had no more than a part of the history
}

// WrapExploits makes an exploit-feed predicate of CISA's catalogue or of EPSS scores.
// No URI and no error mean that the file is a predicate that is ready made.
func WrapExploits(file []byte, o Options) (string, []byte, error) {
	if document, err := handwritten.Object(file); err == nil && document["exploited"] != nil {
		return "", nil, nil
	}
	feed, err := exploit.Read(file)
	if err != nil {
		return "", nil, err
	}
	at, err := o.ended("")
	if err != nil {
		return "", nil, err
	}
	if feed.EPSS == nil {
		feed.EPSS = map[string]float64{}
	}
	raw, err := json.Marshal(Exploits{Source: feed.Source, FetchedAt: at, Exploited: append([]string{}, feed.Exploited...), EPSS: feed.EPSS})
	return feedURI, raw, err
}

// ended is when a scan ended: as its report says, else the time that is given.
func (o Options) ended(stated string) (string, error) {
	switch {
	case stated != "":
		return stated, nil
	case o.Now.IsZero():
		return "", errors.New("the file does not say when the tool ended, and no time is given")
	}
	return o.Now.UTC().Format(time.RFC3339), nil
}

// report reads a file as the report of the tool that is named, or of the one that its
// content tells, and sees to it that it speaks of a kind of thing.
func (o Options) report(file []byte, kind string) (r *finding.Report, err error) {
	if o.Tool != "" {
		r, err = scan.ReadReportAs(o.Tool, file)
	} else {
		r, err = scan.ReadReport(file)
	}
	if err != nil {
		return nil, err
	}
	return r, r.Check(kind)
}

// WrapVulns takes a vulnerability predicate as it is, and puts a report into one: a
// JSON object into cosign's, a list into the gate's own.
func WrapVulns(file []byte, o Options) (string, []byte, error) {
	r, err := o.report(file, finding.KindVulns)
	if err != nil {
		return "", nil, err
	}
	d, err := finding.Open(file)
	switch {
	case err != nil:
		return "", nil, err
	case d.XML:
		return "", nil, errors.New("a predicate is JSON: have the tool write JSON")
	case r.Format == scan.PredicateFormat:
		return scan.TypeOf(d.Raw), d.Raw, nil
	}
	finished, err := o.ended(r.CreatedAt)
	if err != nil {
		return "", nil, err
	}
	updated := r.DBLastUpdate
	if updated == "" && !o.DBLastUpdate.IsZero() {
		updated = o.DBLastUpdate.UTC().Format(time.RFC3339)
	}
	if !d.Single() {
		report, err := json.Marshal(d.Items)
		if err != nil {
			return "", nil, err
		}
		raw, err := json.Marshal(Report{Format: r.Format, Report: report, FinishedAt: finished, DBLastUpdate: updated})
		return reportURI, raw, err
	}
	db := map[string]any{}
	if updated != "" {
		db["lastUpdate"] = updated
	}
	raw, err := json.Marshal(map[string]any{
		"scanner":  map[string]any{"uri": scan.URI(r), "version": r.Version, "db": db, "result": json.RawMessage(d.Raw)},
		"metadata": map[string]any{"scanStartedOn": finished, "scanFinishedOn": finished},
	})
	return scan.CosignVuln, raw, err
}

// WrapSAST makes a sast predicate of SARIF or of Semgrep's JSON. No URI and no error
// mean that the file is neither: it may be a predicate that is ready made.
func WrapSAST(file []byte, o Options) (string, []byte, error) {
	d, err := finding.Open(file)
	if err != nil || !d.Single() || !d.Has("runs") && !d.Has("results", "errors", "paths") {
		return "", nil, nil
	}
	return WrapSARIF(file, o)
}

// WrapSARIF makes a sast predicate of SARIF or of Semgrep's JSON.
func WrapSARIF(file []byte, o Options) (string, []byte, error) {
	d, err := finding.Open(file)
	if err != nil {
		return "", nil, err
	}
	document := d.Raw
	if d.Has("results", "errors", "paths") {
		if document, err = sast.ToSARIF(d.Raw); err != nil {
			return "", nil, fmt.Errorf("reading Semgrep report: %w", err)
		}
	}
	s, err := sast.Read(document)
	if err != nil {
		return "", nil, err
	}
	if len(s.Tools) > 1 {
		return "", nil, fmt.Errorf("runs of several tools (%s); give each its own file", strings.Join(s.Tools, ", "))
	}
	finished, err := o.ended(s.FinishedOn)
	if err != nil {
		return "", nil, err
	}
	files := o.FilesAnalyzed
	if files == nil {
		files = s.FilesAnalyzed
	}
	raw, err := json.Marshal(SAST{Tool: Tool{Name: s.Tool, Version: s.ToolVersion}, SourceCommit: o.Commit, Scope: "full",
		Languages: append([]string{}, o.Languages...), FilesAnalyzed: files, ExecutionSuccessful: s.Successful,
		SARIF: document, FinishedAt: finished})
	return sastURI, raw, err
}

// WrapSecrets makes a secret-scan predicate of the report of a scanner. No URI and no
// error mean that the file is a predicate that is ready made.
func WrapSecrets(file []byte, o Options) (string, []byte, error) {
	d, err := finding.Open(file)
	if document, bad := handwritten.Object(file); bad == nil && (err != nil || document["findings"] != nil || document["scopes"] != nil) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	if o.Tool == "" && d.Empty() && d.Items != nil && !d.Stream {
		o.Tool = "gitleaks" // of those that look for secrets, it alone writes an array
	}
	r, err := o.report(file, finding.KindSecrets)
	if err != nil {
		return "", nil, err
	}
	if len(o.Scopes) == 0 {
		return "", nil, errors.New("the report does not say what was searched: name the scopes (source_history, artifact, build_log, image_layers)")
	}
	finished, err := o.ended(r.CreatedAt)
	if err != nil {
		return "", nil, err
	}
	p := SecretScan{Tool: map[string]string{"name": r.Tool, "version": r.Version}, Scopes: o.Scopes, Findings: []Secret{},
		FromCommit: o.FromCommit, ToCommit: o.Commit, Shallow: o.Shallow, FinishedAt: finished}
	for _, s := range r.Secrets {
		// What a scanner hides by its own settings is open: it was found.
		p.Findings = append(p.Findings, Secret{Fingerprint: s.Fingerprint, Kind: s.Kind, Location: s.Location, Status: "open", VerifiedLive: s.Live})
	}
	raw, err := json.Marshal(p)
	return secretURI, raw, err
}
