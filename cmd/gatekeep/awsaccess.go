package main

import (
	"bufio"
	"bytes"
	"cmp"
	"path/filepath"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/evidence/publish"
)

// maxProfiles bounds a shared credentials file.
const maxProfiles = 1 << 20

// awsAccess finds credentials, region and endpoint where the programs of AWS look first:
// in the environment, and then in the shared credentials file. It asks no service.
func awsAccess(w *world, a *publish.S3Access) error {
	a.Region = cmp.Or(w.getenv("AWS_REGION"), w.getenv("AWS_DEFAULT_REGION"))
	a.Endpoint = cmp.Or(w.getenv("AWS_ENDPOINT_URL_S3"), w.getenv("AWS_ENDPOINT_URL"))
	a.AccessKey, a.SecretKey, a.SessionToken = w.getenv("AWS_ACCESS_KEY_ID"), w.getenv("AWS_SECRET_ACCESS_KEY"), w.getenv("AWS_SESSION_TOKEN")
	if a.AccessKey != "" && a.SecretKey != "" {
		return nil
	}
	profile := cmp.Or(w.getenv("AWS_PROFILE"), "default")
	path := w.getenv("AWS_SHARED_CREDENTIALS_FILE")
	if path == "" && w.getenv("HOME") != "" {
		path = filepath.Join(w.getenv("HOME"), ".aws", "credentials")
	}
	none := usage("no credentials for s3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile of the shared credentials file that has both (of a role: 'aws configure export-credentials --format env' prints them)")
	if path == "" {
		return none
	}
	data, err := readFile(path, maxProfiles)
	if err != nil {
		return none
	}
	found := profileOf(data, profile)
	a.AccessKey, a.SecretKey, a.SessionToken = found["aws_access_key_id"], found["aws_secret_access_key"], found["aws_session_token"]
	a.Region = cmp.Or(a.Region, found["region"])
	if a.AccessKey == "" || a.SecretKey == "" {
		return none
	}
	return nil
}

// profileOf reads one section of a file in the form "[name]", "key = value".
func profileOf(data []byte, name string) map[string]string {
	found := map[string]string{}
	here := false
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if section, ok := strings.CutPrefix(line, "["); ok {
			section, _, _ = strings.Cut(section, "]")
			here = strings.TrimSpace(section) == name
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok && here && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ";") {
			found[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return found
}
