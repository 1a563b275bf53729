"""The applications of the tests. PATH_INFO names a function, which is called with environ and start_response."""

import atexit
import io
import json
import os
import random
import signal
import sys
import tempfile
import threading

kept = {}   # what one request leaves for a later one
events = {}
local = threading.local()


def application(environ, start_response):
    return globals()[environ.get('PATH_INFO', 'hello')](environ, start_response)


def event(name):
    return events.setdefault(name, threading.Event())


def await_event(name):
    """Waits for the event, which can be used again after that."""
    event(name).wait()
    del events[name]


def answer(start_response, text, headers=()):
    start_response('200 OK', list(headers))
    return [text if isinstance(text, bytes) else str(text).encode()]


def outcome(function, *arguments):
    """What a call came to, as text."""
    try:
        return repr(function(*arguments))
    except BaseException as error:
        return f'{type(error).__name__}: {error}'


def pattern(size):
    return bytes(range(251)) * (size // 251) + bytes(range(size % 251))


# ---- simple answers

def hello(environ, start_response):
    return answer(start_response, 'hello', [('X-Name', 'value'), ('X-Empty', '')])


def status(environ, start_response):
    start_response(environ['STATUS'], [])
    return [b'body']


def headers(environ, start_response):
    return answer(start_response, '', [tuple(pair) for pair in json.loads(environ['HEADERS'])])


def look_up(environ, start_response):
    """The values of keys, both in hex: Latin-1 is what every byte survives."""
    key = bytes.fromhex(environ['QUERY_STRING']).decode('latin-1')
    return answer(start_response, environ[key].encode('latin-1').hex())


def look_up_path(environ, start_response):
    return answer(start_response, os.fsencode(environ['NAME']).hex())


def described(environ, start_response):
    keys = ['wsgi.version', 'wsgi.url_scheme', 'wsgi.multithread', 'wsgi.multiprocess', 'wsgi.run_once',
            'wsgi.input_terminated', 'mod_wsgi.application_group', 'SERVER_SOFTWARE']
    return answer(start_response, json.dumps({key: environ[key] for key in keys}))


def module(environ, start_response):
    import mod_wsgi
    return answer(start_response, json.dumps([mod_wsgi.version, mod_wsgi.application_group,
                                              mod_wsgi.threads_per_process, mod_wsgi.maximum_processes]))


def instances(environ, start_response):
    """The types of objects that belong to a request cannot be called."""
    kinds = [type(environ['wsgi.input']), type(sys.stderr.buffer), type(start_response.__self__)]
    return answer(start_response, [outcome(kind).split(':')[0] for kind in kinds])


def bad_start(environ, start_response):
    """start_response with what the test names; the exception as text."""
    return answer(start_response, outcome(start_response, *eval(environ['ARGUMENTS'])))


def started_twice(environ, start_response):
    write = start_response('200 OK', [])
    write(b'first ')
    said = [outcome(start_response, '200 OK', []),
            outcome(start_response, '200 OK', [], sys.exc_info()),
            outcome(start_response, '200 OK', [], (1, 2, 3))]
    try:
        raise KeyError('mine')
    except KeyError:
        said.append(outcome(start_response, '500 Oops', [], sys.exc_info()))
    return [json.dumps(said).encode()]


def replaced(environ, start_response):
    start_response('200 OK', [('X-First', '1')])
    start_response('404 Nothing', [('X-Second', '2')])
    return [b'replaced']


# ---- bodies

def echo(environ, start_response):
    size = int(environ['SIZE'])
    start_response('200 OK', [])
    return iter(lambda: environ['wsgi.input'].read(size), b'')


def echo_lines(environ, start_response):
    start_response('200 OK', [])
    return iter(environ['wsgi.input'])


def read_all(environ, start_response):
    return answer(start_response, environ['wsgi.input'].read())


def like_bytesio(environ, start_response):
    """Calls random methods of wsgi.input and of a BytesIO of the same bytes."""
    twin = io.BytesIO(environ['BODY'].encode('latin-1'))
    source = environ['wsgi.input']
    dice = random.Random(int(environ['SEED']))
    differences = []
    for step in range(200):
        method = dice.choice(['read', 'readline', 'readlines', '__next__'])
        size = dice.choice([(), (None,), (-1,), (0,), (1,), (dice.randrange(100),), (dice.randrange(30000),)])
        if size in ((), (None,), (-1,)) and method in ('read', 'readlines') and dice.randrange(20):
            continue    # would read it all at once
        if method == '__next__':
            size = ()
        ours, theirs = outcome(getattr(source, method), *size), outcome(getattr(twin, method), *size)
        if ours != theirs:
            differences.append(f'{step}: {method}{size}: {ours:.80} instead of {theirs:.80}')
    return answer(start_response, '\n'.join(differences))


def failing_reads(environ, start_response):
    source = environ['wsgi.input']
    said = [outcome(source.read), outcome(source.read, 1), outcome(source.readline)]
    return answer(start_response, '\n'.join(said))


def pieces(environ, start_response):
    start_response('200 OK', [])
    at = 0
    for size in json.loads(environ['SIZES']):
        yield pattern(at + size)[at:]
        at = (at + size) % 251


def written(environ, start_response):
    write = start_response('200 OK', [])
    at = 0
    for size in json.loads(environ['SIZES']):
        write(pattern(at + size)[at:])
        at = (at + size) % 251
    return []


def declared(environ, start_response):
    start_response('200 OK', [('Content-Length', environ['LENGTH'])])
    return [b'0123456789', b'0123456789']


def step(environ, start_response):
    """Yields a block, and the next one only after 'signal' was called."""
    start_response('200 OK', [])
    for name in ('one', 'two'):
        yield name.encode()
        await_event('step ' + name)
    yield b'three'


def set_event(environ, start_response):
    event(environ['EVENT']).set()
    return answer(start_response, '')


def raises_before(environ, start_response):
    start_response('200 OK', [])
    raise ValueError('before the head')


def raises_after(environ, start_response):
    start_response('200 OK', [])
    yield b'some'
    raise ValueError('after the head')


def wrong_item(environ, start_response):
    start_response('200 OK', [])
    return [b'some', 'text']


def nothing(environ, start_response):
    return []


class Closing:
    """An iterable that counts how often it was closed."""

    def __init__(self, items, name):
        self.items, self.name = iter(items), name

    def __iter__(self):
        return self.items

    def close(self):
        kept[self.name] = kept.get(self.name, 0) + 1


def endless(environ, start_response):
    start_response('200 OK', [])
    return Closing(iter(lambda: b'x' * 10000, None), 'endless')


def endless_write(environ, start_response):
    write = start_response('200 OK', [])
    try:
        while True:
            write(b'x' * 10000)
    except OSError as error:
        kept['endless_write'] = str(error)
    return Closing([], 'endless_write closed')


def recall(environ, start_response):
    return answer(start_response, kept.pop(environ['NAME'], None))


# ---- files

def file(environ, start_response):
    f = tempfile.TemporaryFile()
    f.write(pattern(int(environ['SIZE'])))
    f.seek(int(environ['OFFSET']))
    length = environ.get('LENGTH')
    start_response('200 OK', [('Content-Length', length)] if length else [])
    return environ['wsgi.file_wrapper'](f, 1000)


class Shared:
    """A file without close(), so that its wrapper leaves it open."""

    def __init__(self):
        file = tempfile.TemporaryFile()
        file.write(pattern(100000))
        self.file, self.read, self.fileno, self.tell = file, file.read, file.fileno, file.tell


def shared_file(environ, start_response):
    shared = kept.setdefault('shared_file', Shared())
    shared.file.seek(int(environ['OFFSET']))
    start_response('200 OK', [])
    return environ['wsgi.file_wrapper'](shared)


def no_real_file(environ, start_response):
    start_response('200 OK', [])
    return environ['wsgi.file_wrapper'](io.BytesIO(pattern(100000)), 999)


def pipe_file(environ, start_response):
    r, w = os.pipe()
    os.write(w, b'from a pipe')
    os.close(w)
    start_response('200 OK', [])
    return environ['wsgi.file_wrapper'](os.fdopen(r, 'rb'))


# ---- after the end of a request

def keep(environ, start_response):
    kept['late'] = environ['wsgi.input'], start_response, start_response('200 OK', [])
    return [b'kept']


def use_late(environ, start_response):
    source, start, write = kept.pop('late')
    calls = [(source.read,), (source.readline,), (source.readlines,), (source.__next__,), (source.close,),
             (start, '200 OK', []), (write, b'late')]
    return answer(start_response, '\n'.join(outcome(*call) for call in calls))


def in_threads(name, count, function, *arguments):
    """Runs a function in threads, whose outcomes 'late_outcomes' collects. Returns when they are about to call it."""
    said, ready = [], threading.Barrier(count + 1)

    def run():
        ready.wait()
        said.append(outcome(function, *arguments))

    threads = [threading.Thread(target=run) for _ in range(count)]
    kept[name] = threads, said
    for thread in threads:
        thread.start()
    ready.wait()


def leave_readers(environ, start_response):
    in_threads('late', 2, environ['wsgi.input'].read, 10)
    wait_until_asleep(kept['late'][0])
    return answer(start_response, 'left')


def leave_writers(environ, start_response):
    in_threads('late', 2, start_response('200 OK', []), b'x' * 1000000)
    wait_until_asleep(kept['late'][0])
    return []


def wait_until_asleep(threads):
    """Until each thread is in a futex or gone; 'R' is what /proc shows while it runs."""
    for thread in threads:
        while thread.is_alive():
            with open(f'/proc/self/task/{thread.native_id}/stat') as f:
                if f.read().rpartition(')')[2].split()[0] == 'S':
                    break


def late_outcomes(environ, start_response):
    threads, said = kept.pop('late')
    for thread in threads:
        thread.join()
    return answer(start_response, '\n'.join(said))


def two_readers(environ, start_response):
    write = start_response('200 OK', [])
    in_threads('late', 2, environ['wsgi.input'].read, 10)
    wait_until_asleep(kept['late'][0])
    write(b'asleep')
    threads, said = kept.pop('late')
    for thread in threads:
        thread.join()
    return [repr(sorted(said)).encode()]


def two_writers(environ, start_response):
    in_threads('late', 2, start_response('200 OK', []), b'x' * 1000000)
    for thread in kept.pop('late')[0]:
        thread.join()
    return []


# ---- scheduling

def gather(environ, start_response):
    """Returns when as many requests as there are threads are in here together."""
    kept.setdefault('gather', threading.Barrier(int(environ['COUNT']))).wait()
    return answer(start_response, environ['mod_wsgi.thread_id'])


def spin(environ, start_response):
    """Computes until another request says so."""
    spin = event('spin')
    while not spin.is_set():
        pass
    del events['spin']
    return answer(start_response, 'released')


def wait_for_event(environ, start_response):
    await_event(environ['EVENT'])
    return answer(start_response, '')


def compute(environ, start_response):
    return answer(start_response, sum(range(int(environ['COUNT']))))


def thread_local(environ, start_response):
    """The number of times that this thread was here."""
    local.count = getattr(local, 'count', 0) + 1
    return answer(start_response, json.dumps([environ['mod_wsgi.thread_id'], local.count]))


# ---- interpreters

def remember(environ, start_response):
    import sys
    if 'VALUE' in environ:
        sys.remembered = environ['VALUE']
    return answer(start_response, getattr(sys, 'remembered', 'nothing'))


def hold_gil(environ, start_response):
    """Computes, and never lets go of the GIL, until the byte in the file is set."""
    import mmap
    with open(environ['FILE'], 'r+b') as f:
        byte = mmap.mmap(f.fileno(), 1)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e6)
    while byte[0] == 0:
        pass
    sys.setswitchinterval(interval)
    return answer(start_response, 'released')


