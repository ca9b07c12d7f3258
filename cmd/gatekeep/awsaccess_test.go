package main

import (
	"path/filepath"
	"testing"

	"github.com/gatekeep-dev/gatekeep/internal/evidence/publish"
)

func TestCredentialsComeFromEnvironmentAndProfile(t *testing.T) {
	home := t.TempDir()
	path := filepath.Join(home, "credentials")
	text := "# c\n[default]\naws_access_key_id = d\naws_secret_access_key=ds\n; aws_session_token = no\n\n" +
		"[ other ] # o\n  aws_access_key_id=o\n  aws_secret_access_key = o=s/+\n  aws_session_token = ot\n  region = eu-2\n" +
		"[half]\naws_access_key_id = h\n"
	if err := writeWhole(path, []byte(text)); err != nil {
		t.Fatal(err)
	}
	type env map[string]string
	for name, c := range map[string]struct {
		env  env
		want publish.S3Access
		ok   bool
	}{
		"environment":        {env{"AWS_ACCESS_KEY_ID": "e", "AWS_SECRET_ACCESS_KEY": "es", "AWS_SESSION_TOKEN": "et", "AWS_DEFAULT_REGION": "eu-1"}, publish.S3Access{AccessKey: "e", SecretKey: "es", SessionToken: "et", Region: "eu-1"}, true},
		"default profile":    {env{"AWS_SHARED_CREDENTIALS_FILE": path}, publish.S3Access{AccessKey: "d", SecretKey: "ds"}, true},
		"named profile":      {env{"AWS_SHARED_CREDENTIALS_FILE": path, "AWS_PROFILE": "other"}, publish.S3Access{AccessKey: "o", SecretKey: "o=s/+", SessionToken: "ot", Region: "eu-2"}, true},
		"half a profile":     {env{"AWS_SHARED_CREDENTIALS_FILE": path, "AWS_PROFILE": "half"}, publish.S3Access{}, false},
		"no such profile":    {env{"AWS_SHARED_CREDENTIALS_FILE": path, "AWS_PROFILE": "none"}, publish.S3Access{}, false},
		"no file":            {env{"HOME": home}, publish.S3Access{}, false},
		"nothing":            {env{}, publish.S3Access{}, false},
		"half in either":     {env{"AWS_SHARED_CREDENTIALS_FILE": path, "AWS_PROFILE": "half", "AWS_SECRET_ACCESS_KEY": "es"}, publish.S3Access{}, false},
		"endpoint, specific": {env{"AWS_SHARED_CREDENTIALS_FILE": path, "AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://b", "AWS_REGION": "eu-3"}, publish.S3Access{AccessKey: "d", SecretKey: "ds", Endpoint: "http://b", Region: "eu-3"}, true},
	} {
		var got publish.S3Access
		err := awsAccess(&world{getenv: func(name string) string { return c.env[name] }}, &got)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if c.ok && (got.AccessKey != c.want.AccessKey || got.SecretKey != c.want.SecretKey || got.SessionToken != c.want.SessionToken || got.Region != c.want.Region || got.Endpoint != c.want.Endpoint) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
