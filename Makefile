# What can be built, run and checked. Go and make are all it takes; to check
# everything, also npm, Java and a browser.
GO      ?= go
# The commit alone, at a fixed length: a shallow clone has no tags, and fewer commits to
# tell apart, and is to give the same bytes.
VERSION ?= $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)
# The race detector needs a C compiler; without one the tests run all the same.
RACE     = $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)
# Function Compute's runtime go1 is linux/amd64.
GOOS    := linux
GOARCH  := amd64
# How long a soak lasts: FOR=2m is enough to see that it works.
FOR     ?= 10m
# How long each fuzz target runs.
FUZZTIME ?= 30s
# What reads the code. These stay out of every go.mod: gosec alone brings a
# hundred modules along.
GOSEC    = $(GO) run github.com/securego/gosec/v2/cmd/gosec@v2.30.0
GITLEAKS = $(GO) run github.com/zricethezav/gitleaks/v8@v8.30.1
# What the tests of the pages look for.
BROWSERS = chromium chromium-browser google-chrome google-chrome-stable headless-shell

.PHONY: build package run soak generate browser tools test check gosec gitleaks fuzz bench role deploy smoke doctor clean

build: ## the function, as Function Compute runs it: build/main
	CGO_ENABLED=0 GOOS=$(GOOS) GOARCH=$(GOARCH) $(GO) build -trimpath -buildvcs=false \
		-ldflags="-s -w -X main.version=$(VERSION)" -o build/main ./function

package: build ## the same bytes each time: build/function.zip
	$(GO) run ./function/zip build/main build/function.zip

run soak: GOOS = $(shell $(GO) env GOHOSTOS)
run soak: GOARCH = $(shell $(GO) env GOHOSTARCH)
run: build ## everything on http://127.0.0.1:9000, with simulated tasks
	$(GO) run ./function/local -function build/main $(ARGS)

# It takes some minutes more than FOR, to get warm and to end what is under way.
soak: build ## the function under load and faults: fails on what grows, breaks or is lost
	$(GO) run ./function/local -function build/main -soak $(FOR) \
		-addr 127.0.0.1:0 -console 127.0.0.1:0 -cloudsso 127.0.0.1:0 -chat 127.0.0.1:0

generate: ## what is committed though it is made: templates/*_templ.go, web/dist, web/names.go
	$(GO) tool templ generate
	$(GO) run ./function/assets

# Pages are tested in a browser. Without one those tests are skipped, and say so.
browser:
	-@test "$$CHROMIUM" && exit; for name in $(BROWSERS); do command -v $$name >/dev/null && exit; done; \
	if grep -qx ID=debian /etc/os-release 2>/dev/null && test "$$(id -u)" = 0; then \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium fonts-wqy-zenhei; \
	fi

tools: function/acceptance/node_modules/.package-lock.json ## what judges the pages, from npm

# The Observatory would download a list of sites that browsers know to be https
# only. Nothing here is one of them.
function/acceptance/node_modules/.package-lock.json: function/acceptance/package-lock.json
	cd function/acceptance && npm ci
	echo '{}' > function/acceptance/node_modules/@mdn/mdn-http-observatory/conf/hsts-preload.json

# -count=1: some tests build and run the function, which go test does not see
# change. No ./... the second time: it would keep back what was skipped.
#
# What all of them ask the function, and what it answers, is recorded, and at last held
# to the contract.
EXCHANGES = $(CURDIR)/build/exchanges
test: browser
	rm -rf '$(EXCHANGES)' && mkdir -p '$(EXCHANGES)'
	EXCHANGES='$(EXCHANGES)' $(GO) test $(RACE) -count=1 ./...
	cd function/acceptance && EXCHANGES='$(EXCHANGES)' $(GO) test $(RACE) -count=1
	cd function/acceptance && $(GO) test -count=1 -run '^TestRecorded$$' -recorded '$(EXCHANGES)'
	cd function/bench && $(GO) test $(RACE) -count=1

