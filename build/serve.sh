#!/usr/bin/env bash
# serve.sh: becomes the built ./gild, serving the Django site of examples/ on PORT (default 8000) of every address,
# until TERM or control-C. packages.sh has installed what it needs.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

port=${PORT:-8000}
home=()
library=$(libpython_of ./gild)
case $library in
/lib/* | /usr/lib/*) ;; # Debian's Python finds Debian's Django by itself
*) home=(--python-home "$cache/venv-$(version_of "$library")") ;;
esac

say "serving examples/django on http://localhost:$port/"
exec ./gild start-server examples/django/wsgi.py ${home[@]+"${home[@]}"} \
    --working-directory examples/django --host 0.0.0.0 --port "$port" --log-to-terminal
