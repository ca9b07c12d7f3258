package roots

import (
	"testing"

	"github.com/sigstore/sigstore-go/pkg/root"
)

func TestEveryEmbeddedRootIsATrustedRoot(t *testing.T) {
	for _, name := range []string{Production, Staging} {
		r, ok := Named(name)
		if !ok {
			t.Fatalf("%s is not embedded", name)
		}
		material, err := root.NewTrustedRootFromJSON(r.JSON)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(material.FulcioCertificateAuthorities()) == 0 || len(material.RekorLogs()) == 0 || len(material.CTLogs()) == 0 {
			t.Errorf("%s lists no authority, log or certificate log", name)
		}
	}
	if _, ok := Named("sigstore"); ok {
		t.Error("a name that is no root's is answered")
	}
}
