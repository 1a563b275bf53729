"""What is served when nothing was asked for."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>gild</title>
<style>body {{ font: 1.1em/1.5 sans-serif; max-width: 40em; margin: 3em auto; padding: 0 1em }}</style>
<h1>My web site runs on gild</h1>
<p>This page is the built-in application, served by Python {version}. To serve yours:</p>
<pre>gild start-server app.wsgi</pre>
<p>where <code>app.wsgi</code> is a Python file that defines <code>application</code>.</p>
</html>
"""


def application(environ, start_response):
    import platform
    page = PAGE.format(version=platform.python_version()).encode()
    start_response('200 OK', [('Content-Type', 'text/html; charset=utf-8'), ('Content-Length', str(len(page)))])
    return [page]
