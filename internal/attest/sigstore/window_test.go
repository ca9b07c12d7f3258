package sigstore

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rootpb "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatekeep-dev/gatekeep"
)

// edited is a trusted root of the corpus with a change.
func edited(t testing.TB, name string, change func(*rootpb.TrustedRoot)) []byte {
	t.Helper()
	pb, err := sigroot.NewTrustedRootProtobuf(read(t, name))
	if err != nil {
		t.Fatal(err)
	}
	change(pb)
	data, err := protojson.Marshal(pb)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Windows of the parts of a root, by their name.
func windows(pb *rootpb.TrustedRoot, part string) []*commonpb.TimeRange {
	var all []*commonpb.TimeRange
	switch part {
	case "log":
		for _, l := range pb.GetTlogs() {
			all = append(all, l.GetPublicKey().GetValidFor())
		}
	case "ctlog":
		for _, l := range pb.GetCtlogs() {
			all = append(all, l.GetPublicKey().GetValidFor())
		}
	case "ca":
		for _, a := range pb.GetCertificateAuthorities() {
			all = append(all, a.GetValidFor())
		}
	case "tsa":
		for _, a := range pb.GetTimestampAuthorities() {
			all = append(all, a.GetValidFor())
		}
	}
	return all
}

// signed is a bundle of the corpus with its root, artifact and the moment that matters
// to a part of the root.
type signed struct {
	row
	at time.Time
}

func sample(t testing.TB, file string) signed {
	t.Helper()
	for _, c := range rows(t) {
		if c.file != file {
			continue
		}
		b, why := ReadBundle(read(t, file))
		if why != nil {
			t.Fatal(why)
		}
		r := rootFrom(t, c.root)
		e, why := r.admit(b)
		if why != nil {
			t.Fatal(why)
		}
		times, why := r.observed(e, r.Material)
		if why != nil || len(times) != 1 {
			t.Fatalf("%v, %v", times, why)
		}
		return signed{c, times[0]}
	}
	t.Fatalf("no row of %s", file)
	return signed{}
}

// TestKeyIsTrustedInItsWindowOnly moves the window of every kind of key over the moment
// at which it was used.
func TestKeyIsTrustedInItsWindowOnly(t *testing.T) {
	v1 := sample(t, "sigstore/conformance/happy-path-v0.3/bundle.sigstore.json")        // a promise of Rekor v1
	v2 := sample(t, "sigstore/conformance/rekor2-happy-path/bundle.sigstore.json")      // Rekor v2 and a timestamp
	none := sample(t, "sigstore/java/github-private-no-tlog/attestation.sigstore.json") // a timestamp alone
	sct := time.UnixMilli(1710869186030).UTC()                                          // about the certificate of v1
	for _, c := range []struct {
		name string
		of   signed
		part string
		at   time.Time
	}{
		{"log key of a promise", v1, "log", v1.at},
		{"log key of an inclusion proof", v2, "log", v2.at},
		{"timestamp authority", v2, "tsa", v2.at},
		{"timestamp authority without log", none, "tsa", none.at},
		{"certificate authority", v1, "ca", v1.at},
		{"certificate authority at a timestamp", none, "ca", none.at},
	} {
		day, second := 24*time.Hour, time.Second
		for _, w := range []struct {
			name       string
			start, end time.Time
			want       gatekeep.Reason
		}{
			{"open", c.at.Add(-day), time.Time{}, ""},
			{"closed on that day", c.at.Add(-day), c.at.Add(day), ""},
			{"begins at that moment", c.at, time.Time{}, ""},
			{"ends at that moment", c.at.Add(-day), c.at, ""},
			{"only that moment", c.at, c.at, ""},
			{"ended a second before", c.at.Add(-day), c.at.Add(-second), gatekeep.ReasonLogKeyNotValid},
			{"begins a second later", c.at.Add(second), time.Time{}, gatekeep.ReasonLogKeyNotValid},
			{"begins in the future", c.at.Add(100 * 365 * day), time.Time{}, gatekeep.ReasonLogKeyNotValid},
		} {
			r, err := NewRoot("edited", edited(t, c.of.root, func(pb *rootpb.TrustedRoot) {
				for _, validFor := range windows(pb, c.part) {
					validFor.Start, validFor.End = timestamppb.New(w.start), nil
					if !w.end.IsZero() {
						validFor.End = timestamppb.New(w.end)
					}
				}
			}))
			if err != nil {
				t.Fatal(err)
			}
			b, why := ReadBundle(read(t, c.of.file))
			if why != nil {
				t.Fatal(why)
			}
			if _, why := r.VerifyCertificate(b, c.of.content(t)); reasonOf(why) != w.want {
				t.Errorf("%s that %s: %v, want %q", c.name, w.name, why, w.want)
			}
		}
	}
	// The moment of an SCT is inside the certificate; its window is tried from afar.
	for end, want := range map[time.Time]gatekeep.Reason{sct.Add(time.Hour): "", sct.Add(-time.Hour): gatekeep.ReasonLogKeyNotValid} {
		r, err := NewRoot("edited", edited(t, v1.root, func(pb *rootpb.TrustedRoot) {
			for _, validFor := range windows(pb, "ctlog") {
				validFor.Start, validFor.End = timestamppb.New(sct.Add(-24*time.Hour)), timestamppb.New(end)
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := ReadBundle(read(t, v1.file))
		if _, why := r.VerifyCertificate(b, v1.content(t)); reasonOf(why) != want {
			t.Errorf("certificate log until %s: %v, want %q", end, why, want)
		}
	}
}

// The reason for being: of an inclusion proof the library does not look at the window.
func TestLogKeyThatEndedIsRefusedThoughTheLibraryTakesIt(t *testing.T) {
	v2 := sample(t, "sigstore/conformance/rekor2-happy-path/bundle.sigstore.json")
	r, err := NewRoot("ended", edited(t, v2.root, func(pb *rootpb.TrustedRoot) {
		for _, validFor := range windows(pb, "log") {
			validFor.Start, validFor.End = timestamppb.New(v2.at.Add(-2*time.Hour)), timestamppb.New(v2.at.Add(-time.Hour))
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := ReadBundle(read(t, v2.file))
	verifier, err := verify.NewVerifier(r.Material, verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1), verify.WithSignedCertificateTimestamps(1))
	if err != nil {
		t.Fatal(err)
	}
	sum := v2.content(t).sums[algorithms["sha256"]]
	if _, err := verifier.Verify(b, verify.NewPolicy(verify.WithArtifactDigest("sha256", sum), verify.WithoutIdentitiesUnsafe())); err != nil {
		t.Errorf("the library refuses it by now, and the check may go: %v", err)
	}
	if _, why := r.VerifyCertificate(b, v2.content(t)); reasonOf(why) != gatekeep.ReasonLogKeyNotValid {
		t.Errorf("%v", why)
	}
}

func TestKeySignedBundleNeedsAValidLogToo(t *testing.T) {
	const folder = "sigstore/conformance/managed-key-happy-path/"
	for end, want := range map[string]gatekeep.Reason{"2030-01-01T00:00:00Z": "", "2025-12-01T00:00:00Z": gatekeep.ReasonLogKeyNotValid} {
		at, err := time.Parse(time.RFC3339, end)
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewRoot("edited", edited(t, "sigstore/roots/prod.trusted_root.json", func(pb *rootpb.TrustedRoot) {
			pb.CertificateAuthorities, pb.Ctlogs = nil, nil // neither is needed for a key
			for _, validFor := range windows(pb, "log") {
				validFor.End = timestamppb.New(at)
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		if r.CertificateReady() == nil {
			t.Error("a root without CA says that it verifies certificates")
		}
		b, _ := ReadBundle(read(t, folder+"bundle.sigstore.json"))
		if why := r.VerifyKey(b, keyFrom(t, folder+"key.pub"), Artifact(read(t, "sigstore/conformance/a.txt"))); reasonOf(why) != want {
			t.Errorf("log until %s: %v, want %q", end, why, want)
		}
		keyless, _ := ReadBundle(read(t, "sigstore/conformance/happy-path-v0.3/bundle.sigstore.json"))
		if _, why := r.VerifyCertificate(keyless, Content{}); reasonOf(why) != gatekeep.ReasonCertificateInvalid {
			t.Errorf("a certificate by a root without CA: %v", why)
		}
	}
}

func TestTrustedRootIsWhole(t *testing.T) {
	const prod = "sigstore/roots/prod.trusted_root.json"
	for name, change := range map[string]func(*rootpb.TrustedRoot){
		"log without window":       func(pb *rootpb.TrustedRoot) { pb.Tlogs[0].PublicKey.ValidFor = nil },
		"log without start":        func(pb *rootpb.TrustedRoot) { windows(pb, "log")[0].Start = nil },
		"second log without start": func(pb *rootpb.TrustedRoot) { windows(pb, "log")[1].Start = nil },
		"certificate log, too":     func(pb *rootpb.TrustedRoot) { windows(pb, "ctlog")[1].Start = nil },
		"authority without window": func(pb *rootpb.TrustedRoot) { pb.CertificateAuthorities[0].ValidFor = nil },
		"authority without start":  func(pb *rootpb.TrustedRoot) { windows(pb, "ca")[1].Start = nil },
		"timestamper, too":         func(pb *rootpb.TrustedRoot) { windows(pb, "tsa")[0].Start = nil },
		"end before start": func(pb *rootpb.TrustedRoot) {
			windows(pb, "ca")[0].End = timestamppb.New(time.Unix(0, 0))
		},
		"one log twice":      func(pb *rootpb.TrustedRoot) { pb.Tlogs = append(pb.Tlogs, pb.Tlogs[0]) },
		"another media type": func(pb *rootpb.TrustedRoot) { pb.MediaType = "application/vnd.dev.sigstore.trustedroot.v0.9+json" },
		"no media type":      func(pb *rootpb.TrustedRoot) { pb.MediaType = "" },
		"nothing in it": func(pb *rootpb.TrustedRoot) {
			pb.Tlogs, pb.Ctlogs, pb.CertificateAuthorities, pb.TimestampAuthorities = nil, nil, nil, nil
		},
		"a key that is none": func(pb *rootpb.TrustedRoot) { pb.Tlogs[0].PublicKey.RawBytes = []byte("x") },
		"a broken chain": func(pb *rootpb.TrustedRoot) {
			pb.CertificateAuthorities[0].CertChain.Certificates[0].RawBytes = []byte("x")
		},
		"no log id":            func(pb *rootpb.TrustedRoot) { pb.Tlogs[0].LogId = nil },
		"an unknown tree hash": func(pb *rootpb.TrustedRoot) { pb.Tlogs[0].HashAlgorithm = commonpb.HashAlgorithm_SHA2_512 },
	} {
		if _, err := NewRoot("x", edited(t, prod, change)); err == nil || !strings.HasPrefix(err.Error(), "reading Sigstore trusted root: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, mediaType := range rootMediaTypes {
		if _, err := NewRoot("x", edited(t, prod, func(pb *rootpb.TrustedRoot) { pb.MediaType = mediaType })); err != nil {
			t.Errorf("%s: %v", mediaType, err)
		}
	}
	good := string(read(t, prod))
	for name, text := range map[string]string{
		"twice a name": strings.Replace(good, `"mediaType"`, `"mediaType":"x","mediaType"`, 1), "trailing": good + "1", "empty": "", "list": "[]", "null": "null",
	} {
		if _, err := NewRoot("x", []byte(text)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

func TestPartsListEveryWindow(t *testing.T) {
	r := rootFrom(t, "sigstore/roots/staging.trusted_root.json")
	parts := r.Parts()
	count := map[string]int{}
	for i, p := range parts {
		count[p.Kind]++
		if p.Start.IsZero() || p.URI == "" || (p.ID != "") != (p.Kind == KindLog || p.Kind == KindCertificateLog) {
			t.Errorf("%+v", p)
		}
		if i > 0 && p.Kind == parts[i-1].Kind && p.Start.Before(parts[i-1].Start) {
			t.Errorf("%s stands after a later one", p.URI)
		}
	}
	want := map[string]int{KindAuthority: 2, KindLog: 5, KindCertificateLog: 5, KindTimestamper: 2}
	for kind, n := range want {
		if count[kind] != n {
			t.Errorf("%d of %s, want %d", count[kind], kind, n)
		}
	}
	if text, err := json.Marshal(parts); err != nil || !strings.Contains(string(text), `"end":"2025-09-04T00:00:00Z"`) {
		t.Errorf("%s, %v", text, err)
	}
}
