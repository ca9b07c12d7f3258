package calendar

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// goTime is lib/time of the Go distribution that runs the test.
func goTime(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skipf("no go command to compare with: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "lib", "time")
}

func TestStatedReleaseIsThatOfGo(t *testing.T) {
	script, err := os.ReadFile(filepath.Join(goTime(t), "update.bash"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^DATA=(\S+)$`).FindSubmatch(script)
	if found == nil {
		t.Fatal("lib/time/update.bash names no DATA release")
	}
	if TZData() != string(found[1]) {
		t.Errorf("TZData() = %q; Go carries %q: copy lib/time/zoneinfo.zip here and set tzRelease", TZData(), found[1])
	}
}

func TestEmbeddedZonesAreThoseOfGo(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(goTime(t), "zoneinfo.zip"))
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != zoneinfo {
		t.Error("zoneinfo.zip differs from lib/time/zoneinfo.zip of Go: copy it here and set tzRelease")
	}
}

// Whatever the host says of a zone, the embedded data is used.
func TestHostZonesAreNotRead(t *testing.T) {
	t.Setenv("ZONEINFO", t.TempDir())
	z, err := openZones()
	if err != nil {
		t.Fatal(err)
	}
	z.files["Europe/Berlin"] = z.files["Asia/Kolkata"]
	loc, err := z.find("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if _, offset := time.Unix(0, 0).In(loc).Zone(); offset != 5*3600+1800 {
		t.Errorf("offset is %d: the zone did not come from the embedded files", offset)
	}
}

func TestUnknownZonesAreRefused(t *testing.T) {
	z, err := openZones()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "Local", "local", "Europe", "Europe/", "europe/berlin", "../Europe/Berlin", "/Europe/Berlin", "Europe/Berlin ", "CEST", "+02:00"} {
		if loc, err := z.find(name); err == nil {
			t.Errorf("zone %q was found: %v", name, loc)
		}
	}
	for _, name := range []string{"UTC", "Etc/UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"} {
		if _, err := z.find(name); err != nil {
			t.Errorf("zone %q: %v", name, err)
		}
	}
}
