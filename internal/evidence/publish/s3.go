package publish

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/attest/source/httpguard"
)

// Modes of a lock. In compliance mode nobody ends it, the owner of the account neither.
const (
	Compliance = "COMPLIANCE"
	Governance = "GOVERNANCE"
)

// Lock is what an object store holds an object with.
type Lock struct {
	Mode  string    `json:"mode,omitempty"`
	Until time.Time `json:"until,omitzero"`
	Hold  bool      `json:"legalHold"`
}

// S3Access is how object stores are reached. Times and credentials are the caller's.
type S3Access struct {
	AccessKey, SecretKey, SessionToken string
	Region                             string // where a target names none
	Endpoint                           string // where a target names none; "": that of AWS
	Now                                func() time.Time
	Timeout                            time.Duration     // for one bundle
	RetryDelay                         time.Duration     // before the second attempt; zero: 200 ms
	Transport                          http.RoundTripper // nil: the default one
	Mode                               string            // of the lock; "": objects are not locked
	Hold                               bool              // a legal hold, beside the lock
}

// s3 is a bucket of an object store that speaks the protocol of Amazon S3.
type s3 struct {
	name   string
	bucket string
	prefix string // "" or with "/" at its end
	base   url.URL
	region string
	a      S3Access
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	keyPrefix  = regexp.MustCompile(`^(/[A-Za-z0-9!_.*'()=-]+)*/?$`)
	regionName = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
)

func parseS3(text string, a S3Access) (Target, error) {
	fail := func(format string, args ...any) (Target, error) {
		return nil, fmt.Errorf("reading target %q: "+format, append([]any{withoutSecret(text)}, args...)...)
	}
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.Fragment != "" {
		return fail("write s3://BUCKET/PREFIX?endpoint=URL&region=NAME; credentials come from the environment")
	}
	query := u.Query()
	for option := range query {
		if option != "endpoint" && option != "region" {
			return fail("there is no option %q; there are endpoint and region", option)
		}
	}
	t := s3{name: text, bucket: u.Host, prefix: strings.TrimPrefix(strings.TrimSuffix(u.Path, "/")+"/", "/"), a: a}
	endpoint := a.Endpoint
	if query.Has("endpoint") {
		endpoint = query.Get("endpoint")
	}
	if t.region = query.Get("region"); t.region == "" {
		t.region = a.Region
	}
	if t.region == "" && endpoint != "" {
		t.region = "us-east-1" // what stores other than AWS call themselves
	}
	switch {
	case !bucketName.MatchString(t.bucket):
		return fail("%q is no name of a bucket", t.bucket)
	case !keyPrefix.MatchString(u.Path) || strings.Contains(u.Path+"/", "/./") || strings.Contains(u.Path+"/", "/../"):
		return fail("%q is no prefix that every store takes", u.Path)
	case !regionName.MatchString(t.region):
		return fail("%q is no region; name it as ?region= or in AWS_REGION", t.region)
	}
	if endpoint == "" {
		endpoint = "https://s3." + t.region + ".amazonaws.com"
	}
	base, err := url.Parse(endpoint)
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" || strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.User != nil {
		return fail("the endpoint is no address such as https://s3.example.com")
	}
	t.base = url.URL{Scheme: base.Scheme, Host: base.Host}
	return t, nil
}

// Publish implements Target. Nothing is written over; what was written is read back, and
// so is its lock: a store may take both and keep neither.
func (t s3) Publish(ctx context.Context, d Document) ([]Receipt, error) {
	if t.a.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, t.a.Timeout, &httpguard.Silence{After: t.a.Timeout})
		defer cancel()
	}
	receipt, err := t.publish(ctx, d)
	if err != nil {
		var up *httpguard.Silence
		if ctx.Err() != nil && errors.As(context.Cause(ctx), &up) {
			err = fmt.Errorf("%w: %w", up, err)
		}
		return nil, err
	}
	return []Receipt{receipt}, nil
}

