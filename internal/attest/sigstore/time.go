package sigstore

import (
	"slices"
	"time"

	sigroot "github.com/sigstore/sigstore-go/pkg/root"

	"github.com/gatekeep-dev/gatekeep"
)

// observed are all times at which somebody trusted saw the signature; at least one.
func (r *Root) observed(e *entity, material sigroot.TrustedMaterial) ([]time.Time, *Failure) {
	integrated, why := r.logged(e, material)
	if why != nil {
		return nil, why
	}
	stamped, why := r.stamped(e)
	if why != nil {
		return nil, why
	}
	times := slices.Concat(integrated, stamped)
	if len(times) == 0 {
		return nil, fail(gatekeep.ReasonNoTrustedTime, "neither a log's promise nor a timestamp of an authority of root %q proves when it was signed", r.Name)
	}
	return times, r.logsValid(e, times)
}

// stamped verifies the RFC 3161 timestamps. Client specification, section 4.2.1: "the
// Verifier MUST verify the timestamping response using the Timestamping Service root
// key material [...] with the raw bytes of the signature as the timestamped data. [...]
// If verification or timestamp parsing fails, the Verifier MUST abort."
//
// So where the root lists authorities and the bundle has timestamps, one of them must
// verify, whatever a log says of the time. A further one, by an authority that the root
// does not list, says nothing. Of those that verify each counts, also the second by the
// same authority: the library drops it, and with it a time that might refuse the bundle.
func (r *Root) stamped(e *entity) ([]time.Time, *Failure) {
	authorities := r.Material.TimestampingAuthorities()
	responses, err := e.Timestamps()
	if err != nil {
		return nil, fail(gatekeep.ReasonEnvelopeMalformed, "reading timestamps: %v", err)
	}
	if len(authorities) == 0 || len(responses) == 0 {
		return nil, nil
	}
	times := stamps(authorities, responses, e.sig)
	if len(times) > 0 {
		return times, nil
	}
	if late := stamps(r.eternal.TimestampingAuthorities(), responses, e.sig); len(late) > 0 {
		return nil, fail(gatekeep.ReasonLogKeyNotValid, "timestamped at %s, outside the window in which root %q trusts the authority", stamp(late[0]), r.Name)
	}
	return nil, fail(gatekeep.ReasonNoTrustedTime, "no timestamp verifies with an authority of root %q", r.Name)
}

// stamps are the times of the responses that an authority verifies.
func stamps(authorities []sigroot.TimestampingAuthority, responses [][]byte, sig []byte) []time.Time {
	var times []time.Time
	for _, response := range responses {
		for _, authority := range authorities {
			if s, err := authority.Verify(response, sig); err == nil {
				times = append(times, s.Time)
				break
			}
		}
	}
	return times
}
