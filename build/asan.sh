#!/usr/bin/env bash
# asan.sh: the tests of the packages that reach our C, with it compiled for AddressSanitizer, and those of a whole gild
# built the same way. Called through env.sh.
#
# Python's own allocator would hide errors inside its arenas, so objects come straight from malloc. Leaks are not
# reported: CPython itself frees little at its end. They are counted by the soak tests, as growth per request.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

export PYTHONMALLOC=malloc
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:abort_on_error=1}
export GILD_BUILD_FLAGS=-asan
# What AddressSanitizer needs itself does not fit into the limits that this story sets.
go test -asan -count=1 -skip 'TestStories/limit_memory' ./cpython ./scripts ./integration
