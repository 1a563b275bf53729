"""Answers every request inside wsgiref.validate, which fails the request if the server or this application breaks a
rule of PEP 3333. The path says how the body is read and how the answer is given."""

import io
from wsgiref.validate import validator


def read_all(input):
    return input.read(-1)


def read_blocks(input):
    data = b''
    while block := input.read(7):
        data += block
    return data


def read_lines(input):
    lines = []
    while line := input.readline():
        lines.append(line)
    return b''.join(lines)


def read_readlines(input):
    return b''.join(input.readlines())


def read_iterated(input):
    return b''.join(input)


def read_nothing(input):
    return b''


def as_list(data, start_response, environ):
    start_response('200 OK', headers(data))
    return [data]


def as_generator(data, start_response, environ):
    start_response('200 OK', headers(data))
    return (data[i:i + 5] for i in range(0, len(data), 5))


def as_write(data, start_response, environ):
    write = start_response('200 OK', headers(data))
    write(data[:5])
    return [data[5:]]


def as_file(data, start_response, environ):
    start_response('200 OK', headers(data))
    return environ['wsgi.file_wrapper'](io.BytesIO(data), 5)


def headers(data):
    return [('Content-Type', 'application/octet-stream'), ('Content-Length', str(len(data)))]


readers = {f.__name__: f for f in (read_all, read_blocks, read_lines, read_readlines, read_iterated, read_nothing)}
answers = {f.__name__: f for f in (as_list, as_generator, as_write, as_file)}


def echo(environ, start_response):
    _, reader, answer = environ['PATH_INFO'].split('/')
    environ['wsgi.errors'].write('validated %s\n' % environ['PATH_INFO'])
    environ['wsgi.errors'].flush()
    return answers[answer](readers[reader](environ['wsgi.input']), start_response, environ)


application = validator(echo)
