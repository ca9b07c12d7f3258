package entry

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Signer signs entries. ECDSA P-256 and P-384 are read by stock verifiers; what signs
// evidence (internal/signing) is one.
type Signer interface {
	// Sign signs a message, hashing it as the kind of key wants.
	Sign(message []byte) ([]byte, error)
	// Public is the public half.
	Public() crypto.PublicKey
}

// origin is a bare host: sigstore-go takes the host name of a URL for the name of the
// log, so that a port or a path would never match.
var origin = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

const maxOrigin = 252 // bytes, of a host name

// ValidOrigin tells a bare host name, like gatekeep.example.
func ValidOrigin(host string) bool { return len(host) <= maxOrigin && origin.MatchString(host) }

const algEd25519 = 1 // C2SP signed-note, signature types

// GenerateKey makes the key of a log with this origin, a bare host name such as
// gatekeep.example: the private half in the text form of C2SP signed notes, and the
// public half in PEM as stock tools take it.
func GenerateKey(host string) (private, public []byte, err error) {
	if !ValidOrigin(host) {
		return nil, nil, fmt.Errorf("making log key: origin %q is no bare host name, like gatekeep.example", host)
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, host)
	if err != nil {
		return nil, nil, fmt.Errorf("making log key: %w", err)
	}
	public, err = PublicPEM(vkey)
	return []byte(skey + "\n"), public, err
}

// LogKey is what signs checkpoints.
type LogKey struct {
	Signer note.Signer
	Public string // the public half as C2SP signed-note writes it: name, hash, key
}

// ReadKey reads the private half that GenerateKey made.
func ReadKey(private []byte) (LogKey, error) {
	fail := func(err error) (LogKey, error) {
		return LogKey{}, fmt.Errorf("reading log key: %w; it begins with PRIVATE+KEY+ (`gatekeep ledger init` makes one)", err)
	}
	text := strings.TrimSpace(string(private))
	signer, err := note.NewSigner(text)
	if err != nil {
		return fail(err)
	}
	// "PRIVATE+KEY+<name>+<hash>+<base64 of algorithm and seed>"; base64 may hold "+".
	raw, err := base64.StdEncoding.DecodeString(strings.SplitN(text, "+", 5)[4])
	if err != nil || len(raw) != 1+ed25519.SeedSize || raw[0] != algEd25519 {
		return fail(errors.New("it is no Ed25519 key"))
	}
	public := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), public)
	return LogKey{Signer: signer, Public: vkey}, err
}

// PEM is the public half in the form that stock tools take.
func (k LogKey) PEM() ([]byte, error) { return PublicPEM(k.Public) }

// publicOf is the Ed25519 key in a verifier key.
func publicOf(vkey string) (ed25519.PublicKey, error) {
	i := strings.LastIndex(vkey, "+")
	if _, err := note.NewVerifier(vkey); err != nil || i < 0 {
		return nil, fmt.Errorf("reading log key: %w", err)
	}
	// Base64 may hold "+" itself, so the key begins after the second one.
	parts := strings.SplitN(vkey, "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != algEd25519 {
		return nil, errors.New("reading log key: it is no Ed25519 key")
	}
	return raw[1:], nil
}

// PublicPEM is a verifier key in the form that stock tools take.
func PublicPEM(vkey string) ([]byte, error) {
	public, err := publicOf(vkey)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("writing log key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// ReadPublic reads the public key of a log in PEM or as a verifier key; PEM does not
// tell the origin, which then is the one given.
func ReadPublic(data []byte, host string) (vkey string, err error) {
	text := strings.TrimSpace(string(data))
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		if _, err := publicOf(text); err != nil {
			return "", fmt.Errorf("%w; want PEM, or NAME+HASH+KEY", err)
		}
		return text, nil
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("reading log key: %w", err)
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return "", fmt.Errorf("reading log key: it is a %T; logs sign with Ed25519. Entries are signed with another key than checkpoints", key)
	}
	return note.NewEd25519VerifierKey(host, public)
}

// LogID names the log in a Sigstore trusted root (rekor-tiles v2, pkg/note: KeyHash):
// the whole of the hash of which a signed note shows four bytes.
func LogID(vkey string) ([]byte, error) {
	public, err := publicOf(vkey)
	if err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(vkey, "+")
	sum := sha256.Sum256(append([]byte(name+"\n\x01"), public...))
	return sum[:], nil
}

// Roles of keys.
const (
	RoleLog   = "log"
	RoleEntry = "entry"
)

// Actions on keys.
const (
	Introduce = "introduce"
	Retire    = "retire"
	Revoke    = "revoke"
)

// KeyBody is the body of a KeyChange or Revocation entry.
type KeyBody struct {
	Action      string     `json:"action"`
	Role        string     `json:"role"`
	Key         string     `json:"key"`                   // verifier key of a log key, base64 DER of a new entry key, else its hex fingerprint
	Compromised *time.Time `json:"compromised,omitempty"` // of a revocation: from when the key counts as stolen
	Endorsement string     `json:"endorsement"`           // C2SP signed note by the log key of that moment
}

// endorsed is what the log key signs to let a change of keys happen. The origin keeps
// it from being used in another log.
func (k KeyBody) endorsed(host string) string {
	since := "-"
	if k.Compromised != nil {
		since = k.Compromised.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("gatekeep-key-change-v1\n%s\n%s\n%s\n%s\n%s\n", host, k.Action, k.Role, k.Key, since)
}

// Endorse signs a change of keys.
func (k KeyBody) Endorse(signer note.Signer) (json.RawMessage, error) {
	signed, err := note.Sign(&note.Note{Text: k.endorsed(signer.Name())}, signer)
	if err != nil {
		return nil, fmt.Errorf("endorsing a change of keys: %w", err)
	}
	k.Endorsement = string(signed)
	return json.Marshal(k)
}

// Holds tells whether that log key endorsed the change.
func (k KeyBody) Holds(vkey string) bool {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return false
	}
	opened, err := note.Open([]byte(k.Endorsement), note.VerifierList(verifier))
	return err == nil && opened.Text == k.endorsed(verifier.Name())
}

// SignedBy tells whether a note is signed with a log key.
func SignedBy(raw []byte, vkey string) bool {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return false
	}
	_, err = note.Open(raw, note.VerifierList(verifier))
	return err == nil
}
