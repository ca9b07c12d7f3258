package delivery

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Object is one Kubernetes object of a manifest.
type Object struct {
	APIVersion string
	Kind       string
	Namespace  string
	Name       string   // or generateName, ending in "-"
	Images     []string // of containers, init containers and ephemeral containers, sorted, each once
}

// Manifest reads Kubernetes objects from YAML or JSON: a stream of documents, or lists
// of objects, or both. A document without apiVersion or kind is no object, and an error.
func Manifest(data []byte) ([]Object, error) {
	docs, err := documents(data)
	if err != nil {
		return nil, fmt.Errorf("reading manifest: %w", err)
	}
	var objects []Object
	for i, doc := range docs {
		more, err := flatten(doc)
		if err != nil {
			return nil, fmt.Errorf("reading manifest: document %d: %w", i+1, err)
		}
		if objects = append(objects, more...); len(objects) > MaxDocuments {
			return nil, fmt.Errorf("reading manifest: more than %d objects: %w", MaxDocuments, ErrTooLarge)
		}
	}
	if len(objects) == 0 {
		return nil, errors.New("reading manifest: it holds no object")
	}
	return objects, nil
}

// flatten is an object, or those of a list.
func flatten(doc map[string]any) ([]Object, error) {
	o := Object{APIVersion: text(doc, "apiVersion"), Kind: text(doc, "kind"),
		Namespace: text(doc, "metadata", "namespace"), Name: text(doc, "metadata", "name")}
	if o.APIVersion == "" || o.Kind == "" {
		return nil, errors.New("apiVersion or kind is missing")
	}
	if list, ok := at(doc, "items").([]any); ok && strings.HasSuffix(o.Kind, "List") {
		var all []Object
		for i, item := range list {
			object, ok := item.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("items[%d] is no object", i)
			}
			one, err := flatten(object)
			if err != nil {
				return nil, fmt.Errorf("items[%d]: %w", i, err)
			}
			all = append(all, one...)
		}
		return all, nil
	}
	if o.Name == "" {
		o.Name = text(doc, "metadata", "generateName")
	}
	o.Images = images(doc)
	return []Object{o}, nil
}

// podSpecs are the ways to the pod specification of the kinds that have one.
var podSpecs = [][]string{
	{"spec"},                     // Pod
	{"spec", "template", "spec"}, // Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, Rollout
	{"spec", "jobTemplate", "spec", "template", "spec"}, // CronJob
	{"template", "spec"}, // PodTemplate
}

