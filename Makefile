# The two that matter: make test (everything), make build (bin/bsv).
# Long forms have a short form inside make test; each prints its seed.
GO ?= go
PKGS ?= ./...
SIM ?= 40000
CRASHES ?= 6000
FUZZTIME ?= 60s

.PHONY: build test race lint fuzz sim crash kill powercut bench bench-peers e2e compose seen generate cross prebuilt clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/bsv ./cmd/bsv

# test passes all tests on a fresh machine with Go. What it needs beside Go
# (git, rsync, ip, iptables) it installs from Debian's packages when it may;
# otherwise the tests concerned say what they skip and why. Nothing is taken from
# a cache: the end-to-end tests build the command themselves.
test:
	@sh test/needs.sh git rsync iproute2 iptables
	$(GO) vet $(PKGS)
	$(GO) test -count=1 -timeout 20m $(PKGS)

race:
	$(GO) test -race -timeout 40m $(PKGS)

# lint takes its tools from the module proxy; staticcheck.conf and .errcheck say
# what they look for. In tests an error may be dropped where its loss shows.
lint:
	@out=$$(gofmt -l .); [ -z "$$out" ] || { echo "not formatted: $$out"; exit 1; }
	$(GO) vet $(PKGS)
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 $(PKGS)
	$(GO) run github.com/gordonklaus/ineffassign@v0.1.0 $(PKGS)
	$(GO) run github.com/kisielk/errcheck@v1.9.0 -ignoretests -exclude .errcheck $(PKGS)

# cross builds for every system that bsv is made for.
cross:
	for os in linux darwin windows; do for arch in amd64 arm64; do \
	  echo "build $$os/$$arch"; CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -o /dev/null ./cmd/bsv || exit 1; done; done

fuzz:
	sh test/fuzz.sh $(FUZZTIME)

sim:
	$(GO) test -run 'Simulat' -timeout 60m ./worktree -sim.n=$(SIM)

# crash an apply at its calls and named points, with the loss of what was not synced: 100 times the applies of make test.
crash:
	$(GO) test -run 'CrashedApply' -timeout 60m ./worktree -crash.n=$(CRASHES)

# kill -9 at random moments of snapshot, sync and apply: 10 times the rounds of make test.
kill:
	BSV_KILLS=2000 $(GO) test -run Kill -timeout 120m -v ./test/e2e

# the power goes at every crash point of snapshots and syncs: 50 times the rounds of make test.
powercut:
	BSV_POWERCUTS=50 $(GO) test -run PowerCut -timeout 120m -v ./node

e2e:
	@sh test/needs.sh git rsync iproute2 iptables
	$(GO) test -timeout 30m -v ./test/e2e

bench:
	$(GO) test -run '^$$' -bench . -benchtime 1s $(PKGS)

# bench-peers measures bsv beside restic, borg, rsync, unison and syncthing in one run.
bench-peers: build
	@sh test/needs.sh restic borgbackup rsync unison syncthing python3 jq time bc
	bash test/bench/run.sh

# compose runs docker-compose.yml on a real engine: three devices, a cut, edits on both sides.
compose: prebuilt
	@sh test/needs.sh docker.io docker-compose
	bash test/compose.sh

# seen goes through real input once: Go's own source and a home-like tree of at least 1 GB.
seen: build
	@sh test/needs.sh rsync
	bash test/seen.sh

# prebuilt puts the binary where the image's prebuilt target takes it from.
prebuilt: build

# generate needs protoc and protoc-gen-go.
generate:
	protoc --go_out=. --go_opt=paths=source_relative proto/*.proto

clean:
	rm -rf bin
