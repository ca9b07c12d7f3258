# gatekeep: `make demo` shows it, `make test` proves it. Needs Go, make and, for the
# race detector, a C compiler. Tools are pinned and built from Go modules.

OPA_VERSION         := v1.22.2
STATICCHECK_VERSION := v0.8.2
CRANE_VERSION       := v0.22.1
COSIGN_VERSION      := v2.6.5
COSIGN3_VERSION     := v3.1.3
FULCIO_VERSION      := v1.8.8
REKOR_VERSION       := v2.3.0
TSA_VERSION         := v2.1.3
VERSITYGW_VERSION   := v1.8.0
TORCHWOOD_VERSION   := v0.6.1

# Outside the checkout, so that a fresh clone does not build them again.
TOOLS ?= $(HOME)/.cache/gatekeep/tools
OPA         := $(TOOLS)/opa-$(OPA_VERSION)/opa
STATICCHECK := $(TOOLS)/staticcheck-$(STATICCHECK_VERSION)/staticcheck
CRANE       := $(TOOLS)/crane-$(CRANE_VERSION)/crane
COSIGN      := $(TOOLS)/cosign-$(COSIGN_VERSION)/cosign
COSIGN3     := $(TOOLS)/cosign-$(COSIGN3_VERSION)/cosign
FULCIO      := $(TOOLS)/fulcio-$(FULCIO_VERSION)/fulcio
REKOR       := $(TOOLS)/rekor-server-$(REKOR_VERSION)/posix
TSA         := $(TOOLS)/timestamp-server-$(TSA_VERSION)/timestamp-server
VERSITYGW   := $(TOOLS)/versitygw-$(VERSITYGW_VERSION)/versitygw
LITEWITNESS := $(TOOLS)/torchwood-$(TORCHWOOD_VERSION)/litewitness

BIN     := bin
# where the tests find the programs of others
TESTENV = GATEKEEP_OPA=$(OPA) GATEKEEP_CRANE=$(CRANE) GATEKEEP_COSIGN=$(COSIGN) GATEKEEP_COSIGN3=$(COSIGN3) \
	GATEKEEP_FULCIO=$(FULCIO) GATEKEEP_REKOR=$(REKOR) GATEKEEP_TSA=$(TSA) GATEKEEP_VERSITYGW=$(VERSITYGW) \
	GATEKEEP_LITEWITNESS=$(LITEWITNESS) GATEKEEP_SBOM=$(CURDIR)/$(BIN)/gatekeep-sbom GATEKEEP_PROGRAM=$(CURDIR)/$(BIN)/gatekeep
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)
FUZZTIME ?= 30s

.PHONY: build test gotest rego lint docs docs-check demo bench vectors keyless fuzz tools clean

build:
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/gatekeep ./cmd/gatekeep-sbom

## test: everything, in the order in which a mistake shows soonest
test: rego docs-check lint gotest

# These run on one goroutine, or others' code, which the race detector only slows.
RACELESS = internal/report cmd/gatekeep-sbom cmd/gatekeep-vectors

gotest: tools build
	$(TESTENV) go test -race -timeout 20m $$(go list ./... | grep -v $(addprefix -e /,$(RACELESS)))
	$(TESTENV) go test -timeout 20m $(addsuffix /...,$(addprefix ./,$(RACELESS)))

## keyless: signing and verifying with a real Fulcio, Rekor, timestamp authority and cosign
keyless: tools
	$(TESTENV) go test ./cmd/gatekeep -run 'TestSignaturesOfAnIdentityAreOneLanguage' -count 1 -v

rego: $(OPA)
	@test -z "$$($(OPA) fmt --list policies/rego)" || { echo "opa fmt wants to change:"; $(OPA) fmt --list policies/rego; exit 1; }
	$(OPA) check --strict -s policies/schemas --capabilities policies/capabilities.json policies/rego
	$(OPA) test policies/rego
	@$(OPA) test --coverage --threshold 100 policies/rego >/dev/null || { echo "rules without full coverage:"; $(OPA) test --coverage policies/rego | grep -n not_covered -A3; exit 1; }
	@if command -v regal >/dev/null; then regal lint policies/rego; else echo "regal is not installed: its lint did not run"; fi

lint: $(STATICCHECK)
	@test -z "$$(gofmt -l cmd internal bundles policies *.go)" || { echo "gofmt wants to change:"; gofmt -l cmd internal bundles policies *.go; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...

docs:
	go run ./cmd/gatekeep-docs

docs-check:
	go run ./cmd/gatekeep-docs -check

## demo: the whole road on a real image, from nothing to a replayed decision
demo: build
	go run ./cmd/gatekeep-demo -bin $(BIN) -out demo-out

## bench: Go benchmarks and whole-process figures, written to docs/benchmarks.md
bench: build $(OPA)
	go run ./cmd/gatekeep-bench -bin $(BIN) -opa $(OPA) -out docs/benchmarks.md

## vectors: every row of the corpus of real inputs, as a user would run it
CORPUS ?= testdata/corpus
vectors: build
	go run ./cmd/gatekeep-vectors -bin $(BIN)/gatekeep -corpus $(CORPUS)

## fuzz: every fuzz target for FUZZTIME, two at a time
fuzz:
	@grep -rHo --include='*_test.go' 'func Fuzz[A-Za-z0-9_]*' cmd internal \
	  | sed 's#/[^/]*:func # #' | sort -u \
	  | xargs -P 2 -L 1 sh -c '.ci/fuzz "$$0" "$$1" $(FUZZTIME)'

tools: $(OPA) $(STATICCHECK) $(CRANE) $(COSIGN) $(COSIGN3) $(FULCIO) $(REKOR) $(TSA) $(VERSITYGW) $(LITEWITNESS)

$(OPA):
	GOBIN=$(dir $@) go install github.com/open-policy-agent/opa@$(OPA_VERSION)
$(STATICCHECK):
	GOBIN=$(dir $@) go install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)
$(CRANE):
	GOBIN=$(dir $@) go install github.com/google/go-containerregistry/cmd/crane@$(CRANE_VERSION)
$(COSIGN):
	GOBIN=$(dir $@) go install github.com/sigstore/cosign/v2/cmd/cosign@$(COSIGN_VERSION)
$(COSIGN3):
	GOBIN=$(dir $@) go install github.com/sigstore/cosign/v3/cmd/cosign@$(COSIGN3_VERSION)
$(FULCIO):
	GOBIN=$(dir $@) go install github.com/sigstore/fulcio@$(FULCIO_VERSION)
$(REKOR):
	GOBIN=$(dir $@) go install github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix@$(REKOR_VERSION)
$(TSA):
	GOBIN=$(dir $@) go install github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server@$(TSA_VERSION)
$(VERSITYGW):
	GOBIN=$(dir $@) go install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW_VERSION)
$(LITEWITNESS):
	GOBIN=$(dir $@) go install filippo.io/torchwood/cmd/litewitness@$(TORCHWOOD_VERSION) filippo.io/torchwood/cmd/witnessctl@$(TORCHWOOD_VERSION)

clean:
	rm -rf $(BIN) demo-out
