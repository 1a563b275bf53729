"""The smallest WSGI application: gild start-server examples/hello.wsgi

A .wsgi file is a Python file. gild runs it once in each worker process when that starts, and then calls the function named
"application" for every request (--callable-object chooses another name).
"""

import os


def application(environ, start_response):
    # environ is a dict with everything about the request: REQUEST_METHOD, PATH_INFO, QUERY_STRING, a HTTP_... key for
    # each header field, and the body to read in environ['wsgi.input'].
    text = 'Hello World! You asked for %s, process %d answers.\n' % (environ['PATH_INFO'], os.getpid())
    body = text.encode('utf-8')

    # The status line and the headers are announced first...
    start_response('200 OK', [
        ('Content-Type', 'text/plain; charset=utf-8'),
        ('Content-Length', str(len(body))),
    ])

    # ...and the body is any iterable of bytes. Each item is sent as soon as it is there, so a generator that yields
    # from time to time is a stream. What is printed goes to the error log.
    return [body]
