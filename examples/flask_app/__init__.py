"""A Flask application: a template, a form, a session, an upload and a stream.

gild start-server --application-type module flask_app --callable-object app --working-directory examples --python-home VENV
"""

import hashlib
import time

from flask import Flask, Response, redirect, render_template, request, session, url_for

app = Flask(__name__)
app.secret_key = 'an example: put a secret of your own here'


@app.get('/')
def index():
    return render_template('index.html', name=session.get('name'), environ=request.environ)


@app.post('/name')
def name():
    session['name'] = request.form['name']
    return redirect(url_for('index'), 303)


@app.post('/upload')
def upload():
    """Large uploads need --limit-request-body; they pass through to the file system, not through memory."""
    digest, size = hashlib.sha256(), 0
    while block := request.files['file'].stream.read(65536):
        digest.update(block)
        size += len(block)
    return '%d bytes, SHA-256 %s\n' % (size, digest.hexdigest())


@app.get('/stream')
def stream():
    """Ten lines, one a second: each is sent when it is yielded. Try curl -N."""
    def lines():
        for i in range(1, 11):
            yield 'line %d\n' % i
            time.sleep(1)
    return Response(lines(), content_type='text/plain; charset=utf-8')
