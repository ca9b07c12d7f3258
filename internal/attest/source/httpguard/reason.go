package httpguard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gatekeep-dev/gatekeep"
)

// Failures that no further attempt mends.
var (
	ErrRedirect = errors.New("the registry redirects too often, to another scheme or to where it may not")
	ErrTooLarge = errors.New("the answer is over the bound for a manifest")
	ErrForeign  = errors.New("the answer is not that of a registry")
	// ErrCut is a body that ends before the size that was stated for it.
	ErrCut = errors.New("the answer broke off")
)

// Refused is an answer that asks to come back later, after all attempts.
type Refused struct {
	Code int           // HTTP status
	Wait time.Duration // that it asked for; zero: none
}

// Error names the status and the wait.
func (r *Refused) Error() string {
	text := fmt.Sprintf("%d %s", r.Code, http.StatusText(r.Code))
	if r.Wait > 0 {
		text += fmt.Sprintf(", asked to wait %s", r.Wait)
	}
	return text
}

// Silence is an answer that did not come in time.
type Silence struct{ After time.Duration }

// Error names the time.
func (s *Silence) Error() string { return fmt.Sprintf("no answer within %s", s.After) }

// Reason finds the reason for an error of a look-up. "Not found" is the word of the
// registry alone; that it could not be asked is always another reason.
func Reason(err error) gatekeep.Reason {
	var status *transport.Error
	var network net.Error
	var request *url.Error
	var refused *Refused
	var silence *Silence
	switch {
	case errors.Is(err, ErrRedirect), errors.Is(err, ErrTooLarge), errors.Is(err, ErrForeign):
		return gatekeep.ReasonSourceMalformed
	case errors.As(err, &status):
		return reasonOfStatus(status)
	case errors.As(err, &refused), errors.As(err, &silence), errors.Is(err, ErrCut), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.As(err, &request), errors.As(err, &network):
		return gatekeep.ReasonSourceUnreachable
	}
	// What is left is an answer that came and does not hold: a digest or size that
	// is not the promised one, JSON that is none.
	return gatekeep.ReasonSourceMalformed
}

func reasonOfStatus(status *transport.Error) gatekeep.Reason {
	switch code := status.StatusCode; {
	case code == http.StatusNotFound && ofManifest(status.Request):
		return gatekeep.ReasonNotFound
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return gatekeep.ReasonSourceDenied
	case temporary(code), code >= 500:
		return gatekeep.ReasonSourceUnreachable
	}
	return gatekeep.ReasonSourceMalformed
}

// ofManifest tells whether a request asked for a manifest: a 404 of a token server or
// of the registry's root is not about the subject.
func ofManifest(req *http.Request) bool {
	return req != nil && strings.Contains(first(req).URL.Path, "/manifests/")
}

// SaysGone tells whether an error is the registry's own word, with its code, that a
// name or manifest does not exist.
func SaysGone(err error) bool {
	var status *transport.Error
	return errors.As(err, &status) && status.StatusCode == http.StatusNotFound && ofManifest(status.Request) && len(status.Errors) > 0
}
