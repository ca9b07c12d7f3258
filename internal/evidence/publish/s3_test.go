package publish

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep"
)

func s3Access(mode string) S3Access {
	return S3Access{AccessKey: "key", SecretKey: secret, Now: func() time.Time { return now }, Timeout: 10 * time.Second, RetryDelay: time.Millisecond, Mode: mode}
}

func (s *store) publish(a S3Access, text string) ([]Receipt, error) {
	s.t.Helper()
	target, err := Parse("s3://audit/gate/year=2026?endpoint="+s.url, Access{S3: a})
	if err != nil {
		s.t.Fatal(err)
	}
	return target.Publish(s.t.Context(), document(s.t, text, gatekeep.Subject{}))
}

const objectKey = "gate/year=2026/evidence-dec-1.zip"

func TestBucketLocksFromTheFirstMoment(t *testing.T) {
	for _, mode := range []string{Compliance, Governance} {
		for _, hold := range []bool{true, false} {
			s := newStore(t)
			a := s3Access(mode)
			a.Hold = hold
			got, err := s.publish(a, "one")
			if err != nil {
				t.Fatal(err)
			}
			want := Lock{Mode: mode, Until: time.Date(2032, 11, 25, 10, 0, 0, 0, time.UTC), Hold: hold}
			if len(got) != 1 || got[0].Lock == nil || *got[0].Lock != want || got[0].Already || got[0].Location != "s3://audit/"+objectKey || got[0].Version != "v1" {
				t.Errorf("%s: %+v", mode, got)
			}
			if slices.ContainsFunc(s.asked, func(r string) bool {
				return strings.HasPrefix(r, "PUT retention") || strings.HasPrefix(r, "PUT legal-hold")
			}) {
				t.Errorf("locked after it was written: %q", s.asked)
			}
			again, err := s.publish(a, "one")
			if err != nil || !again[0].Already || *again[0].Lock != want || s.objects[objectKey].version != 1 {
				t.Errorf("again: %+v, %v", again, err)
			}
		}
	}
}

