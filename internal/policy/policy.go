// Package policy turns facts into a decision. It is the only importer of OPA.
//
// A decision is a pure function of the policy and the facts: the builtins that
// read a clock, draw numbers or reach out are not there, a builtin that meets an
// error stops the evaluation, and the data that rules read is part of the policy's
// digest. An error of this package means that the gate could not judge; what
// stands against a request is a Decision.
package policy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
)

// entrypoint is the one document that is asked for.
const entrypoint = "data.gatekeep.main.decision"

// Engine is a policy that is compiled and ready. Its methods may be called from
// several goroutines at once. The zero value, and nil, decide nothing.
type Engine struct {
	query  rego.PreparedEvalQuery
	store  layered
	digest string
}

// Digest names the policy that decides, as Digest(Source) does.
func (e *Engine) Digest() string { return e.digest }

// Load compiles a policy: its router, library and data, and of its rules only the
// named ones, "family/rule", since every rule that is loaded costs half a
// millisecond. A rule that is named and not there is left to the router, which
// says so of it and keeps the gate shut.
//
// Types are not checked against the input schema here: that costs a third of the
// time to compile, and a document that does not meet the schema never reaches a
// rule. A test and "opa check" hold the built-in rules to it, Check any others.
func Load(ctx context.Context, src Source, rules []string) (*Engine, error) {
	files, err := read(src.Rego)
	if err != nil {
		return nil, err
	}
	names, err := modulesFor(files, rules)
	if err != nil {
		return nil, fmt.Errorf("loading policy: %w", err)
	}
	overlay, err := canonicalOverlay(src.Overlay)
	if err != nil {
		return nil, err
	}
	var (
		data    map[string]any
		dataErr error
		wait    sync.WaitGroup
	)
	wait.Go(func() { data, dataErr = documents(files, src.Overlay) })
	modules, err := parse(files, names, false)
	wait.Wait()
	if err = errors.Join(err, dataErr); err != nil {
		return nil, fmt.Errorf("loading policy: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("loading policy: %w", err)
	}
	e := &Engine{store: newLayered(data), digest: digestOf(files, overlay)}
	if err := e.compile(ctx, modules, nil); err != nil {
		return nil, fmt.Errorf("compiling policy: %w", err)
	}
	return e, nil
}

// parse reads modules. Where everywhere is false, METADATA is read only above the
// package, and only in modules that ask for it: findings are made from it there. The
// rest is for people and for Check, and takes as long to read as the code.
func parse(files map[string][]byte, names []string, everywhere bool) (map[string]*ast.Module, error) {
	modules := make(map[string]*ast.Module, len(names))
	for _, name := range names {
		text := files[name]
		all := everywhere || bytes.Contains(text, []byte("rego.metadata.rule"))
		m, err := parseModule(name, text, all)
		if err != nil {
			return nil, err
		}
		if !all && bytes.Contains(text, []byte("rego.metadata.")) {
			head, err := parseModule(name, header(text), true)
			if err != nil {
				return nil, err
			}
			m.Annotations = head.Annotations
		}
		modules[name] = m
	}
	return modules, nil
}

func parseModule(name string, text []byte, annotations bool) (*ast.Module, error) {
	m, err := ast.ParseModuleWithOpts(name, string(text), ast.ParserOptions{
		ProcessAnnotation: annotations, RegoVersion: ast.RegoV1,
	})
	if err == nil && m == nil {
		err = fmt.Errorf("%s is empty", name)
	}
	return m, err
}

// header is the text up to the end of the package line; before it there are only
// comments.
func header(text []byte) []byte {
	start := 0
	if !bytes.HasPrefix(text, []byte("package ")) {
		start = bytes.Index(text, []byte("\npackage ")) + 1
	}
	if end := bytes.IndexByte(text[start:], '\n'); end >= 0 {
		return text[:start+end+1]
	}
	return text
}

// compile checks modules and prepares the one query. Types are checked where
// schemas are given.
func (e *Engine) compile(ctx context.Context, modules map[string]*ast.Module, schemas *ast.SchemaSet) error {
	caps := capabilities()
	txn, err := e.store.NewTransaction(ctx)
	if err != nil {
		return err
	}
	defer e.store.Abort(ctx, txn)
	c := ast.NewCompiler().
		WithCapabilities(caps).
		WithStrict(true).
		WithPathConflictsCheck(storage.NonEmpty(ctx, e.store, txn))
	if schemas != nil {
		c = c.WithSchemas(schemas).WithUseTypeCheckAnnotations(true)
	} else {
		// METADATA outside rules would be read here once more, for nothing.
		c = c.WithSkipStages(ast.StageCheckTypes, ast.StageParseMetadataBlocks)
	}
	if c.Compile(modules); c.Failed() {
		return c.Errors
	}
	e.query, err = rego.New(
		rego.Query(entrypoint),
		rego.Compiler(c),
		rego.Store(e.store),
		rego.Capabilities(caps),
		rego.StrictBuiltinErrors(true),
	).PrepareForEval(ctx)
	return err
}
