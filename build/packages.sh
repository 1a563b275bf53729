#!/usr/bin/env bash
# packages.sh: installs what the built ./gild and the Django site of examples/ need to run; no compiler, no headers.
#
# The certificates of public authorities are what gild checks the one by that it obtains its own from.
#
# Django comes from where the interpreter inside gets its packages: for Debian's Python from Debian, for any other
# from PyPI into a virtual environment in the cache.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$root"

need_packages ca-certificates
library=$(libpython_of ./gild)
case $library in
missing:*) need_packages "libpython$(version_of "$library")" python3-django ;;
/lib/* | /usr/lib/*) need_packages python3-django ;;
*) build/env.sh build/venv.sh >/dev/null ;;
esac
