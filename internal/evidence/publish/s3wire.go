package publish

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/gatekeep-dev/gatekeep/internal/attest/source/httpguard"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// What a HEAD, whose answers have no body, says by its status alone.
var (
	errGone   = errors.New("the store has no such object")
	errDenied = errors.New("the store denies access (403)")
)

// errTaken is the answer to a write where an object has the name.
var errTaken = errors.New("the store has an object of this name")

// maxAnswer bounds what is read of an answer that is an error.
const maxAnswer = 64 << 10

// client speaks the few requests of the protocol that publishing needs.
type client struct {
	s3
	http   http.Client
	signer *v4.Signer
}

func (t s3) client() client {
	guard := &httpguard.Guard{Inner: t.a.Transport, Delay: t.a.RetryDelay, Whole: t.a.Timeout}
	if guard.Inner == nil {
		guard.Inner = http.DefaultTransport
	}
	// A signature is for one host: redirects are answers.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	// S3 takes the path as it is sent, where other services of AWS escape it twice.
	once := func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }
	return client{t, http.Client{Transport: guard, CheckRedirect: stay}, v4.NewSigner(once)}
}

// address is that of a key, or of the bucket. Names of a bucket with a dot have no
// certificate, and stores of one's own have no names for buckets: both go by path.
func (c client) address(key, query string) string {
	u := c.base
	u.Path = "/" + c.bucket + "/" + key
	if strings.HasSuffix(u.Host, ".amazonaws.com") && !strings.Contains(c.bucket, ".") {
		u.Host, u.Path = c.bucket+"."+u.Host, "/"+key
	}
	parts := strings.Split(u.Path, "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(part), "+", "%20")
	}
	u.RawPath, u.RawQuery = strings.Join(parts, "/"), query
	return u.String()
}

// send makes one signed request. Answers that are errors come back as such.
func (c client) send(ctx context.Context, method, address string, body []byte, header map[string]string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	hash := strings.TrimPrefix(digest.Of(body), "sha256:")
	req.Header.Set("X-Amz-Content-Sha256", hash)
	req.Header.Set("User-Agent", "gatekeep")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	credentials := aws.Credentials{AccessKeyID: c.a.AccessKey, SecretAccessKey: c.a.SecretKey, SessionToken: c.a.SessionToken}
	if err := c.signer.SignHTTP(ctx, credentials, req, hash, "s3", c.region, c.a.Now()); err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, c.answered(method, resp)
}

// refusal is an answer of the store that is an error.
type refusal struct {
	XMLName xml.Name `xml:"Error"`
	Code    string   `xml:"Code"`
	Message string   `xml:"Message"`
	Status  int      `xml:"-"`
}

// Error names the status, and what the store says.
func (r *refusal) Error() string {
	text := fmt.Sprintf("the store answers %d", r.Status)
	if r.Code != "" {
		text += fmt.Sprintf(": %.100q: %.300q", r.Code, r.Message)
	}
	return text
}

func (c client) answered(method string, resp *http.Response) error {
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	why := &refusal{Status: resp.StatusCode}
	if err := xml.Unmarshal(data, why); err != nil {
		why.Code = ""
	}
	if region := resp.Header.Get("X-Amz-Bucket-Region"); region != "" && region != c.region {
		return fmt.Errorf("%w; the bucket lies in the region %.40q, not %s", why, region, c.region)
	}
	head := method == http.MethodHead
	switch {
	case head && why.Status == http.StatusNotFound:
		return errGone
	case head && why.Status == http.StatusForbidden:
		return errDenied
	case why.Status == http.StatusPreconditionFailed:
		return errTaken
	case why.Code == "NoSuchBucket":
		return fmt.Errorf("there is no bucket %s at %s", c.bucket, c.base.Host)
	case lockless(why):
		return c.noLock(why)
	}
	return why
}

// lockless tells the answers of a bucket that was made without Object Lock.
func lockless(r *refusal) bool {
	return r.Code == "ObjectLockConfigurationNotFoundError" || r.Code == "InvalidBucketObjectLockConfiguration" ||
		r.Code == "InvalidRequest" && strings.Contains(strings.ToLower(strings.ReplaceAll(r.Message, " ", "")), "objectlock")
}

func (c client) noLock(why error) error {
	return fmt.Errorf("the bucket %s has no Object Lock, so that nothing would stop a deletion; use a bucket that was made with it, or say --no-lock (%w)", c.bucket, why)
}

