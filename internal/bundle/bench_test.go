package bundle

import "testing"

func BenchmarkLoad(b *testing.B) {
	fsys := folder()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(fsys); err != nil {
			b.Fatal(err)
		}
	}
}