func TestObjectIsNeverWrittenOver(t *testing.T) {
	s := newStore(t)
	if _, err := s.publish(s3Access(Compliance), "one"); err != nil {
		t.Fatal(err)
	}
	s.asked = nil
	for _, noSums := range []bool{false, true} {
		for _, other := range []string{"two", "longer", ""} {
			s.noSums = noSums
			if got, err := s.publish(s3Access(Compliance), other); !errors.Is(err, ErrOther) || got != nil {
				t.Errorf("%q: %v, %v", other, got, err)
			}
		}
	}
	if o := s.objects[objectKey]; string(o.data) != "one" || o.version != 1 || slices.ContainsFunc(s.asked, func(r string) bool { return strings.HasPrefix(r, "PUT") }) {
		t.Errorf("%q in version %d: %q", o.data, o.version, s.asked)
	}
	// A store that tells no checksum is read, the same bytes are the same.
	s.noSums = true
	if got, err := s.publish(s3Access(Compliance), "one"); err != nil || !got[0].Already {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLocksAreOnlyMadeLonger(t *testing.T) {
	s := newStore(t)
	if _, err := s.publish(s3Access(""), "one"); err != nil || len(s.objects[objectKey].lock) != 0 {
		t.Fatal(err, s.objects[objectKey].lock)
	}
	until := func() string { return s.objects[objectKey].lock.Get("X-Amz-Object-Lock-Retain-Until-Date") }
	if got, err := s.publish(s3Access(Governance), "one"); err != nil || !got[0].Already || until() != "2032-11-25T10:00:00Z" {
		t.Errorf("locked later: %+v, %v", got, err)
	}
	s.objects[objectKey].lock.Set("X-Amz-Object-Lock-Retain-Until-Date", "2040-01-01T00:00:00Z")
	if got, err := s.publish(s3Access(Compliance), "one"); err != nil || got[0].Lock.Mode != Compliance || until() != "2040-01-01T00:00:00Z" {
		t.Errorf("in another mode: %+v, %v", got, err)
	}
	a := s3Access(Governance)
	a.Hold = true
	got, err := s.publish(a, "one")
	if err != nil || *got[0].Lock != (Lock{Compliance, time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC), true}) {
		t.Errorf("held: %+v, %v", got, err)
	}
	if s.objects[objectKey].version != 1 {
		t.Error("written again")
	}
}

func TestBucketThatDoesNotLock(t *testing.T) {
	s := newStore(t)
	s.lockless = true
	if got, err := s.publish(s3Access(Compliance), "one"); err == nil || !strings.Contains(err.Error(), "no Object Lock") || got != nil || len(s.objects) != 0 {
		t.Errorf("%v, %v, %d objects", got, err, len(s.objects))
	}
	// Credentials that may write and may not ask.
	s.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.URL.Query().Has("object-lock") || r.Method == http.MethodHead {
			refuse(w, http.StatusForbidden, "AccessDenied", "no")
			return true
		}
		return false
	}
	if got, err := s.publish(s3Access(Compliance), "one"); err == nil || !strings.Contains(err.Error(), "no Object Lock") || got != nil || len(s.objects) != 0 {
		t.Errorf("%v, %v, %d objects", got, err, len(s.objects))
	}
	s.fault = nil
	if got, err := s.publish(s3Access(""), "one"); err != nil || got[0].Lock != nil || len(s.objects) != 1 {
		t.Errorf("without a lock: %v, %v", got, err)
	}
	// A store that takes the lock and forgets it.
	forgets := newStore(t)
	forgets.forgetful = true
	forgets.fault = func(_ http.ResponseWriter, r *http.Request, _ int) bool { return r.URL.Query().Has("retention") }
	if got, err := forgets.publish(s3Access(Compliance), "one"); err == nil || !strings.Contains(err.Error(), "no retention") || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestLockThatHasEndedIsNone(t *testing.T) {
	s := newStore(t)
	a := s3Access(Compliance)
	a.Now = func() time.Time { return time.Date(2032, 11, 25, 10, 0, 0, 0, time.UTC) }
	if got, err := s.publish(a, "one"); err == nil || !strings.Contains(err.Error(), "retention ended on 2032-11-25") || got != nil || len(s.asked) != 0 {
		t.Errorf("%v, %v, %q", got, err, s.asked)
	}
}

func TestStoreThatIsBusyIsAskedAgain(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusConflict} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut} {
			if status == http.StatusConflict && method != http.MethodPut {
				continue
			}
			s := newStore(t)
			refused := 0
			s.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if r.Method != method || refused == 2 {
					return false
				}
				refused++
				refuse(w, status, "SlowDown", "later")
				return true
			}
			if got, err := s.publish(s3Access(Compliance), "one"); err != nil || got[0].Lock == nil || refused != 2 {
				t.Errorf("%s, %d: %v, %v", method, status, got, err)
			}
			s.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				refuse(w, status, "SlowDown", "later")
				return true
			}
			if got, err := s.publish(s3Access(Compliance), "one"); err == nil || !strings.Contains(err.Error(), fmt.Sprint(status)) || got != nil {
				t.Errorf("%d for good: %v, %v", status, got, err)
			}
		}
	}
}

