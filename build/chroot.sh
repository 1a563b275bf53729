# chroot.sh: clean Debian roots, and how to run something in one. Sourced by fresh.sh.

# base SUITE prints the tarball of that Debian as debootstrap makes it, from the cache if it is there.
base() {
    local tarball=$cache/fresh-$1.tar
    if [ ! -e "$tarball" ]; then
        say "fresh: debootstrap of $1"
        rm -rf "$cache/debootstrap-$1"
        debootstrap --variant=minbase --include=ca-certificates "$1" "$cache/debootstrap-$1" \
            "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$cache/debootstrap-$1.log" 2>&1 ||
            die "debootstrap failed; see $cache/debootstrap-$1.log"
        tar -C "$cache/debootstrap-$1" --one-file-system -cf "$tarball.part" .
        mv "$tarball.part" "$tarball"
        rm -rf "$cache/debootstrap-$1"
    fi
    echo "$tarball"
}

# new_root SUITE DIRECTORY makes a clean Debian there, in place of what was there.
new_root() {
    local tarball
    tarball=$(base "$1")
    rm -rf --one-file-system "$2"
    mkdir -p "$2"
    tar -C "$2" -xf "$tarball"
    mount -t proc proc "$2/proc"
    mount --rbind /dev "$2/dev"
    mount -t tmpfs tmpfs "$2/tmp"
    host_settings "$2"
}

# host_settings ROOT lets the inside reach the package registries just as this machine does: name resolution,
# certificates, and the settings of apt and pip.
host_settings() {
    local file
    cp -L --remove-destination /etc/resolv.conf "$1/etc/resolv.conf"
    cp -L --remove-destination /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
    [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$1/etc/pip.conf"
    for file in $(grep -lE '^Acquire::' /etc/apt/apt.conf.d/* 2>/dev/null); do cp "$file" "$1/etc/apt/apt.conf.d/"; done
}

# with_go ROOT puts this machine's Go where its installation page says, read-only.
with_go() {
    mkdir -p "$1/usr/local/go"
    mount --bind "$(go env GOROOT)" "$1/usr/local/go"
    mount -o remount,ro,bind "$1/usr/local/go"
}

# enter ROOT COMMAND... runs the command inside, as USER_INSIDE (default root), with a newcomer's environment and this
# machine's ways to the registries, and with no standard input.
enter() {
    local inside=$1 passed
    shift
    mapfile -t passed < <(env | grep -E '^([a-zA-Z]+_(proxy|PROXY)|GO(PROXY|NOSUMDB|SUMDB|TOOLCHAIN)|PIP_(INDEX_URL|CERT|PROXY)|SSL_CERT_FILE)=')
    if [ -n "${PORT:-}" ]; then passed+=("PORT=$PORT"); fi
    chroot ${USER_INSIDE:+--userspec="$USER_INSIDE"} "$inside" /usr/bin/env -i "${passed[@]}" ${SETTINGS_INSIDE:+"${SETTINGS_INSIDE[@]}"} \
        HOME="${HOME_INSIDE:-/root}" LANG=C.UTF-8 TERM=dumb PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" </dev/null
}