func images(doc map[string]any) []string {
	var found []string
	for _, way := range podSpecs {
		spec := at(doc, way...)
		for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
			for _, container := range items(spec, list) {
				if image := text(container, "image"); image != "" {
					found = append(found, image)
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// Review is what is read of an AdmissionReview.
type Review struct {
	UID       string
	Operation string // CREATE, UPDATE, DELETE or CONNECT
	Kind      string // of the object
	Namespace string
	Name      string
	Images    []string
	DryRun    bool
}

// operations of admission.k8s.io/v1.
var operations = []string{"CREATE", "UPDATE", "DELETE", "CONNECT"}

// AdmissionReview reads a request of admission.k8s.io/v1 or v1beta1, in JSON or YAML.
// One without uid, kind or operation asks nothing that could be answered.
func AdmissionReview(data []byte) (*Review, error) {
	docs, err := documents(data)
	if err != nil {
		return nil, fmt.Errorf("reading admission review: %w", err)
	}
	if len(docs) != 1 {
		return nil, fmt.Errorf("reading admission review: %d documents; want one", len(docs))
	}
	doc := docs[0]
	version := text(doc, "apiVersion")
	if text(doc, "kind") != "AdmissionReview" || version != "admission.k8s.io/v1" && version != "admission.k8s.io/v1beta1" {
		return nil, errors.New("reading admission review: it is no AdmissionReview of admission.k8s.io/v1")
	}
	request, ok := at(doc, "request").(map[string]any)
	if !ok {
		return nil, errors.New("reading admission review: request is missing")
	}
	r := Review{UID: text(request, "uid"), Operation: text(request, "operation"), Kind: text(request, "kind", "kind"),
		Namespace: text(request, "namespace"), Name: text(request, "name")}
	r.DryRun, _ = at(request, "dryRun").(bool)
	if !slices.Contains(operations, r.Operation) {
		return nil, fmt.Errorf("reading admission review: request.operation %.20q is none of %s", r.Operation, strings.Join(operations, ", "))
	}
	object, _ := at(request, "object").(map[string]any)
	if r.Operation == "DELETE" && object == nil {
		object, _ = at(request, "oldObject").(map[string]any) // a deletion has no new object
	}
	if r.Kind == "" {
		r.Kind = text(object, "kind")
	}
	if r.Kind == "" {
		return nil, errors.New("reading admission review: neither request.kind nor request.object tells of what kind it is")
	}
	if object == nil && r.Operation != "DELETE" && r.Operation != "CONNECT" {
		return nil, errors.New("reading admission review: request.object is missing")
	}
	r.Images = images(object)
	return &r, nil
}

// Flags is a flagd flag set.
type Flags struct {
	Enabled, Disabled, WithTargeting int
	Keys                             []string // sorted
}

// Total is the number of flags.
func (f *Flags) Total() int { return f.Enabled + f.Disabled }

// Flagd reads a flag definition of flagd, in JSON or YAML.
// https://flagd.dev/schema/v0/flags.json
func Flagd(data []byte) (*Flags, error) {
	docs, err := documents(data)
	if err != nil {
		return nil, fmt.Errorf("reading flags: %w", err)
	}
	if len(docs) != 1 {
		return nil, fmt.Errorf("reading flags: %d documents; want one", len(docs))
	}
	set, ok := at(docs[0], "flags").(map[string]any)
	if !ok {
		return nil, errors.New("reading flags: flags is missing")
	}
	var f Flags
	for key, flag := range set {
		variants, ok := at(flag, "variants").(map[string]any)
		if !ok || len(variants) == 0 {
			return nil, fmt.Errorf("reading flags: %.80q has no variants", key)
		}
		if fallback, given := at(flag, "defaultVariant").(string); given {
			if _, known := variants[fallback]; !known {
				return nil, fmt.Errorf("reading flags: %.80q falls back to %.80q, which is no variant of it", key, fallback)
			}
		}
		switch state := text(flag, "state"); state {
		case "ENABLED":
			f.Enabled++
		case "DISABLED":
			f.Disabled++
		default:
			return nil, fmt.Errorf("reading flags: %.80q has the state %.20q, neither ENABLED nor DISABLED", key, state)
		}
		if rules, ok := at(flag, "targeting").(map[string]any); ok && len(rules) > 0 {
			f.WithTargeting++
		}
		f.Keys = append(f.Keys, key)
	}
	slices.Sort(f.Keys)
	return &f, nil
}

// Oscal is what every OSCAL document says of itself.
type Oscal struct{ Model, UUID, Version string }

// models of OSCAL 1.x.
var models = []string{"catalog", "profile", "component-definition", "system-security-plan", "assessment-plan",
	"assessment-results", "plan-of-action-and-milestones", "mapping-collection"}

// OSCALModels are the names of the models, which are the one member of a document.
func OSCALModels() []string { return slices.Clone(models) }

// OSCAL reads the head of an OSCAL document in JSON or YAML.
// https://pages.nist.gov/OSCAL-Reference
func OSCAL(data []byte) (*Oscal, error) {
	docs, err := documents(data)
	if err != nil {
		return nil, fmt.Errorf("reading OSCAL: %w", err)
	}
	for _, doc := range docs {
		for _, model := range models {
			if at(doc, model) == nil {
				continue
			}
			o := Oscal{model, text(doc, model, "uuid"), text(doc, model, "metadata", "oscal-version")}
			if o.UUID == "" || o.Version == "" {
				return nil, fmt.Errorf("reading OSCAL: %s.uuid or %s.metadata.oscal-version is missing", model, model)
			}
			return &o, nil
		}
	}
	return nil, errors.New("reading OSCAL: no model of OSCAL 1 is in it")
}

// List turns a stream of Kubernetes objects into one list of them, as JSON.
func List(data []byte) ([]byte, error) {
	if _, err := Manifest(data); err != nil {
		return nil, err
	}
	docs, err := documents(data)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": docs})
}

// JSON turns what YAML holds into JSON, for predicates that carry it whole.
func JSON(data []byte) ([]byte, error) {
	docs, err := documents(data)
	if err != nil {
		return nil, err
	}
	if len(docs) != 1 {
		return nil, fmt.Errorf("%d documents; want one", len(docs))
	}
	return json.Marshal(docs[0])
}
