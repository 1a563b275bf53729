"""Runs once in each interpreter, before any application is loaded.

The C side calls load(spec), watch(spec), shutdown() and format_exception(type, value, traceback) by name; the process
asks for stacks, module_files, process_signal and process_stopping, each with a str. What this file does every start of
every process pays for, so it imports what CPython has imported already, and the rest when needed; and what few need is
in other files, which are compiled when they are needed.
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
errors = sys.stderr     # the log, whatever the application does with sys.stderr
namespaces = {}


def later(file):
    """The namespace of another file of the prelude."""
    if file not in namespaces:
        namespace = {'__name__': file}
        exec(compile(first(settings, file), f'<gild {file}>', 'exec'), namespace)
        namespaces[file] = namespace
    return namespaces[file]


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


# ---- what the application can import ------------------------------------------------------------------------------

tracked = []    # files that the application wants watched


def track_changes(path):
    """Has a file counted as one of the application's: see module_files()."""
    tracked.append(path)


def from_metrics(name):
    def function():
        return later('metrics.py')[name]()
    function.__name__ = function.__qualname__ = name
    return function


def make_log_handler():
    """Has mod_wsgi make LogHandler when it is asked for: who does not log has no need of logging."""
    import mod_wsgi
    missing = mod_wsgi.__getattr__

    def __getattr__(name):
        if name == 'LogHandler':
            mod_wsgi.LogHandler = later('loghandler.py')[name]
            return mod_wsgi.LogHandler
        return missing(name)
    mod_wsgi.__getattr__ = __getattr__


def furnish_modules():
    """What mod_wsgi has that is not written in C, and its companion, the module apache."""
    import mod_wsgi
    mod_wsgi.track_changes = track_changes
    for name in ('start_recording_metrics', 'request_metrics', 'process_metrics', 'server_metrics'):
        setattr(mod_wsgi, name, from_metrics(name))
    make_log_handler()
    apache = type(sys)('apache', 'The server, as mod_wsgi shows it to applications.')
    apache.version = (2, 4, 0)
    apache.description = first(settings, 'server_description')
    apache.mpm_name = first(settings, 'mpm_name')
    apache.build_date = first(settings, 'build_date')
    apache.maximum_processes = mod_wsgi.maximum_processes
    apache.threads_per_process = mod_wsgi.threads_per_process
    sys.modules['apache'] = apache


restrict_signals()
extend_path()
set_environment()
furnish_modules()
if first(settings, 'switch_interval'):
    sys.setswitchinterval(float(first(settings, 'switch_interval')))


# ---- applications -----------------------------------------------------------------------------------------------

stamps = {}     # os.stat of each script, from before it was read


def load(spec):
    """Returns the WSGI callable that the spec names, or raises what its code raised."""
    spec = parse(spec)
    kind, name, target = first(spec, 'type'), first(spec, 'callable'), first(spec, 'target')
    module = loaders.get(kind, load_asked)(spec)
    if kind == 'handler':
        name = callable_of_handler(module, target, name)
    if not hasattr(module, name):
        raise LookupError((absent if kind in loaders else not_defined).format(target=target, name=name))
    application = getattr(module, name)
    if not callable(application):
        raise TypeError(f"'{name}' of WSGI script '{target}' is not callable but of type {type(application).__name__}.")
    return application if kind in loaders else later('questions.py')['ask'](application, question(kind))


def load_script(spec):
    """Executes a file as the module __wsgi__. It is in sys.modules before, because frameworks look themselves up."""
    path = first(spec, 'target')
    source = read_script(path)
    module = type(sys)('__wsgi__')
    module.__file__ = path
    names = ['__wsgi__', name_of_script(spec)]
    before = {name: sys.modules[name] for name in names if name in sys.modules}
    sys.modules.update(dict.fromkeys(names, module))
    try:
        execute(compile(source, path, 'exec', dont_inherit=True), module, path)
    except BaseException:
        sys.modules.update(before)  # the old one goes on
        raise
    return module


