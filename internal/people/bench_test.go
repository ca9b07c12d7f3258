package people

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"testing"
)

// A large SBOM in an envelope, and a hundred people.
func BenchmarkMentioned(b *testing.B) {
	var sbom bytes.Buffer
	for i := range 50_000 {
		fmt.Fprintf(&sbom, `{"bom-ref":"pkg:npm/left-%d@1.0.0","name":"left-%d","version":"1.0.0","purl":"pkg:npm/left-%d@1.0.0","licenses":[{"license":{"id":"MIT"}}]},`, i, i, i)
	}
	document := []byte(`{"payload":"` + base64.StdEncoding.EncodeToString(sbom.Bytes()) + `"}`)
	var list []Person
	for i := range 100 {
		list = append(list, person(b, fmt.Sprint("somebody-", i)))
	}
	b.SetBytes(int64(len(document)))
	for b.Loop() {
		if len(Mentioned(document, list)) != 0 {
			b.Fatal("somebody is in it")
		}
	}
}
