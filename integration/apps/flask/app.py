"""A guest book in Flask: templates that inherit, a session, flashed messages, JSON, a stream and uploads of files."""

import hashlib
import os

from flask import (Flask, Response, abort, flash, jsonify, redirect, render_template, request, send_from_directory,
                   session, stream_with_context, url_for)
from werkzeug.utils import secure_filename

app = Flask(__name__)
app.secret_key = 'of a test, and so not secret'
app.config['MAX_CONTENT_LENGTH'] = 5_000_000
uploads = os.path.join(app.root_path, 'uploads')
os.makedirs(uploads, exist_ok=True)


@app.get('/')
def index():
    return render_template('index.html', name=session.get('name'), entries=session.get('entries', []))


@app.post('/login')
def login():
    session['name'] = request.form['name']
    flash('Welcome, %s!' % session['name'])
    return redirect(url_for('index'))


@app.post('/sign')
def sign():
    if 'name' not in session:
        abort(403)
    session['entries'] = session.get('entries', []) + [request.form['text']]
    return redirect(url_for('index'), 303)


@app.post('/upload')
def upload():
    result = {}
    for field, file in request.files.items():
        name = secure_filename(file.filename)
        file.save(os.path.join(uploads, name))
        with open(os.path.join(uploads, name), 'rb') as saved:
            result[field] = {'name': name, 'type': file.content_type, 'md5': hashlib.md5(saved.read()).hexdigest()}
    return jsonify(files=result, note=request.form.get('note'))


@app.get('/uploads/<name>')
def uploaded(name):
    return send_from_directory(uploads, name)


@app.route('/json', methods=['POST', 'PUT', 'PATCH', 'DELETE'])
def echo_json():
    return jsonify(method=request.method, arguments=request.args.to_dict(flat=False), data=request.get_json())


@app.get('/stream')
def stream():
    def rows():
        for i in range(int(request.args['rows'])):
            yield 'row %d\n' % i
    return Response(stream_with_context(rows()), content_type='text/plain; charset=utf-8')


@app.get('/error')
def error():
    raise LookupError('of the Flask application')


@app.errorhandler(404)
def missing(error):
    return render_template('missing.html', path=request.path), 404