def load_handler(spec):
    """A script for files beside the application, which stays __wsgi__."""
    served = sys.modules.get('__wsgi__')
    try:
        return load_script(spec)
    finally:
        if served is not None:
            sys.modules['__wsgi__'] = served


def callable_of_handler(module, target, name):
    """handle_request, or application as mod_wsgi-express allows."""
    for candidate in name, 'application':
        if hasattr(module, candidate):
            return candidate
    raise LookupError(f"Handler script '{target}' defines neither {name} nor application.")


def name_of_script(spec):
    return '_mod_wsgi_' + first(spec, 'digest')


def read_script(path):
    """What it was is noted first: a change in between is then noticed, and not taken for what was read."""
    import os
    try:
        stamps[path] = os.stat(path)
        with open(path, 'rb') as file:
            return file.read()
    except OSError as error:
        raise FileNotFoundError(f"Target WSGI script '{path}' not found or unable to stat: {error.strerror}.") from None


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
    module = type(sys)('__wsgi__')
    exec(compile(first(settings, 'welcome.py'), '<welcome>', 'exec'), module.__dict__)
    return module


asked = {}      # module of each file with functions that gild asks


def load_asked(spec):
    """One file may have the functions for several questions: then it is one module."""
    path = first(spec, 'target')
    if path not in asked:
        asked[path] = load_script(spec)
    return asked[path]


def question(kind):
    return later('questions.py')['questions'][kind]


loaders = {'script': load_script, 'module': load_module, 'welcome': load_welcome, 'handler': load_handler}   # the rest are questions
absent = "Target WSGI script '{target}' does not contain WSGI application '{name}'."
not_defined = "Script '{target}' does not define the function {name}()."


def watch(spec):
    """How a change of what load(spec) has just loaded is noticed: path or None, nanoseconds, inode and size of the file,
    and its reload_required() or None."""
    spec = parse(spec)
    kind, target = first(spec, 'type'), first(spec, 'target')
    module = sys.modules.get(name_of_script(spec) if is_file(kind) else target)
    required = getattr(module, 'reload_required', None)
    stamp = stamps.get(target) if is_file(kind) else None
    if stamp is None:
        return None, 0, 0, 0, required
    return target, stamp.st_mtime_ns, stamp.st_ino, stamp.st_size, required


def watch_broken(spec):
    """The same of what load(spec) could not load. A handler has a process that serves beside it, so it is for the next request
    to notice that it was repaired; the process of anything else is replaced without being asked."""
    spec = parse(spec)
    target = first(spec, 'target')
    if first(spec, 'type') != 'handler':
        return None, 0, 0, 0, None
    stamp = stamps.get(target)
    if stamp is None:
        return target, 0, 0, 0, None    # any file is another one
    return target, stamp.st_mtime_ns, stamp.st_ino, stamp.st_size, None


def is_file(kind):
    return kind not in ('module', 'welcome')


# ---- what the process asks ---------------------------------------------------------------------------------------

def stacks(reason):
    """Logs what the threads do."""
    later('stacks.py')['dump'](reason, errors.write)


def module_files(_):
    """The files that the application is made of, one to a line."""
    return '\n'.join(later('files.py')['files'](tracked))


def process_signal(signal):
    """SIGHUP or SIGUSR2 came, as in "SIGHUP 1"."""
    import mod_wsgi
    name, number = signal.split()
    mod_wsgi._publish('process_signal', {'signame': name, 'signum': int(number)})


stopping = False


def process_stopping(reason):
    """The process is about to end, for one of the reasons of mod_wsgi or ''. The first reason is the one that counts."""
    global stopping
    import mod_wsgi
    if not stopping:
        stopping = True
        mod_wsgi._publish('process_stopping', {'shutdown_reason': reason})


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
    process_stopping('')
    threading = sys.modules.get('threading')
    if threading is not None:
        threading._shutdown()
    atexit._run_exitfuncs()
