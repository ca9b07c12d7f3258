package imagesignature

import (
	"strings"
	"testing"
)

func TestPredicateIsAnObjectOrNothing(t *testing.T) {
	for text, ok := range map[string]bool{
		`{}`: true, `null`: true, `{"later":1}`: true,
		`[]`: false, `"text"`: false, `1`: false, ``: false, `{"a":"` + strings.Repeat("x", MaxBytes) + `"}`: false,
	} {
		err := Check([]byte(text))
		if (err == nil) != ok {
			t.Errorf("%.40s: got %v", text, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "reading image signature: ") {
			t.Errorf("got %v", err)
		}
	}
}
