package policy

import (
	"context"
	"errors"

	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
)

// sbomsKey is where the indexes of SBOMs stand: data.sboms[ref].
const sbomsKey = "sboms"

// layered is the policy's data, which every decision shares, with the SBOM
// indexes of one decision beside it. The indexes belong to the transaction, so
// decisions over different SBOMs run at the same time without locks or copies.
type layered struct {
	storage.Store
}

// view is a read transaction with the indexes it sees.
type view struct {
	storage.Transaction
	indexes    storage.Store
	indexesTxn storage.Transaction
}

// newLayered keeps data as the values that rules compute with, converted once.
func newLayered(data map[string]any) layered {
	return layered{inmem.NewFromObjectWithOpts(data,
		inmem.OptRoundTripOnWrite(false), inmem.OptReturnASTValuesOnRead(true))}
}

// begin opens a view. The indexes stay plain Go values: those of 50,000 components
// would take 100 ms to convert, and a rule reads a few entries.
func (s layered) begin(ctx context.Context, sboms map[string]map[string]any) (storage.Transaction, error) {
	txn, err := s.Store.NewTransaction(ctx)
	if err != nil {
		return nil, err
	}
	byRef := make(map[string]any, len(sboms))
	for ref, index := range sboms {
		byRef[ref] = index
	}
	indexes := inmem.NewFromObjectWithOpts(map[string]any{sbomsKey: byRef}, inmem.OptRoundTripOnWrite(false))
	indexesTxn, err := indexes.NewTransaction(ctx)
	if err != nil {
		s.Store.Abort(ctx, txn)
		return nil, err
	}
	return &view{txn, indexes, indexesTxn}, nil
}

// NewTransaction is a view without indexes. Nothing is ever written.
func (s layered) NewTransaction(ctx context.Context, params ...storage.TransactionParams) (storage.Transaction, error) {
	for _, p := range params {
		if p.Write {
			return nil, errors.New("opening policy data: it is never written")
		}
	}
	return s.begin(ctx, nil)
}

// Read reads below data. The whole of data has no use in a rule, and would drag
// every SBOM along.
func (s layered) Read(ctx context.Context, txn storage.Transaction, path storage.Path) (any, error) {
	v, ok := txn.(*view)
	switch {
	case !ok:
		return nil, errors.New("reading policy data: not a transaction of this store")
	case len(path) == 0:
		return nil, errors.New("reading policy data: a rule may not read all of data at once")
	case path[0] == sbomsKey:
		return v.indexes.Read(ctx, v.indexesTxn, path)
	}
	return s.Store.Read(ctx, v.Transaction, path)
}

// Abort closes a view.
func (s layered) Abort(ctx context.Context, txn storage.Transaction) {
	if v, ok := txn.(*view); ok {
		v.indexes.Abort(ctx, v.indexesTxn)
		s.Store.Abort(ctx, v.Transaction)
	}
}