// The answer to a write is lost, and the write was made: the next one meets the object.
func TestLostAnswerIsNoConflict(t *testing.T) {
	s := newStore(t)
	lost := false
	s.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.Method != http.MethodPut || lost {
			return false
		}
		lost = true
		s.objects[objectKey] = &stored{[]byte("one"), http.Header{
			"X-Amz-Object-Lock-Mode": {Compliance}, "X-Amz-Object-Lock-Retain-Until-Date": {"2032-11-25T10:00:00.000Z"},
		}, 1}
		panic(http.ErrAbortHandler)
	}
	if got, err := s.publish(s3Access(Compliance), "one"); err != nil || !lost || got[0].Lock == nil {
		t.Errorf("%v, %v", got, err)
	}
	// Somebody else's object in the meantime is one.
	s = newStore(t)
	s.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if r.Method == http.MethodPut {
			s.objects[objectKey] = &stored{[]byte("two"), http.Header{}, 1}
		}
		return false
	}
	if got, err := s.publish(s3Access(Compliance), "one"); !errors.Is(err, ErrOther) || got != nil || string(s.objects[objectKey].data) != "two" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAnswersOfAStoreAreNamed(t *testing.T) {
	s := newStore(t)
	for name, c := range map[string]struct {
		fault func(w http.ResponseWriter, r *http.Request, turn int) bool
		want  string
	}{
		"region": {func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			w.Header().Set("X-Amz-Bucket-Region", "eu-central-1")
			w.Header().Set("Location", "http://127.0.0.1:1/")
			refuse(w, http.StatusMovedPermanently, "PermanentRedirect", "elsewhere")
			return true
		}, `lies in the region "eu-central-1", not us-east-1`},
		"denied": {func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			refuse(w, http.StatusForbidden, "AccessDenied", "no such right")
			return true
		}, `403: "AccessDenied": "no such right"`},
		"page of a proxy": {func(w http.ResponseWriter, _ *http.Request, _ int) bool {
			fmt.Fprint(w, "<html><title>nginx")
			return true
		}, "says of its locks"},
		"no time": {func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if r.Method == http.MethodHead {
				w.Header().Set("X-Amz-Object-Lock-Retain-Until-Date", "never")
			}
			return r.Method == http.MethodHead
		}, `"never", which is no time`},
		"suspended": {func(w http.ResponseWriter, r *http.Request, _ int) bool {
			fmt.Fprint(w, "<ObjectLockConfiguration/>")
			return true
		}, "no Object Lock"},
	} {
		s.fault = c.fault
		if got, err := s.publish(s3Access(Compliance), "one"); err == nil || !strings.Contains(err.Error(), c.want) || got != nil || len(s.objects) != 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	s.fault = nil
	target, err := Parse("s3://other?endpoint="+s.url, Access{S3: s3Access(Compliance)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := target.Publish(t.Context(), document(t, "one", gatekeep.Subject{})); err == nil || !strings.Contains(err.Error(), "there is no bucket other") {
		t.Error(err)
	}
	wrong := s3Access(Compliance)
	wrong.SecretKey = "another"
	if _, err := s.publish(wrong, "one"); err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") || strings.Contains(err.Error(), "another\"") {
		t.Error(err)
	}
	if len(s.objects) != 0 {
		t.Error("something is stored")
	}
}

func TestTimeIsUp(t *testing.T) {
	s := newStore(t)
	a := s3Access(Compliance)
	a.Timeout = 50 * time.Millisecond
	a.RetryDelay = time.Minute
	s.fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	if _, err := s.publish(a, "one"); err == nil || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Error(err)
	}
}

func TestAddressesOfBuckets(t *testing.T) {
	for text, want := range map[string]string{
		"s3://audit/a?region=eu-central-1":                    "https://audit.s3.eu-central-1.amazonaws.com/a/evidence-dec-1.zip",
		"s3://au.dit?region=eu-central-1":                     "https://s3.eu-central-1.amazonaws.com/au.dit/evidence-dec-1.zip",
		"s3://audit/y=1/?endpoint=https://s3.example.com:443": "https://s3.example.com:443/audit/y%3D1/evidence-dec-1.zip",
	} {
		target, err := Parse(text, Access{})
		if err != nil {
			t.Fatal(err)
		}
		c := target.(s3).client()
		if got := c.address(c.prefix+"evidence-dec-1.zip", ""); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}
