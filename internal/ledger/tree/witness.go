package tree

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/tessera"
)

// Patience with witnesses.
const (
	witnessTimeout  = 5 * time.Second // for one round of requests
	witnessPatience = 5 * time.Second // from the first answer on: a witness may be restarting
	maxAnswer       = 64 << 10        // a cosignature is a line
	maxNotedAnswer  = 200             // of what a witness says when it refuses
)

// Witnesses are parties that sign checkpoints of a log after they have seen that it only
// grew, and how many of them must (C2SP tlog-witness). They find out two histories that
// were shown to different people.
type Witnesses struct{ group tessera.WitnessGroup }

// ReadWitnesses reads a witness policy in the form of Sigsum:
//
//	witness NAME KEY URL
//	group NAME any|all|NUMBER NAME...
//	quorum NAME
//
// KEY is a verifier key of C2SP tlog-cosignature, NAME+HASH+KEY. No two witnesses may
// have one key or one address, and a name counts in one group only: what one party
// signed must not be taken for two.
func ReadWitnesses(policy []byte) (*Witnesses, error) {
	fail := func(err error) (*Witnesses, error) { return nil, fmt.Errorf("reading witness policy: %w", err) }
	used := map[string]string{}
	once := func(what, name, by string) error {
		if earlier, twice := used[what+name]; twice {
			return fmt.Errorf("%s %q stands in %q and in %q; each counts once", what, name, earlier, by)
		}
		used[what+name] = by
		return nil
	}
	for lines := bufio.NewScanner(bytes.NewReader(policy)); lines.Scan(); {
		text, _, _ := strings.Cut(lines.Text(), "#")
		switch fields := strings.Fields(text); {
		case len(fields) == 4 && fields[0] == "witness":
			key, err := witnessKey(fields[2])
			if err != nil {
				return fail(fmt.Errorf("witness %q: %w", fields[1], err))
			}
			if err := errors.Join(once("key", fmt.Sprintf("%x", key), fields[1]), once("address", strings.TrimRight(fields[3], "/"), fields[1])); err != nil {
				return fail(err)
			}
		case len(fields) > 3 && fields[0] == "group":
			for _, member := range fields[3:] {
				if err := once("member", member, fields[1]); err != nil {
					return fail(err)
				}
			}
			if strings.Trim(fields[2], "0") == "" {
				return fail(fmt.Errorf("group %q wants nobody", fields[1]))
			}
		}
	}
	group, err := tessera.NewWitnessGroupFromPolicy(policy)
	if err != nil {
		return fail(err)
	}
	if len(group.Endpoints()) == 0 {
		return fail(errors.New("its quorum holds no witness; without a policy none is asked"))
	}
	return &Witnesses{group}, nil
}

// witnessKey is the key in a verifier key of a witness without its name and kind: under
// another name it is the same party.
func witnessKey(vkey string) (string, error) {
	if _, err := fnote.NewVerifierForCosignatureV1(vkey); err != nil {
		return "", err
	}
	parts := strings.SplitN(vkey, "+", 3) // base64 may hold "+" itself
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) < 2 {
		return "", fmt.Errorf("its key cannot be read: %w", err)
	}
	return string(raw[1:]), nil
}

// Satisfied tells whether enough witnesses signed a checkpoint.
func (w *Witnesses) Satisfied(checkpoint []byte) bool { return w.group.Satisfied(checkpoint) }

// Number is how many witnesses there are.
func (w *Witnesses) Number() int { return len(w.group.Endpoints()) }

// correspondence keeps what witnesses answered: Tessera asks them again and again where
// they did not sign, and tells nobody but its log.
type correspondence struct {
	transport http.RoundTripper
	mu        sync.Mutex
	answers   map[string]string // the last of each, by address
	over      <-chan time.Time  // the end of patience
}

// correspond opens a correspondence. Connections are not kept: a ledger holds nothing
// between commits.
func correspond() *correspondence {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return &correspondence{transport: http.DefaultTransport} // somebody has put another in its place
	}
	t = t.Clone()
	t.DisableKeepAlives = true
	return &correspondence{transport: t}
}

// client asks witnesses: no redirects, which may lead anywhere, and no endless answers.
func (c *correspondence) client() *http.Client {
	return &http.Client{
		Transport:     c,
		Timeout:       witnessTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip implements http.RoundTripper.
func (c *correspondence) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := c.transport.RoundTrip(r)
	if err != nil {
		c.note(r, err.Error())
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err = errors.Join(err, answer.Body.Close()); err == nil && len(text) > maxAnswer {
		err = fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	if err != nil {
		c.note(r, err.Error())
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(text))
	// What is no cosignature is refused by Tessera, and asked for again.
	c.note(r, fmt.Sprintf("%s: %s", answer.Status, strings.TrimSpace(string(text[:min(len(text), maxNotedAnswer)]))))
	return answer, nil
}

func (c *correspondence) note(r *http.Request, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers == nil {
		c.answers, c.over = map[string]string{}, time.After(witnessPatience)
	}
	c.answers[r.URL.String()] = what
}

// failed is an error once witnesses have answered for so long without a checkpoint
// that they mean it.
func (c *correspondence) failed() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.over: // a nil channel never is
	default:
		return nil
	}
	var lines []string
	for address, what := range c.answers {
		lines = append(lines, fmt.Sprintf("%s: %q", address, what))
	}
	slices.Sort(lines)
	return fmt.Errorf("too few witnesses signed it, and nothing is acknowledged without them; %s", strings.Join(lines, "; "))
}
