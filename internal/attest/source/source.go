// Package source holds the places where evidence and subjects lie: files, folders,
// OCI layouts and OCI registries. It finds and names things by digest; it believes
// nothing.
//
// "Nothing there" and "could not look" never mix: the registry's own word that
// something does not exist is an empty answer, all else is a failure with its reason.
package source

import (
	"fmt"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocistore"
)

// Registry is how registries are reached; see ocistore.Registry.
type Registry = ocistore.Registry

// ResolveError is a subject that could not be named by digest. ReasonNotFound says
// that it does not exist; every other reason, that it could not be looked at.
type ResolveError struct {
	Ref    string
	Reason gatekeep.Reason
	Err    error
}

// Error names the subject and what happened.
func (e *ResolveError) Error() string {
	return fmt.Sprintf("resolving subject %s: %s: %v", e.Ref, e.Reason, e.Err)
}

// Unwrap returns the cause.
func (e *ResolveError) Unwrap() error { return e.Err }
