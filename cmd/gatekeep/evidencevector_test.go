package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each folder is what an auditor holds: those that end in _fail are refused with the
// reason in want and no folder else is refused.
func TestEvidenceVectors(t *testing.T) {
	folders, err := filepath.Glob("../../testdata/evidence/vectors/*")
	if err != nil || len(folders) < 25 {
		t.Fatalf("%d vectors, %v", len(folders), err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Chdir(folder)
			args, err := os.ReadFile("args")
			if err != nil {
				t.Fatal(err)
			}
			w, out, errs := screen(nil)
			code := run(t.Context(), append([]string{"evidence", "verify"}, strings.Fields(string(args))...), w)
			want, err := os.ReadFile("want")
			fails := strings.HasSuffix(folder, "_fail")
			switch {
			case fails != (err == nil):
				t.Fatalf("the folder says %t, and want: %v", fails, err)
			case !fails && (code != exitOpen || strings.Contains(out.String(), "FAIL")):
				t.Errorf("refused with %d: %s%s", code, out, errs)
			case fails && code != exitShut:
				t.Errorf("exit code %d: %s%s", code, out, errs)
			case fails && !strings.Contains(out.String(), "["+strings.TrimSpace(string(want))+"]"):
				t.Errorf("the reason is not %s: %s", want, out)
			}
			if fails && strings.Contains(out.String(), "every check holds") {
				t.Errorf("it says that all is well: %s", out)
			}
		})
	}
}
