package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Signer is one name of the trust policy: a key, or an identity that a certificate
// authority vouches for.
type Signer struct {
	Name      string
	Principal string           // the account that this signer is; may be empty
	Key       crypto.PublicKey // nil for identities
	KeyID     string           // "sha256:" and hex of the DER public key
	Hints     []string         // what other tools call the key
	NotBefore time.Time        // of the key; zero: open
	NotAfter  time.Time        // of the key; zero: open

	issuer, subject string
	pattern         *regexp.Regexp // in place of subject
	root            string
}

// addSigner takes one entry of "signers". Errors begin with the rest of the
// field's name.
func (l *loader) addSigner(p *Policy, name string, doc signerFile) error {
	isKey := doc.Key != "" || doc.PEM != ""
	isIdentity := doc.Issuer != "" || doc.Subject != "" || doc.SubjectPattern != "" || doc.Root != ""
	s := &Signer{Name: name, Principal: doc.Principal}
	switch {
	case isKey && isIdentity:
		return errKeyAndIdentity
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
		return nil
	case isIdentity:
		if err := setIdentity(s, doc, p.roots); err != nil {
			return err
		}
		p.identities = append(p.identities, s)
		return nil
	default:
		return errors.New(": names neither a key nor an identity; give key, pem, or issuer with subject and root")
	}
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
	s.Key, s.KeyID = key, "sha256:"+hex.EncodeToString(sum[:])
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

// minRSABits is what NIST SP 800-131A allows.
const minRSABits = 2048

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
	switch key := key.(type) {
	case ed25519.PublicKey:
	case *ecdsa.PublicKey:
		if !slices.Contains([]string{"P-256", "P-384", "P-521"}, key.Curve.Params().Name) {
			return nil, nil, fmt.Errorf("curve %s is not supported; use P-256, P-384 or P-521", key.Curve.Params().Name)
		}
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			return nil, nil, fmt.Errorf("RSA key of %d bits is too short; use %d or more", key.N.BitLen(), minRSABits)
		}
	default:
		return nil, nil, fmt.Errorf("keys of type %T are not supported; use ECDSA, Ed25519 or RSA", key)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding public key: %w", err)
	}
	return key, der, nil
}

func setIdentity(s *Signer, doc signerFile, roots map[string]*Root) error {
	s.issuer, s.subject, s.root = doc.Issuer, doc.Subject, doc.Root
	switch {
	case doc.Issuer == "":
		return errors.New(".issuer: is missing; an identity is only unique within its issuer")
	case (doc.Subject == "") == (doc.SubjectPattern == ""):
		return errors.New(".subject: give exactly one of subject and subjectPattern")
	case strings.Contains(doc.Issuer+doc.Subject, "*"):
		return errors.New(": issuer and subject are compared whole and may not hold *; use subjectPattern")
	case doc.NotBefore != "" || doc.NotAfter != "":
		return errors.New(".notBefore: is for keys; a certificate has its own validity")
	case roots[doc.Root] == nil:
		return fmt.Errorf(".root: there is no root named %q; name one of those under roots", doc.Root)
	}
	if u, err := url.Parse(doc.Issuer); err != nil || u.Scheme == "" || u.Host == "" {
		return fmt.Errorf(".issuer: %q is no URL", doc.Issuer)
	}
	if doc.SubjectPattern == "" {
		return nil
	}
	if err := checkIdentityGlob(doc.SubjectPattern); err != nil {
		return fmt.Errorf(".subjectPattern: %w", err)
	}
	var err error
	if s.pattern, err = compileGlob(doc.SubjectPattern); err != nil {
		return fmt.Errorf(".subjectPattern: %w", err)
	}
	return nil
}

// Is tells whether a verified certificate is this signer's. Issuer and identity
// are compared whole: "https://token.actions.githubusercontent.com/other" is
// another issuer.
func (s *Signer) Is(issuer, identity string) bool {
	if s.issuer == "" || s.issuer != issuer {
		return false
	}
	if s.pattern != nil {
		return s.pattern.MatchString(identity)
	}
	return s.subject != "" && s.subject == identity
}
