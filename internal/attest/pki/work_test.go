package pki

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// rsaOf is a public key of a size; nobody has its private key.
func rsaOf(bits uint, exponent int) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: exponent}
}

func TestKeysThatTakeTooLongAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		key  crypto.PublicKey
		want string
	}{
		"common":             {rsaOf(2048, 65537), ""},
		"longest":            {rsaOf(MaxRSABits, 3), ""},
		"one bit longer":     {rsaOf(MaxRSABits+1, 65537), "16385 bits is too long"},
		"a million bits":     {rsaOf(1<<20, 65537), "is too long"},
		"largest exponent":   {rsaOf(2048, 1<<31-1), ""},
		"exponent over it":   {rsaOf(2048, 1<<31+1), "exponent"},
		"even exponent":      {rsaOf(2048, 65536), "exponent"},
		"exponent of one":    {rsaOf(2048, 1), "exponent"},
		"negative exponent":  {rsaOf(2048, -3), "exponent"},
		"no modulus":         {&rsa.PublicKey{E: 3}, "no modulus"},
		"no key":             {nil, "not supported"},
		"curve of the world": {newKey(t, elliptic.P521()).Public(), ""},
	} {
		for what, err := range map[string]error{"CheckKey": CheckKey(c.key), "CheckWork": CheckWork(&x509.Certificate{PublicKey: c.key})} {
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s of %s: %v, want %q", what, name, err, c.want)
			}
		}
	}
}

// A byte after the key in its BIT STRING changes nothing that a parser reads.
func TestOneKeyHasOneName(t *testing.T) {
	der, err := x509.MarshalPKIXPublicKey(rsaOf(2048, 65537))
	if err != nil {
		t.Fatal(err)
	}
	var spki struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &spki); err != nil {
		t.Fatal(err)
	}
	spki.Key = asn1.BitString{Bytes: append(spki.Key.Bytes, 0), BitLength: spki.Key.BitLength + 8}
	longer, err := asn1.Marshal(spki)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(longer)
	if err != nil {
		t.Skip("the parser takes one form only")
	}
	one, _ := KeyID(rsaOf(2048, 65537))
	if again, err := KeyID(key); err != nil || again != one {
		t.Errorf("%q and %q, %v", one, again, err)
	}
	if _, err := KeyID("text"); err == nil {
		t.Error("a text is a key")
	}
}

// der is one value.
func der(tag byte, content ...[]byte) []byte {
	all := slices.Concat(content...)
	b, _ := asn1.Marshal(asn1.RawValue{Class: int(tag >> 6), Tag: int(tag & 0x1f), IsCompound: tag&0x20 != 0, Bytes: all})
	return b
}

// nested is a response whose token nests by indefinite lengths that never end.
func nested(levels int) []byte {
	return der(0x30, der(0x30, []byte{2, 1, 0}), der(0x30, bytes.Repeat([]byte{0x30, 0x80}, levels)))
}

func realToken(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("../../../testdata/corpus/sigstore/conformance/rekor2-happy-path/bundle.sigstore.json")
	if err != nil {
		t.Fatal(err)
	}
	var b struct {
		VerificationMaterial struct {
			TimestampVerificationData struct {
				Rfc3161Timestamps []struct{ SignedTimestamp string }
			}
		}
	}
	if err := json.Unmarshal(data, &b); err != nil {
		t.Fatal(err)
	}
	token, err := base64.StdEncoding.DecodeString(b.VerificationMaterial.TimestampVerificationData.Rfc3161Timestamps[0].SignedTimestamp)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokenIsBoundedBeforeItIsRead(t *testing.T) {
	deep := func(n int) []byte {
		b := []byte{5, 0}
		for range n {
			b = der(0x30, b)
		}
		return b
	}
	spki, err := x509.MarshalPKIXPublicKey(rsaOf(MaxRSABits+512, 65537))
	if err != nil {
		t.Fatal(err)
	}
	fits, err := x509.MarshalPKIXPublicKey(rsaOf(MaxRSABits, 1<<31-1))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		token []byte
		large bool
		want  string
	}{
		"real":                         {realToken(t), false, ""},
		"the process ends":             {nested(5_000_000), true, "10000015 bytes"},
		"nested within the length":     {nested(8000), true, "nesting"},
		"deepest":                      {deep(maxTokenDepth - 1), false, ""},
		"too deep":                     {deep(maxTokenDepth), true, "nesting"},
		"longest":                      {der(0x04, make([]byte, MaxToken-4)), false, ""},
		"too long":                     {der(0x04, make([]byte, MaxToken-3)), true, "16385 bytes"},
		"long key":                     {der(0x30, spki), true, "a key or signature"},
		"longest key":                  {der(0x30, fits), false, ""},
		"indefinite":                   {[]byte{0x30, 0x80, 5, 0, 0, 0}, false, ""},
		"indefinite in definite":       {[]byte{0x30, 6, 0x30, 0x80, 5, 0, 0, 0}, false, ""},
		"indefinite, open at the end":  {[]byte{0x30, 4, 0x30, 0x80, 5, 0, 0, 0}, false, "ends too early"},
		"indefinite and empty":         {[]byte{0x30, 0x80, 0, 0}, false, "empty value"},
		"indefinite and primitive":     {[]byte{0x04, 0x80, 0, 0}, false, "primitive"},
		"child longer than its parent": {[]byte{0x30, 2, 0x30, 4, 5, 0, 5, 0}, false, "does not end inside"},
		"longer than what is there":    {[]byte{0x30, 9}, false, "does not end inside"},
		"long tag":                     {[]byte{0x1f, 0x81, 1, 0}, false, ""},
		"tag without end":              {[]byte{0x1f, 0x81, 0x81}, false, "ends too early"},
		"length without end":           {[]byte{0x30, 0x82, 1}, false, "its length is not read"},
		"length of five bytes":         {[]byte{0x30, 0x85, 0, 0, 0, 0, 0}, false, "its length is not read"},
		"noise":                        {[]byte("noise"), false, "does not end inside"},
		"nothing":                      {nil, false, ""},
	} {
		err := CheckToken(c.token)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrTooLarge) != c.large {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestTokenThatNestsWithoutEndProvesNothing(t *testing.T) {
	root := (*issuer)(nil).make(t, "root", newKey(t, elliptic.P256()), authority)
	stampers, err := ParseTimestampers(text(root))
	if err != nil {
		t.Fatal(err)
	}
	if _, proven := stampers.Earliest([][]byte{nested(5_000_000)}, []byte("signature")); proven {
		t.Error("it proves a time")
	}
}

// What passes is read by the library in no time.
func FuzzToken(f *testing.F) {
	f.Add(realToken(f))
	f.Add(nested(20))
	f.Add([]byte{0x30, 0x80, 0x30, 0x80, 5, 0, 0, 0, 0, 0})
	root := (*issuer)(nil).make(f, "root", newKey(f, elliptic.P256()), authority)
	stampers, err := ParseTimestampers(text(root))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token []byte) {
		began := time.Now()
		if _, proven := stampers.Earliest([][]byte{token}, []byte("signature")); proven {
			t.Error("a root that signed nothing proves something")
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