# ---- the log

def log(environ, start_response):
    errors = environ['wsgi.errors']
    errors.write('')
    errors.write('one\ntwo\n')
    errors.write('half ')
    errors.write('a line\nand ')
    print('from print')
    sys.stderr.write('no newline')
    errors.writelines(['the rest\n'])
    return answer(start_response, [errors.closed, errors.buffer.name, outcome(errors.fileno)])


def long_line(environ, start_response):
    environ['wsgi.errors'].write('\u00e9' * 50000 + '\n')
    return answer(start_response, '')


def stdin(environ, start_response):
    return answer(start_response, outcome(lambda: sys.stdin.read()))


# ---- processes

def in_child(function):
    """Calls the function in a forked child and returns what it returned, and the wait status."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(w, function().encode())
        finally:
            os._exit(0)
    os.close(w)
    with os.fdopen(r, 'rb') as f:
        return f.read().decode(), os.waitpid(pid, 0)[1]


def fork(environ, start_response):
    """In a child the objects of the request say whose they are."""
    write = start_response('200 OK', [])

    def child():
        sys.stderr.write('the child can log\n')
        return '\n'.join([outcome(environ['wsgi.input'].read), outcome(start_response, '200 OK', []),
                          outcome(write, b'from the child')])

    sys.stderr.write('half of a line, ')
    said, _ = in_child(child)
    sys.stderr.write('and its rest\n')
    return [said.encode()]


def fork_signals(environ, start_response):
    """A child can register handlers, and the defaults end it. Here they are ignored."""
    ours = outcome(signal.signal, signal.SIGUSR1, None)

    def child():
        caught = []
        signal.signal(signalnum=signal.SIGUSR1, handler=lambda *arguments: caught.append(1))
        os.kill(os.getpid(), signal.SIGUSR1)
        return f'{caught} {sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))}'

    said, _ = in_child(child)
    ends = [in_child(lambda number=number: os.kill(os.getpid(), number))[1]
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGSEGV, signal.SIGUSR1)]
    return answer(start_response, json.dumps([ours, said, ends]))


def fork_and_kill(environ, start_response):
    """How many children ended by TERM that got it as soon as they were there."""
    import time
    for number in range(200):
        pid = os.fork()
        if pid == 0:
            try:
                time.sleep(2)
            finally:
                os._exit(0)
        os.kill(pid, signal.SIGTERM)
        if os.waitpid(pid, 0)[1] != signal.SIGTERM:
            return answer(start_response, number)
    return answer(start_response, 'all')


def fork_and_return(environ, start_response):
    """The child comes back from its request: from the call, or from the iterator."""
    start_response('200 OK', [])
    if environ['WHERE'] == 'call':
        return [b'child' * 100000 if os.fork() == 0 else status_of_child()]
    return fork_in_iterator()


def fork_in_iterator():
    yield b'child' * 100000 if os.fork() == 0 else status_of_child()


def status_of_child():
    return b'parent %d' % os.waitstatus_to_exitcode(os.wait()[1])


def subprocess_state(environ, start_response):
    """What a program that the application starts gets from us."""
    import subprocess
    text = subprocess.run(['cat', '/proc/self/status'], stdout=subprocess.PIPE, check=True).stdout
    return answer(start_response, text)


def crash(environ, start_response):
    import ctypes
    if environ.get('QUERY_STRING') == 'thread':
        thread = threading.Thread(target=ctypes.string_at, args=(8,))
        thread.start()
        thread.join()
    ctypes.string_at(8)


def say_at_exit(environ, start_response):
    path = environ['FILE']

    def say():
        with open(path, 'a') as f:
            f.write('%s\n' % environ['mod_wsgi.application_group'])

    atexit.register(say)
    return answer(start_response, '')


def leave_daemon(environ, start_response):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    return answer(start_response, '')


# ---- events

def subscribe(environ, start_response):
    """Has events recorded, the environ and the application changed, and callbacks that fail on the way."""
    import mod_wsgi
    kept['events'] = []

    @mod_wsgi.subscribe_events
    def first(name, **event):
        if name == 'request_started':
            event['request_environ']['ADDED'] = 'by a subscriber'
        return {'merged': name}

    @mod_wsgi.subscribe_events
    def failing(name, **event):
        if name == 'request_finished':
            raise ValueError('of a subscriber')
        if name == 'response_started':
            raise SystemExit('of a subscriber')

    @mod_wsgi.subscribe_events
    def last(name, **event):
        kept['events'].append((name, event))
        if name == 'request_started' and event['request_environ'].get('WRAP'):
            return {'application_object': lambda *arguments: [b'wrapped: '] + event['application_object'](*arguments)}

    said = [callback in mod_wsgi.event_callbacks for callback in (first, failing, last)]
    return answer(start_response, said)


def events_kept(environ, start_response):
    """The events since the last call of this, as JSON, without the one that is going on."""
    taken, kept['events'][:] = [(name, plain(event)) for name, event in kept['events'][:-1]], []
    return answer(start_response, json.dumps(taken))


def plain(value):
    """What JSON can have of a value."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != 'request_environ'}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int, float, type(None))) else type(value).__name__


