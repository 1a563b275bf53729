# The verbs of gild. Variables:
#   PYTHON=/path/to/python3    the interpreter that is embedded; build/env.sh says which it is otherwise
#   PYTHON2=/path/to/python3   the interpreter of the second run of the tests; see build/second.sh
#   PORT=8000                  where `make run` listens
#   FUZZTIME=10s               how long each fuzz target runs
#   SUITE=bookworm             the Debian of `make fresh`
#   BENCH=tls                  the tables of `make bench`: http, tls, site, or several by comma
#   BENCHFLAGS=-quick          further flags of bench/run

SHELL := /bin/bash
export PYTHON PYTHON2 PORT FUZZTIME SUITE

# A command after $(in-python) sees the cgo flags of the chosen interpreter.
in-python := build/env.sh

.DEFAULT_GOAL := help
.PHONY: help build env run packages test check golden fuzz race asan soak bench python-nogil test-nogil fresh

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r verb text; do printf 'make %-13s %s\n' "$$verb" "$$text"; done

build: ## leaves ./gild
	@build/build.sh

env: ## prints the environment for editors and for plain `go test`: eval "$(make -s env)"
	@$(in-python)

run: build packages ## builds gild and serves a Django site on port 8000
	@exec build/serve.sh

packages: ## installs what ./gild and the Django site need to run, no compiler
	@build/packages.sh

test: ## every test, on two versions of Python
	@build/test.sh

check: ## gofmt, vet, staticcheck, tidy module, import picture, warnings of the C compiler
	@$(in-python) build/check.sh

golden: ## rewrites the golden files; the diff is the review
	@$(in-python) build/golden.sh

fuzz: ## each fuzz target for FUZZTIME
	@$(in-python) build/fuzz.sh

race: ## every test under Go's race detector
	@GILD_BUILD_FLAGS=-race $(in-python) build/suite.sh -race

asan: ## the tests of the C code under AddressSanitizer
	@$(in-python) build/asan.sh

soak: ## the tests that take minutes or measure: leaks, endurance, two interpreters against one
	@$(in-python) build/soak.sh

bench: ## gild beside its peers; writes bench/RESULTS.md
	@bench/run $(addprefix -groups ,$(BENCH)) $(BENCHFLAGS)

python-nogil: ## builds a CPython without a GIL into the cache, and prints its path
	@build/cpython.sh 3.13t

test-nogil: ## every test on that CPython
	@PYTHON=$$(build/cpython.sh 3.13t) && export PYTHON && build/env.sh build/suite.sh

fresh: ## proves `make run`, `make test` and the Dockerfile in a clean Debian
	@build/fresh.sh
