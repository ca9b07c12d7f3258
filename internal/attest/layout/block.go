package layout

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/in-toto/in-toto-golang/in_toto"
	"github.com/secure-systems-lab/go-securesystemslib/cjson"

	"github.com/gatekeep-dev/gatekeep/internal/attest/dsse"
	"github.com/gatekeep-dev/gatekeep/internal/attest/envelope"
	"github.com/gatekeep-dev/gatekeep/internal/attest/pki"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// block is a signed document of in-toto that was opened and not yet believed.
type block struct {
	signed     []byte // JSON of the layout or link
	message    *dsse.Message
	signatures [][]byte
}

// open reads a DSSE envelope or a metablock, the older form of in-toto.
func open(data []byte) (*block, error) {
	members, err := strictjson.Members(data, envelope.Limits())
	if err != nil {
		return nil, err
	}
	if _, isMetablock := members["signed"]; isMetablock {
		return openMetablock(members)
	}
	d, why := envelope.Open(data)
	switch {
	case why != nil:
		return nil, errors.New(why.Detail)
	case d.Unsigned || d.Image || d.Bundle != nil:
		return nil, errors.New("neither a DSSE envelope nor a metablock")
	}
	if err := strictjson.Check(d.Payload, envelope.Limits()); err != nil {
		return nil, err
	}
	b := &block{signed: d.Payload, message: d.Signed()}
	for _, s := range d.Signatures {
		b.signatures = append(b.signatures, s.Sig)
	}
	return b, nil
}

// openMetablock reads the form of the in-toto specification 0.9, section 4.1: the
// signatures are over the canonical JSON of "signed" as it stands, so nothing of it
// can be left out by reading it.
func openMetablock(members map[string]json.RawMessage) (*block, error) {
	var generic any
	decoder := json.NewDecoder(bytes.NewReader(members["signed"]))
	decoder.UseNumber()
	if err := decoder.Decode(&generic); err != nil {
		return nil, err
	}
	canonical, err := cjson.EncodeCanonical(generic)
	if err != nil {
		return nil, err
	}
	b := &block{signed: members["signed"], message: dsse.Raw(canonical)}
	var signatures []map[string]json.RawMessage
	if err := json.Unmarshal(envelope.OrNull(members["signatures"]), &signatures); err != nil {
		return nil, err
	}
	if len(signatures) > envelope.MaxSignatures {
		return nil, fmt.Errorf("%d signatures are over the bound of %d", len(signatures), envelope.MaxSignatures)
	}
	for _, s := range signatures {
		text, err := envelope.Text(s["sig"])
		if err != nil {
			return nil, fmt.Errorf("signatures.sig %w", err)
		}
		sig, err := hex.DecodeString(string(text))
		if err != nil {
			return nil, fmt.Errorf("signatures.sig: %w", err)
		}
		b.signatures = append(b.signatures, sig)
	}
	return b, nil
}

// signedBy tells whether a key made one of the signatures, whatever key they name.
func (b *block) signedBy(key crypto.PublicKey) bool {
	return slices.ContainsFunc(b.signatures, func(sig []byte) bool { return b.message.SignedBy(key, sig) })
}

// IsLink tells whether a document is a link, signed or not.
func IsLink(data []byte) bool {
	b, err := open(data)
	if err != nil {
		return false
	}
	members, err := strictjson.Members(b.signed, envelope.Limits())
	typ, _ := envelope.Text(members["_type"])
	return err == nil && string(typ) == "link"
}

// candidate is a link that may count for a step.
type candidate struct {
	place int
	block *block
	link  in_toto.Link
}

// readLinks opens the links of a layout's steps. What cannot be read counts for
// nothing and does no harm: anybody may have put it there.
func readLinks(links [][]byte, l *in_toto.Layout) ([]candidate, error) {
	functionaries := map[string]map[string]crypto.PublicKey{} // of each step
	for _, step := range l.Steps {
		keys, err := keysOf(step, l.Keys)
		if err != nil {
			return nil, fmt.Errorf("checking step %q: %w", step.Name, err)
		}
		functionaries[step.Name] = keys
	}
	var candidates []candidate
	for i, data := range links {
		b, err := open(data)
		if err != nil {
			continue
		}
		c := candidate{place: i, block: b}
		if err := json.Unmarshal(b.signed, &c.link); err != nil || c.link.Type != "link" {
			continue
		}
		// Only what somebody signed who may is counted against the bound: strangers can put
		// any number of links beside it.
		if !slices.ContainsFunc(slices.Collect(maps.Values(functionaries[c.link.Name])), b.signedBy) {
			continue
		}
		if c.link.Materials, err = clean(c.link.Materials); err == nil {
			c.link.Products, err = clean(c.link.Products)
		}
		if err != nil {
			continue
		}
		candidates = append(candidates, c)
	}
	if len(candidates) > maxLinks {
		return nil, fmt.Errorf("reading links: %d are over the bound of %d", len(candidates), maxLinks)
	}
	return candidates, nil
}

// clean gives artifacts their shortest names, by which rules know them. Two names of
// one file, and a file without a strong digest, are refused: rules would compare
// nothing.
func clean(artifacts map[string]in_toto.HashObj) (map[string]in_toto.HashObj, error) {
	if len(artifacts) > maxArtifacts {
		return nil, fmt.Errorf("%d artifacts are over the bound of %d", len(artifacts), maxArtifacts)
	}
	cleaned := make(map[string]in_toto.HashObj, len(artifacts))
	for name, hashes := range artifacts {
		short := path.Clean(name)
		if _, taken := cleaned[short]; taken {
			return nil, errors.New("one artifact stands there under two names")
		}
		if !isHex(hashes["sha256"], 32) && !isHex(hashes["sha512"], 64) {
			return nil, errors.New("an artifact has neither a SHA-256 nor a SHA-512 digest in lower-case hex")
		}
		cleaned[short] = hashes
	}
	return cleaned, nil
}

func isHex(s string, size int) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == size && hex.EncodeToString(raw) == s
}

// keysOf are the functionaries of a step by the digest of their key: an id in the
// layout is a name only, and one key under two names is one functionary.
func keysOf(step in_toto.Step, keys map[string]in_toto.Key) (map[string]crypto.PublicKey, error) {
	found := map[string]crypto.PublicKey{}
	for _, id := range step.PubKeys {
		listed, ok := keys[id]
		if !ok {
			return nil, fmt.Errorf("the layout holds no key %.80q", id)
		}
		key, err := parseKey(listed)
		if err != nil {
			return nil, fmt.Errorf("key %.80q: %w", id, err)
		}
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return nil, fmt.Errorf("key %.80q: %w", id, err)
		}
		found[fmt.Sprintf("%x", sha256.Sum256(der))] = key
	}
	return found, nil
}

// parseKey reads the key of a layout: PEM, and hex for Ed25519 (in-toto specification
// 1.0, section 4.2).
func parseKey(k in_toto.Key) (crypto.PublicKey, error) {
	if raw, err := hex.DecodeString(k.KeyVal.Public); err == nil && k.KeyType == "ed25519" && len(raw) == ed25519.PublicKeySize {
		return ed25519.PublicKey(raw), nil
	}
	block, _ := pem.Decode([]byte(k.KeyVal.Public))
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("it is no public key in PEM, or Ed25519 in hex")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return key, pki.CheckKey(key)
}