def added(environ, start_response):
    return answer(start_response, environ.get('ADDED', 'nothing'))


def use_data(environ, start_response):
    import mod_wsgi
    mod_wsgi.request_data()['mine'] = 'kept'
    if environ.get('RAISE'):
        raise KeyError('mine')
    return answer(start_response, environ['wsgi.input'].read())


def active(environ, start_response):
    """The requests that mod_wsgi knows, before and after this one is there; and outside of a request."""
    import mod_wsgi
    mod_wsgi.request_data()['name'] = environ['NAME']
    said = []
    thread = threading.Thread(target=lambda: said.append(outcome(mod_wsgi.request_data)))
    thread.start()
    thread.join()
    return answer(start_response, json.dumps([list(mod_wsgi.active_requests.values()), said]))


def subscribe_process(environ, start_response):
    import mod_wsgi
    said = kept['process'] = []
    mod_wsgi.subscribe_events(lambda name, **event: said.append(['event', name, event.get('argument')]))
    mod_wsgi.subscribe_shutdown(lambda name, **event: said.append(['shutdown', name, event['argument']]))
    mod_wsgi.subscribe_signals(lambda name, **event: said.append(['signal', name, event['argument']]))
    return answer(start_response, '')


def process_events(environ, start_response):
    return answer(start_response, json.dumps([said for said in kept['process'] if said[1].startswith('process')]))


