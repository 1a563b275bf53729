"""A handler for files with an extension, for --add-handler .upper upper.py: it is asked instead of the file being sent."""


def handle_request(environ, start_response):
    with open(environ['SCRIPT_FILENAME'], encoding='utf-8') as file:
        text = file.read().upper().encode()
    start_response('200 OK', [('Content-Type', 'text/plain; charset=utf-8'), ('Content-Length', str(len(text)))])
    return [text]
