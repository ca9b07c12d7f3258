package vex

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/vex/vers"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
)

func TestWhatAProductIsKnownBy(t *testing.T) {
	for name, c := range map[string]struct {
		texts, hashes  []string
		purls, digests []string
		void           bool
	}{
		"nothing": {},
		"a name":  {texts: []string{"nginx", ""}},
		"a purl": {
			texts: []string{"pkg:NPM/%40Acme/a@1.0?b=c#d"},
			purls: []string{"pkg:npm/%40Acme/a@1.0?b=c#d"},
		},
		"the same purl twice": {
			texts: []string{"pkg:npm/a@1", "pkg:npm/a@1"},
			purls: []string{"pkg:npm/a@1"},
		},
		"two purls": {
			texts: []string{"pkg:npm/b@1", "pkg:npm/a@1"},
			purls: []string{"pkg:npm/a@1", "pkg:npm/b@1"},
		},
		"qualifiers in another order": {
			texts: []string{"pkg:npm/a@1?z=1&b=2"},
			purls: []string{"pkg:npm/a@1?b=2&z=1"},
		},
		"an image by purl": {
			texts:   []string{"pkg:oci/app@sha256%3A" + sha[7:] + "?repository_url=r.io/app"},
			purls:   []string{"pkg:oci/app@" + sha + "?repository_url=r.io%2Fapp"},
			digests: []string{sha},
		},
		"an image by name": {
			texts:   []string{"r.io/app@" + sha},
			digests: []string{sha},
		},
		"an image by tag": {texts: []string{"r.io/app:1"}},
		"a digest that is none": {
			texts: []string{"r.io/app@sha256:beef"},
		},
		"hashes": {
			hashes:  []string{strings.ToUpper(other[7:]), "beef", "", sha[7:]},
			digests: []string{sha, other},
		},
		"a purl that ends in an empty version": {
			texts: []string{"pkg:npm/a@?b=c"},
			purls: []string{"pkg:npm/a?b=c"},
			void:  true,
		},
		"a scope": {
			texts: []string{"pkg:npm/@acme/a"},
			purls: []string{"pkg:npm/%40acme/a"},
		},
	} {
		var p Product
		p.identify(c.texts, c.hashes)
		if !slices.Equal(p.PURLs, c.purls) || !slices.Equal(p.Digests, c.digests) || (p.Void != "") != c.void {
			t.Errorf("%s: %+v", name, p)
		}
		if p.identified() != (len(c.purls)+len(c.digests) > 0) {
			t.Errorf("%s: identified %v", name, p.identified())
		}
	}
}

// TestPURLsAreWrittenAsFindingsAre: rules compare what is written here with what
// package sbom makes of a scanner's purl.
func TestPURLsAreWrittenAsFindingsAre(t *testing.T) {
	for _, purl := range []string{
		"pkg:npm/%40babel/core@7.0.0",
		"pkg:npm/@babel/core@7.0.0",
		"pkg:golang/github.com/Acme/a@v1.0.0%2Bincompatible",
		"pkg:deb/debian/libstdc%2B%2B6@12.2.0-14",
		"pkg:deb/debian/libstdc++6@12.2.0-14",
		"pkg:pypi/Django_REST@3.0",
		"pkg:maven/org.acme/a@1.0-jre",
		"pkg:rpm/redhat/a@1:2.0-1.el9",
		"pkg:apk/alpine/musl@1.2.5-r0",
		"pkg:generic/a b@1",
		"pkg:oci/app@sha256:" + sha[7:],
	} {
		want, ok := sbom.Canonical(purl)
		if !ok {
			t.Errorf("%s is no purl", purl)
			continue
		}
		var p Product
		if p.identify([]string{purl + "?x=y"}, nil); !slices.Equal(p.PURLs, []string{want + "?x=y"}) {
			t.Errorf("%s: %q, package sbom has %s", purl, p.PURLs, want)
		}
	}
}

func TestVersionsOfPURLs(t *testing.T) {
	for purl, want := range map[string][2]string{
		"pkg:npm/a@1?b=c@d#e":     {"pkg:npm/a", "1"},
		"pkg:npm/a":               {"pkg:npm/a", ""},
		"pkg:npm/%40x/a@1":        {"pkg:npm/%40x/a", "1"},
		"pkg:npm/@x/a":            {"pkg:npm/@x/a", ""},
		"pkg:deb/debian/a@1:2%2B": {"pkg:deb/debian/a", "1:2%2B"},
		"libssl@1":                {"libssl", "1"},
		sha:                       {sha, ""},
		"":                        {"", ""},
	} {
		if name, version := split(purl); name != want[0] || version != want[1] {
			t.Errorf("%q: %q and %q", purl, name, version)
		}
	}
	p := Product{PURLs: []string{"pkg:npm/b@1?x=y", "pkg:npm/a@1", "pkg:npm/a@2"}}
	if !p.versioned() {
		t.Error("all have a version")
	}
	if p.unversioned(); !slices.Equal(p.PURLs, []string{"pkg:npm/a", "pkg:npm/b?x=y"}) || p.versioned() {
		t.Errorf("%q", p.PURLs)
	}
}

func TestWhereAVersionLies(t *testing.T) {
	for _, c := range []struct {
		text, purl string
		want       vers.Answer
	}{
		{"vers:npm/<2.0.0", "pkg:npm/a@1.0.0?x=y", vers.In},
		{"vers:npm/<2.0.0", "pkg:npm/a@2.0.0", vers.Out},
		{"vers:npm/<2.0.0", "pkg:npm/a", vers.Unknown},
		{"vers:npm/*", "pkg:npm/a", vers.In},
		{"vers:npm/<2.0.0", "pkg:deb/debian/a@1.0.0", vers.Unknown},
		{"vers:deb/<1:2.0", "pkg:deb/debian/a@1%3A1.0", vers.In},
		{"vers:deb/<1:2.0", "pkg:deb/debian/a@%zz", vers.Unknown},
		{"vers:generic/1.0", "libssl@1.0", vers.In},
		{"vers:semver/<2.0.0", "pkg:npm/a@1.0.0", vers.In},
		{"vers:semver/<2.0.0", "pkg:deb/debian/a@1.0.0-1", vers.Unknown},
		{"vers:semver/<2.0.0", "pkg:maven/a/b@1.0.0", vers.Unknown},
		{"vers:generic/<2.0", "pkg:rpm/redhat/a@1.0", vers.Unknown},
		{"vers:intdot/<2.0", "pkg:apk/alpine/a@1.0", vers.Unknown},
		{"vers:generic/*", "pkg:rpm/redhat/a@1.0", vers.In},
		{"vers:rpm/<2:1.0", "pkg:rpm/redhat/a@3.0?epoch=1", vers.In},
		{"vers:rpm/<1.0", "pkg:rpm/redhat/a@0.9?epoch=1", vers.Out},
		{"vers:rpm/<1.0", "pkg:rpm/redhat/a@0.9?epoch=0", vers.In},
		{"vers:rpm/<1.0", "pkg:rpm/redhat/a@0.9?epoch=1 pkg:rpm/redhat/a@0.9?epoch=2", vers.Unknown},
	} {
		r, err := vers.Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		written := strings.Fields(c.purl)
		if got := lies(r, written[0], written); got != c.want {
			t.Errorf("%s in %s: %d", c.purl, c.text, got)
		}
	}
}
