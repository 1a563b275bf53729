"""Prints, as shell assignments, what cgo must know to embed the interpreter that runs this file.

The interpreter's own sysconfig is the only source: headers, library and run path always belong together.
Exit status 0 and `export` lines on standard output; or 3 and one sentence on standard error that says what this
Python lacks and how to get it. Must run on any Python 3, old ones too, to be able to refuse them.

The lines:

    GILD_PYTHON           the interpreter
    GILD_PYTHON_VERSION   "3.11", "3.13t" for a free-threaded build
    CGO_CFLAGS            headers as system headers, so that our warnings are about our code
    CGO_LDFLAGS           the library, with a run path only if the loader would not find it
"""

import os
import shlex
import subprocess
import sys
import sysconfig

OLDEST = (3, 10)


def refuse(sentence):
    sys.stderr.write("gild: %s (Python %s): %s\n" % (sys.executable, sys.version.split()[0], sentence))
    sys.exit(3)


def version():
    """'3.13', or '3.13t' where the GIL can be off."""
    threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    return "%d.%d%s" % (sys.version_info[0], sys.version_info[1], threaded)


def is_debian():
    return os.path.realpath(sys.executable).startswith("/usr/bin/") and os.path.exists("/etc/debian_version")


def remedy():
    """What to do for an interpreter of this origin when its library or headers are missing."""
    if is_debian():
        return "install them: apt-get install libpython%s-dev" % version()
    if os.sep + ".pyenv" + os.sep in sys.base_prefix or os.environ.get("PYENV_ROOT", "\0") in sys.base_prefix:
        name = os.path.basename(sys.base_prefix)
        return "build it again: PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install --force %s" % name
    return "build this Python with ./configure --enable-shared, or choose another: make build PYTHON=/usr/bin/python3"


def headers():
    """The directory of Python.h. Debian keeps pyconfig.h elsewhere: both must be there."""
    directory = sysconfig.get_path("include")
    for path in (os.path.join(directory, "Python.h"), sysconfig.get_config_h_filename()):
        if not os.path.exists(path):
            refuse("its headers are not installed (%s is missing); %s" % (path, remedy()))
    return directory


def library():
    """(directory, name for -l) of the shared library. Relocated builds still name the directory they were built
    for, so the prefix is looked at as well."""
    name = "libpython%s%s" % (version(), sysconfig.get_config_var("DEBUG_EXT") or "")
    name = sysconfig.get_config_var("LDLIBRARY") or name
    stem = name.split(".so")[0] if ".so" in name else os.path.splitext(os.path.basename(name))[0]
    for directory in (sysconfig.get_config_var("LIBDIR"), os.path.join(sys.base_prefix, "lib")):
        if directory and os.path.exists(os.path.join(directory, stem + ".so")):
            return directory, stem[len("lib"):]
    refuse("it has no shared library (%s.so); %s" % (stem, remedy()))


def loader_finds(directory, name):
    """Whether the run-time loader knows the library without a run path."""
    environment = {"PATH": "/sbin:/usr/sbin:" + os.environ.get("PATH", ""), "LC_ALL": "C"}
    try:
        known = subprocess.check_output(["ldconfig", "-p"], env=environment, universal_newlines=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    found = [line.split(" => ")[1] for line in known.splitlines() if " => " in line and "lib%s.so" % name in line]
    return any(os.path.realpath(os.path.dirname(path)) == os.path.realpath(directory) for path in found)


def main():
    if sys.version_info < OLDEST:
        refuse("gild needs Python %d.%d or newer" % OLDEST)
    include = headers()
    directory, name = library()
    # The prefix map keeps the directories of this machine out of the debug information.
    cflags = ["-O2", "-g", "-isystem", include, "-ffile-prefix-map=%s=python%s" % (include, version())]
    ldflags = ["-O2", "-g", "-L" + directory, "-l" + name]
    if not loader_finds(directory, name):
        ldflags.append("-Wl,-rpath," + directory)
    for variable, words in (
        ("GILD_PYTHON", [sys.executable]),
        ("GILD_PYTHON_VERSION", [version()]),
        ("CGO_CFLAGS", cflags),
        ("CGO_LDFLAGS", ldflags),
    ):
        text = words[0] if len(words) == 1 else " ".join(shlex.quote(word) for word in words)
        print("export %s=%s" % (variable, shlex.quote(text)))


main()
