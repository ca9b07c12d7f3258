package evidence

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// large has some 64 MB of attestations that pack as real SBOMs do, to a tenth.
func large(b *testing.B) Contents {
	c := contents(b)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 8 {
		var doc bytes.Buffer
		for doc.Len() < 8<<20 {
			n := random.Uint32()
			fmt.Fprintf(&doc, `{"type":"library","bom-ref":"pkg:npm/name-%d@1.%d.0","name":"name-%d","version":"1.%d.0","purl":"pkg:npm/name-%d@1.%d.0"},`, n>>8, n%40, n>>8, n%40, n>>8, n%40)
		}
		d := digest.Of(doc.Bytes())
		c.Envelopes[d] = doc.Bytes()
		c.Record.Case.Envelopes = append(c.Record.Case.Envelopes, gatekeep.EnvelopeRef{Digest: d, Name: fmt.Sprint(i), Size: int64(doc.Len())})
	}
	c.Case = jcs(b, c.Record.Case)
	return c
}

func BenchmarkSeal(b *testing.B) {
	signer, _ := newKey(b)
	c := large(b)
	b.SetBytes(64 << 20)
	for b.Loop() {
		if err := Seal(io.Discard, c, signer); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	signer, public := newKey(b)
	data := seal(b, large(b), signer)
	b.SetBytes(64 << 20)
	for b.Loop() {
		if v := verify(data, VerifyOptions{Key: public}); !v.OK() {
			b.Fatal(failures(v))
		}
	}
	b.ReportMetric(float64(64<<20)/float64(len(data)), "ratio")
}
