#!/usr/bin/env bash
# build.sh: leaves ./gild, built for the interpreter that PYTHON chooses.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

need_go
need_compiler
cd "$root"
build/env.sh go build -trimpath -o gild .
