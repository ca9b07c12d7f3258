package services

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Bounds of one request. The answers are a certificate chain, a log entry with some
// forty hashes, or a timestamp: a few KiB.
const (
	requestTimeout = 30 * time.Second
	maxAnswer      = 1 << 20
	maxComplaint   = 300             // bytes of what a service complains that are passed on
	attempts       = 3               // of a request that a busy service turned away
	firstWait      = 1 * time.Second // before the second attempt; twice as long before the third
)

// caller makes requests end with the context, asks a busy service again, and reads
// answers whole and within bounds. The clients of sigstore-go do none of the three
// well: they leave the context aside, and read a closed answer after the last try.
type caller struct {
	ctx  context.Context
	base http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c caller) RoundTrip(request *http.Request) (*http.Response, error) {
	var body []byte
	if request.Body != nil {
		var err error
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, fmt.Errorf("reading request: %w", err)
		}
		request.Body.Close()
	}
	ctx, stop := context.WithCancelCause(request.Context())
	defer stop(nil)
	defer context.AfterFunc(c.ctx, func() { stop(context.Cause(c.ctx)) })()
	wait := firstWait
	for attempt := 1; ; attempt++ {
		again := request.Clone(ctx)
		again.Body = io.NopCloser(bytes.NewReader(body))
		response, err := c.once(again)
		if err != nil {
			return nil, err
		}
		busy := response.StatusCode >= http.StatusInternalServerError || response.StatusCode == http.StatusTooManyRequests
		if !busy {
			return response, nil
		}
		if attempt == attempts {
			said, _ := io.ReadAll(io.LimitReader(response.Body, maxComplaint)) // it is in memory
			return nil, fmt.Errorf("answered %s to each of %d attempts: %s", response.Status, attempts, bytes.TrimSpace(said))
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(wait):
			wait *= 2
		}
	}
}

// once makes one request and reads the answer whole.
func (c caller) once(request *http.Request) (*http.Response, error) {
	base := c.base
	if base == nil {
		base = http.DefaultTransport
	}
	response, err := base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("reading answer: %w", err)
	}
	if len(answer) > maxAnswer {
		return nil, fmt.Errorf("reading answer: more than %d bytes", maxAnswer)
	}
	response.Body = io.NopCloser(bytes.NewReader(answer))
	return response, nil
}

// Caller is a transport that asks a busy service again, until the end of ctx. Beneath
// is what carries the requests; nil is http.DefaultTransport.
func Caller(ctx context.Context, beneath http.RoundTripper) http.RoundTripper {
	return caller{ctx, beneath}
}
