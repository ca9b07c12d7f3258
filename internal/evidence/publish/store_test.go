package publish

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// now is the time of the tests; store checks it in every signature.
var now = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

const secret = "a secret that no request may hold"

// store is an object store with one bucket, "audit", that answers as the documentation
// of Amazon S3 says. It checks every signature by the documentation's own recipe.
type store struct {
	t       *testing.T
	url     string
	mu      sync.Mutex
	objects map[string]*stored
	fault   func(w http.ResponseWriter, r *http.Request, turn int) bool // true: it has answered
	turn    int
	asked   []string // method and query of each request

	lockless, noSums, forgetful bool
}

type stored struct {
	data    []byte
	lock    http.Header
	version int
}

func newStore(t *testing.T) *store {
	s := &store{t: t, objects: map[string]*stored{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	s.turn++
	s.asked = append(s.asked, r.Method+" "+r.URL.RawQuery)
	for name, values := range r.Header {
		if strings.Contains(strings.Join(values, " "), secret) {
			s.t.Errorf("the header %s holds the secret", name)
		}
	}
	if s.fault != nil && s.fault(w, r, s.turn) {
		return
	}
	if why := signature(r, body); why != "" {
		refuse(w, http.StatusForbidden, "SignatureDoesNotMatch", why)
		return
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch query := r.URL.Query(); {
	case bucket != "audit":
		refuse(w, http.StatusNotFound, "NoSuchBucket", "no such bucket")
	case query.Has("object-lock") && s.lockless:
		refuse(w, http.StatusNotFound, "ObjectLockConfigurationNotFoundError", "there is none")
	case query.Has("object-lock"):
		fmt.Fprint(w, `<ObjectLockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>`)
	case r.Method == http.MethodPut && query.Has("retention"):
		m := regexp.MustCompile(`<Mode>(.*)</Mode><RetainUntilDate>(.*)</RetainUntilDate>`).FindSubmatch(body)
		s.objects[key].lock.Set("X-Amz-Object-Lock-Mode", string(m[1]))
		s.objects[key].lock.Set("X-Amz-Object-Lock-Retain-Until-Date", string(m[2]))
	case r.Method == http.MethodPut && query.Has("legal-hold"):
		s.objects[key].lock.Set("X-Amz-Object-Lock-Legal-Hold", regexp.MustCompile(`<Status>(ON|OFF)</Status>`).FindStringSubmatch(string(body))[1])
	case r.Method == http.MethodPut:
		s.put(w, r, key, body)
	default:
		s.get(w, r, key)
	}
}

func (s *store) put(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	sum := sha256.Sum256(body)
	switch {
	case r.Header.Get("X-Amz-Checksum-Sha256") != base64.StdEncoding.EncodeToString(sum[:]):
		refuse(w, http.StatusBadRequest, "BadDigest", "the checksum is another")
		return
	case s.objects[key] != nil && r.Header.Get("If-None-Match") == "*":
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed", "there is one")
		return
	case s.lockless && r.Header.Get("X-Amz-Object-Lock-Mode") != "":
		refuse(w, http.StatusBadRequest, "InvalidRequest", "Bucket is missing Object Lock Configuration")
		return
	}
	lock := http.Header{}
	for name, values := range r.Header {
		if strings.HasPrefix(name, "X-Amz-Object-Lock") && !s.forgetful {
			lock[name] = values
		}
	}
	version := 1
	if old := s.objects[key]; old != nil {
		version = old.version + 1
	}
	s.objects[key] = &stored{body, lock, version}
}

func (s *store) get(w http.ResponseWriter, r *http.Request, key string) {
	o := s.objects[key]
	if o == nil {
		refuse(w, http.StatusNotFound, "NoSuchKey", "no such key")
		return
	}
	for name, values := range o.lock {
		w.Header()[name] = values
	}
	sum := sha256.Sum256(o.data)
	if !s.noSums && r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" {
		w.Header().Set("X-Amz-Checksum-Sha256", base64.StdEncoding.EncodeToString(sum[:]))
	}
	w.Header().Set("X-Amz-Version-Id", fmt.Sprint("v", o.version))
	w.Header().Set("Content-Length", fmt.Sprint(len(o.data)))
	if r.Method == http.MethodGet {
		if _, err := w.Write(o.data); err != nil {
			s.t.Error(err)
		}
	}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, message)
}

// signature tells what is wrong with that of a request. "Create a signed AWS API
// request" of the IAM user guide, step by step.
func signature(r *http.Request, body []byte) string {
	m := regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=key/(\d{8})/([a-z0-9-]+)/s3/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$`).
		FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		return "no signature: " + r.Header.Get("Authorization")
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if r.Header.Get("X-Amz-Content-Sha256") != hash {
		return "the body is another"
	}
	if r.Header.Get("X-Amz-Date") != now.Format("20060102T150405Z") {
		return "the time is another"
	}
	var headers strings.Builder
	names := strings.Split(m[3], ";")
	for _, must := range []string{"host", "x-amz-content-sha256", "x-amz-date"} {
		if !slices.Contains(names, must) {
			return "not signed: " + must
		}
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-") && !slices.Contains(names, strings.ToLower(name)) {
			return "not signed: " + name
		}
	}
	for _, name := range names {
		value := r.Header.Get(name)
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = fmt.Sprint(r.ContentLength)
		}
		fmt.Fprintf(&headers, "%s:%s\n", name, strings.TrimSpace(value))
	}
	var path strings.Builder
	for _, b := range []byte(r.URL.Path) {
		if strings.IndexByte("/-_.~", b) >= 0 || b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' {
			path.WriteByte(b)
		} else {
			fmt.Fprintf(&path, "%%%02X", b)
		}
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err.Error()
	}
	request := strings.Join([]string{r.Method, path.String(), strings.ReplaceAll(query.Encode(), "+", "%20"), headers.String(), m[3], hash}, "\n")
	requestSum := sha256.Sum256([]byte(request))
	toSign := strings.Join([]string{"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"), m[1] + "/" + m[2] + "/s3/aws4_request", hex.EncodeToString(requestSum[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{m[1], m[2], "s3", "aws4_request", toSign} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	if hex.EncodeToString(key) != m[4] {
		return "another signature of:\n" + request
	}
	return ""
}
