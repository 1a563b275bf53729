"""What gild asks scripts, each question dressed as a WSGI application. What its function gets travels in the environ; the body
of the response is what the function returned: True, False or None; "str" and a text; or "wrong" and what is wrong with it."""

import re


def ask(function, question):
    """The application that puts *question* to the *function* of a script."""

    def application(environ, start_response):
        body = question(function, environ)
        start_response('200 OK', [])
        return [body.encode('latin-1', 'replace')]

    return application


# ---- answers -----------------------------------------------------------------------------------------------------

def decision(function, answer, expected='True, False or None'):
    if answer is True or answer is False or answer is None:
        return repr(answer)
    return wrong(function, answer, expected)


def wrong(function, answer, expected):
    return f'wrong {function.__name__}() must return {expected}, not {type(answer).__name__}'


# ---- the environ -------------------------------------------------------------------------------------------------

HIDDEN = ('wsgi.input', 'wsgi.input_terminated', 'wsgi.file_wrapper')   # the body is the application's


def taken(environ, *names):
    """The arguments that came in the environ, which is what scripts may see after it."""
    arguments = [environ.pop(name) for name in names]
    for name in HIDDEN:
        environ.pop(name, None)
    if 'gild.ssl' in environ:
        add_mod_ssl(environ)
    return arguments


def add_mod_ssl(environ):
    """What mod_wsgi takes from Apache's mod_ssl: whether there is TLS, and a look at the variables of the connection."""
    text = environ.pop('gild.ssl')

    def var_lookup(name):
        if isinstance(name, bytes):
            name = name.decode('latin-1')
        return dict(pair.split('=', 1) for pair in text.split('\x1f') if pair).get(name, '')

    environ['mod_ssl.is_https'] = lambda: bool(text)
    environ['mod_ssl.var_lookup'] = var_lookup


# ---- the questions -----------------------------------------------------------------------------------------------

def permission(allow_certificate, environ):
    """May there be a certificate for a name?"""
    return decision(allow_certificate, allow_certificate(environ['REQUEST_URI']), 'True, False or None')


def host(allow_access, environ):
    """May a client see the site?"""
    name, = taken(environ, 'gild.host')
    return decision(allow_access, allow_access(environ, name))


def password(check_password, environ):
    """Is this the password of a user, and what is the user called?"""
    user, secret = taken(environ, 'gild.user', 'gild.password')
    answer = check_password(environ, user, secret)
    if not isinstance(answer, str):
        return decision(check_password, answer, 'True, False, None or user name as string')
    return user_name(check_password, answer)


def digest(get_realm_hash, environ):
    """What is the hash of user, realm and password?"""
    user, realm = taken(environ, 'gild.user', 'gild.realm')
    answer = get_realm_hash(environ, user, realm)
    if answer is None:
        return 'None'
    if not isinstance(answer, (str, bytes)):
        return wrong(get_realm_hash, answer, 'the hash as string, or None')
    return hexadecimal(get_realm_hash, answer, environ['gild.digest_algorithm'])


def hexadecimal(function, answer, algorithm):
    digits = {'MD5': 32, 'SHA-256': 64}[algorithm]
    value = answer.decode('latin-1') if isinstance(answer, bytes) else answer
    if value == '':
        return f'wrong {function.__name__}() returned an empty string'
    if not re.fullmatch(f"[0-9a-fA-F]{{{digits}}}", value):
        return f'wrong {function.__name__}() must return {digits} hexadecimal digits for the algorithm {algorithm}'
    return 'str ' + value.lower()


LONGEST_NAME = 8190     # as long as a field of a header, by default


def user_name(function, answer):
    """A name is for logs and for the environ of programs."""
    if answer == '':
        return f'wrong {function.__name__}() returned an empty user name string'
    if len(answer) > LONGEST_NAME:
        return f'wrong {function.__name__}() returned a user name of {len(answer)} characters, the most is {LONGEST_NAME}'
    if max(answer) > '\xff':
        return f'wrong {function.__name__}() returned a string with a character that is not in Latin-1'
    if '\0' in answer:
        return f'wrong {function.__name__}() returned a user name with a NUL, which ends it in the environ of programs'
    return 'str ' + answer


def group(groups_for_user, environ):
    """Is a user in a group? True, False, or None for one who is in no group at all."""
    user, wanted = taken(environ, 'gild.user', 'gild.group')
    answer = groups_for_user(environ, user)
    if isinstance(answer, (str, bytes)) or not hasattr(type(answer), '__iter__'):
        return wrong(groups_for_user, answer, 'an iterable of group names')
    names = list(answer)    # all of them: one that raises in the middle has told nothing
    for name in names:
        if not isinstance(name, (str, bytes)):
            return f'wrong {groups_for_user.__name__}() returned a group name that is {type(name).__name__}, not str or bytes'
        if isinstance(name, str) and name and max(name) > '\xff':
            return f'wrong {groups_for_user.__name__}() returned a group name with a character that is not in Latin-1'
    return repr(fold(wanted) in map(fold, names)) if names else 'None'


def fold(name):
    """Names are the same whatever the case of their ASCII letters, which is what bytes.lower() changes."""
    return (name.encode('latin-1') if isinstance(name, str) else name).lower()


questions = {'permission': permission, 'host': host, 'password': password, 'digest': digest, 'group': group}
