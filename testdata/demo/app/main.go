// Command payments is the program in the demo's image. It reads a payment order as
// YAML or JSON from standard input, brings it to canonical JSON (RFC 8785), and
// prints that with its SHA-256, by which two systems can agree that they mean the
// same order.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gowebpki/jcs"
	"go.yaml.in/yaml/v3"
)

// maxOrderBytes bounds an order: a few names and numbers.
const maxOrderBytes = 64 << 10

// order is a payment order. Amounts are whole minor units: cents, not euros.
type order struct {
	ID       string `json:"id" yaml:"id"`
	Debtor   string `json:"debtor" yaml:"debtor"`
	Creditor string `json:"creditor" yaml:"creditor"`
	Amount   int64  `json:"amount" yaml:"amount"`
	Currency string `json:"currency" yaml:"currency"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "payments:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var o order
	dec := yaml.NewDecoder(io.LimitReader(in, maxOrderBytes))
	dec.KnownFields(true)
	if err := dec.Decode(&o); err != nil {
		return fmt.Errorf("reading order: %w", err)
	}
	if o.ID == "" || o.Debtor == "" || o.Creditor == "" || o.Amount <= 0 || len(o.Currency) != 3 {
		return errors.New("reading order: id, debtor, creditor, a positive amount and a currency of three letters are wanted")
	}
	plain, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("writing order: %w", err)
	}
	canonical, err := jcs.Transform(plain)
	if err != nil {
		return fmt.Errorf("writing order: %w", err)
	}
	_, err = fmt.Fprintf(out, "%s\nsha256:%x\n", canonical, sha256.Sum256(canonical))
	return err
}
