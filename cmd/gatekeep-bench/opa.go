package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/bundle"
	"github.com/gatekeep-dev/gatekeep/policies"
)

// maxInput bounds the input document that is taken out of evidence.
const maxInput = 64 << 20

// adapter makes of the raw CycloneDX document, which OPA is given as data, what the
// rules look things up in. OPA works a document out only where a rule reads it, and
// the rules of this workload read by_purl alone.
const adapter = `package sboms[%q]

by_purl := {c.purl: c.name | some c in data.bench.sbom.components}

by_name := {c.name: [c.version] | some c in data.bench.sbom.components}

unidentified := [c.name | some c in data.bench.sbom.components; not c.purl]
`

// opaCommand is OPA over the rules and the bundle's data as gatekeep has them, the
// input that gatekeep judged, and the raw SBOM.
func (w *workload) opaCommand(n int) command {
	return command{out: w.path("opa.json"), args: []string{w.opa, "eval", "--format", "json",
		"--data", w.path("policy"), "--data", w.path("overlay.json"),
		"--data", w.path("adapter.rego"), "--data", "bench.sbom:" + w.sbom(n),
		"--input", w.path("input.json"), "data.gatekeep.main.decision"}}
}

// prepareOPA writes what opaCommand reads. The evidence is that of a check.
func (w *workload) prepareOPA(evidence string) error {
	if err := w.copyPolicy(); err != nil {
		return err
	}
	b, err := bundle.Load(os.DirFS(w.path("bundle")))
	if err != nil {
		return err
	}
	overlay, err := json.Marshal(object{"gatekeep": b.Overlay()})
	if err != nil {
		return err
	}
	input, err := inputOf(evidence)
	if err != nil {
		return err
	}
	ref, err := refOf(input)
	if err != nil {
		return err
	}
	return errors.Join(w.write(overlay, "overlay.json"), w.write(input, "input.json"),
		w.write([]byte(fmt.Sprintf(adapter, ref)), "adapter.rego"))
}

// copyPolicy writes the built-in rules, without their tests, as a tree of files.
func (w *workload) copyPolicy() error {
	rego, err := policies.Rego()
	if err != nil {
		return err
	}
	return fs.WalkDir(rego, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.rego") {
			return err
		}
		data, err := fs.ReadFile(rego, name)
		if err != nil {
			return err
		}
		return w.write(data, path.Join("policy", name))
	})
}

// inputOf takes the facts that were judged out of sealed evidence.
func inputOf(evidence string) ([]byte, error) {
	archive, err := zip.OpenReader(evidence)
	if err != nil {
		return nil, fmt.Errorf("opening evidence: %w", err)
	}
	defer archive.Close()
	f, err := archive.Open("decision/input.json")
	if err != nil {
		return nil, fmt.Errorf("opening evidence: %w", err)
	}
	defer f.Close()
	input, err := io.ReadAll(io.LimitReader(f, maxInput+1))
	if err == nil && len(input) > maxInput {
		err = fmt.Errorf("more than %d bytes", maxInput)
	}
	if err != nil {
		return nil, fmt.Errorf("reading input.json of evidence: %w", err)
	}
	return input, nil
}

// refOf is the one SBOM that the facts name.
func refOf(input []byte) (string, error) {
	var facts struct {
		SBOMs map[string][]struct {
			Ref string `json:"ref"`
		} `json:"sboms"`
	}
	if err := json.Unmarshal(input, &facts); err != nil {
		return "", fmt.Errorf("reading input.json: %w", err)
	}
	for _, list := range facts.SBOMs {
		if len(facts.SBOMs) == 1 && len(list) == 1 && list[0].Ref != "" {
			return list[0].Ref, nil
		}
	}
	return "", errors.New("reading input.json: it does not name exactly one SBOM")
}

// opaPasses fails where OPA said anything but that the gate opens.
func opaPasses(output []byte) error {
	var answer struct {
		Result []struct {
			Expressions []struct {
				Value struct {
					Outcome string `json:"outcome"`
				} `json:"value"`
			} `json:"expressions"`
		} `json:"result"`
	}
	if err := json.Unmarshal(output, &answer); err != nil {
		return fmt.Errorf("reading OPA's answer: %w", err)
	}
	if len(answer.Result) != 1 || len(answer.Result[0].Expressions) != 1 {
		return errors.New("reading OPA's answer: there is no decision in it")
	}
	if outcome := answer.Result[0].Expressions[0].Value.Outcome; outcome != "pass" {
		return fmt.Errorf("reading OPA's answer: it says %q, and gatekeep opened", outcome)
	}
	return nil
}

// row measures one size: gatekeep, gatekeep that seals evidence, and OPA, in turn.
func (w *workload) row(ctx context.Context, n int) (row, error) {
	fmt.Fprintf(w.progress, "measuring %d components\n", n)
	evidence := w.path("evidence.zip")
	sealing := w.check(n, "--key", w.path("gate.key"), "--out", evidence)
	if err := w.do(ctx, sealing[1:]...); err != nil {
		return row{}, err
	}
	if err := w.prepareOPA(evidence); err != nil {
		return row{}, err
	}
	used, err := w.interleaved(ctx, command{args: w.check(n)}, command{args: sealing}, w.opaCommand(n))
	if err != nil {
		return row{}, err
	}
	answer, err := os.ReadFile(w.path("opa.json"))
	if err != nil {
		return row{}, err
	}
	info, err := os.Stat(w.sbom(n))
	if err != nil {
		return row{}, err
	}
	return row{components: n, bytes: info.Size(), check: used[0], seal: used[1], opa: used[2]}, opaPasses(answer)
}

// versions are the releases of gatekeep's embedded OPA and of the one beside it.
func (w *workload) versions(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, w.opa, "version").Output()
	if err != nil {
		return "", fmt.Errorf("asking OPA for its version: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		if version, ok := strings.CutPrefix(line, "Version: "); ok {
			return strings.TrimSpace(version), nil
		}
	}
	return "", errors.New("asking OPA for its version: it does not say")
}
