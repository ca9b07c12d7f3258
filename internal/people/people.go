// Package people keeps who is meant by the pseudonyms that evidence shows: a salted
// commitment in the place of each name. Whoever has the salt can tell that a commitment
// is that of a name; once the salt is erased nobody can, and every proof over the
// commitments still holds.
package people

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Schema names the shape of people.json.
const Schema = "gatekeep.dev/people/v1"

const (
	saltBytes = 32
	prefix    = "act_"
	human     = "p-" // begins the name of a person, which is what rules count
	maxNames  = 100_000
	maxFile   = 64 << 20
	maxDepth  = 8
)

// Person is one name of somebody, with its salt.
type Person struct {
	ID     string `json:"id"`   // ID of the other two
	Salt   string `json:"salt"` // 32 bytes, hex
	Claims Claims `json:"claims"`
	// Of is whose name it is, as far as the gate knows: names of one human are erased
	// together. It is not committed to, and never leaves the gate.
	Of string `json:"of,omitempty"`
}

// Claims are what is said of somebody in the clear.
type Claims struct {
	Name string `json:"name"` // account, address or person
}

// ID is the commitment to claims: "act_" and the first 32 hex digits of SHA-256 over the
// salt and the canonical JSON of the claims.
func ID(salt []byte, c Claims) (string, error) {
	claims, _, err := digest.JCS(c)
	if err != nil {
		return "", fmt.Errorf("committing to a name: %w", err)
	}
	sum := sha256.Sum256(append(slices.Clone(salt), claims...))
	return prefix + hex.EncodeToString(sum[:16]), nil
}

// IDOf is the commitment that stands in a place of a name, which may be that of a
// person, or false for anything else.
func IDOf(s string) (string, bool) {
	id := strings.TrimPrefix(s, human)
	text, ok := strings.CutPrefix(id, prefix)
	raw, err := hex.DecodeString(text)
	return id, ok && err == nil && len(raw) == 16 && strings.ToLower(text) == text
}

// ValidID tells the form of a commitment.
func ValidID(id string) bool {
	bare, ok := IDOf(id)
	return ok && bare == id
}

// New commits to a name with a salt of its own.
func New(name, of string) (Person, error) {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails: crypto/rand.Read crashes the program instead
	c := Claims{Name: name}
	id, err := ID(salt, c)
	return Person{id, hex.EncodeToString(salt), c, of}, err
}

// shown is what stands in the place of the name.
func (p Person) shown() string {
	if strings.HasPrefix(p.Claims.Name, human) {
		return human + p.ID
	}
	return p.ID
}

// check refuses a person whose id is not that of name and salt.
func (p Person) check() error {
	salt, err := hex.DecodeString(p.Salt)
	if err != nil || len(salt) != saltBytes || p.Claims.Name == "" {
		return fmt.Errorf("%.80q has no name, or no salt of %d bytes", p.ID, saltBytes)
	}
	if id, err := ID(salt, p.Claims); err != nil || id != p.ID {
		return fmt.Errorf("%.80q is not the commitment to the claims beside it", p.ID)
	}
	return nil
}

type document struct {
	Schema string   `json:"schema"`
	People []Person `json:"people"` // sorted by id
}

// Write is people.json as it lies in a bundle, in its canonical form.
func Write(list []Person) ([]byte, error) {
	bare := slices.Clone(list)
	for i := range bare {
		bare[i].Of = ""
	}
	return write(bare)
}

func write(list []Person) ([]byte, error) {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b Person) int { return strings.Compare(a.ID, b.ID) })
	out, _, err := digest.JCS(document{Schema, append([]Person{}, sorted...)})
	if err != nil {
		return nil, fmt.Errorf("writing people: %w", err)
	}
	return out, nil
}

// Read reads people.json, and refuses any entry that is not what it says.
func Read(data []byte) ([]Person, error) {
	list, err := read(data)
	if err == nil && slices.ContainsFunc(list, func(p Person) bool { return p.Of != "" }) {
		err = errors.New("it says whose names they are, which stays with the gate")
	}
	if err != nil {
		return nil, fmt.Errorf("reading people: %w", err)
	}
	return list, nil
}

// Without is people.json with some taken out, and those who were in it.
func Without(data []byte, ids map[string]bool) (left []byte, taken []Person, err error) {
	list, err := Read(data)
	if err != nil {
		return nil, nil, err
	}
	rest := []Person{}
	for _, p := range list {
		if ids[p.ID] {
			taken = append(taken, p)
		} else {
			rest = append(rest, p)
		}
	}
	left, err = Write(rest)
	return left, taken, err
}

func read(data []byte) ([]Person, error) {
	var d document
	if err := strictjson.Unmarshal(data, strictjson.Limits{Bytes: maxFile, Depth: maxDepth}, &d); err != nil {
		return nil, err
	}
	if d.Schema != Schema || len(d.People) > maxNames {
		return nil, fmt.Errorf("schema %.80q is not read, or there are more than %d", d.Schema, maxNames)
	}
	names := map[string]bool{}
	for i, p := range d.People {
		if err := p.check(); err != nil {
			return nil, err
		}
		if i > 0 && d.People[i-1].ID >= p.ID || names[p.Claims.Name] {
			return nil, fmt.Errorf("%q stands twice, or out of order", p.ID)
		}
		names[p.Claims.Name] = true
	}
	if again, err := write(d.People); err != nil || string(again) != string(data) {
		return nil, errors.New("it is not in its canonical form (RFC 8785)")
	}
	return d.People, nil
}
