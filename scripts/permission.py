"""The permission script of automatic certificates, dressed as a WSGI application: what allow_certificate() returned is the
status of the response, and the body says what is wrong with it if something is."""


def permission(allow_certificate):

    def application(environ, start_response):
        answer = allow_certificate(environ['REQUEST_URI'])
        start_response(status(answer), [])
        return [complaint(answer).encode()]

    return application


def status(answer):
    if answer is True:
        return '200 OK'
    return '403 Forbidden' if answer is False or answer is None else '500 Internal Server Error'


def complaint(answer):
    if answer is True or answer is False or answer is None:
        return ''
    return f'allow_certificate() returned {type(answer).__name__}, which is neither True nor False nor None'
