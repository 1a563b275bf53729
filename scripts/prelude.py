"""Runs once in each interpreter, before any application is loaded.

The C side calls load(spec), shutdown() and format_exception(type, value, traceback) by name. What this file imports
every start of every process pays for, so it imports what CPython has imported already, and the rest when needed.
"""

import sys


def parse(text):
    """Key=value pairs, with a unit separator between them; a key may be repeated."""
    settings = {}
    for line in filter(None, text.split('\x1f')):
        key, _, value = line.partition('=')
        settings.setdefault(key, []).append(value)
    return settings


def first(settings, key, default=''):
    return settings.get(key, [default])[0]


settings = parse(settings_text)  # noqa: F821  (given by the C side)


# ---- the interpreter ---------------------------------------------------------------------------------------------

def restrict_signals():
    """Signals are the server's: signal.signal logs and does nothing (S59)."""
    import mod_wsgi
    import signal
    signal.signal = mod_wsgi._restrict_signal(signal.signal)


def extend_path():
    """--python-path as site directories (their .pth files count), in front; the working directory before them (S5)."""
    import site
    before = list(sys.path)
    for directory in settings.get('python_path', []):
        site.addsitedir(directory)
    added = [path for path in sys.path if path not in before]
    sys.path[:] = added + before
    home = first(settings, 'home')
    if home:
        sys.path[:] = [home] + [path for path in sys.path if path not in (home, '')]


def set_environment():
    """Per interpreter: os.environ of a sub-interpreter is a copy of its own."""
    import os
    for pair in settings.get('environment', []):
        key, _, value = pair.partition('=')
        os.environ[key] = value


restrict_signals()
extend_path()
set_environment()
if first(settings, 'switch_interval'):
    sys.setswitchinterval(float(first(settings, 'switch_interval')))


# ---- applications -----------------------------------------------------------------------------------------------

def log(text):
    print(text, file=sys.stderr)


def load(spec):
    """Returns the WSGI callable that the spec names, or raises what its code raised."""
    spec = parse(spec)
    loader = {'script': load_script, 'module': load_module, 'welcome': load_welcome}[first(spec, 'type')]
    module = loader(spec)
    name = first(spec, 'callable')
    target = first(spec, 'target')
    if not hasattr(module, name):
        raise LookupError(f"Target WSGI script '{target}' does not contain WSGI application '{name}'.")
    application = getattr(module, name)
    if not callable(application):
        raise TypeError(f"'{name}' of WSGI script '{target}' is not callable but of type {type(application).__name__}.")
    return application


def load_script(spec):
    """Executes a file as the module __wsgi__. It is in sys.modules before, because frameworks look themselves up."""
    import types
    path = first(spec, 'target')
    try:
        with open(path, 'rb') as file:
            source = file.read()
    except OSError as error:
        raise FileNotFoundError(f"Target WSGI script '{path}' not found or unable to stat: {error.strerror}.") from None
    module = types.ModuleType('__wsgi__')
    module.__file__ = path
    sys.modules['__wsgi__'] = module
    sys.modules['_mod_wsgi_' + first(spec, 'digest')] = module
    execute(compile(source, path, 'exec', dont_inherit=True), module, path)
    return module


def execute(code, module, path):
    try:
        exec(code, module.__dict__)
    except SystemExit as error:
        raise RuntimeError(f"SystemExit exception raised when doing exec of Python script file '{path}'.") from error


def load_module(spec):
    import importlib
    try:
        return importlib.import_module(first(spec, 'target'))
    except SystemExit as error:
        raise RuntimeError(f"SystemExit exception raised by the import of module '{first(spec, 'target')}'.") from error


def load_welcome(spec):
    import types
    module = types.ModuleType('__wsgi__')
    exec(compile(first(settings, 'welcome'), '<welcome>', 'exec'), module.__dict__)
    return module


# ---- errors and the end ------------------------------------------------------------------------------------------

def format_exception(type, value, traceback):
    """The traceback as Python prints it, without this file's frames at its top."""
    from traceback import format_exception
    while traceback is not None and traceback.tb_frame.f_code.co_filename == '<gild>':
        if traceback.tb_next is None:
            break
        traceback = traceback.tb_next
    return ''.join(format_exception(type, value, traceback)).rstrip('\n')


def shutdown():
    """Joins the threads that are not daemons and runs atexit, as the end of a python process does.

    In the main interpreter Py_FinalizeEx would do both, but after it nothing can be logged any more.
    """
    import atexit
    threading = sys.modules.get('threading')
    if threading is not None:
        threading._shutdown()
    atexit._run_exitfuncs()
