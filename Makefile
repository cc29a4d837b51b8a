# What can be built, run and checked. Go and make are all it takes.
GO      ?= go
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo unknown)
# The race detector needs a C compiler; without one the tests run all the same.
RACE     = $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)
# Function Compute's runtime go1 is linux/amd64.
GOOS    := linux
GOARCH  := amd64

.PHONY: build package run generate test check bench deploy clean

build: ## the function, as Function Compute runs it: build/main
	CGO_ENABLED=0 GOOS=$(GOOS) GOARCH=$(GOARCH) $(GO) build -trimpath -buildvcs=false \
		-ldflags="-s -w -X main.version=$(VERSION)" -o build/main ./function

package: build ## the same bytes each time: build/function.zip
	$(GO) run ./function/zip build/main build/function.zip

run: GOOS = $(shell $(GO) env GOHOSTOS)
run: GOARCH = $(shell $(GO) env GOHOSTARCH)
run: build ## everything on http://127.0.0.1:9000, with simulated tasks
	$(GO) run ./function/local -function build/main $(ARGS)

generate: ## what is committed though it is made: templates/*_templ.go, web/dist, web/names.go
	$(GO) tool templ generate
	$(GO) run ./function/assets

# -count=1: some tests build and run the function, which go test does not see change.
test:
	$(GO) test $(RACE) -count=1 ./...

check: ## all that CI runs
	$(GO) mod tidy -diff
	$(GO) tool templ generate
	git diff --exit-code -- '*_templ.go'
	@unformatted=$$(gofmt -l function templates web) && test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=function/acceptance/go.mod staticcheck ./...
	$(GO) test $(RACE) -count=1 ./...
	cd function/acceptance && $(GO) vet ./... && $(GO) tool staticcheck ./... && $(GO) test $(RACE) -count=1 ./...

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

deploy: package ## with Serverless Devs (npm install -g @serverless-devs/s)
	s deploy -y

clean:
	rm -rf build
