"""The prelude of the tests: load(spec) runs applications.py, whose source is the settings."""

import sys


def load(spec):
    if spec == 'broken':
        raise ValueError('the application is broken')
    if spec == 'absent':
        return None
    namespace = {'__name__': 'applications'}
    exec(compile(settings_text, 'applications.py', 'exec'), namespace)  # noqa: F821
    return namespace['application']


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
