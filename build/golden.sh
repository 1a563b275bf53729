#!/usr/bin/env bash
# golden.sh: rewrites the expected half of every golden file from what the code does now. The diff is the review.
# Called through env.sh. The packages are those whose tests define the flag -u.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

packages=$(grep -rlE --include='*_test.go' --exclude-dir=.cache 'flag\.Bool(Var)?\(.*"u"' . | xargs -r -n1 dirname | sort -u)
[ -n "$packages" ] || die "make golden: no package has golden files"
for package in $packages; do go test -count=1 "$package" -u; done
git --no-pager diff --stat
