"""What is served when nothing was asked for. @style@ is put in by Go: all pages of gild look alike."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>gild is running</title>
<style>@style@</style>
</head>
<body>
<main>
<p class="code">It works</p>
<h1>gild is running</h1>
<p>No application was named when this server was started, so it shows this page, which comes from Python @version@ like yours will.</p>
<h2>Serve an application</h2>
<p>A Python file that defines <code>application</code>, say <code>app.wsgi</code>:</p>
<pre>def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'Hello World!']</pre>
<p>is served by</p>
<pre>gild start-server app.wsgi</pre>
<p>A module that can be imported, as Django and Flask projects have one:</p>
<pre>gild start-server --application-type module mysite.wsgi
gild start-server --application-type module --callable-object app hello</pre>
<h2>Further</h2>
<ul>
<li><code>gild start-server --help</code> explains every option: HTTPS, processes and threads, static files, logs.</li>
<li>The options are those of <a href="https://modwsgi.readthedocs.io/">mod_wsgi-express</a>, and its documentation is about them too.</li>
<li><a href="https://peps.python.org/pep-3333/">PEP 3333</a> is WSGI, between server and application.</li>
</ul>
</main>
</body>
</html>
"""


def application(environ, start_response):
    import platform
    page = PAGE.replace('@version@', platform.python_version()).encode()
    start_response('200 OK', [
        ('Content-Type', 'text/html; charset=utf-8'),
        ('Content-Length', str(len(page))),
        ('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'"),
    ])
    return [page]
