// Package services signs with the help of Sigstore's services: Fulcio certifies whose
// a fresh key is, Rekor keeps what was signed in a public log, and a timestamp
// authority says when. It speaks to nobody but the addresses that it is given.
package services

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"

	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Versions of Rekor's interface: with RekorV1 the log itself says when, with RekorV2
// a timestamp authority must.
const (
	RekorV1 = 1
	RekorV2 = 2
)

// Bounds of a signing configuration: the one of the public instance is 1.2 KiB, and a
// signature that needs more services than this waits longer than anybody does.
const (
	maxConfigBytes = 64 << 10
	maxConfigDepth = 8
	maxServices    = 8
)

// Services are the addresses of who helps to sign.
type Services struct {
	Fulcio     string   // base URL; "" where a key of one's own signs
	Logs       []Log    // each keeps an entry
	Timestamps []string // URLs of RFC 3161 authorities, with their path; each stamps
}

// Log is one transparency log.
type Log struct {
	URL     string // base URL
	Version uint32 // RekorV1 or RekorV2
}

// FromConfig chooses services from a Sigstore signing configuration v0.2
// (signing_config.json): those of the highest version that is spoken here and that
// are in use now, as many as it asks for, one an operator.
func FromConfig(data []byte, now time.Time) (Services, error) {
	var s Services
	if err := strictjson.Check(data, strictjson.Limits{Bytes: maxConfigBytes, Depth: maxConfigDepth}); err != nil {
		return s, fmt.Errorf("reading signing configuration: %w", err)
	}
	config, err := root.NewSigningConfigFromJSON(data)
	if err != nil {
		return s, fmt.Errorf("reading signing configuration: %w", err)
	}
	if cas := config.FulcioCertificateAuthorityURLs(); len(cas) > 0 {
		ca, err := root.SelectService(cas, sign.FulcioAPIVersions, now)
		if err != nil {
			return s, fmt.Errorf("reading signing configuration: caUrls: %w", err)
		}
		s.Fulcio = ca.URL
	}
	if logs := config.RekorLogURLs(); len(logs) > 0 {
		chosen, err := root.SelectServices(logs, config.RekorLogURLsConfig(), sign.RekorAPIVersions, now)
		if err != nil {
			return s, fmt.Errorf("reading signing configuration: rekorTlogUrls: %w", err)
		}
		for _, log := range chosen {
			s.Logs = append(s.Logs, Log{log.URL, log.MajorAPIVersion})
		}
	}
	if authorities := config.TimestampAuthorityURLs(); len(authorities) > 0 {
		chosen, err := root.SelectServices(authorities, config.TimestampAuthorityURLsConfig(), sign.TimestampAuthorityAPIVersions, now)
		if err != nil {
			return s, fmt.Errorf("reading signing configuration: tsaUrls: %w", err)
		}
		for _, authority := range chosen {
			s.Timestamps = append(s.Timestamps, authority.URL)
		}
	}
	return s, nil
}

// Check refuses services that cannot make a signature which anybody could verify.
// Certified tells that Fulcio is to certify the key.
func (s Services) Check(certified bool) error {
	if certified && s.Fulcio == "" {
		return errors.New("choosing services: none certifies who signs; name a Fulcio")
	}
	if len(s.Logs) > maxServices || len(s.Timestamps) > maxServices {
		return fmt.Errorf("choosing services: %d logs and %d timestamp authorities; at most %d of each are asked", len(s.Logs), len(s.Timestamps), maxServices)
	}
	said := len(s.Timestamps) > 0
	for _, log := range s.Logs {
		said = said || log.Version == RekorV1
	}
	// A certificate of Fulcio holds for ten minutes. Without a time that somebody else
	// vouches for, nobody could verify after that.
	if certified && !said {
		return errors.New("choosing services: nobody says when this is signed; name a timestamp authority")
	}
	addresses := append([]string{}, s.Timestamps...)
	if certified {
		addresses = append(addresses, s.Fulcio)
	}
	for _, log := range s.Logs {
		if log.Version != RekorV1 && log.Version != RekorV2 {
			return fmt.Errorf("choosing services: version %d of Rekor is not spoken at %s", log.Version, log.URL)
		}
		addresses = append(addresses, log.URL)
	}
	for _, address := range addresses {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return fmt.Errorf("choosing services: %q is no address such as https://fulcio.example", address)
		}
	}
	return nil
}
