# What can be built, run and checked. Go and make are all it takes.
GO      ?= go
VERSION ?= $(shell git describe --always --dirty 2>/dev/null || echo unknown)
# The race detector needs a C compiler; without one the tests run all the same.
RACE     = $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)
BUILD    = CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags="-s -w -X main.version=$(VERSION)"

.PHONY: build package run test check bench deploy clean

build: ## the function, as Function Compute runs it: build/main
	GOOS=linux GOARCH=amd64 $(BUILD) -o build/main ./function

package: build ## the same bytes each time: build/function.zip
	$(GO) run ./function/zip build/main build/function.zip

run: ## everything on http://127.0.0.1:9000, with simulated tasks
	$(BUILD) -o build/local-function ./function
	$(GO) run ./function/local -function build/local-function $(ARGS)

test:
	$(GO) test $(RACE) ./...

check: ## all that CI runs
	$(GO) tool templ generate
	git diff --exit-code -- '*_templ.go'
	@unformatted=$$(gofmt -l function templates web); test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=function/acceptance/go.mod staticcheck ./...
	$(GO) test $(RACE) ./...
	cd function/acceptance && $(GO) vet ./... && $(GO) tool staticcheck ./... && $(GO) test $(RACE) ./...

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

deploy: package ## with Serverless Devs (npm install -g @serverless-devs/s)
	s deploy -y

clean:
	rm -rf build
