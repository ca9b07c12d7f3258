package trust

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"

	"github.com/gatekeep-dev/gatekeep/internal/attest/pki"
)

// field is what a signer's certificate must hold beside its identity: one of the
// extensions of Fulcio, docs/oid-info.md of github.com/sigstore/fulcio.
type field struct {
	name    string
	exact   string
	glob    string         // in place of exact
	pattern *regexp.Regexp // glob, compiled
	of      func(certificate.Extensions) string
}

// fields are those that a file asks for, by the last number of their OID, 1.3.6.1.4.1.57264.1.9
// to 22. The issuer, 8, is always asked for. The older extensions 1 to 6 are never
// read: they lack where the certificate came from elsewhere than GitHub.
func (f signerFile) fields() []field {
	all := []field{
		{"buildSigner", f.BuildSigner, f.BuildSignerPattern, nil, func(e certificate.Extensions) string { return e.BuildSignerURI }},
		{"buildSignerDigest", f.BuildSignerDigest, "", nil, func(e certificate.Extensions) string { return e.BuildSignerDigest }},
		{"runnerEnvironment", f.RunnerEnvironment, "", nil, func(e certificate.Extensions) string { return e.RunnerEnvironment }},
		{"sourceRepository", f.SourceRepository, f.SourceRepositoryPattern, nil, func(e certificate.Extensions) string { return e.SourceRepositoryURI }},
		{"sourceDigest", f.SourceDigest, "", nil, func(e certificate.Extensions) string { return e.SourceRepositoryDigest }},
		{"sourceRef", f.SourceRef, f.SourceRefPattern, nil, func(e certificate.Extensions) string { return e.SourceRepositoryRef }},
		{"sourceRepositoryID", f.SourceRepositoryID, "", nil, func(e certificate.Extensions) string { return e.SourceRepositoryIdentifier }},
		{"sourceRepositoryOwner", f.SourceRepositoryOwner, "", nil, func(e certificate.Extensions) string { return e.SourceRepositoryOwnerURI }},
		{"sourceRepositoryOwnerID", f.SourceRepositoryOwnerID, "", nil, func(e certificate.Extensions) string { return e.SourceRepositoryOwnerIdentifier }},
		{"buildConfig", f.BuildConfig, f.BuildConfigPattern, nil, func(e certificate.Extensions) string { return e.BuildConfigURI }},
		{"buildConfigDigest", f.BuildConfigDigest, "", nil, func(e certificate.Extensions) string { return e.BuildConfigDigest }},
		{"buildTrigger", f.BuildTrigger, "", nil, func(e certificate.Extensions) string { return e.BuildTrigger }},
		{"runInvocation", f.RunInvocation, "", nil, func(e certificate.Extensions) string { return e.RunInvocationURI }},
		{"sourceVisibility", f.SourceVisibility, "", nil, func(e certificate.Extensions) string { return e.SourceRepositoryVisibilityAtSigning }},
	}
	return slices.DeleteFunc(all, func(f field) bool { return f.exact == "" && f.glob == "" })
}

// compile checks one field. Errors begin with its name.
func (f *field) compile() error {
	switch {
	case f.exact != "" && f.glob != "":
		return fmt.Errorf(".%s: give exactly one of %s and %sPattern", f.name, f.name, f.name)
	case strings.Contains(f.exact, "*"):
		return fmt.Errorf(".%s: is compared whole and may not hold *", f.name)
	case f.glob == "":
		return nil
	}
	check := checkIdentityGlob
	if f.name == "sourceRef" {
		check = checkRefGlob
	}
	err := check(f.glob)
	if err == nil {
		f.pattern, err = compileGlob(f.glob)
	}
	if err != nil {
		return fmt.Errorf(".%sPattern: %w", f.name, err)
	}
	return nil
}

// matches compares whole. What a certificate lacks never matches.
func (f field) matches(e certificate.Extensions) bool {
	found := f.of(e)
	if found == "" {
		return false
	}
	if f.pattern != nil {
		return f.pattern.MatchString(found)
	}
	return f.exact == found
}

