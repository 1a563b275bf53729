#!/usr/bin/env bash
# env.sh [COMMAND...]: the environment in which go builds and tests gild, which is the one of an interpreter.
#
# With a command, runs it in that environment; without one, prints the `export` lines for
# a shell or an editor: eval "$(build/env.sh)".
#
# PYTHON names the interpreter. Unset, it is the first python3 on PATH whose shared library and headers are
# installed, else Debian's, with its headers installed for the purpose.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# flags_of INTERPRETER prints the export lines, or says why not.
flags_of() { "$1" -Es "$root/build/python.py"; }

# usable_on_path prints the export lines of the first python3 on PATH that can be embedded.
usable_on_path() {
    local candidate
    while read -r candidate; do
        flags_of "$candidate" 2>/dev/null && return
    done < <(type -ap python3)
    return 1
}

flags() {
    if [ -n "${PYTHON:-}" ]; then
        have "$PYTHON" || die "PYTHON=$PYTHON: there is no such command"
        flags_of "$PYTHON"
    else
        usable_on_path || { need_packages python3 libpython3-dev && flags_of /usr/bin/python3; }
    fi
}

# test_venv adds the virtual environment of the integration tests, where `make test` has made it.
test_venv() {
    local venv=$cache/venv-$GILD_PYTHON_VERSION
    if [ -e "$venv/.complete" ]; then printf 'export GILD_TEST_VENV=%q\n' "$venv"; fi
}

lines=$(flags) || exit 1
eval "$lines"
venv_line=$(test_venv)
if [ $# = 0 ]; then
    printf '%s\n' "$lines" ${venv_line:+"$venv_line"}
else
    eval "$venv_line"
    exec "$@"
fi
