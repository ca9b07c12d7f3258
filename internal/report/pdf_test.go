package report

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// printed is a PDF of a page with the browser that GATEKEEP_CHROMIUM names, and
// what its console said.
func printed(t *testing.T, page string) (pdf []byte, console string) {
	t.Helper()
	browser := os.Getenv("GATEKEEP_CHROMIUM")
	if browser == "" && os.Getenv("CI") == "true" {
		t.Fatal("GATEKEEP_CHROMIUM names no browser, and continuous integration must look at the page")
	}
	if browser == "" {
		t.Skip("GATEKEEP_CHROMIUM names no browser")
	}
	dir := t.TempDir()
	in, out := filepath.Join(dir, "report.html"), filepath.Join(dir, "report.pdf")
	if err := os.WriteFile(in, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // a browser that hangs is a failure
	defer cancel()
	said, err := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--enable-logging=stderr", "--v=0",
		"--no-pdf-header-footer", "--print-to-pdf="+out, "file://"+in).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	var lines []string
	for line := range strings.Lines(string(said)) {
		if strings.Contains(line, ":CONSOLE") {
			lines = append(lines, line)
		}
	}
	pdf, err = os.ReadFile(out)
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return pdf, strings.Join(lines, "")
}

var pdfPage = regexp.MustCompile(`/Type /Page\b[^s]`)

func TestPageRendersInABrowserAndPrints(t *testing.T) {
	for name, most := range map[string]int{"could-not-judge": 9, "waived": 9, "release": 9} {
		pdf, console := printed(t, render(t, "html", sealed(t)[name], options))
		if console != "" {
			t.Errorf("%s: the console says %s", name, console)
		}
		if !bytes.HasPrefix(pdf, []byte("%PDF-")) {
			t.Errorf("%s: no PDF: %.20q", name, pdf)
		}
		if n := len(pdfPage.FindAll(pdf, -1)); n < 3 || n > most {
			t.Errorf("%s: %d pages, and there should be 3 to %d", name, n, most)
		}
	}
}

// A page that breaks its own policy is seen, so that silence means something.
func TestBrowserReportsWhatAPageMayNotDo(t *testing.T) {
	page := strings.Replace(render(t, "html", record(), options), "<main>", `<main><script>alert(1)</script><img src="https://evil.example/x.png">`, 1)
	if _, console := printed(t, page); strings.Count(console, "violates the following Content Security Policy") != 2 {
		t.Errorf("the console says %q", console)
	}
}

func TestHostilePageRunsNothingInABrowser(t *testing.T) {
	for _, text := range []string{attack, `"><script>alert(1)</script><img src="https://evil.example/x.png" onerror=alert(1)>`} {
		if _, console := printed(t, render(t, "html", poisoned(t, text), options)); console != "" {
			t.Errorf("the console says %s", console)
		}
	}
}
