"""What prelude.py does in an interpreter, tried with a plain one. prelude_test.go says in the environment what it gets."""

import logging
import os
import signal
import sys
import types
import unittest
from unittest import mock

DIRECTORY = os.environ['DIRECTORY']
REAL_SIGNAL = signal.signal


def stub():
    """What of mod_wsgi is written in C, as far as the prelude needs it."""
    module = types.ModuleType('mod_wsgi')
    module._restrict_signal = lambda real: ('restricted', real)
    module.process_group, module.maximum_processes, module.threads_per_process = '', 3, 5
    module.published = []
    module._publish = lambda name, event: module.published.append((name, event))
    module.logged = []
    module._log = lambda level, message: module.logged.append((level, message))
    module.__getattr__ = missing
    return module


def missing(name):
    raise AttributeError(name)


def run(settings):
    """The prelude's namespace."""
    namespace = {'settings_text': settings}
    exec(compile(os.environ['PRELUDE'], '<gild>', 'exec'), namespace)
    return namespace


def path(*names):
    return os.path.join(DIRECTORY, *names)


def write(name, text, mode='w'):
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), mode) as f:
        f.write(text)


class Prelude(unittest.TestCase):

    def setUp(self):
        self.saved = list(sys.path), dict(os.environ), sys.getswitchinterval(), set(sys.modules)
        write('one/extra.pth', path('from pth') + '\n')
        os.makedirs(path('from pth'), exist_ok=True)
        sys.path.append('')
        self.mod_wsgi = sys.modules['mod_wsgi'] = stub()
        self.prelude = run(os.environ['SETTINGS'])

    def tearDown(self):
        signal.signal = REAL_SIGNAL
        sys.path[:], environment, interval, modules = self.saved
        os.environ.clear()
        os.environ.update(environment)
        sys.setswitchinterval(interval)
        for name in set(sys.modules) - modules:
            del sys.modules[name]

    def load(self, spec, text=None):
        if text is not None:
            write('app.wsgi', text, 'wb' if isinstance(text, bytes) else 'w')
        return self.prelude['load'](spec)

    def test_parse(self):
        parse = self.prelude['parse']
        self.assertEqual(parse('a=1\x1fb=x=y\x1fa=\n\x1f'), {'a': ['1', '\n'], 'b': ['x=y']})
        self.assertEqual(parse(''), {})

    def test_path(self):
        before = [entry for entry in self.saved[0] if entry]
        self.assertEqual(sys.path[:3], [path('work'), path('one'), path('from pth')])
        self.assertEqual(sys.path[3:], [path('two')] + before)

    def test_environment(self):
        self.assertEqual(os.environ['MOD_WSGI_SERVER_ROOT'], '/root of = server')
        self.assertEqual(os.environ['MOD_WSGI_HTTP_PORT'], '8000')
        self.assertEqual(os.environ['MOD_WSGI_HTTPS_PORT'], '8443')
        self.assertEqual(os.environ['MOD_WSGI_SERVER_NAME'], 'www.example.com')
        self.assertEqual(os.environ['MOD_WSGI_SERVER_ALIASES'], 'example.com *.example.org')
        self.assertEqual(os.environ['MOD_WSGI_USER'], 'someone')

    def test_switch_interval(self):
        self.assertAlmostEqual(sys.getswitchinterval(), 0.25)

    def test_signal(self):
        self.assertEqual(signal.signal, ('restricted', REAL_SIGNAL))

    def test_script(self):
        application = self.load(os.environ['SCRIPT'], 'import sys\ndef application(): return __name__, __file__, sys.modules[__name__]')
        name, file, module = application()
        self.assertEqual((name, file), ('__wsgi__', path('app.wsgi')))
        self.assertIs(module.application, application)
        self.assertTrue([n for n, m in sys.modules.items() if m is module and n.startswith('_mod_wsgi_')])

    def test_script_encoding(self):
        application = self.load(os.environ['SCRIPT'], b'# -*- coding: latin-1 -*-\ndef application(): return "\xe9"')
        self.assertEqual(application(), '\u00e9')

    def test_script_errors(self):
        for text, error, words in [
            ('x = 1', LookupError, "does not contain WSGI application 'application'"),
            ('application = 1', TypeError, 'is not callable but of type int'),
            ('raise SystemExit(3)', RuntimeError, 'SystemExit exception raised when doing exec of Python script file'),
            ('1 / 0', ZeroDivisionError, ''),
            ('syntax error', SyntaxError, ''),
        ]:
            with self.assertRaisesRegex(error, words):
                self.load(os.environ['SCRIPT'], text)

    def test_script_absent(self):
        if os.path.exists(path('app.wsgi')):
            os.remove(path('app.wsgi'))
        with self.assertRaisesRegex(FileNotFoundError, "app.wsgi' not found or unable to stat: No such file"):
            self.load(os.environ['SCRIPT'])

    def test_script_futures(self):
        """The prelude's own __future__ flags are not the script's."""
        application = self.load(os.environ['SCRIPT'], 'def application(a: "x"): pass')
        self.assertEqual(application.__annotations__, {'a': 'x'})

    def test_module(self):
        write('two/some/__init__.py', '')
        write('two/some/module.py', 'def made(): return __name__')
        self.assertEqual(self.load(os.environ['MODULE'])(), 'some.module')

    def test_module_errors(self):
        with self.assertRaises(ModuleNotFoundError):
            self.load(os.environ['MODULE'].replace('some.module', 'some.absent'))
        write('two/leaves.py', 'raise SystemExit')
        with self.assertRaisesRegex(RuntimeError, "SystemExit exception raised by the import of module 'leaves'"):
            self.load(os.environ['MODULE'].replace('some.module', 'leaves'))

    def test_welcome(self):
        application = self.load(os.environ['WELCOME'])
        said = []
        body = application({}, lambda *arguments: said.append(arguments))
        (status, headers), = said
        self.assertEqual(status, '200 OK')
        self.assertEqual(dict(headers)['Content-Length'], str(len(b''.join(body))))

    def question(self, kind, function, text):
        """The application that asks the function of a script, as something that takes an environ and returns the body."""
        write('allow.py', text)
        self.prelude['asked'].clear()
        spec = os.environ['PERMISSION'].replace('type=permission', f'type={kind}').replace('allow_certificate', function)
        application = self.prelude['load'](spec)

        def answer(environ):
            said = []
            body = application(environ, lambda *arguments: said.append(arguments))
            self.assertEqual(said, [('200 OK', [])])
            return b''.join(body)
        return answer

    def answers(self, kind, function, parameters, environ, cases):
        """Calls a function that returns the first of each pair; the second is what is made of that."""
        ask = self.question(kind, function, f'def {function}({parameters}): global got; got = locals(); return answer')
        module = sys.modules['__wsgi__']
        for module.answer, want in cases:
            self.assertEqual(ask(dict(environ)), want)
        return module.got

    def test_permission(self):
        self.answers('permission', 'allow_certificate', 'name', {'REQUEST_URI': 'www.example.com'}, [
            (True, b'True'), (False, b'False'), (None, b'None'),
            (1, b'wrong allow_certificate() must return True, False or None, not int'),
            ('yes', b'wrong allow_certificate() must return True, False or None, not str'),
        ])
        ask = self.question('permission', 'allow_certificate', 'def allow_certificate(name): return {}[name]')
        with self.assertRaises(KeyError):
            ask({'REQUEST_URI': 'another'})

    def test_host(self):
        got = self.answers('host', 'allow_access', 'environ, host', {'gild.host': 'a.example', 'A': 'b', 'wsgi.input': None}, [
            (True, b'True'), (False, b'False'), (None, b'None'),
            (0, b'wrong allow_access() must return True, False or None, not int'),
        ])
        self.assertEqual((got['host'], got['environ']), ('a.example', {'A': 'b'}))

    def test_password(self):
        wrong = b'wrong check_password() '
        got = self.answers('password', 'check_password', 'environ, user, password', {'gild.user': 'u', 'gild.password': 'p'}, [
            (True, b'True'), (False, b'False'), (None, b'None'), ('grumpy', b'str grumpy'), ('a b\xe9', b'str a b\xe9'),
            ('', wrong + b'returned an empty user name string'),
            ('\u0142', wrong + b'returned a string with a character that is not in Latin-1'),
            (b'u', wrong + b'must return True, False, None or user name as string, not bytes'),
            (1, wrong + b'must return True, False, None or user name as string, not int'),
        ])
        self.assertEqual((got['user'], got['password'], got['environ']), ('u', 'p', {}))

    def test_digest(self):
        for algorithm, digits in (('MD5', 32), ('SHA-256', 64)):
            wrong = f'wrong get_realm_hash() must return {digits} hexadecimal digits for the algorithm {algorithm}'.encode()
            got = self.answers('digest', 'get_realm_hash', 'environ, user, realm',
                               {'gild.user': 'u', 'gild.realm': 'r', 'gild.digest_algorithm': algorithm}, [
                ('0a' * (digits // 2), b'str ' + b'0a' * (digits // 2)), (b'0A' * (digits // 2), b'str ' + b'0a' * (digits // 2)),
                (None, b'None'), ('', b'wrong get_realm_hash() returned an empty string'), ('x' * digits, wrong), ('0', wrong),
                ('0' * digits + '\n', wrong),
                (True, b'wrong get_realm_hash() must return the hash as string, or None, not bool'),
            ])
            self.assertEqual((got['user'], got['realm']), ('u', 'r'))
            self.assertEqual(got['environ'], {'gild.digest_algorithm': algorithm})

    def test_group(self):
        wrong = b'wrong groups_for_user() '
        self.answers('group', 'groups_for_user', 'environ, user', {'gild.user': 'u', 'gild.group': 'Staff'}, [
            (['staff'], b'True'), ({'a', b'STAFF'}, b'True'), (iter(('staff',)), b'True'), (['staf'], b'False'), ([''], b'False'),
            ([], b'None'), (iter(()), b'None'),
            ('staff', wrong + b'must return an iterable of group names, not str'),
            (None, wrong + b'must return an iterable of group names, not NoneType'),
            (['staff', 1], wrong + b'returned a group name that is int, not str or bytes'),
            (['staff', '\u0142'], wrong + b'returned a group name with a character that is not in Latin-1'),
        ])
        ask = self.question('group', 'groups_for_user', 'def groups_for_user(environ, user): yield "staff"; 1 / 0')
        with self.assertRaises(ZeroDivisionError):
            ask({'gild.user': 'u', 'gild.group': 'staff'})

    def test_mod_ssl(self):
        for text, secure, name in (('SSL_CLIENT_S_DN=CN=me\x1fHTTPS=on\x1f', True, 'CN=me'), ('', False, '')):
            got = self.answers('host', 'allow_access', 'environ, host', {'gild.host': 'h', 'gild.ssl': text}, [(True, b'True')])
            environ = got['environ']
            self.assertEqual(set(environ), {'mod_ssl.is_https', 'mod_ssl.var_lookup'})
            self.assertIs(environ['mod_ssl.is_https'](), secure)
            lookup = environ['mod_ssl.var_lookup']
            self.assertEqual((lookup('SSL_CLIENT_S_DN'), lookup(b'SSL_CLIENT_S_DN'), lookup('OTHER')), (name, name, ''))

    def test_question_errors(self):
        for text, error, words in [
            ('x = 1', LookupError, r"^Script '.*allow.py' does not define the function allow_certificate\(\)\.$"),
            ('allow_certificate = 1', TypeError, 'is not callable but of type int'),
        ]:
            with self.assertRaisesRegex(error, words):
                self.question('permission', 'allow_certificate', text)

    def test_question_watch(self):
        self.question('permission', 'allow_certificate', 'def allow_certificate(name): pass\ndef reload_required(path): return path')
        file, *_, required = self.prelude['watch'](os.environ['PERMISSION'])
        self.assertEqual((file, required('x')), (path('allow.py'), 'x'))

    def test_questions_share_a_module(self):
        """A file that has the functions for two questions is executed once."""
        self.question('host', 'allow_access', 'def allow_access(environ, host): pass\ndef groups_for_user(environ, user): pass')
        module = sys.modules['__wsgi__']
        spec = os.environ['PERMISSION'].replace('type=permission', 'type=group').replace('allow_certificate', 'groups_for_user')
        self.prelude['load'](spec)
        self.assertIs(sys.modules['__wsgi__'], module)

    def formatted(self, text):
        """The traceback of a script that cannot be loaded, from the prelude's frames on, as C hands it over."""
        try:
            self.load(os.environ['SCRIPT'], text)
        except Exception as error:
            traceback = error.__traceback__.tb_next.tb_next
            return self.prelude['format_exception'](type(error), error, traceback)

    def test_format_exception(self):
        """The frames of the prelude are not shown, those of the script are."""
        text = self.formatted('def f():\n    raise ValueError("mine")\nf()')
        self.assertNotIn('<gild>', text)
        self.assertIn('app.wsgi", line 2, in f', text)
        self.assertTrue(text.endswith('ValueError: mine'))

    def test_format_exception_of_the_prelude(self):
        """An exception of the prelude's own keeps the frame that raised it."""
        text = self.formatted('x = 1')
        self.assertEqual(text.count('<gild>'), 1)
        self.assertIn("LookupError: Target WSGI script '" + path('app.wsgi'), text)

    def test_reload_that_fails(self):
        """The module that was there stays where code looks for it."""
        application = self.load(os.environ['SCRIPT'], 'def application(): return "old"')
        with self.assertRaises(ZeroDivisionError):
            self.load(os.environ['SCRIPT'], '1 / 0')
        self.assertIs(sys.modules['__wsgi__'].application, application)

    def test_watch(self):
        """The stamp is of the file that was read, and of none that came while it was loaded."""
        text = 'import os\nos.utime(__file__, ns=(5, 5))\ndef application(): pass'
        write('app.wsgi', text)
        os.utime(path('app.wsgi'), ns=(7, 7))
        self.load(os.environ['SCRIPT'])
        file, mtime, inode, size, required = self.prelude['watch'](os.environ['SCRIPT'])
        self.assertEqual((file, mtime, size, required), (path('app.wsgi'), 7, len(text), None))
        self.assertEqual(inode, os.stat(file).st_ino)

    def test_watch_hook(self):
        text = 'def application(): pass\ndef reload_required(path): return path'
        self.load(os.environ['SCRIPT'], text)
        self.assertEqual(self.prelude['watch'](os.environ['SCRIPT'])[4]('x'), 'x')
        write('two/some/__init__.py', '')
        write('two/some/module.py', 'def made(): pass\ndef reload_required(name): return name')
        self.load(os.environ['MODULE'])
        file, *_, required = self.prelude['watch'](os.environ['MODULE'])
        self.assertEqual((file, required('y')), (None, 'y'))

    def test_watch_welcome(self):
        self.load(os.environ['WELCOME'])
        self.assertEqual(self.prelude['watch'](os.environ['WELCOME']), (None, 0, 0, 0, None))

    def test_module_files(self):
        self.load(os.environ['SCRIPT'], 'import mod_wsgi\nmod_wsgi.track_changes("/some/template")\ndef application(): pass')
        compiled = types.ModuleType('compiled')
        compiled.__file__ = '/some/old.pyc'
        odd = types.ModuleType('odd')
        odd.__file__ = 3
        sys.modules.update(compiled=compiled, odd=odd, none=None)
        files = self.prelude['module_files']('').split('\n')
        for name in (path('app.wsgi'), '/some/template', '/some/old.py', os.__file__):
            self.assertEqual(files.count(name), 1, name)

    def test_log_handler(self):
        self.assertNotIn('LogHandler', vars(self.mod_wsgi))
        self.assertFalse(hasattr(self.mod_wsgi, 'LogHandlers'))
        handler = self.mod_wsgi.LogHandler()
        self.assertIs(type(handler), self.mod_wsgi.LogHandler)
        for level in (100, 50, 49, 40, 30, 20, 10, 9, 1):
            handler.handle(logging.LogRecord('name', level, 'file', 1, 'at %d', (level,), None))
        self.assertEqual(self.mod_wsgi.logged, [(2, 'at 100'), (2, 'at 50'), (3, 'at 49'), (3, 'at 40'), (4, 'at 30'), (6, 'at 20'),
                                                (7, 'at 10'), (8, 'at 9'), (8, 'at 1')])

    def test_apache(self):
        import apache
        self.assertEqual((apache.version[:2], apache.description, apache.mpm_name), ((2, 4), 'gild', 'event'))
        self.assertEqual((apache.maximum_processes, apache.threads_per_process), (3, 5))
        self.assertIsInstance(apache.build_date, str)

    def test_process_events(self):
        self.prelude['process_signal']('SIGHUP 1')
        self.prelude['process_stopping']('restart_interval')
        self.prelude['process_stopping']('shutdown_signal')
        self.assertEqual(self.mod_wsgi.published, [('process_signal', {'signame': 'SIGHUP', 'signum': 1}),
                                                   ('process_stopping', {'shutdown_reason': 'restart_interval'})])

    def stacks(self, threads, reason):
        """What stacks() writes about the threads."""
        said = []
        self.mod_wsgi._threads = lambda: threads
        with mock.patch.dict(self.prelude, errors=types.SimpleNamespace(write=said.append)):
            self.prelude['stacks'](reason)
        return said

    def test_stacks(self):
        def inner():
            return sys._getframe()

        def outer():
            return inner()

        frame = outer()
        line = frame.f_lineno
        said = self.stacks([(1, None, frame), (2, (3, 'GET /fast', 0.2), frame), (4, (5, 'GET /slow', 61.25), frame),
                            (6, (7, 'GET /done', 0.1), None)], 'request timeout')
        self.assertEqual(said[0], 'Dumping stack trace for active Python threads... (request timeout)\n')
        self.assertEqual([record.split('\n')[0] for record in said[1:3]],
                         ['Thread 5 serves GET /slow for 61.2 seconds.', 'Thread 3 serves GET /fast for 0.2 seconds.'])
        lines = said[1].split('\n')
        self.assertEqual(lines[1], f'Thread 5 executing file "{__file__}", line {line}, in inner')
        self.assertTrue(lines[2].startswith(f'called from file "{__file__}", line '), lines[2])
        self.assertTrue(lines[2].endswith(', in outer,'), lines[2])
        self.assertTrue(lines[-2].endswith('in <module>.') and lines[-1] == '', lines)
        self.assertTrue(said[3].startswith('Thread 0x0000000000000001 executing file '), said[3])
        self.assertEqual(len(said), 4)

    def test_stacks_of_nobody(self):
        self.assertEqual(self.stacks([(1, None, None)], ''), ['Dumping stack trace for active Python threads...\n'])

    def counted(self, requests, spent):
        """The counters of a thread that has served so many requests, each with so many nanoseconds in each phase."""
        buckets = (0, requests) + 63 * (0,)
        extremes = (spent, spent) if requests else (None, None)
        return {'requests': requests, 'busy': requests * spent, 'cpu': requests * spent // 2, 'longest': spent,
                'input_reads': requests, 'input_bytes': 10 * requests, 'output_writes': requests,
                'output_bytes': 100 * requests, 'elapsed': 0, 'classes': (0, requests, 0, 0, 0),
                'phases': 8 * ((requests * spent, *extremes, buckets),)}

    def test_request_metrics(self):
        samples = [[self.counted(0, 0), self.counted(0, 0)], [self.counted(2, 3000000), self.counted(0, 0)],
                   [self.counted(2, 3000000), self.counted(1, 5000000)]]
        self.mod_wsgi._start_counting = lambda: None
        self.mod_wsgi._counters = lambda: samples.pop(0)
        self.mod_wsgi._usage = lambda: (1.0, 2.0, 4096)
        self.assertIsNone(self.mod_wsgi.request_metrics())
        self.assertIsNone(self.mod_wsgi.process_metrics())
        self.mod_wsgi.start_recording_metrics()
        metrics = self.mod_wsgi.request_metrics()
        for key, value in {'request_count': 2, 'request_threads_maximum': 2, 'request_threads_active': 1,
                           'request_threads_completed': [2, 0], 'application_time': 0.003, 'daemon_time': None,
                           'application_time_min_us': 3000, 'gil_wait_time_max_us': 3000, 'daemon_time_min_us': None,
                           'queue_time_buckets': [0, 2] + 63 * [0], 'input_bytes': 20, 'output_writes': 2, 'status_2xx': 2,
                           'status_5xx': 0, 'cpu_utilization': 0, 'memory_max_rss': 4096, 'pid': os.getpid()}.items():
            self.assertEqual(metrics[key], value, key)
        self.assertGreater(metrics['memory_rss'], 1 << 20)
        self.assertEqual(metrics['start_time'] + metrics['sample_period'], metrics['stop_time'])
        again = self.mod_wsgi.request_metrics()
        self.assertEqual((again['start_time'], again['request_threads_completed']), (metrics['stop_time'], [0, 1]))

    def test_process_metrics(self):
        self.mod_wsgi._start_counting = self.mod_wsgi._counters = lambda: []
        self.mod_wsgi._usage = lambda: (1.0, 2.0, 4096)
        self.mod_wsgi._own_threads = lambda: [(3, 2 * 10**9, False), (4, 10**9, True)]
        self.mod_wsgi.start_recording_metrics()
        metrics = self.mod_wsgi.process_metrics()
        for key, value in {'request_count': 7, 'request_busy_time': 3.0, 'request_threads': 2, 'active_requests': 1,
                           'cpu_time': 3.0, 'threads': [{'thread_id': 1, 'request_count': 3},
                                                        {'thread_id': 2, 'request_count': 4}]}.items():
            self.assertEqual(metrics[key], value, key)
        self.assertTrue(0 <= metrics['running_time'] < 3600, metrics)

    def test_server_metrics(self):
        self.mod_wsgi._scoreboard = lambda: None
        self.assertIsNone(self.mod_wsgi.server_metrics())
        busy, idle, absent = (2, 9, 10**9, ('127.0.0.1:5', 'GET /x')), (1, 4, 0, ('', '')), (0, 0, 0, ('', ''))
        self.mod_wsgi._scoreboard = lambda: [(11, 1, 1, 10**9, [busy, idle]), (12, 2, 0, 2 * 10**9, [busy, idle]),
                                             (0, 0, 0, 0, [absent, absent])]
        metrics = self.mod_wsgi.server_metrics()
        self.assertEqual((metrics['server_limit'], metrics['thread_limit'], metrics['running_generation']), (3, 2, 2))
        old, new, none = metrics['processes']
        self.assertEqual((old['pid'], old['quiescing'], new['quiescing']), (11, True, False))
        self.assertEqual([[worker['status'] for worker in process['workers']] for process in (old, new, none)],
                         [['G', '_'], ['W', '_'], ['.', '.']])
        self.assertEqual((new['workers'][0]['request'], new['workers'][0]['access_count']), ('GET /x', 9))
        self.assertEqual((none['pid'], new['workers'][1]['start_time']), (0, 0.0))

    def test_shutdown(self):
        import atexit
        import threading
        said = []
        thread = threading.Thread(target=lambda: said.append('thread'))
        with mock.patch.object(threading, '_shutdown', lambda: thread.join()):
            atexit.register(said.append, 'atexit')
            thread.start()
            self.prelude['shutdown']()
        self.assertEqual(said, ['thread', 'atexit'])
        self.assertEqual(self.mod_wsgi.published, [('process_stopping', {'shutdown_reason': ''})])


if __name__ == '__main__':
    unittest.main()
