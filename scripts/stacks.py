"""What the threads of this interpreter do, for the log: who reads it wants to know where a request hangs."""

import sys

import mod_wsgi


def frames():
    """A list of (ident, request or None, frame) of the threads that execute Python code, but for this one."""
    from threading import get_ident
    running = None
    for ident, request, frame in mod_wsgi._threads():
        if frame is None:  # C leaves it to us in a build without a GIL; and a thread that waits for work has none
            if running is None:
                running = sys._current_frames() if is_without_gil() else {}
            frame = running.get(ident)
        if frame is not None and ident != get_ident():
            yield ident, request, frame


def is_without_gil():
    return not getattr(sys, '_is_gil_enabled', lambda: True)()


def name_of(ident, request):
    if request is not None:
        return str(request[0])
    threading = sys.modules.get('threading')
    thread = threading._active.get(ident) if threading is not None else None
    return f"'{thread.name}'" if thread is not None else f'0x{ident:016x}'


def describe(ident, request, frame):
    """The lines for one thread, innermost call first."""
    name = name_of(ident, request)
    lines = [f'Thread {name} serves {request[1]} for {request[2]:.1f} seconds.'] if request is not None else []
    verb, end = f'Thread {name} executing', ''
    while frame is not None:
        code = frame.f_code
        outer = frame.f_back
        lines.append(f'{verb} file "{code.co_filename}", line {frame.f_lineno}, in {code.co_name}' + (end if outer else '.'))
        verb, end, frame = 'called from', ',', outer
    return '\n'.join(lines)


def dump(reason, write):
    """Writes a record for each thread, those that serve requests first, the longest wait at the top."""
    write('Dumping stack trace for active Python threads...' + (f' ({reason})' if reason else '') + '\n')
    threads = sorted(frames(), key=lambda thread: -thread[1][2] if thread[1] else 1)
    for ident, request, frame in threads:
        write(describe(ident, request, frame) + '\n')
