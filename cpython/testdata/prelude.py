"""The prelude of the tests: load(spec) runs applications.py, whose source is the settings."""

import sys

def load(spec):
    if spec == 'broken':
        raise ValueError('the application is broken')
    if spec == 'absent':
        return None
    if spec.startswith('/'):
        return load_file(spec)
    namespace = {'__name__': 'applications'}
    exec(compile(settings_text, 'applications.py', 'exec'), namespace)  # noqa: F821
    return namespace['application']


stamps, loaded = {}, {}


def load_file(path):
    import os
    stamps[path] = os.stat(path)
    namespace = {}
    with open(path) as file:
        exec(compile(file.read(), path, 'exec'), namespace)
    loaded[path] = namespace
    return namespace['application']


def watch(spec):
    if spec not in stamps:
        return None, 0, 0, 0, None
    stamp, required = stamps[spec], loaded[spec].get('reload_required')
    return spec, stamp.st_mtime_ns, stamp.st_ino, stamp.st_size, required


def louder(text):
    return text.upper()


def process_event(name):
    mod_wsgi._publish(name, {'argument': name})


def format_exception(type, value, traceback):
    from traceback import format_exception
    return ''.join(format_exception(type, value, traceback)).rstrip('\n')


def shutdown():
    import atexit
    threading = sys.modules.get('threading')
    if threading is not None:
        threading._shutdown()
    atexit._run_exitfuncs()


import mod_wsgi  # noqa: E402
import signal  # noqa: E402
signal.signal = mod_wsgi._restrict_signal(signal.signal)
