#!/usr/bin/env bash
# cpython.sh 3.11|3.13|3.13t: builds that CPython with a shared library, from Debian's own source package, into the
# cache; prints the path of the interpreter. 3.13t is 3.13 without a GIL.
#
# For machines whose distribution lacks it. Needs apt, but neither a newer Debian nor a change of the system's
# sources: apt works in a directory of its own and checks the signatures with Debian's archive keys. The build is not
# optimised by profile: it is for tests, and takes a few minutes.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

name=python${1:?which Python: 3.11, 3.13 or 3.13t}
case $1 in
3.11) suite=bookworm variant=() ;;
3.13) suite=trixie variant=() ;;
3.13t) suite=trixie variant=(--disable-gil) ;;
*) die "cpython.sh: $1 is not one of 3.11, 3.13, 3.13t" ;;
esac

mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
prefix=$cache/$name
work=$cache/build-$name

# The compiler, and the libraries behind the modules that pip, Flask and Django import.
packages=(gcc make libc6-dev xz-utils pkg-config libssl-dev libffi-dev zlib1g-dev libsqlite3-dev libbz2-dev liblzma-dev)

# source_apt runs apt-get on the source packages of $suite, with all its state below $work.
source_apt() {
    apt-get -qq \
        -o Dir::Etc::SourceList="$work/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" \
        -o APT::Sandbox::User="$(id -un)" "$@"
}

# The steps below are joined by && because they are called in a condition, where bash does not stop at a failure.

download() {
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" &&
        echo "deb-src [signed-by=$keyring] $mirror $suite main" >"$work/apt/sources.list" &&
        source_apt update &&
        cd "$work" &&
        source_apt source --download-only --tar-only "${name%t}" &&
        tar -xf "${name%t}"_*.orig.tar.*
}

compile() {
    mkdir -p "$work/tree" &&
        cd "$work/tree" &&
        "$work"/Python-*/configure -q --prefix="$prefix" --enable-shared --without-ensurepip --disable-test-modules \
            ${variant[@]+"${variant[@]}"} LDFLAGS="-Wl,-rpath,$prefix/lib" &&
        make -s -j"$(nproc)" &&
        make -s install
}

build() {
    need_packages "${packages[@]}" debian-archive-keyring
    rm -rf "$work" "$prefix"
    mkdir -p "$work"
    say "building $name from Debian's source package: a few minutes, once (log: $prefix.log)"
    if ! (download && compile) >"$prefix.log" 2>&1; then
        tail -n 20 "$prefix.log" >&2
        die "$name could not be built"
    fi
    rm -rf "$work"
    touch "$prefix/.complete"
}

mkdir -p "$cache"
exec 9>"$prefix.lock"
flock 9
[ -e "$prefix/.complete" ] || build
echo "$prefix/bin/python3"
