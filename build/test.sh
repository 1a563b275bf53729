#!/usr/bin/env bash
# test.sh: the whole suite, on the default Python and then on a second one of 3.12 or newer (see second.sh).
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

need_go
need_compiler
build/env.sh build/suite.sh
second=$(build/env.sh build/second.sh)
PYTHON=$second build/env.sh build/suite.sh
