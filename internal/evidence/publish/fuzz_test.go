package publish

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Whatever a store answers, an error stays one, and an object never has a lock that the
// answer does not name.
func FuzzStoreAnswers(f *testing.F) {
	f.Add(404, "<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>", "COMPLIANCE", "2032-11-25T10:00:00Z")
	f.Add(400, "<Error><Code>InvalidRequest</Code><Message>Bucket is missing ObjectLockConfiguration</Message></Error>", "", "never")
	f.Add(503, "<html>", "GOVERNANCE", "")
	f.Fuzz(func(t *testing.T, status int, body, mode, until string) {
		header := http.Header{"X-Amz-Object-Lock-Mode": {mode}, "X-Amz-Object-Lock-Retain-Until-Date": {until}}
		for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodPut} {
			answer := &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
			if err := (client{}).answered(method, answer); err == nil || err.Error() == "" {
				t.Fatalf("%s: %d is no error", method, status)
			}
		}
		o, err := objectOf(header)
		if err == nil && (o.lock.Mode != mode || until == "" != o.lock.Until.IsZero() && !strings.HasPrefix(until, "0001-01-01T")) {
			t.Fatalf("%q until %q: %+v", mode, until, o.lock)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"store", "dir:", "oci://r.example/app", "s3://audit/a/b?endpoint=https://s3.example.com&region=eu-1", "s3://a:b@c", "x://"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := Parse(text, Access{})
		if err != nil {
			return
		}
		if bucket, ok := target.(s3); ok && (strings.Contains("/"+bucket.prefix, "/../") || strings.HasPrefix(bucket.prefix, "/")) {
			t.Fatalf("%q: prefix %q", text, bucket.prefix)
		}
	})
}
