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

# prepared adds what the integration tests look for, where `make test` has made it: the virtual environment with the
# frameworks (venv.sh), the programs and the clients (tools.sh).
prepared() {
    made GILD_TEST_VENV "$cache/venv-$GILD_PYTHON_VERSION"
    made GILD_TOOLS "$cache/bin"
    made GILD_CLIENTS "$cache/clients"
}

# made VARIABLE DIRECTORY prints the export line if the directory is complete.
made() { if [ -e "$2/.complete" ]; then printf 'export %s=%q\n' "$1" "$2"; fi; }

lines=$(flags) || exit 1
eval "$lines"
prepared_lines=$(prepared)
if [ $# = 0 ]; then
    printf '%s\n' "$lines" ${prepared_lines:+"$prepared_lines"}
else
    eval "$prepared_lines"
    exec "$@"
fi