// setSubject takes subject or subjectPattern, which check has judged.
func (s *Signer) setSubject(doc signerFile, check func(glob string) error) error {
	s.subject, s.glob = doc.Subject, doc.SubjectPattern
	switch {
	case (doc.Subject == "") == (doc.SubjectPattern == ""):
		return errors.New(".subject: give exactly one of subject and subjectPattern")
	case strings.Contains(doc.Issuer+doc.Subject, "*"):
		return errors.New(": issuer and subject are compared whole and may not hold *; use subjectPattern")
	case doc.NotBefore != "" || doc.NotAfter != "":
		return errors.New(".notBefore: is for keys; a certificate has its own validity")
	case doc.SubjectPattern == "":
		return nil
	}
	err := check(doc.SubjectPattern)
	if err == nil {
		s.pattern, err = compileGlob(doc.SubjectPattern)
	}
	if err != nil {
		return fmt.Errorf(".subjectPattern: %w", err)
	}
	return nil
}

// setIdentity makes a signer that a Sigstore instance vouches for.
func (l *loader) setIdentity(p *Policy, s *Signer, doc signerFile) error {
	s.issuer, s.root = doc.Issuer, doc.Root
	if doc.Issuer == "" {
		return errors.New(".issuer: is missing; an identity is only unique within its issuer")
	}
	if err := s.setSubject(doc, checkIdentityGlob); err != nil {
		return err
	}
	if err := l.useRoot(p, doc.Root); err != nil {
		return fmt.Errorf(".root: %w", err)
	}
	if u, err := url.Parse(doc.Issuer); err != nil || u.Scheme == "" || u.Host == "" {
		return fmt.Errorf(".issuer: %q is no URL", doc.Issuer)
	}
	s.fields = doc.fields()
	for i := range s.fields {
		if err := s.fields[i].compile(); err != nil {
			return err
		}
	}
	return nil
}

// setAuthority makes a signer that an authority of the organisation's own vouches for.
func (l *loader) setAuthority(s *Signer, doc signerFile) error {
	if doc.CA == "" {
		return errors.New(".ca: is missing; tsa tells when certificates of an authority were used")
	}
	if err := s.setSubject(doc, checkNameGlob); err != nil {
		return err
	}
	text, err := l.read(doc.CA, keyBytes)
	if err == nil {
		s.Authority, err = pki.ParseAuthority(text)
	}
	if err != nil {
		return fmt.Errorf(".ca: %w", err)
	}
	if doc.TSA == "" {
		return nil
	}
	text, err = l.read(doc.TSA, keyBytes)
	if err == nil {
		s.Timestampers, err = pki.ParseTimestampers(text)
	}
	if err != nil {
		return fmt.Errorf(".tsa: %w", err)
	}
	return nil
}

// Is tells whether a verified certificate of the signer's Sigstore instance is this
// signer's. Issuer and identity are compared whole:
// "https://token.actions.githubusercontent.com/other" is another issuer.
func (s *Signer) Is(c certificate.Summary) bool {
	name := c.SubjectAlternativeName
	if s.issuer == "" || s.issuer != c.Issuer || !s.isCalled(pki.Name{Kind: pki.KindOf(name), Text: name}) {
		return false
	}
	return !slices.ContainsFunc(s.fields, func(f field) bool { return !f.matches(c.Extensions) })
}

// Called finds the name in a certificate of the signer's own authority that is this
// signer's, of the same kind: what is written as a URI is none in the field of a host.
func (s *Signer) Called(leaf *x509.Certificate) (name string, ok bool) {
	if s.Authority == nil {
		return "", false
	}
	for _, name := range pki.Names(leaf) {
		if s.isCalled(name) {
			return name.Text, true
		}
	}
	return "", false
}

// isCalled compares kind and text. A star in the glob of an address stands for its local
// part: what has a second @ is the address of nobody there.
func (s *Signer) isCalled(name pki.Name) bool {
	switch {
	case name.Kind != pki.KindOf(s.calledAs()):
		return false
	case s.pattern != nil:
		return s.pattern.MatchString(name.Text) && (name.Kind != pki.KindAddress || strings.Count(name.Text, "@") == 1)
	}
	return s.subject != "" && s.subject == name.Text
}