// canLock asks whether the bucket locks, before anything is stored there. Who may not
// ask is told by the object itself.
func (c client) canLock(ctx context.Context) error {
	resp, err := c.send(ctx, http.MethodGet, c.address("", "object-lock="), nil, nil)
	var why *refusal
	if errors.As(err, &why) && (why.Status == http.StatusForbidden || why.Status == http.StatusNotImplemented) && !lockless(why) {
		return nil
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var lock struct {
		Enabled string `xml:"ObjectLockEnabled"`
	}
	if err := xml.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&lock); err != nil {
		return fmt.Errorf("reading what the bucket says of its locks: %w", err)
	}
	if lock.Enabled != "Enabled" {
		return c.noLock(fmt.Errorf("it says %.40q", lock.Enabled))
	}
	return nil
}

func (c client) head(ctx context.Context, key string) (object, error) {
	resp, err := c.send(ctx, http.MethodHead, c.address(key, ""), nil, map[string]string{"X-Amz-Checksum-Mode": "ENABLED"})
	if err != nil {
		return object{}, err
	}
	resp.Body.Close()
	return objectOf(resp.Header)
}

// sum reads an object for its checksum.
func (c client) sum(ctx context.Context, key string) (string, error) {
	if guard, ok := c.http.Transport.(*httpguard.Guard); ok {
		c.http.Transport = guard.Inner // the guard keeps answers small
	}
	resp, err := c.send(ctx, http.MethodGet, c.address(key, ""), nil, nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	return sumOf(digest.Of(data))
}

// conflicts is how often a write is made again that met another one of the same name.
const conflicts = 4

// put writes an object that is not there, locked from its first moment, and tells
// whether it was there.
func (c client) put(ctx context.Context, key string, d Document, lock Lock) (already bool, err error) {
	sum, err := sumOf(d.digest)
	if err != nil {
		return false, err
	}
	header := map[string]string{
		"Content-Type": "application/zip", "If-None-Match": "*",
		"X-Amz-Checksum-Sha256": sum, "X-Amz-Sdk-Checksum-Algorithm": "SHA256",
	}
	if lock.Mode != "" {
		header["X-Amz-Object-Lock-Mode"] = lock.Mode
		header["X-Amz-Object-Lock-Retain-Until-Date"] = lock.Until.Format(time.RFC3339)
	}
	if lock.Hold {
		header["X-Amz-Object-Lock-Legal-Hold"] = "ON"
	}
	for attempt := 1; ; attempt++ {
		resp, err := c.send(ctx, http.MethodPut, c.address(key, ""), d.bundle, header)
		if err == nil {
			return false, resp.Body.Close()
		}
		var why *refusal
		switch {
		case errors.Is(err, errTaken):
			return true, nil
		case attempt == conflicts || !errors.As(err, &why) || why.Status != http.StatusConflict:
			return false, err
		}
		// 409 ConditionalRequestConflict: another write of the name is under way.
		guard := httpguard.Guard{Delay: c.a.RetryDelay}
		if guard.Wait(ctx, attempt, 0) != nil {
			return false, err
		}
	}
}

// lengthen asks for what an object's lock lacks.
func (c client) lengthen(ctx context.Context, key string, o object, want Lock) error {
	version := ""
	if o.version != "" {
		version = "&versionId=" + url.QueryEscape(o.version)
	}
	const space = `xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`
	if want.Mode != "" && o.lock.missing(Lock{Mode: want.Mode, Until: want.Until}) != "" {
		mode, until := want.Mode, want.Until
		if o.lock.Mode == Compliance {
			mode = Compliance
		}
		if o.lock.Until.After(until) {
			until = o.lock.Until
		}
		body := fmt.Sprintf("<Retention %s><Mode>%s</Mode><RetainUntilDate>%s</RetainUntilDate></Retention>", space, mode, until.Format(time.RFC3339))
		if err := c.set(ctx, c.address(key, "retention="+version), body); err != nil {
			return fmt.Errorf("lengthening the lock of s3://%s/%s, which has %s: %w", c.bucket, key, cmp.Or(o.lock.missing(want), "one"), err)
		}
	}
	if want.Hold && !o.lock.Hold {
		if err := c.set(ctx, c.address(key, "legal-hold="+version), fmt.Sprintf("<LegalHold %s><Status>ON</Status></LegalHold>", space)); err != nil {
			return fmt.Errorf("holding s3://%s/%s: %w", c.bucket, key, err)
		}
	}
	return nil
}

func (c client) set(ctx context.Context, address, body string) error {
	sum, err := sumOf(digest.Of([]byte(body)))
	if err != nil {
		return err
	}
	resp, err := c.send(ctx, http.MethodPut, address, []byte(body), map[string]string{
		"Content-Type": "application/xml", "X-Amz-Checksum-Sha256": sum, "X-Amz-Sdk-Checksum-Algorithm": "SHA256",
	})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
