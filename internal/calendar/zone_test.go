package calendar

import (
	"regexp"
	"testing"
	"time"
)

// The release is named, and its zones say what it changed: British Columbia stays on
// summer time from 2026 on, which releases before 2026a do not know.
func TestTheStatedReleaseIsWhatIsEmbedded(t *testing.T) {
	if !regexp.MustCompile(`^20[0-9]{2}[a-z]$`).MatchString(TZData()) || TZData() < "2026a" {
		t.Errorf("TZData() = %q", TZData())
	}
	z, err := openZones()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC", "Australia/Lord_Howe", "America/Vancouver"} {
		if _, err := z.find(name); err != nil {
			t.Error(err)
		}
	}
	vancouver, err := z.find("America/Vancouver")
	if err != nil {
		t.Fatal(err)
	}
	if _, offset := time.Date(2026, 12, 15, 12, 0, 0, 0, time.UTC).In(vancouver).Zone(); offset != -7*3600 {
		t.Errorf("Vancouver in December 2026 is %d s from UTC: the data is older than it says", offset)
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
	for _, name := range []string{"", "VERSION", "Local", "local", "Europe", "Europe/", "europe/berlin", "../Europe/Berlin", "/Europe/Berlin", "Europe/Berlin ", "CEST", "+02:00"} {
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
