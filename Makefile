# Satchel. `make run` serves, `make test` tests, `make check` looks at the code.

GO          ?= go
NPM         ?= npm
NPM_CI       = $(NPM) ci --no-audit --no-fund
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
TIMEOUT     ?= 20m
GOTESTFLAGS ?=

.PHONY: help
help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

.PHONY: run
run: build ## build everything and serve on 127.0.0.1:8080, data in ./data
	@exec bin/satchel serve

# Always asked of go, which knows what is out of date.
.PHONY: build
build: assets ## build bin/satchel with the script of its pages in it
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/satchel ./cmd/satchel

.PHONY: assets
assets: pages/dist/satchel.js ## bundle the script of the pages

pages/dist/satchel.js: pages/node_modules/.package-lock.json $(wildcard pages/src/* pages/*.mjs)
	$(NPM) run build --prefix pages
	@touch $@

%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	@command -v $(NPM) >/dev/null || { echo 'npm is missing: apt-get install nodejs npm (or, without it: go run ./cmd/satchel serve)' >&2; exit 1; }
	$(NPM_CI) --prefix $*
	@touch $@

# -count=1: the tests of e2e run a binary that they build, which go's cache of results does not see. versitygw and MinIO are the S3
# servers of the tests and pebble their ACME server; they take four minutes the first time, which a test would count as its own.
.PHONY: test
test: needs assets e2e/node_modules/.package-lock.json ## install what the tests need, and run all of them
	cd e2e/versitygw && CGO_ENABLED=0 $(GO) build -o ../../bin/versitygw github.com/versity/versitygw/cmd/versitygw
	cd e2e/minio && CGO_ENABLED=0 $(GO) build -o ../../bin/minio github.com/minio/minio
	cd e2e/pebble && CGO_ENABLED=0 $(GO) build -o ../../bin/ github.com/letsencrypt/pebble/v2/cmd/pebble github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv
	$(GO) test -count=1 -ldflags='-s -w' -timeout $(TIMEOUT) $(GOTESTFLAGS) ./...

# The long form of storms that `make test` runs for a moment, and every fuzz test of the tree for FUZZTIME each.
FUZZTIME ?= 20s

.PHONY: soak
soak: needs assets e2e/node_modules/.package-lock.json ## the long storms: 500 kills, 200 cuts, 5 minutes of killed nodes, 1 GiB in parts, 1000 images, 30 s of WebDAV, 5000 events, pages on a slow phone, with 10,000 files, and in all languages and sizes, fuzzing
	SATCHEL_TEST_KILLS=500 SATCHEL_TEST_CUTS=200 SATCHEL_TEST_PARALLEL_MIB=1024 SATCHEL_TEST_IMAGES=1000 $(GO) test -count=1 -timeout 60m -v \
		-run '^(TestKillStorm|TestClientsThroughCuts|TestLargeParallelUpload|TestManyThumbnailsAtOnce)$$' ./e2e
	SATCHEL_TEST_NODE_STORM=5m $(GO) test -count=1 -timeout 20m -v -run '^TestNodeStorm$$' ./e2e
	SATCHEL_TEST_USABLE=1000 SATCHEL_TEST_FRAMES=100 $(GO) test -count=1 -timeout 10m -v -run '^(TestFirstLoad|TestLongFolder)$$' ./e2e
	SATCHEL_TEST_LANGUAGES=all $(GO) test -count=1 -timeout 60m -v \
		-run "^($$(awk '/^func Test/ { split($$2, test, "(") } /^\t+eachView\(t,/ { print test[1] }' e2e/*_test.go | sort -u | paste -sd '|'))\$$" ./e2e
	SATCHEL_TEST_STORM=30s $(GO) test -count=1 -timeout 10m -v -run '^TestStorm$$' ./server/dav
	SATCHEL_TEST_EVENTS=5000 $(GO) test -count=1 -timeout 20m -v -run '^TestEventStorm$$' ./hooks
	SATCHEL_TEST_SYNCS=5000 SATCHEL_TEST_REWINDS=400 $(GO) test -count=1 -timeout 60m -v -run '^(TestSyncConverges|TestRewindToAnyMoment)$$' ./drive
	@git grep --untracked -oE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' | while IFS=: read -r file name; do \
		$(GO) test -run '^$$' -fuzz "^$${name#func }\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")" </dev/null || exit 1; \
	done

# tusd has a module of its own, the peers of WebDAV are Debian's: what cannot be installed is missed only by rows that need it.
# BENCH='-only HEAD -rounds 3' and the like are bench's flags.
.PHONY: bench
bench: assets ## measure beside tusd, nginx, Apache and rclone, about half an hour
	@sh scripts/bench-needs.sh || true
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/satchel ./cmd/satchel
	cd bench/peers && CGO_ENABLED=0 $(GO) build -trimpath -o ../../bin/peers/tusd github.com/tus/tusd/v2/cmd/tusd
	cd e2e/versitygw && CGO_ENABLED=0 $(GO) build -o ../../bin/versitygw github.com/versity/versitygw/cmd/versitygw
	@mkdir -p bin && $(GO) build -o bin/bench ./bench && bin/bench $(BENCH)

.PHONY: deb
deb: build ## make a Debian package in bin
	@sh scripts/deb.sh bin/satchel bin

.PHONY: pictures
pictures: needs assets e2e/node_modules/.package-lock.json ## take the pictures of README.md anew
	SATCHEL_SCREENSHOTS=$(CURDIR)/docs $(GO) test -count=1 -run '^TestPicturesOfTheReadme$$' ./e2e

.PHONY: needs
needs: ## install the Debian packages that the tests need, or say which are missing
	@sh scripts/test-needs.sh

.PHONY: check
check: ## gofmt, vet and staticcheck
	@unformatted=$$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "gofmt -w $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

.PHONY: clean
clean: ## remove what was built; ./data stays
	rm -rf bin pages/node_modules e2e/node_modules
	find pages/dist -type f ! -name .gitkeep -delete
