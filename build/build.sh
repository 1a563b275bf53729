#!/usr/bin/env bash
# build.sh: leaves ./gild, built for the interpreter that PYTHON chooses.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

need_go
have gcc || need_packages gcc libc6-dev
cd "$root"
build/env.sh go build -trimpath -o gild .
