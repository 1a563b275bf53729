# lib.sh: what the build's scripts share. Sourced, never run.
#
# Every script of this directory may be called from any directory, by make or by hand.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# cache is where the build keeps what it may make again: virtual environments, interpreters, Debian roots.
# Removing it is always safe.
cache=${GILD_CACHE:-$root/.cache}

say() { printf 'gild: %s\n' "$*" >&2; }

die() {
    printf 'gild: error: %s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# as_root runs a command as root, through sudo if need be; 1 if neither is to be had.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        return 1
    fi
}

# installed PACKAGE: the Debian package is there, or something that provides it is.
installed() { dpkg-query -W -f '${db:Status-Abbrev}\n' "$1" 2>/dev/null | grep -q '^ii'; }

# need_packages PACKAGE... installs the Debian packages that are missing, and only those.
need_packages() {
    local missing=()
    have dpkg-query || die "this is no Debian: install by your own means what these packages hold: $*"
    for p in "$@"; do installed "$p" || missing+=("$p"); done
    [ ${#missing[@]} = 0 ] && return
    say "installing the Debian packages ${missing[*]}"
    if [ "$(id -u)" != 0 ] && ! have sudo; then
        die "that needs root or sudo. As root: apt-get install ${missing[*]}"
    fi
    apt_install "${missing[@]}" 2>/dev/null || { as_root apt-get -qq update && apt_install "${missing[@]}"; } ||
        die "apt-get could not install ${missing[*]}; its own words are above"
}

apt_install() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >&2 </dev/null; }

# need_go refuses to go on without the Go that go.mod asks for.
need_go() {
    local wanted
    wanted=$(sed -n 's/^go //p' "$root/go.mod")
    have go || die "no go command on PATH. Install Go $wanted or newer from https://go.dev/dl/"
}

# need_compiler installs a C compiler unless there is one.
need_compiler() { have "${CC:-gcc}" || need_packages gcc libc6-dev; }

# libpython_of BINARY prints the path of the shared library of Python that it would load, or missing:NAME.
libpython_of() {
    local line
    line=$(ldd "$1" | grep -F libpython) || die "$1 is not linked with a libpython; build it with: make build"
    case $line in
    *"not found"*) echo "missing:$(awk '{print $1}' <<<"$line")" ;;
    *) awk '{print $3}' <<<"$line" ;;
    esac
}

# version_of LIBRARY prints the version in the name of a libpython: 3.11, 3.13t.
version_of() {
    local name=${1##*libpython}
    echo "${name%%.so*}"
}
