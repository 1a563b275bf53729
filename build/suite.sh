#!/usr/bin/env bash
# suite.sh [FLAG...]: vet and every test, on the interpreter of the environment, with further flags for go test.
# Called through env.sh.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

# The programs that the tests of HTTPS run; env.sh, which has been here before them, can name them now.
if ! build/tools.sh; then
    [ -z "${CI:-}" ] || exit 1
    say "NOT TESTED: what needs the programs named above"
fi
eval "$(build/env.sh)"

# In CI a missing package index is a failure. Elsewhere the tests that need the packages skip and say so.
if venv=$(build/venv.sh); then
    export GILD_TEST_VENV=$venv
elif [ -n "${CI:-}" ]; then
    exit 1
else
    unset GILD_TEST_VENV
    say "NOT TESTED: Flask and Django, for want of their packages"
fi

say "testing with Python $GILD_PYTHON_VERSION ($GILD_PYTHON)"
go vet ./...
go test -count=1 "$@" ./...
