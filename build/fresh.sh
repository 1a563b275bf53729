#!/usr/bin/env bash
# fresh.sh: proves what README.md promises a newcomer, in a clean Debian (SUITE, default bookworm) made by debootstrap:
#
#   1. `make run` serves the Django site,
#   2. `make test` passes, with CI=true so that nothing is skipped for want of something,
#   3. the Dockerfile's steps work, and its command serves the Django site as an unprivileged user.
#
# The Debian has nothing but git, make and this machine's Go. What is committed is tested, not the working tree. Needs
# root, for chroot. The arguments choose among run, test and docker; all three without.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/chroot.sh"
. "$(dirname "$0")/dockerfile.sh"

# Mounts and processes live in namespaces of this script's own, and end with it however it ends.
[ "$(id -u)" = 0 ] || die "make fresh needs root: it changes the root directory"
if [ -z "${GILD_FRESH_INSIDE:-}" ]; then
    need_go
    need_packages debootstrap
    exec unshare --mount --pid --fork --kill-child --mount-proc env GILD_FRESH_INSIDE=1 "$0" "$@"
fi

suite=${SUITE:-bookworm}
work=$cache/fresh-$suite
exec 8>"$work.lock"
flock -n 8 || die "another make fresh works in ${work#"$root"/}"

# clone puts what is committed where a newcomer would have cloned it.
clone() {
    git clone -q --no-hardlinks "$root" "$1"
}

# answers URL PID: waits until the URL shows a page of Django; fails when the process ends first.
answers() {
    local page
    while kill -0 "$2" 2>/dev/null; do
        if page=$(curl -fsS --max-time 5 "$1" 2>/dev/null) && grep -q Django <<<"$page"; then return; fi
        sleep 1
    done
    return 1
}

# free_port prints a port on which nothing listens: the network is the one of this machine.
free_port() {
    local port
    for port in $(shuf -i 20000-32000 -n 20); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# serves ROOT COMMAND...: the command, inside, serves the site on $PORT until TERM, and then ends in good order.
serves() {
    local inside=$1 pid
    shift
    enter "$inside" "$@" &
    pid=$!
    answers "http://127.0.0.1:$PORT/" "$pid" || die "fresh: no page of Django from: $*"
    say "fresh: the Django site answers: $*"
    stop_inside "$inside"
    wait "$pid" || die "fresh: ended with status $? after TERM: $*"
}

# stop_inside ROOT sends TERM to the supervisor: the process of ./gild whose parent is none.
stop_inside() {
    local pid
    for pid in $(pgrep -f 'gild start-server' || true); do
        [ "$(readlink "/proc/$pid/root")" = "$1" ] && kill -TERM "$pid" && return
    done
    die "fresh: there is no gild to stop below $1"
}

newcomer() {
    local inside=$work/newcomer
    new_root "$suite" "$inside"
    with_go "$inside"
    enter "$inside" apt-get -qq install -y git make >/dev/null
    clone "$inside/home/gild"
    if wants run; then PORT=$(free_port) serves "$inside" sh -c 'cd /home/gild && exec make run'; fi
    if wants test; then enter "$inside" sh -c 'cd /home/gild && CI=true make test'; fi
}

wants() { [[ " ${verbs[*]} " == *" $1 "* ]]; }

verbs=("$@")
[ $# != 0 ] || verbs=(run test docker)
if wants run || wants test; then newcomer; fi
if wants docker; then prove_dockerfile "$suite" "$work" "$root/Dockerfile"; fi
say "fresh: proved in a clean $suite: ${verbs[*]}"
