package signing

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

// Types of PEM blocks. The encrypted ones hold PKCS #8 in the JSON box of
// go-securesystemslib (scrypt and NaCl secretbox), as cosign writes them.
const (
	pemPublic         = "PUBLIC KEY"
	pemPKCS8          = "PRIVATE KEY"
	pemSEC1           = "EC PRIVATE KEY"
	pemPKCS1          = "RSA PRIVATE KEY"
	pemSigstore       = "ENCRYPTED SIGSTORE PRIVATE KEY"
	pemCosign         = "ENCRYPTED COSIGN PRIVATE KEY"
	pemEncryptedPKCS8 = "ENCRYPTED PRIVATE KEY"
	pemCurve          = "EC PARAMETERS" // openssl ecparam writes it before the key
	pemCertificate    = "CERTIFICATE"
)

// maxKeyFile bounds a key file in bytes; the largest real one is some 7 KiB.
const maxKeyFile = 64 << 10

const howToConvert = "encrypt it anew with: openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEWKEY"

// Sentinels that a caller may want to tell apart.
var (
	// ErrPassword is a password that does not open the key.
	ErrPassword = errors.New("wrong password")
	// ErrNotPrivateKey is a file that holds something other than a private key.
	ErrNotPrivateKey = errors.New("not a private key")
)

// LoadPrivateKey reads one private key in PEM: PKCS #8, plain or encrypted as openssl
// does, SEC 1 or PKCS #1 (ECDSA P-256, P-384 or P-521, Ed25519, RSA), or a key
// encrypted by cosign. It asks for the password where the key is encrypted, and only
// there. Errors say what the file holds instead.
func LoadPrivateKey(data []byte, password func() ([]byte, error)) (Signer, error) {
	block, err := onlyBlock(data)
	if err != nil {
		return nil, fmt.Errorf("reading private key: %w", err)
	}
	key, err := privateKey(block, password)
	if err != nil {
		return nil, fmt.Errorf("reading private key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("reading private key: a key of type %T cannot sign", key)
	}
	return newKeySigner(signer)
}

func privateKey(block *pem.Block, password func() ([]byte, error)) (any, error) {
	if strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, errors.New("the legacy encryption of PEM is weak and is not read; " + howToConvert)
	}
	switch block.Type {
	case pemPKCS8:
		return x509.ParsePKCS8PrivateKey(block.Bytes)
	case pemSEC1:
		return x509.ParseECPrivateKey(block.Bytes)
	case pemPKCS1:
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case pemSigstore, pemCosign:
		plain, err := decrypt(block.Bytes, password)
		if err != nil {
			return nil, err
		}
		return x509.ParsePKCS8PrivateKey(plain)
	case pemEncryptedPKCS8:
		return openPKCS8(block, password)
	case pemPublic, "RSA PUBLIC KEY":
		return nil, fmt.Errorf("%w: the file holds the public key; pass the private one", ErrNotPrivateKey)
	case pemCertificate:
		return nil, fmt.Errorf("%w: the file holds a certificate", ErrNotPrivateKey)
	}
	return nil, fmt.Errorf("%w: the file holds a PEM block %q", ErrNotPrivateKey, block.Type)
}

// ask is the password of an encrypted key.
func ask(password func() ([]byte, error)) ([]byte, error) {
	if password == nil {
		return nil, errors.New("the key is encrypted, and no password was given")
	}
	secret, err := password()
	if err != nil {
		return nil, fmt.Errorf("asking for the password: %w", err)
	}
	return secret, nil
}

// openPKCS8 opens a key in the encryption of openssl: PBES2 (RFC 8018 section 6.2).
// Package cryptoutils asks before it looks, and has no error values; its words tell a
// wrong password from a cipher that it does not know.
func openPKCS8(block *pem.Block, password func() ([]byte, error)) (any, error) {
	secret, err := ask(password)
	if err != nil {
		return nil, err
	}
	key, err := cryptoutils.UnmarshalPEMToPrivateKey(pem.EncodeToMemory(block), cryptoutils.StaticPasswordFunc(secret))
	if err != nil {
		return nil, fmt.Errorf("opening encrypted key: %w", err)
	}
	return key, nil
}

