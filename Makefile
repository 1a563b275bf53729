# The verbs of gild. PYTHON=/path/to/python3 chooses the interpreter that is embedded; see build/env.sh.

SHELL := /bin/bash
export PYTHON

# in-python runs a command with the cgo flags of the chosen interpreter.
in-python := build/env.sh

.PHONY: build env check

build: ## leaves ./gild
	@build/build.sh

env: ## prints the environment for editors and for plain `go test`: eval "$(make -s env)"
	@$(in-python)

check: ## gofmt, vet, staticcheck, tidy module, import picture, C warnings
	@$(in-python) build/check.sh