check: tools test gosec gitleaks ## all that CI runs, but for fuzz
	$(GO) mod tidy -diff
	$(GO) tool templ generate
	@made=$$(git status --porcelain -- '*_templ.go' web/dist web/names.go) && test -z "$$made" || { echo "made, but not committed:"; echo "$$made"; exit 1; }
	@unformatted=$$(gofmt -l function templates web) && test -z "$$unformatted" || { echo "gofmt would change: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=function/acceptance/go.mod staticcheck ./...
	cd function/acceptance && $(GO) mod tidy -diff && $(GO) vet ./... && $(GO) tool staticcheck ./...
	cd function/bench && $(GO) mod tidy -diff && $(GO) vet ./... && $(GO) tool -modfile=../acceptance/go.mod staticcheck ./...

# What gosec is wrong about, beside what the code itself says where it is:
# - The stand-in is for one machine. Its servers listen on loopback, who calls
#   them is who started it, its tasks follow from a seed, its signatures and
#   paddings are the platforms', and what it calls a token is a word.
# - An answer is written here, whoever made it; templ and encoding/json escape.
# - The bench starts, reads and writes what it has built and made itself.
# - The README's program asks the address that its user gives it.
# - Cookies get their attributes in newCookie, which it does not follow.
# - The words of the page to sign in speak of tokens, and have none.
space = $(eval) $(eval)
NOT_UNSAFE = $(subst $(space),;,$(strip \
	function/local/.*:G101,G104,G112,G115,G203,G204,G401,G404,G505,G710 \
	function/bench/.*:G104,G112,G115,G204,G302,G304,G306,G703,G705 \
	function/acceptance/testdata/await/.*:G104,G704 \
	function/site/answer\.go:G705 \
	function/access/session\.go:G124 \
	templates/words\.go:G101))

gosec: ## what looks like a hole
	$(GOSEC) -quiet -nosec-require-rules -nosec-require-justification -exclude-rules='$(NOT_UNSAFE)' ./...

gitleaks: ## what looks like a secret; .gitleaks.toml says what is none
	$(GITLEAKS) dir --no-banner --redact --verbose .

# Several at a time: what counts is that each has had its time. Up to Go 1.26 the
# end of that time can pass for a failure (golang/go#75804), which shows no input.
define FUZZ_ONE
said=$$($(GO) test -run '^$$' -fuzz "^$$1\$$" -fuzztime $(FUZZTIME) -parallel 1 "$$0" 2>&1) ||
	{ echo "$$said" | grep -qx '    context deadline exceeded' && ! echo "$$said" | grep -q 'Failing input'; } ||
	{ echo "$$0 $$1 FAILED"; echo "$$said"; exit 1; }
n=$$(echo "$$said" | sed -n 's/^fuzz: elapsed: .* execs: \([0-9]*\).*/\1/p' | tail -n 1)
echo "$$0 $$1: $${n:-0} executions"
test "$${n:-0}" -gt 0 || { echo "give it more than FUZZTIME=$(FUZZTIME)"; exit 1; }
endef
export FUZZ_ONE

fuzz: ## every fuzz target there is, for FUZZTIME each
	@set -e; list=$$($(GO) test -list '^Fuzz' ./...); \
	echo "$$list" | awk '/^Fuzz/ {names[n++] = $$1} /^ok/ {for (i = 0; i < n; i++) print $$2, names[i]; n = 0}' | \
	xargs -P 4 -L 1 sh -c "$$FUZZ_ONE"

# It takes some three minutes, and means something only where nothing else runs.
bench: ## the function beside the smallest there can be, and beside the usual way to write it
	$(GO) build -C function/bench -o ../../build/bench .
	build/bench $(ARGS)

role: ## its rights, with the aliyun CLI, as few as the configuration needs; DRY_RUN=1 only says how
	$(GO) run ./function/ram

# Before, what is in s.yaml and in the environment is held against what the function takes.
# What is not configured yet is left out. Whether events is possible, nobody documents.
deploy: package ## with Serverless Devs, and then smoke
	@command -v s >/dev/null || { echo "There is no s command: npm install -g @serverless-devs/s"; exit 1; }
	DEPLOY=1 $(GO) test -count=1 -run '^(TestDeployed|TestEnvironment|TestVariables)' ./function
	s status deploy -y
	s check deploy -y
	@if grep -q '^  events:' s.yaml; then set -x; s events deploy -y --trigger || { set +x; \
	echo "No events, for the reason above. Nothing else needs them: to stop trying, delete events from s.yaml."; }; fi
	@if test "$$PUBLIC_URL" && test "$$CERTIFICATE"; then set -x; s domain deploy -y; \
	else echo "No domain is deployed: pages need PUBLIC_URL, CERTIFICATE and PRIVATE_KEY. JSON, chats and checks do not."; fi
	@if test "$$PUBLIC_URL"; then $(MAKE) --no-print-directory smoke; \
	else echo "To see whether it works: PUBLIC_URL=<the address of status, above> TOKEN=<one of your tokens> make smoke"; fi

smoke: ## does what is at PUBLIC_URL work? With TOKEN, down to CloudSSO
	@$(GO) run ./function/smoke

doctor: ## has the deployed function look at itself, from where it is
	s status invoke -e '{"doctor":true}'

clean:
	rm -rf build