func (t s3) publish(ctx context.Context, d Document) (Receipt, error) {
	c := t.client()
	key := t.prefix + d.Name()
	receipt := Receipt{Target: t.name, Kind: KindBundle, Location: "s3://" + t.bucket + "/" + key, Digest: d.digest}
	until := d.until.UTC().Truncate(time.Second)
	if until.Before(d.until) {
		until = until.Add(time.Second)
	}
	want := Lock{Mode: t.a.Mode, Until: until, Hold: t.a.Hold}
	if want.Mode != "" {
		if !until.After(t.a.Now()) {
			return receipt, fmt.Errorf("its retention ended on %s, and a lock that has ended is none; say until when with --retain-until, or --no-lock", until.Format(time.DateOnly))
		}
		if err := c.canLock(ctx); err != nil {
			return receipt, err
		}
	}
	there, err := c.head(ctx, key)
	if errors.Is(err, errGone) || errors.Is(err, errDenied) {
		// Who may not list a bucket is told that nobody may look: the write tells.
		receipt.Already, err = c.put(ctx, key, d, want)
		if err == nil {
			there, err = c.head(ctx, key)
		}
		if err != nil {
			return receipt, err
		}
	} else if err != nil {
		return receipt, err
	} else {
		receipt.Already = true
	}
	if err := c.same(ctx, key, there, d); err != nil {
		return receipt, err
	}
	if there, err = c.held(ctx, key, there, want); err != nil {
		return receipt, err
	}
	receipt.Version = there.version
	if there.lock != (Lock{}) {
		receipt.Lock = &there.lock
	}
	return receipt, nil
}

// object is what the store says of an object.
type object struct {
	size    int64
	sum     string // SHA-256 in base64; "" where the store does not tell
	version string
	lock    Lock
}

func objectOf(h http.Header) (object, error) {
	o := object{sum: h.Get("X-Amz-Checksum-Sha256"), version: h.Get("X-Amz-Version-Id")}
	o.size, _ = strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	o.lock = Lock{Mode: h.Get("X-Amz-Object-Lock-Mode"), Hold: h.Get("X-Amz-Object-Lock-Legal-Hold") == "ON"}
	if until := h.Get("X-Amz-Object-Lock-Retain-Until-Date"); until != "" {
		at, err := time.Parse(time.RFC3339, until)
		if err != nil {
			return o, fmt.Errorf("the store says that the object is kept until %.40q, which is no time", until)
		}
		o.lock.Until = at.UTC()
	}
	return o, nil
}

// same tells whether an object holds the bundle. A store that tells no checksum is
// read.
func (c client) same(ctx context.Context, key string, o object, d Document) error {
	want, err := sumOf(d.digest)
	if err != nil {
		return err
	}
	if o.sum == "" && o.size == int64(len(d.bundle)) {
		if o.sum, err = c.sum(ctx, key); err != nil {
			return err
		}
	}
	if o.sum != want || o.size != int64(len(d.bundle)) {
		return fmt.Errorf("%w: s3://%s/%s has other bytes than %s", ErrOther, c.bucket, key, d.digest)
	}
	return nil
}

// sumOf is a digest as the protocol writes checksums.
func sumOf(digest string) (string, error) {
	sum, err := hex.DecodeString(strings.TrimPrefix(digest, "sha256:"))
	return base64.StdEncoding.EncodeToString(sum), err
}

// missing is what a lock has less than is wanted.
func (l Lock) missing(want Lock) string {
	switch {
	case want.Mode != "" && l.Mode == "":
		return "no retention"
	case want.Mode == Compliance && l.Mode != Compliance:
		return "a lock in the mode " + l.Mode
	case want.Mode != "" && l.Until.Before(want.Until):
		return "a lock until " + l.Until.Format(time.RFC3339) + " only"
	case want.Hold && !l.Hold:
		return "no legal hold"
	}
	return ""
}

// held makes sure that an object is locked for as long as is wanted. A lock that is
// there already is only ever made longer.
func (c client) held(ctx context.Context, key string, o object, want Lock) (object, error) {
	if o.lock.missing(want) == "" {
		return o, nil
	}
	if err := c.lengthen(ctx, key, o, want); err != nil {
		return o, err
	}
	o, err := c.head(ctx, key)
	if err != nil {
		return o, err
	}
	if lacks := o.lock.missing(want); lacks != "" {
		return o, fmt.Errorf("the object is stored, and the store answers that it has %s; it keeps no locks, or these credentials may not read them (s3:GetObjectRetention, s3:GetObjectLegalHold)", lacks)
	}
	return o, nil
}
