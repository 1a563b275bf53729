#!/usr/bin/env bash
# soak.sh: the tests named TestSoak..., which take minutes or measure, one package after another so that none
# disturbs another's figures. They skip unless GILD_SOAK is set. Called through env.sh.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

GILD_TEST_VENV=$(build/venv.sh)
export GILD_TEST_VENV GILD_SOAK=1
packages=$(grep -rlE --include='*_test.go' --exclude-dir=.cache '^func TestSoak' . | xargs -r -n1 dirname | sort -u)
[ -n "$packages" ] || die "make soak: there is no test named TestSoak..."
# shellcheck disable=SC2086
go test -count=1 -p 1 -timeout 60m -v -run '^TestSoak' $packages
