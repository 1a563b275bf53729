# dockerfile.sh: does what a Dockerfile says, in clean Debian roots, where no container engine is at hand. Sourced by
# fresh.sh.
#
# It knows the instructions that ours uses and refuses any other: FROM ... AS, WORKDIR, COPY, RUN, USER, ENV, EXPOSE,
# STOPSIGNAL, CMD. An image golang:* is a Debian with Go, git, make and gcc; debian:* is a Debian.

# prove_dockerfile SUITE DIRECTORY FILE builds every stage below the directory and runs the last one's command.
prove_dockerfile() {
    docker_suite=$1 docker_work=$2
    local instruction rest -
    set -f # the words of an instruction are no patterns
    while read -r instruction rest; do
        say "docker: $instruction $rest"
        "docker_$instruction" $rest
    done < <(sed -e '/^ *#/d' -e '/^ *$/d' -e ':join' -e '/\\$/{N;s/\\\n *//;bjoin' -e '}' "$3")
    docker_serve
}

# A root for each stage: $docker_root is the one at work, named stage-NAME so that COPY --from finds the others.
docker_FROM() {
    docker_root=$docker_work/stage-${3:-last} docker_directory=/ USER_INSIDE=root HOME_INSIDE=/root SETTINGS_INSIDE=()
    new_root "$docker_suite" "$docker_root"
    case $1 in
    golang:*) with_go "$docker_root" && enter "$docker_root" apt-get -qq install -y git make gcc libc6-dev >/dev/null ;;
    debian:*) ;;
    *) die "docker: unknown image $1" ;;
    esac
}

docker_WORKDIR() {
    docker_directory=$1
    mkdir -p "$docker_root$1"
}

# COPY [--from=STAGE] [--chown=USER] SOURCE TARGET; the context is what is committed.
docker_COPY() {
    local from='' owner='' source target
    while [[ $1 == --* ]]; do
        case $1 in
        --from=*) from=$docker_work/stage-${1#*=} ;;
        --chown=*) owner=${1#*=} ;;
        *) die "docker: COPY does not know $1 here" ;;
        esac
        shift
    done
    source=$1 target=$docker_root$(absolute_inside "$2")
    if [ -z "$from" ]; then
        git -C "$root" archive HEAD -- "$source" | tar -C "$target" -xf -
    else
        cp -a "$from$source" "$target"
    fi
    if [ -n "$owner" ]; then enter "$docker_root" chown -R "$owner" "$(absolute_inside "$2")"; fi
}

absolute_inside() {
    case $1 in
    /*) echo "$1" ;;
    .) echo "$docker_directory" ;;
    *) echo "$docker_directory/$1" ;;
    esac
}

docker_RUN() { enter "$docker_root" sh -ec "cd $docker_directory; $*"; }
docker_USER() { USER_INSIDE=$1 HOME_INSIDE=/home/$1; }
docker_ENV() { SETTINGS_INSIDE+=("$@"); }
docker_EXPOSE() { docker_port=$1; }
docker_STOPSIGNAL() { [ "$1" = SIGTERM ] || die "docker: gild ends in good order on SIGTERM, not on $1"; }

# CMD ["program", "argument"...] without spaces inside the words.
docker_CMD() {
    local words=$*
    words=${words//[\[\],\"]/ }
    read -ra docker_command <<<"$words"
}

# docker_serve runs the command of the last stage as its user, who must not be root.
docker_serve() {
    [ "$USER_INSIDE" != root ] || die "docker: the command would run as root"
    [ "$docker_port" = 8000 ] || die "docker: EXPOSE names another port than make run's"
    SETTINGS_INSIDE+=("PORT=$(free_port)")
    PORT=${SETTINGS_INSIDE[-1]#PORT=} serves "$docker_root" sh -c "cd $docker_directory && exec ${docker_command[*]}"
}
