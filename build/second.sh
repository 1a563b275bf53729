#!/usr/bin/env bash
# second.sh: prints the interpreter on which the suite runs a second time. It is of another version than the first
# (GILD_PYTHON_VERSION), and one of the two is 3.12 or newer, where sub-interpreters can have a GIL of their own.
#
# PYTHON2 names it; else it is the first that fits of: PATH, pyenv's versions, Debian's. If there is none, it is built.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

first=${GILD_PYTHON_VERSION:?run this through build/env.sh}
case $first in
3.10 | 3.11) versions=(3.14 3.13 3.12) otherwise=3.13 ;;
*) versions=(3.14 3.13 3.12 3.11 3.10) otherwise=3.11 ;;
esac

candidates() {
    local version
    for version in "${versions[@]}"; do type -ap "python$version" || true; done
    if have pyenv; then
        for version in "${versions[@]}"; do ls -d "$(pyenv root)/versions/$version".*/bin/python3 2>/dev/null || true; done
    fi
    echo /usr/bin/python3
}

# fits INTERPRETER: it can be embedded, and its version is one we look for.
fits() {
    local lines version
    lines=$("$1" -Es "$root/build/python.py" 2>/dev/null) || return 1
    version=$(eval "$lines" && echo "$GILD_PYTHON_VERSION")
    [ "$version" != "$first" ] && [[ " ${versions[*]} " == *" $version "* ]]
}

choose() {
    local candidate
    if [ -n "${PYTHON2:-}" ]; then
        echo "$PYTHON2"
        return
    fi
    while read -r candidate; do
        if fits "$candidate"; then
            echo "$candidate"
            return
        fi
    done < <(candidates)
    "$root/build/cpython.sh" "$otherwise"
}

choose
