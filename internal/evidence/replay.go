package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
)

// Judge makes the decision of a bundle again from what was sealed, and returns the
// canonical facts and decision.
type Judge func(ctx context.Context, c Contents) (input, decision []byte, err error)

// Replay judges a bundle again and holds the outcome against what was sealed, byte
// for byte. It believes the bundle: Verify first. An error means that it could not
// be read, or not be judged again.
func Replay(ctx context.Context, b *Bundle, judge Judge) (Verification, error) {
	c, err := b.Contents()
	if err != nil {
		return Verification{}, err
	}
	input, decision, err := judge(ctx, c)
	if err != nil {
		return Verification{}, fmt.Errorf("judging decision %s again: %w", c.Record.ID, err)
	}
	return Verification{[]Check{
		replayed("facts judged again", PathInput, ReasonInputDiffers, c.Input, input),
		replayed("decision made again", PathDecision, ReasonDecisionDiffers, c.Decision, decision),
	}}, nil
}

func replayed(what, path, reason string, sealed, again []byte) Check {
	if sameBytes(sealed, again) {
		return held("replay", what, path, digestOf(again))
	}
	return failed("replay", what, path, archive.Refuse(reason, "", "%s", firstDifference(sealed, again)))
}

// firstDifference names the first path, in the order of a canonical document, at
// which two documents differ.
func firstDifference(sealed, again []byte) string {
	var a, b any
	for data, into := range map[*[]byte]*any{&sealed: &a, &again: &b} {
		decoder := json.NewDecoder(bytes.NewReader(*data))
		decoder.UseNumber()
		if err := decoder.Decode(into); err != nil {
			return fmt.Sprintf("one of them is no JSON: %v", err)
		}
	}
	at, differs := difference(a, b, true)
	if !differs {
		return "they say the same, and one is not in its canonical form"
	}
	if at == "" {
		at = "the whole document"
	}
	return fmt.Sprintf("%s differs first", at)
}

// difference is the first path at which got is not want. Members that only got has
// count where exact is set; otherwise a newer writer may have added them.
func difference(want, got any, exact bool) (at string, differs bool) {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return "", true
		}
		names := slices.Collect(maps.Keys(want))
		if exact {
			for name := range got {
				if _, ok := want[name]; !ok {
					names = append(names, name)
				}
			}
		}
		slices.Sort(names)
		for _, name := range names {
			_, inWant := want[name]
			other, inGot := got[name]
			if !inWant || !inGot {
				return name, true
			}
			if at, differs := difference(want[name], other, exact); differs {
				return join(name, at), true
			}
		}
		return "", false
	case []any:
		got, ok := got.([]any)
		if !ok {
			return "", true
		}
		for i := range min(len(want), len(got)) {
			if at, differs := difference(want[i], got[i], exact); differs {
				return join(fmt.Sprintf("[%d]", i), at), true
			}
		}
		if len(want) != len(got) {
			return fmt.Sprintf("[%d]", min(len(want), len(got))), true
		}
		return "", false
	}
	switch got.(type) {
	case map[string]any, []any:
		return "", true
	}
	return "", want != got
}

func join(name, rest string) string {
	if rest == "" || rest[0] == '[' {
		return name + rest
	}
	return name + "." + rest
}

// digestOf is the digest of a document, "" for none.
func digestOf(data []byte) string {
	if data == nil {
		return ""
	}
	return digest.Of(data)
}
