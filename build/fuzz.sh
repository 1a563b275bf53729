#!/usr/bin/env bash
# fuzz.sh: runs each fuzz target for FUZZTIME (default 10s), by name, in the package that has it. Called through
# env.sh. Finding no target at all is a failure: a green run must have run something.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

# targets prints "./package FuzzName" for each.
targets() {
    grep -roE --include='*_test.go' --exclude-dir=.cache '^func Fuzz\w+' . |
        sed -E 's,^(.*)/[^/]*:func (Fuzz\w+)$,\1 \2,' | sort
}

found=$(targets) || die "make fuzz: there is no fuzz target"
while read -r package name; do
    say "fuzz: $package $name"
    go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZTIME:-10s}" "$package" </dev/null
done <<<"$found"
