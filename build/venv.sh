#!/usr/bin/env bash
# venv.sh: makes the virtual environment with the pinned packages of integration/requirements.txt for the
# interpreter in GILD_PYTHON, unless it is there already, and prints its directory.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

: "${GILD_PYTHON:?run this through build/env.sh}"
requirements=$root/integration/requirements.txt
venv=$cache/venv-$GILD_PYTHON_VERSION

# The stamp of a finished environment says what it was made from.
stamp="$GILD_PYTHON $("$GILD_PYTHON" -c 'import sys; print(sys.version)') $(sha256sum <"$requirements")"

make_venv() {
    [ "$(cat "$venv/.complete" 2>/dev/null)" = "$stamp" ] && return
    rm -rf "$venv"
    say "installing integration/requirements.txt for Python $GILD_PYTHON_VERSION into ${venv#"$root"/}"
    "$GILD_PYTHON" -m venv "$venv" >&2 || return 1
    "$venv/bin/python" -m pip --disable-pip-version-check install -q -r "$requirements" >&2 || return 1
    echo "$stamp" >"$venv/.complete"
}

# Debian keeps the venv module in a package of its own.
case $(readlink -f "$GILD_PYTHON") in
/usr/bin/python*) need_packages python3-venv ;;
esac
mkdir -p "$cache"
exec 9>"$venv.lock"
flock 9
make_venv || die "the packages of integration/requirements.txt could not be installed from PyPI"
echo "$venv"
