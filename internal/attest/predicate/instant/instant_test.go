package instant

import "testing"

func TestTimesThatRulesCannotCompareAreRefused(t *testing.T) {
	for _, text := range []string{"2026-11-23T10:00:00Z", "2026-11-23T10:00:00.123456789+02:00", "1970-01-01T00:00:00Z", "2261-12-31T23:59:59Z"} {
		if err := Check(text); err != nil {
			t.Error(err)
		}
	}
	for _, text := range []string{"", "2026-11-23", "2026-11-23T10:00:00", "2026-11-23 10:00:00Z", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59Z",
		"0001-01-01T00:00:00Z", "1970-01-01T00:00:00+01:00", "1795428000"} {
		if Check(text) == nil {
			t.Errorf("%q is accepted", text)
		}
	}
	if Optional("") != nil || Optional("soon") == nil {
		t.Error("Optional differs from Check beyond the empty text")
	}
}
