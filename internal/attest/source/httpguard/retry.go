package httpguard

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Wait sleeps before another attempt: twice as long each time, give or take a half so
// that clients do not return in step, and never shorter than the registry asked for.
// It fails where the context ends first.
func (g *Guard) Wait(ctx context.Context, attempt int, asked time.Duration) error {
	delay := g.Delay
	if delay <= 0 {
		delay = defaultDelay
	}
	delay <<= attempt - 1
	timer := time.NewTimer(asked + delay/2 + rand.N(delay))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// retryAfter is how long an answer asks to wait, zero where it does not. RFC 9110,
// section 10.2.3: seconds, or a date. The date is read against that of the answer
// itself, so that neither clock has to be right.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}

// passing tells whether a failure may be over in a moment. A plain-text registry that
// is asked in TLS will answer the same again, and the client asks every local registry
// so before it asks in plain text; a bad certificate stays one.
func passing(err error) bool {
	var plain tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	for _, final := range []error{http.ErrSchemeMismatch, ErrTooLarge, ErrForeign, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, final) {
			return false
		}
	}
	return !errors.As(err, &plain) && !errors.As(err, &certificate)
}

// temporary tells whether a status is one that may be another in a moment.
func temporary(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
