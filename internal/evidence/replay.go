package evidence

import (
	"context"
	"fmt"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/difference"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
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
	facts := replayed("facts judged again", layout.PathInput, ReasonInputDiffers, c.Input, input)
	if input == nil && len(c.People) < len(c.Record.Case.People) {
		facts = held("replay", "facts as they were sealed", layout.PathInput, "they cannot be made again: names of people were taken away")
	}
	return Verification{[]Check{
		facts,
		replayed("decision made again", layout.PathDecision, ReasonDecisionDiffers, c.Decision, decision),
	}}, nil
}

func replayed(what, path, reason string, sealed, again []byte) Check {
	if sameBytes(sealed, again) {
		return held("replay", what, path, digestOf(again))
	}
	return failed("replay", what, path, archive.Refuse(reason, "", "%s", difference.First(sealed, again)))
}

// digestOf is the digest of a document, "" for none.
func digestOf(data []byte) string {
	if data == nil {
		return ""
	}
	return digest.Of(data)
}
