"""An application that looks for the keys of the server that runs it. It answers with a JSON object: "storage", what it could read
below the directory STORAGE of the environ; "front" and "itself", what of /proc/PID it could get of the "fronts" fronts and, to
show that it knows how, of its own process; "caught", how often it got at the descriptors of a front at any moment, also
while that started, in "looks" looks."""

import ctypes
import json
import os
import threading
import time

PTRACE_SEIZE = 0x4206
counts = {'caught': 0, 'looks': 0}


def parent(pid):
    with open('/proc/%d/stat' % pid) as f:
        return int(f.read().rpartition(')')[2].split()[1])


def role(pid):
    with open('/proc/%d/cmdline' % pid) as f:
        return f.read().split('\0')[1]


def fronts():
    for name in os.listdir('/proc'):
        try:
            if name.isdigit() and parent(int(name)) == os.getppid() and role(int(name)) == 'front':
                yield int(name)
        except (OSError, IndexError):
            pass


def can(function, *args):
    try:
        function(*args)
    except OSError:
        return False
    return True


def first_byte(path):
    with open(path, 'rb') as f:
        f.read(1)


def memory(pid):
    with open('/proc/%d/maps' % pid) as f:
        start = int(f.readline().partition('-')[0], 16)
    with open('/proc/%d/mem' % pid, 'rb') as f:
        f.seek(start)
        f.read(1)


def trace(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(PTRACE_SEIZE, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), 'ptrace')


def loot(pid):
    """What of a process can be had. With one's own that is all but ptrace, which nobody can do to itself."""
    place = '/proc/%d/' % pid
    found = {
        'environ': can(first_byte, place + 'environ'),
        'exe': can(os.readlink, place + 'exe'),
        'cwd': can(os.listdir, place + 'cwd/'),
        'fd': can(os.listdir, place + 'fd'),
        'fd/0': can(os.readlink, place + 'fd/0'),
        'mem': can(memory, pid),
        'ptrace': can(trace, pid),
    }
    return [name for name, had in found.items() if had]


def readable(top):
    """Files below a directory that can be read, also where the names above cannot be listed, and what can be reached there."""
    found = [path for path in ('private/store', 'private/store/local/root.key') if can(os.stat, os.path.join(top, path))]
    for start in ('', 'local', 'private/store', 'private/store/acme', 'private/store/certificates'):
        for directory, _, files in os.walk(os.path.join(top, start)):
            paths = [os.path.join(directory, name) for name in files]
            found += [os.path.relpath(path, top) for path in paths if can(first_byte, path)]
    return sorted(set(found))


def watch():
    while True:
        for pid in fronts():
            counts['looks'] += 1
            counts['caught'] += can(os.listdir, '/proc/%d/fd' % pid)
        time.sleep(0)


threading.Thread(target=watch, daemon=True).start()


def application(environ, start_response):
    start_response('200 OK', [])
    found = {'storage': readable(environ['STORAGE']), 'itself': loot(os.getpid()), 'fronts': 0, 'front': []}
    for pid in fronts():
        found['fronts'] += 1
        found['front'] += loot(pid)
    return [json.dumps(found | counts).encode()]
