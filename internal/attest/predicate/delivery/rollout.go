package delivery

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Rollout is how a controller would replace one version by another.
type Rollout struct {
	Kind     string // Rollout, Canary, or what stands beside them: AnalysisTemplate, Experiment, ...
	Name     string
	Strategy string // canary, blue_green, or "" for what is no rollout
	Steps    []Step
	// Analysis tells whether metrics decide over going on.
	Analysis bool
	// Manual is the number of steps that wait for a person.
	Manual int
	// Duration is the sum of the pauses that have an end.
	Duration time.Duration
}

// Step is a share of traffic, and how long to stay at it.
type Step struct {
	Weight float64 // per cent
	Pause  time.Duration
}

// argoKinds are the kinds of argoproj.io/v1alpha1 that describe a rollout.
var argoKinds = []string{"Rollout", "AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun", "Experiment"}

// Rollouts reads the objects of Argo Rollouts and Flagger in a manifest; others beside
// them are passed over. A manifest without any is an error.
func Rollouts(data []byte) ([]Rollout, error) {
	docs, err := documents(data)
	if err != nil {
		return nil, fmt.Errorf("reading rollout: %w", err)
	}
	var found []Rollout
	for i, doc := range docs {
		kind, r := text(doc, "kind"), Rollout{}
		switch version := text(doc, "apiVersion"); {
		case version == "argoproj.io/v1alpha1" && slices.Contains(argoKinds, kind):
			r, err = argo(doc)
		case version == "flagger.app/v1beta1" && kind == "Canary":
			r, err = flagger(doc)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading rollout: document %d (%s): %w", i+1, kind, err)
		}
		r.Kind, r.Name = kind, text(doc, "metadata", "name")
		found = append(found, r)
	}
	if len(found) == 0 {
		return nil, errors.New("reading rollout: neither an object of argoproj.io/v1alpha1 nor a Canary of flagger.app/v1beta1")
	}
	return found, nil
}

// argo reads https://argo-rollouts.readthedocs.io/en/stable/features/specification/.
func argo(doc map[string]any) (Rollout, error) {
	if text(doc, "kind") != "Rollout" {
		return Rollout{Analysis: true}, nil
	}
	var r Rollout
	canary, blueGreen := at(doc, "spec", "strategy", "canary"), at(doc, "spec", "strategy", "blueGreen")
	_, isCanary := at(doc, "spec", "strategy").(map[string]any)
	switch {
	case canary != nil && blueGreen != nil:
		return r, errors.New("spec.strategy has both canary and blueGreen")
	case blueGreen != nil:
		r.Strategy = "blue_green"
		r.Analysis = at(blueGreen, "prePromotionAnalysis") != nil || at(blueGreen, "postPromotionAnalysis") != nil
		if automatic, given := at(blueGreen, "autoPromotionEnabled").(bool); given && !automatic {
			r.Manual++
		}
		return r, nil
	case !isCanary:
		return r, errors.New("spec.strategy is missing")
	}
	r.Strategy, r.Analysis = "canary", at(canary, "analysis") != nil
	weight := 0.0
	for i, step := range items(canary, "steps") {
		set, err := r.argoStep(step, &weight)
		if err != nil {
			return r, fmt.Errorf("spec.strategy.canary.steps[%d]: %w", i, err)
		}
		if set {
			r.Steps = append(r.Steps, Step{Weight: weight})
		}
	}
	return r, nil
}

// argoStep reads one step, and tells whether it sets a weight.
func (r *Rollout) argoStep(step any, weight *float64) (set bool, err error) {
	fields, ok := step.(map[string]any)
	if !ok {
		return false, errors.New("is no object")
	}
	if value, given := fields["setWeight"]; given {
		w, ok := number(value)
		if !ok || w < 0 || w > 100 {
			return false, fmt.Errorf("setWeight %v is not from 0 to 100", value)
		}
		*weight = w
		return true, nil
	}
	if fields["analysis"] != nil || fields["experiment"] != nil {
		r.Analysis = true
	}
	pause, paused := fields["pause"]
	if !paused {
		return false, nil
	}
	length := at(pause, "duration")
	if length == nil {
		r.Manual++ // "indefinitely, until manually resumed"
		return false, nil
	}
	d, err := argoDuration(length)
	if err != nil {
		return false, fmt.Errorf("pause.duration: %w", err)
	}
	r.Duration += d
	if n := len(r.Steps); n > 0 {
		r.Steps[n-1].Pause += d
	}
	return false, nil
}

// argoDuration is a number of seconds, or a text with a unit.
func argoDuration(v any) (time.Duration, error) {
	if n, ok := number(v); ok && n >= 0 {
		return time.Duration(n * float64(time.Second)), nil
	}
	s, _ := v.(string)
	if n, err := strconv.Atoi(s); err == nil && n >= 0 {
		return time.Duration(n) * time.Second, nil
	}
	return duration(s)
}

var days = regexp.MustCompile(`^([0-9]{1,4})d$`)

func duration(s string) (time.Duration, error) {
	if m := days.FindStringSubmatch(s); m != nil {
		n, err := strconv.Atoi(m[1])
		return time.Duration(n) * 24 * time.Hour, err
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%.40q is no duration", s)
	}
	return d, nil
}

// flagger reads https://docs.flagger.app/usage/how-it-works: steps by an equal weight or
// by a list, each held for one interval; or iterations, for A/B and blue-green.
func flagger(doc map[string]any) (Rollout, error) {
	analysis := at(doc, "spec", "analysis")
	if analysis == nil {
		analysis = at(doc, "spec", "canaryAnalysis") // before 1.0
	}
	if analysis == nil {
		return Rollout{}, errors.New("spec.analysis is missing")
	}
	interval, err := duration(text(analysis, "interval"))
	if err != nil {
		return Rollout{}, fmt.Errorf("spec.analysis.interval: %w", err)
	}
	r := Rollout{Strategy: "canary", Analysis: len(items(analysis, "metrics")) > 0}
	for _, hook := range items(analysis, "webhooks") {
		if kind := text(hook, "type"); kind == "confirm-rollout" || kind == "confirm-promotion" || kind == "confirm-traffic-increase" {
			r.Manual++
		}
	}
	if weights := items(analysis, "stepWeights"); len(weights) > 0 {
		for i, value := range weights {
			w, ok := number(value)
			if !ok || w < 0 || w > 100 {
				return r, fmt.Errorf("spec.analysis.stepWeights[%d] %v is not from 0 to 100", i, value)
			}
			r.Steps = append(r.Steps, Step{w, interval})
		}
	} else if err := r.equalSteps(analysis, interval); err != nil {
		return r, err
	}
	if n, ok := number(at(analysis, "iterations")); ok && n > 0 && len(r.Steps) == 0 {
		r.Duration = time.Duration(n) * interval
		if at(analysis, "match") == nil {
			r.Strategy = "blue_green"
		}
	}
	for _, s := range r.Steps {
		r.Duration += s.Pause
	}
	return r, nil
}

func (r *Rollout) equalSteps(analysis any, interval time.Duration) error {
	step, ok := number(at(analysis, "stepWeight"))
	if !ok {
		return nil
	}
	most, given := number(at(analysis, "maxWeight"))
	if !given {
		most = 100
	}
	if step < 1 || step > 100 || most < step || most > 100 {
		return fmt.Errorf("spec.analysis: stepWeight %v and maxWeight %v do not make steps", step, most)
	}
	for w := step; w <= most; w += step {
		r.Steps = append(r.Steps, Step{w, interval})
	}
	return nil
}
