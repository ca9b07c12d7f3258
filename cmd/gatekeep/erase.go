package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/erasure"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/logged"
	"github.com/gatekeep-dev/gatekeep/internal/gate"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/tree"
	"github.com/gatekeep-dev/gatekeep/internal/people"
)

// holdFile stops erasures for as long as it lies in a folder: its first line says why
// (GDPR, article 17(3)(b) and (e)).
const holdFile = "LEGAL-HOLD"

// eraseFlags are the flags of gatekeep evidence erase.
type eraseFlags struct {
	people string
	stores []string
	key    string
	vouch  vouchFlags
	again  bool
	yes    bool
}

func evidenceEraseCommand(w *world) *cobra.Command {
	var f eraseFlags
	c := &cobra.Command{
		Use:   "erase NAME... --people DIR --store DIR --ledger DIR --log-key FILE --timestamp TSA --key KEY",
		Short: "Erase people from evidence, so that every proof still holds",
		Long: `erase takes people out of the evidence of a gate that runs with --people: their
names and salts, and the files in which their names stand and which nobody could
change, such as an approval that they signed. The ledger says that it was done, and
the proof takes the place of the files: the bundles verify as before, and show for
each what is gone and why. What is left of a person is a commitment that nobody can
link to a name any more.

NAME is an account, an address or a person as the policy bundle has it. All names of
one person go together. --again erases everybody who was erased before, from evidence
that came back out of a backup. A STORE is a folder of evidence, or one bundle. A file
LEGAL-HOLD in it, or beside the names, stops the erasure; its first line says why.

It cannot reach copies elsewhere: those in registries, object stores and backups, and
the attestations and trust policies that the gate was given. After a crash, run it
again.`,
		Example: `  gatekeep evidence erase p-alice --people people --store evidence/ \
      --ledger ledger --log-key log.key --timestamp tsa.key --key gate.key --yes
  gatekeep evidence erase --again --people people --store restored/ \
      --ledger ledger --log-key log.key --timestamp tsa.key --key gate.key --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !f.again {
				return usage("nobody is named: pass a NAME, or --again for everybody who was erased before")
			}
			return erase(cmd.Context(), w, f, args)
		},
	}
	fs := c.Flags()
	fs.StringVar(&f.people, "people", "", "folder in which the gate keeps names")
	fs.StringArrayVar(&f.stores, "store", nil, "folder with evidence, or one bundle (repeatable)")
	fs.StringVar(&f.key, "key", "", "private key of the gate, which signs the entry of the ledger (password in GATEKEEP_PASSWORD)")
	f.vouch.register(fs)
	fs.BoolVar(&f.again, "again", false, "erase everybody who was erased before, from evidence out of a backup")
	fs.BoolVar(&f.yes, "yes", false, "erase; without it erase only tells what would go")
	return c
}

func (f eraseFlags) sensible() error {
	for name, value := range map[string]string{"--people": f.people, "--ledger": f.vouch.ledger, "--key": f.key, "--store": strings.Join(f.stores, "")} {
		if value == "" {
			return usage("%s is missing", name)
		}
	}
	if err := isFolder("--people", f.people); err != nil {
		return err
	}
	return f.vouch.sensible(f.people, false)
}

// erase finds who is meant and what goes, has the ledger say so, and takes it away. Names
// go last: until then the command can be run again.
func erase(ctx context.Context, w *world, f eraseFlags, names []string) error {
	if err := f.sensible(); err != nil {
		return err
	}
	store := people.Store(f.people)
	release, err := store.Alone(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := store.Sweep(); err != nil {
		return err
	}
	meant, err := whoIsMeant(store, names)
	if err != nil {
		return err
	}
	if f.again {
		erased, err := store.ErasedIDs()
		if err != nil {
			return err
		}
		for _, id := range erased {
			meant = append(meant, people.Person{ID: id})
		}
	}
	if err := held(f.people); err != nil {
		return err
	}
	bundles, err := bundlesOf(f.stores)
	if err != nil {
		return err
	}
	_, cp, err := tree.ReadCheckpoint(filepath.Join(f.vouch.ledger, ledger.LogFolder))
	if err != nil {
		return err
	}
	p := &progress{out: w.err}
	defer p.done()
	e := erasing{meant: meant, log: cp.Origin}
	// What cannot be erased is found before anybody is told that it was.
	concerned, err := e.from(p, bundles)
	if err != nil {
		return err
	}
	p.done()
	for _, p := range meant {
		fmt.Fprintf(w.out, "%s %s\n", p.ID, p.Claims.Name)
	}
	if !f.yes {
		return usage("nothing is erased yet: these %d names would go, with what holds them in %d of %d bundles, for ever. Pass --yes to erase them", len(meant), concerned, len(bundles))
	}
	if e.proofs, err = proofsOf(ctx, w, f, store, meant); err != nil {
		return err
	}
	if _, err := e.from(p, bundles); err != nil {
		return err
	}
	if err := store.Forget(ctx, slices.Collect(maps.Keys(e.proofs))); err != nil {
		return err
	}
	p.done()
	_, err = fmt.Fprintf(w.out, "erased %d names, from %d of %d bundles\n", len(meant), concerned, len(bundles))
	return err
}

// erasing is the erasure of these people; without proofs yet, only what it would be.
type erasing struct {
	meant  []people.Person
	log    string // that says so
	proofs map[string][]byte
}

// from erases them from bundles, and counts those that had something of them.
func (e erasing) from(p *progress, bundles []string) (n int, err error) {
	for _, path := range bundles {
		p.step("erasing from " + path)
		done, err := e.fromOne(path)
		if err != nil {
			return n, err
		}
		if done {
			n++
		}
	}
	return n, nil
}

func (e erasing) fromOne(path string) (done bool, err error) {
	f, size, err := openFile(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	b, err := evidence.Open(f, size)
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	d, done, err := evidence.Erase(b, e.meant, e.proofs)
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	if !done {
		return false, nil
	}
	if seal := d.Record().Seal; seal == nil || seal.Log != e.log {
		return false, usage("%s is evidence of another log than %s, which could not prove there that anybody was erased: pass the ledger that holds its decision", path, e.log)
	}
	if e.proofs == nil {
		return true, nil
	}
	temporary, err := writeBundle(path, d)
	if err != nil {
		return false, err
	}
	return true, rename(temporary, path)
}

// whoIsMeant are all names of the people of whom one is named.
func whoIsMeant(store people.Store, names []string) ([]people.Person, error) {
	all, err := store.All()
	if err != nil {
		return nil, err
	}
	whole := map[string]bool{}
	for _, name := range names {
		found := false
		for _, p := range all {
			if name != p.ID && name != p.Claims.Name && name != p.Of {
				continue
			}
			found = true
			whole[p.ID] = true
			if p.Of != "" {
				whole[p.Of] = true
			}
		}
		if !found {
			return nil, usage("%s knows nobody of the name %q: it is that of an account, an address or a person as the bundle has it, or of somebody who was erased", string(store), name)
		}
	}
	return slices.DeleteFunc(all, func(p people.Person) bool { return !whole[p.ID] && (p.Of == "" || !whole[p.Of]) }), nil
}

// held refuses where a folder is under legal hold.
func held(folder string) error {
	path := filepath.Join(folder, holdFile)
	why, err := readFile(path, maxRequest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(why)), "\n")
	return usage("%s stops the erasure: %s. Remove it once the hold ends", path, line)
}

// bundlesOf are the bundles in the stores. What a crash left may hold names, and must be
// settled first.
func bundlesOf(stores []string) ([]string, error) {
	var out []string
	for _, store := range stores {
		info, err := os.Stat(store)
		if err != nil {
			return nil, usage("reading --store: %w", err)
		}
		if !info.IsDir() {
			out = append(out, store)
			continue
		}
		if err := held(store); err != nil {
			return nil, err
		}
		err = filepath.WalkDir(store, func(path string, d fs.DirEntry, err error) error {
			name := filepath.Base(path)
			switch {
			case err != nil || d.IsDir():
				return err
			case strings.HasSuffix(name, pendingSuffix):
				return usage("%s may hold names: make it whole with 'gatekeep evidence complete' first", path)
			case strings.HasPrefix(name, ".") && strings.Contains(name, ".zip."):
				return usage("%s was left by a crash and may hold names: name it .zip if 'gatekeep evidence verify' finds it whole, or remove it, first", path)
			case strings.HasSuffix(name, ".zip"):
				out = append(out, path)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// proofsOf has the ledger say that people are erased, once for each, and gives the proofs
// by commitment.
func proofsOf(ctx context.Context, w *world, f eraseFlags, store people.Store, meant []people.Person) (map[string][]byte, error) {
	signer, err := openSigner(ctx, w, f.key)
	if err != nil {
		return nil, err
	}
	v, err := f.vouch.open(ctx, signer, time.Now())
	if err != nil {
		return nil, err
	}
	proofs := map[string][]byte{}
	for _, p := range meant {
		proof, err := store.Proof(p.ID)
		if err == nil && proof == nil {
			if proof, err = v.erasure(ctx, p.ID); err == nil {
				err = store.Keep(p.ID, proof)
			}
		}
		if err != nil {
			return nil, err
		}
		proofs[p.ID] = proof
	}
	return proofs, nil
}

// erasure appends that a person is erased to the log, and has it stamped. Appending the
// same again gives the same entry.
func (v vouchers) erasure(ctx context.Context, id string) ([]byte, error) {
	receipt, err := v.log.Append(ctx, ledger.Entry{Kind: entry.Erasure, ID: "erasure-" + id, Body: erasure.Body(id)})
	if err != nil {
		return nil, err
	}
	e, err := logged.Envelope(receipt)
	if err != nil {
		return nil, err
	}
	if e.Stamp, err = v.authority.Stamp(ctx, e.Signature); err != nil {
		return nil, err
	}
	return e.Bundle()
}

// usePeople has names committed to, until it is released.
func (f checkFlags) usePeople(ctx context.Context, q *gate.Question) (release func(), err error) {
	if f.people == "" {
		return func() {}, nil
	}
	store := people.Store(f.people)
	if release, err = store.Use(ctx); err != nil {
		return nil, err
	}
	q.People = store
	return release, nil
}
