"""What prelude.py does in an interpreter, tried with a plain one. prelude_test.go says in the environment what it gets."""

import os
import signal
import sys
import types
import unittest
from unittest import mock

DIRECTORY = os.environ['DIRECTORY']
REAL_SIGNAL = signal.signal


def run(settings):
    """The prelude's namespace, and sys.path as it left it."""
    stub = types.ModuleType('mod_wsgi')
    stub._restrict_signal = lambda real: ('restricted', real)
    namespace = {'settings_text': settings}
    with mock.patch.dict(sys.modules, mod_wsgi=stub):
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


if __name__ == '__main__':
    unittest.main()
