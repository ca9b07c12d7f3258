package vex

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

const corpus = "../../../../testdata/corpus"

// row is a line of expected.tsv.
type row struct{ file, format, expectation, reason string }

func rows(t testing.TB) []row {
	t.Helper()
	f, err := os.Open(filepath.Join(corpus, "expected.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []row
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		cells := strings.Split(lines.Text(), "\t")
		if len(cells) < 3 {
			continue
		}
		cells = append(cells, "")
		switch cells[1] {
		case "openvex", "csaf", "cyclonedx-vex", "cyclonedx-json-vex":
			all = append(all, row{cells[0], cells[1], cells[2], cells[3]})
		}
	}
	if err := lines.Err(); err != nil || len(all) < 50 {
		t.Fatalf("%d rows, %v", len(all), err)
	}
	return all
}

// checked reads a document as an attestation or a file would be.
func checked(data []byte) (*Document, error) {
	if !isXML(data) {
		if err := strictjson.Check(data, strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth}); err != nil {
			return nil, err
		}
	}
	return Read(data)
}

// counts are what expected.tsv says of a document: "status=fixed:3,not_affected:2".
func counts(reason string) map[string]int {
	found := map[string]int{}
	for field := range strings.SplitSeq(strings.TrimPrefix(reason, "facts: "), "; ") {
		name, list, _ := strings.Cut(field, "=")
		switch name {
		case "status", "product_status", "analysis", "statements", "vulnerabilities":
			for entry := range strings.SplitSeq(list, ",") {
				word, n, ok := strings.Cut(entry, ":")
				if !ok {
					word, n = name, entry
				}
				var count int
				fmt.Sscan(n, &count)
				found[word] = count
			}
		}
	}
	return found
}

// TestEveryDocumentOfTheCorpus holds each row: what is to be accepted is read with the
// counts that others have found in it.
func TestEveryDocumentOfTheCorpus(t *testing.T) {
	for _, r := range rows(t) {
		t.Run(r.file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(corpus, r.file))
			if err != nil {
				t.Fatal(err)
			}
			d, err := checked(data)
			if err != nil {
				if r.expectation == "accept" {
					t.Error(err)
				}
				return
			}
			want := counts(r.reason)
			got := map[string]int{}
			for _, s := range d.Statements {
				if len(d.Facts(&s)) == 0 && d.Format != CSAF {
					t.Errorf("nothing comes of %+v", s)
				}
				switch d.Format {
				case OpenVEX:
					got[s.Status]++
					got["statements"]++
				case CSAF:
					// In CSAF, every product counts.
					word := map[string]string{NotAffected: "known_not_affected", Affected: "known_affected"}[s.Status]
					if word == "" {
						word = s.Status
					}
					got[word] += len(s.Products)
				case CycloneDX:
					got["vulnerabilities"]++
					got[s.Status]++
				}
			}
			for word, n := range want {
				key := word
				switch {
				case d.Format == CSAF && word == "vulnerabilities":
					continue
				case d.Format == CycloneDX && word == "None":
					key = UnderInvestigation
				case d.Format == CycloneDX && word != "vulnerabilities":
					key = states[cdx.ImpactAnalysisState(word)]
				}
				if got[key] != n {
					t.Errorf("%s: %d, want %d", word, got[key], n)
				}
			}
		})
	}
}

// TestWhatRealDocumentsSay looks at single statements of some.
func TestWhatRealDocumentsSay(t *testing.T) {
	for _, c := range []struct {
		file            string
		format, version string
		statements      int
		first           string // of the statement at index 0, as JSON
		violations      int
	}{
		{"vex/vexctl/demo.vex.json", OpenVEX, "0.2.0", 1, `{"Names":["CVE-2014-123456"],"Status":"fixed","Justification":"","Timestamp":"2023-12-04T21:55:19.945015302-06:00","Products":[{"Name":"pkg:apk/distro/git@2.39.0-r1?arch=armv7","PURLs":["pkg:apk/distro/git@2.39.0-r1?arch=armv7"],"Digests":null,"Range":"","Within":null,"Void":""},{"Name":"pkg:apk/distro/git@2.39.0-r1?arch=x86_64","PURLs":["pkg:apk/distro/git@2.39.0-r1?arch=x86_64"],"Digests":null,"Range":"","Within":null,"Void":""}]}`, 0},
		{"vex/go-vex/vex/v001-1.vex.json", OpenVEX, "0.0.1", 1, `{"Names":["CVE-1234-5678"],"Status":"under_investigation","Justification":"","Timestamp":"2022-12-22T16:36:43-05:00","Products":[{"Name":"pkg:apk/wolfi/bash@1.0.0","PURLs":["pkg:apk/wolfi/bash@1.0.0"],"Digests":null,"Range":"","Within":null,"Void":""}]}`, 0},
		{"vex/go-vex/vex/csaf.json", CSAF, "2.0", 1, `{"Names":["CVE-2009-4487"],"Status":"not_affected","Justification":"","Timestamp":"2022-03-03T11:00:00.000Z","Products":[{"Name":"CSAFPID-0001","PURLs":["pkg:golang/github.com/go-homedir@v1.2.0"],"Digests":null,"Range":"","Within":null,"Void":""}]}`, 0},
		{"sbom/bom-examples/VEX/vex.json", CycloneDX, "1.4", 1, `{"Names":["CVE-2020-25649","SNYK-JAVA-COMFASTERXMLJACKSONCORE-1048302"],"Status":"not_affected","Justification":"vulnerable_code_not_in_execute_path","Timestamp":"2021-10-26T00:00:00.000Z","Products":[{"Name":"urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#pkg:maven/com.fasterxml.jackson.core/jackson-databind@2.10.0?type=jar","PURLs":["pkg:maven/com.fasterxml.jackson.core/jackson-databind@2.10.0?type=jar"],"Digests":null,"Range":"","Within":null,"Void":""}]}`, 0},
		{"vex/guac-cdx/cyclonedx-vex.xml", CycloneDX, "1.5", 1, `{"Names":["CVE-2018-7489"],"Status":"not_affected","Justification":"vulnerable_code_not_in_execute_path","Timestamp":"2021-01-01T00:00:00.000Z","Products":[{"Name":"urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#jackson-databind-2.8.0","PURLs":null,"Digests":null,"Range":"","Within":null,"Void":""}]}`, 0},
		{"vex/guac-cdx/cyclonedx-vex-no-analysis.json", CycloneDX, "1.4", 1, "", 0},
		{"vex/trustify-csaf/cve-2023-0044.json", CSAF, "2.0", 3, "", 1},
		{"vex/trustify-csaf/rhsa-2024_2784.json", CSAF, "2.0", 6, "", 0},
	} {
		t.Run(c.file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(corpus, c.file))
			if err != nil {
				t.Fatal(err)
			}
			d, err := checked(data)
			if err != nil {
				t.Fatal(err)
			}
			if d.Format != c.format || d.Version != c.version || len(d.Statements) != c.statements || len(d.Violations) != c.violations {
				t.Errorf("%s %s with %d statements, violations %q", d.Format, d.Version, len(d.Statements), d.Violations)
			}
			got, err := json.Marshal(d.Statements[0])
			if err != nil {
				t.Fatal(err)
			}
			got = []byte(strings.ReplaceAll(string(got), `\u0026`, "&"))
			if c.first != "" && string(got) != c.first {
				t.Errorf("got  %s\nwant %s", got, c.first)
			}
		})
	}
}
