#!/usr/bin/env bash
# check.sh: everything that can be said about the source without running it. Called by make check, with cgo's flags.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

# gofmt -l prints the files it would change and still succeeds.
formatted() {
    local files
    files=$(git ls-files '*.go' | xargs -r gofmt -l)
    [ -z "$files" ] && return
    # shellcheck disable=SC2086
    say "not formatted; run gofmt -w on:" $files
    return 1
}

# Our C must compile without a warning. The compiler is asked directly: in CGO_CFLAGS these flags would reach the
# Go runtime's own C as well.
c_warnings() {
    # shellcheck disable=SC2086
    go list -f '{{$d := .Dir}}{{range .CFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}' ./... | xargs -r -n1 \
        gcc $CGO_CFLAGS -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Werror -fsyntax-only
}

# Every gate is tried, so that one run shows all there is to mend.
refused=()
gate() {
    say "check: $1"
    "${@:2}" || refused+=("$1")
}

gate "format" formatted
gate "vet" go vet ./...
gate "staticcheck" go tool staticcheck ./...
gate "tidy go.mod and go.sum" go mod tidy -diff
gate "tidy build/tools" go -C build/tools mod tidy -diff
gate "import picture" go test -run '^TestImport' .
gate "warnings of the C compiler" c_warnings
[ ${#refused[@]} = 0 ] || die "make check: refused by$(printf ' [%s]' "${refused[@]}")"