# ---- figures

def count(environ, start_response):
    import mod_wsgi
    before = mod_wsgi._counters()
    mod_wsgi._start_counting()
    mod_wsgi._start_counting()
    return answer(start_response, repr(before))


def counted(environ, start_response):
    import mod_wsgi
    return answer(start_response, json.dumps([mod_wsgi._counters(), mod_wsgi._usage(), mod_wsgi._own_threads()]))


def scoreboard(environ, start_response):
    import mod_wsgi
    return answer(start_response, json.dumps(mod_wsgi._scoreboard()))


# ---- interruption

def never_ends(environ, start_response):
    """Computes until it is interrupted; before that it says that it began."""
    write = start_response('200 OK', [])
    if environ.get('HEAD'):
        write(b'begun ')
    os.write(int(environ['READY']), b'.')
    while True:
        pass


def catches(environ, start_response):
    import mod_wsgi
    try:
        os.write(int(environ['READY']), b'.')
        while True:
            pass
    except mod_wsgi.RequestTimeout as error:
        return answer(start_response, type(error).__mro__[1].__name__)


def large(environ, start_response):
    """The last thing that happens in it is a wait in C."""
    return answer(start_response, b'x' * 1000000)


# ---- stacks

def threads(environ, start_response):
    """What mod_wsgi says about this thread, and the idents of all it says something about."""
    import mod_wsgi
    known = mod_wsgi._threads()
    mine, = [thread for thread in known if thread[0] == threading.get_ident()]
    name = mine[2].f_code.co_name if mine[2] else None
    return answer(start_response, json.dumps([mine[1][:2], name, sum(1 for thread in known if thread[1])]))


def stuck_in_c(environ, start_response):
    """Reads a pipe in C, with the GIL held, so that no other thread can do anything."""
    import ctypes
    byte = ctypes.create_string_buffer(1)
    os.write(int(environ['READY']), b'.')
    ctypes.PyDLL(None).read(int(environ['FD']), byte, 1)
    return answer(start_response, byte.raw)


def hold_gil_in_c(environ, start_response):
    """Waits in C for the end of a pipe, with the GIL held, so that no other thread can do anything."""
    import ctypes
    fd = os.open(environ['FIFO'], os.O_RDONLY)
    ctypes.PyDLL(None).read(fd, ctypes.create_string_buffer(1), 1)
    os.close(fd)
    return answer(start_response, 'held')
