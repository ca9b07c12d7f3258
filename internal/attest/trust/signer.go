package trust

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/attest/pki"
)

// Signer is one name of the trust policy: a key, an identity that a Sigstore instance
// vouches for, or one that an authority of the organisation's own does.
type Signer struct {
	Name      string
	Principal string           // the account that this signer is; may be empty
	Key       crypto.PublicKey // of a key; else nil
	KeyID     string           // "sha256:" and hex of the DER public key
	Hints     []string         // what other tools call the key
	NotBefore time.Time        // of the key; zero: open
	NotAfter  time.Time        // of the key; zero: open

	Authority    *pki.Authority    // of a certificate of one's own; else nil
	Timestampers *pki.Timestampers // whose word on the time of such a signature counts; may be nil

	issuer, subject string
	glob            string         // in place of subject
	pattern         *regexp.Regexp // glob, compiled
	fields          []field
	root            string
}

// addSigner takes one entry of "signers". Errors begin with the rest of the
// field's name.
func (l *loader) addSigner(p *Policy, name string, doc signerFile) error {
	isKey := doc.Key != "" || doc.PEM != ""
	isOwn := doc.CA != "" || doc.TSA != ""
	isIdentity := doc.Issuer != "" || doc.Root != "" || len(doc.fields()) > 0 || !isOwn && (doc.Subject != "" || doc.SubjectPattern != "")
	s := &Signer{Name: name, Principal: doc.Principal}
	switch {
	case isKey && (isIdentity || isOwn || doc.Subject != "" || doc.SubjectPattern != ""):
		return errKeyAndIdentity
	case isOwn && isIdentity:
		return errTwoAuthorities
	case isKey:
		if err := l.setKey(s, doc); err != nil {
			return err
		}
		for _, other := range p.keys {
			if other.KeyID == s.KeyID {
				return fmt.Errorf(": has the same key as signers.%s; one key is one signer, name it once", other.Name)
			}
		}
		p.keys = append(p.keys, s)
	case isOwn:
		if err := l.setAuthority(s, doc); err != nil {
			return err
		}
		if other := sameIn(p.certified, s); other != nil {
			return fmt.Errorf(": is the same identity as signers.%s; name it once", other.Name)
		}
		p.certified = append(p.certified, s)
	case isIdentity:
		if err := l.setIdentity(p, s, doc); err != nil {
			return err
		}
		if other := sameIn(p.identities, s); other != nil {
			return fmt.Errorf(": is the same identity as signers.%s; name it once", other.Name)
		}
		p.identities = append(p.identities, s)
	default:
		return errors.New(": names neither a key nor an identity; give key, pem, ca with subject, or issuer with subject and root")
	}
	p.signers[name] = s
	return nil
}

func (l *loader) setKey(s *Signer, doc signerFile) error {
	field, text := ".pem", []byte(doc.PEM)
	switch {
	case doc.Key != "" && doc.PEM != "":
		return errors.New(": has both key and pem; keep one")
	case doc.Key != "":
		var err error
		field = ".key"
		if text, err = l.read(doc.Key, keyBytes); err != nil {
			return fmt.Errorf(".key: %w", err)
		}
	}
	if err := setWindow(s, doc); err != nil {
		return err
	}
	key, der, err := parsePublicKey(text)
	if err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	sum := sha256.Sum256(der)
	s.Key, s.KeyID = key, "sha256:"+hex.EncodeToString(sum[:]) // as of pki.KeyID
	s.Hints = []string{
		s.KeyID,
		hex.EncodeToString(sum[:]), // cosign and in-toto
		base64.StdEncoding.EncodeToString(sum[:]),                // sigstore-go
		"SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:]), // go-securesystemslib
	}
	return nil
}

func setWindow(s *Signer, doc signerFile) error {
	var err error
	if doc.NotBefore != "" {
		if s.NotBefore, err = time.Parse(time.RFC3339, doc.NotBefore); err != nil {
			return fmt.Errorf(".notBefore: %q is not of the form 2026-01-31T00:00:00Z", doc.NotBefore)
		}
	}
	if doc.NotAfter != "" {
		if s.NotAfter, err = time.Parse(time.RFC3339, doc.NotAfter); err != nil {
			return fmt.Errorf(".notAfter: %q is not of the form 2026-01-31T00:00:00Z", doc.NotAfter)
		}
	}
	if !s.NotBefore.IsZero() && !s.NotAfter.IsZero() && s.NotAfter.Before(s.NotBefore) {
		return errors.New(".notAfter: lies before notBefore; the key would never be valid")
	}
	return nil
}

// parsePublicKey reads one PEM block with a public key of a kind that the gate can
// check signatures of, and its DER form.
func parsePublicKey(text []byte) (crypto.PublicKey, []byte, error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return nil, nil, errors.New("holds no PEM block; a public key begins with -----BEGIN PUBLIC KEY-----")
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return nil, nil, errors.New("holds a private key; give the public key, and treat the private one as disclosed if it was committed")
	case block.Type != "PUBLIC KEY":
		return nil, nil, fmt.Errorf("holds a PEM block of type %q; it must be PUBLIC KEY", block.Type)
	case len(strings.TrimSpace(string(rest))) > 0:
		return nil, nil, errors.New("holds more than one PEM block; keep one key a file")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("reading public key: %w", err)
	}
	if err := pki.CheckKey(key); err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding public key: %w", err)
	}
	return key, der, nil
}

var (
	errKeyAndIdentity = errors.New(": a signer is either a key (key or pem) or an identity (issuer with subject or subjectPattern, and root); this one is both")
	errTwoAuthorities = errors.New(": a signer is vouched for either by an authority of your own (ca with subject or subjectPattern) or by a Sigstore instance (issuer and root); this one is by both")
)
