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
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

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
	caps := capabilities()
	modules, err := parse(files, names, false, caps)
	wait.Wait()
	if err = errors.Join(err, dataErr); err != nil {
		return nil, fmt.Errorf("loading policy: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("loading policy: %w", err)
	}
	e := &Engine{store: newLayered(data), digest: digestOf(files, overlay)}
	if err := e.compile(ctx, modules, compilation{caps: caps, skip: skipped(src.BuiltIn)}); err != nil {
		return nil, fmt.Errorf("compiling policy: %w", err)
	}
	return e, nil
}

// parse reads modules, with METADATA in rules, where findings are made from it, and
// in modules that ask for it. The rest of it is for people and for Check, and takes
// half as long to read as the code. The parser would list the builtins anew for each
// module, so it is given them.
func parse(files map[string][]byte, names []string, everywhere bool, caps *ast.Capabilities) (map[string]*ast.Module, error) {
	parsed := make([]*ast.Module, len(names))
	errs := make([]error, len(names))
	one := func(i int) {
		name := names[i]
		metadata := everywhere || isRule(name) || bytes.Contains(files[name], []byte("rego.metadata."))
		parsed[i], errs[i] = ast.ParseModuleWithOpts(name, string(files[name]), ast.ParserOptions{
			ProcessAnnotation: metadata, RegoVersion: ast.RegoV1, Capabilities: caps,
		})
		if parsed[i] == nil && errs[i] == nil {
			errs[i] = fmt.Errorf("%s is empty", name)
		}
	}
	// As many goroutines as run at once: each grows a deep stack.
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(names); i = int(next.Add(1)) - 1 {
				one(i)
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	modules := make(map[string]*ast.Module, len(names))
	for i, name := range names {
		modules[name] = parsed[i]
	}
	return modules, nil
}

// compilation is how modules are compiled. Types are checked where schemas are given.
type compilation struct {
	caps    *ast.Capabilities
	schemas *ast.SchemaSet
	skip    []ast.StageID
}

// skipped are the stages that Load leaves out. Of any policy: types, which Check
// looks at, and METADATA outside rules, which would be read once more for nothing.
// Of the built-in one also the stages that rewrite nothing, find mistakes of the
// author, and depend on the text of the rules alone: a part of what passed Check as
// a whole passes them too. Calls of functions that are not there, conflicts with
// data and builtins that are not allowed are looked for in every policy.
func skipped(builtIn bool) []ast.StageID {
	stages := []ast.StageID{ast.StageCheckTypes, ast.StageParseMetadataBlocks}
	if builtIn {
		stages = append(stages, ast.StageCheckUnusedImports, ast.StageCheckDuplicateImports,
			ast.StageCheckKeywordOverrides, ast.StageCheckVoidCalls, ast.StageCheckSafetyRuleHeads,
			ast.StageSetGraph, ast.StageCheckRecursion)
	}
	return stages
}

// compile checks modules and prepares the one query.
func (e *Engine) compile(ctx context.Context, modules map[string]*ast.Module, how compilation) error {
	txn, err := e.store.NewTransaction(ctx)
	if err != nil {
		return err
	}
	defer e.store.Abort(ctx, txn)
	c := ast.NewCompiler().
		WithCapabilities(how.caps).
		WithStrict(true).
		WithPathConflictsCheck(storage.NonEmpty(ctx, e.store, txn))
	if how.schemas != nil {
		c = c.WithSchemas(how.schemas).WithUseTypeCheckAnnotations(true)
	}
	if len(how.skip) > 0 {
		c = c.WithSkipStages(how.skip...)
	}
	if c.Compile(modules); c.Failed() {
		return c.Errors
	}
	if err := findingsAreMade(c); err != nil {
		return err
	}
	e.query, err = rego.New(
		rego.Query(entrypoint),
		rego.Compiler(c),
		rego.Store(e.store),
		rego.Capabilities(how.caps),
		rego.StrictBuiltinErrors(true),
	).PrepareForEval(ctx)
	return err
}

// findingsAreMade refuses rules whose METADATA lacks what a finding is made from: the
// finding would be undefined, and a violation would vanish in silence.
func findingsAreMade(c *ast.Compiler) error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(c.Modules)) {
		if !isRule(name) || isTest(name) {
			continue
		}
		a := c.GetAnnotationSet().GetPackageScope(c.Modules[name].Package)
		if a == nil {
			wrong = append(wrong, fmt.Errorf("%s: METADATA is missing above the package", name))
			continue
		}
		m := metadata{custom: a.Custom}
		m.text("remedy")
		if severity := m.text("severity"); !isSeverity(severity) {
			m.wrong("custom.severity is %q; write block or warn", severity)
		}
		if err := errors.Join(m.errs...); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(wrong...)
}