func decrypt(box []byte, password func() ([]byte, error)) ([]byte, error) {
	secret, err := ask(password)
	if err != nil {
		return nil, err
	}
	plain, err := encrypted.Decrypt(box, secret)
	if err == nil {
		return plain, nil
	}
	// The library has no error values. A box that names the ciphers it opens with, and
	// does not open, has met the wrong password.
	if !opensWithPassword(box) {
		return nil, fmt.Errorf("opening encrypted key: %w", err)
	}
	return nil, ErrPassword
}

// opensWithPassword tells whether box is one that some password may open.
func opensWithPassword(box []byte) bool {
	var b struct {
		KDF struct {
			Name   string `json:"name"`
			Params struct {
				N int `json:"N"`
				R int `json:"r"`
				P int `json:"p"`
			} `json:"params"`
		} `json:"kdf"`
		Cipher struct {
			Name  string `json:"name"`
			Nonce []byte `json:"nonce"`
		} `json:"cipher"`
	}
	if json.Unmarshal(box, &b) != nil {
		return false
	}
	// The costs that package encrypted accepts; it refuses others before trying.
	cost := b.KDF.Params.N == 1<<15 || b.KDF.Params.N == 1<<16 || b.KDF.Params.N == 1<<17
	return b.KDF.Name == "scrypt" && cost && b.KDF.Params.R == 8 && b.KDF.Params.P == 1 &&
		b.Cipher.Name == "nacl/secretbox" && len(b.Cipher.Nonce) == 24
}

// onlyBlock is the one key of a file. A second block is refused: which of the two
// would be used is not for us to guess.
func onlyBlock(data []byte) (*pem.Block, error) {
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("more than %d bytes are no key", maxKeyFile)
	}
	block, rest := pem.Decode(data)
	if block != nil && block.Type == pemCurve {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, errors.New("there is no PEM block (-----BEGIN ...) in it")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("something follows the PEM block %q; a file holds one key", block.Type)
	}
	return block, nil
}

// LoadPublicKey reads one public key in PEM: SubjectPublicKeyInfo, as openssl and
// cosign write it. It is one of *ecdsa.PublicKey, ed25519.PublicKey or
// *rsa.PublicKey.
func LoadPublicKey(data []byte) (crypto.PublicKey, error) {
	block, err := onlyBlock(data)
	if err != nil {
		return nil, fmt.Errorf("reading public key: %w", err)
	}
	switch {
	case block.Type == pemPublic:
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, errors.New("reading public key: the file holds a private key; pass the public one, and keep this one to its owner")
	case block.Type == pemCertificate:
		return nil, errors.New("reading public key: the file holds a certificate; take its key with openssl x509 -pubkey -noout")
	default:
		return nil, fmt.Errorf("reading public key: a PEM block %q is not read; want %q", block.Type, pemPublic)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading public key: %w", err)
	}
	if _, err := HashOf(key); err != nil {
		return nil, fmt.Errorf("reading public key: %w", err)
	}
	return key, nil
}

// PublicPEM is a public key in PEM, as LoadPublicKey, openssl and cosign read it.
func PublicPEM(key crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: der}), nil
}

// GenerateKey makes an ECDSA P-256 key pair in PEM. With a password the private
// half is encrypted in the form of cosign; without one it is plain PKCS #8.
func GenerateKey(password []byte) (private, public []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("making key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding private key: %w", err)
	}
	block := &pem.Block{Type: pemPKCS8, Bytes: der}
	if len(password) > 0 {
		box, err := encrypted.Encrypt(der, password)
		if err != nil {
			return nil, nil, fmt.Errorf("encrypting private key: %w", err)
		}
		block = &pem.Block{Type: pemSigstore, Bytes: box}
	}
	public, err = PublicPEM(key.Public())
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(block), public, nil
}
