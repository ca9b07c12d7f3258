package calendar

import (
	"archive/zip"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"time"
)

// zoneinfo holds the compiled time zones of one release of the IANA database (in
// the public domain), and its name in the file VERSION; zonezip.go makes it.
// time.LoadLocation would prefer whatever the host has installed, and neither that
// nor the copy inside time/tzdata tells its release. A record must say which rules
// of civil time it was made with, so this one copy is read on every host.
//
//go:embed zoneinfo.zip
var zoneinfo string

// releaseFile of zoneinfo.zip names the release.
const releaseFile = "VERSION"

// TZData is the release of the IANA time zone database that Expand uses, for
// example "2026f". Releases sort by age as text. It is "" where the embedded data
// cannot be read, which is no release that any rule accepts.
func TZData() string {
	z, err := openZones()
	if err != nil || z.files[releaseFile] == nil {
		return ""
	}
	data, err := contents(z.files[releaseFile])
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// contents is the whole of one file of zoneinfo.zip.
func contents(file *zip.File) ([]byte, error) {
	body, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// zones finds time zones by name in the embedded database. It remembers those
// it has read, and belongs to one call.
type zones struct {
	files  map[string]*zip.File
	loaded map[string]*time.Location
}

// openZones reads the directory of the embedded database.
func openZones() (*zones, error) {
	archive, err := zip.NewReader(strings.NewReader(zoneinfo), int64(len(zoneinfo)))
	if err != nil {
		return nil, fmt.Errorf("opening embedded time zone data: %w", err)
	}
	z := &zones{files: make(map[string]*zip.File, len(archive.File)), loaded: map[string]*time.Location{}}
	for _, file := range archive.File {
		z.files[file.Name] = file
	}
	return z, nil
}

// find returns the zone of exactly this IANA name. The names that mean "ask the
// host" to time.LoadLocation, "" and "Local", name no zone here.
func (z *zones) find(name string) (*time.Location, error) {
	if name == "" {
		return nil, fmt.Errorf("no time zone given; write an IANA name such as \"Europe/Berlin\"")
	}
	if loc, ok := z.loaded[name]; ok {
		return loc, nil
	}
	file, ok := z.files[name]
	if !ok || file.FileInfo().IsDir() || name == releaseFile {
		return nil, fmt.Errorf("unknown time zone %q in time zone data %s; write an IANA name such as \"Europe/Berlin\"", name, TZData())
	}
	data, err := contents(file)
	if err != nil {
		return nil, fmt.Errorf("reading time zone %q: %w", name, err)
	}
	loc, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return nil, fmt.Errorf("reading time zone %q: %w", name, err)
	}
	z.loaded[name] = loc
	return loc, nil
}
