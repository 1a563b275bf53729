#!/usr/bin/env bash
# tools.sh: installs the programs that the tests of HTTPS run against gild, unless they are there already:
#
#   .cache/bin       pebble, pebble-challtestsrv, h2spec, from the Go modules of build/tools/go.mod   (GILD_TOOLS)
#   .cache/clients   a virtual environment with integration/clients.txt: an HTTP/3 client in Python   (GILD_CLIENTS)
#   Debian packages  chromium, testssl.sh, php-cgi, slowhttptest
#
# env.sh exports the two variables once the directories are complete. Each part is tried, however the others fare; what
# could not be installed is said, and the exit status is 1. Called through env.sh.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

: "${GILD_PYTHON:?run this through build/env.sh}"

# The functions below are called in a condition, where bash does not stop at a failure: each says what to do then.

programs() {
    local modules=$root/build/tools bin=$cache/bin stamp
    stamp="$(go version) $(sha256sum <"$modules/go.sum")"
    [ "$(cat "$bin/.complete" 2>/dev/null)" = "$stamp" ] && return
    rm -rf "$bin"
    mkdir -p "$bin"
    say "installing pebble and h2spec into ${bin#"$root"/}"
    CGO_ENABLED=0 go build -C "$modules" -o "$bin/" tool >&2 || return 1
    echo "$stamp" >"$bin/.complete"
}

# The clients need not run on the Python that is under test, and cannot on one without a GIL, for want of wheels.
clients() {
    local requirements=$root/integration/clients.txt venv=$cache/clients python=$GILD_PYTHON stamp
    stamp=$(sha256sum <"$requirements")
    [ "$(cat "$venv/.complete" 2>/dev/null)" = "$stamp" ] && "$venv/bin/python" -c '' 2>/dev/null && return
    case $GILD_PYTHON_VERSION in *t) python=/usr/bin/python3 ;; esac
    # Debian keeps the venv module in a package of its own. In a subshell, as need_packages exits.
    case $(readlink -f "$python") in /usr/bin/python*) (need_packages python3-venv) || return 1 ;; esac
    rm -rf "$venv"
    say "installing integration/clients.txt into ${venv#"$root"/}"
    "$python" -m venv "$venv" >&2 || return 1
    "$venv/bin/python" -m pip --disable-pip-version-check install -q -r "$requirements" >&2 || return 1
    echo "$stamp" >"$venv/.complete"
}

packages() { (need_packages chromium testssl.sh php-cgi slowhttptest); }

missing=()
part() { "$1" || missing+=("$2"); }

mkdir -p "$cache"
exec 9>"$cache/tools.lock"
flock 9
part programs "pebble and h2spec (Go module proxy)"
part clients "aioquic (PyPI)"
part packages "chromium, testssl.sh, php-cgi and slowhttptest (Debian)"
[ ${#missing[@]} = 0 ] || die "could not be installed:$(printf ' [%s]' "${missing[@]}")"
