"""Pages that show what a WSGI server does for Django."""

import os
import platform
import time

import django
from django.http import StreamingHttpResponse
from django.shortcuts import redirect, render


def index(request):
    """The front page: what runs here, and in which process."""
    return render(request, 'tour/index.html', {
        'django': django.get_version(),
        'python': platform.python_version(),
        'server': request.META['SERVER_SOFTWARE'],
        'process': os.getpid(),
        'thread': request.META.get('mod_wsgi.thread_id'),
    })


def request(request):
    """What gild tells the application about the request: reload, and watch thread and process."""
    keys = sorted(key for key in request.META if key not in os.environ)
    return render(request, 'tour/request.html', {'items': [(key, request.META[key]) for key in keys]})


def form(request):
    """A post with its CSRF check, and a session that remembers."""
    if request.method == 'POST':
        request.session['notes'] = (request.session.get('notes', []) + [request.POST['note'][:200]])[-5:]
        return redirect('form')
    return render(request, 'tour/form.html', {'notes': request.session.get('notes', [])})


def stream(request):
    """Ten lines, one each half second, sent as they are made."""
    def lines():
        for i in range(1, 11):
            yield 'line %d\n' % i
            time.sleep(0.5)
    return StreamingHttpResponse(lines(), content_type='text/plain; charset=utf-8')


def error(request):
    """The visitor gets a 500; the traceback is in the error log."""
    raise RuntimeError('the error page of the tour was asked for')
