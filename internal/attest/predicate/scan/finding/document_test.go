package finding

import (
	"errors"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
)

func TestDocumentsAreToldApart(t *testing.T) {
	for text, want := range map[string]struct {
		single, stream, xml, empty bool
		items                      int
	}{
		`{"a":1}`:              {single: true},
		"\ufeff {\"a\":1}":     {single: true},
		`{"a":1} {"b":2}`:      {stream: true, items: 2},
		"{\"a\":1}\n{\"b\":2}": {stream: true, items: 2},
		`[{"a":1},{"b":2}]`:    {items: 2},
		`[]`:                   {empty: true},
		"[ \n]":                {empty: true},
		`null`:                 {single: true, empty: true},
		" \n":                  {stream: true, empty: true},
		`<bom/>`:               {xml: true},
	} {
		d, err := Open([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if d.Single() != want.single || d.Stream != want.stream || d.XML != want.xml || d.Empty() != want.empty || len(d.Items) != want.items {
			t.Errorf("%q: got %+v", text, d)
		}
		if d.Has("a") != (want.single || want.items > 0) && !want.empty {
			t.Errorf("%q: its first field is not seen", text)
		}
	}
}

func TestTextsThatMayBeReadTwoWaysAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1,"a":2}`:                     "",
		`{"a":1,"A":2}`:                     "in different case",
		`{"a":1}{"b":1,"B":2}`:              "in different case",
		`[{"x":{"b":1,"b":2}}]`:             "",
		`{"a":1`:                            "",
		`{"a":1} x`:                         "",
		"{\"a\":\"\xff\"}":                  "",
		`["a"]`:                             "want an object",
		`1`:                                 "want an object",
		`[[]]`:                              "want an object",
		strings.Repeat(`[`, MaxDepth+1):     "",
		`{"a":` + strings.Repeat(`[`, 1000): "",
	} {
		if d, err := Open([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %+v, %v", text, d, err)
		}
	}
	if _, err := Open(make([]byte, MaxBytes+1)); !errors.Is(err, jsonscan.ErrLimit) {
		t.Errorf("got %v", err)
	}
	if _, err := Open([]byte(strings.Repeat("{}", MaxFindings+1))); !errors.Is(err, jsonscan.ErrLimit) {
		t.Errorf("got %v", err)
	}
}

func TestReportThatIsNoEvidenceSaysWhy(t *testing.T) {
	whole := Report{Format: "trivy", Kinds: []string{KindVulns}}
	if err := whole.Check(KindVulns); err != nil {
		t.Error(err)
	}
	failed := whole
	failed.Fail("disk\n full %d", 1)
	failed.Fail("later")
	for want, r := range map[string]Report{"disk full 1": failed, "looked at nothing": {Format: "trivy"}, "says nothing about vulns": {Kinds: []string{KindIaC}}} {
		if err := r.Check(KindVulns); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestTimesWithoutZoneAreUTC(t *testing.T) {
	r := Report{CreatedAt: "2021-09-15T08:36:25", DBLastUpdate: "2021-09-15T08:36:25+02:00"}
	if err := r.Dated(); err != nil || r.CreatedAt != "2021-09-15T08:36:25Z" || r.DBLastUpdate != "2021-09-15T08:36:25+02:00" {
		t.Errorf("got %+v, %v", r, err)
	}
	for _, at := range []string{"yesterday", "2021-09-15", "2500-01-01T00:00:00Z", "2500-01-01T00:00:00"} {
		if err := (&Report{CreatedAt: at}).Dated(); err == nil {
			t.Errorf("%s is taken for a time", at)
		}
	}
}

func TestSecretsAreNamedByPlace(t *testing.T) {
	var r Report
	for _, s := range []Secret{{Kind: "aws", Location: "a:1"}, {Kind: "aws", Location: "a:1"}, {Kind: "aws\nkey", Location: " b\x00\n:2", Fingerprint: "f:1\n"}, {Kind: "k"}} {
		if err := r.AddSecret(s, "commit"); err != nil {
			t.Fatal(err)
		}
	}
	if r.Secrets[0].Fingerprint != r.Secrets[1].Fingerprint || r.Secrets[2].Kind != "aws key" || r.Secrets[2].Fingerprint != "f:1" || r.Secrets[3].Location != "unknown" || r.Entries != 4 {
		t.Errorf("got %+v", r)
	}
	if err := r.AddSecret(Secret{Location: "a"}); err == nil {
		t.Error("a secret without rule is taken")
	}
	if line := Line(strings.Repeat("ä", 3000)); len(line) > maxText || strings.ContainsRune(line, '\uFFFD') {
		t.Error("a long line is not cut well")
	}
}

func TestFlawsWithOneFingerprintStayApart(t *testing.T) {
	var fs Flaws
	for range 3 {
		fs.Add("f", gatekeep.SASTFinding{Rule: "r"})
	}
	fs.Add("f#2", gatekeep.SASTFinding{Rule: "s"})
	if len(fs.All) != 4 || fs.All["f#3"].Rule != "r" || fs.All["f#2"].Rule != "r" || fs.All["f#2#2"].Rule != "s" {
		t.Errorf("got %+v", fs.All)
	}
}
