"""One mebibyte as sixteen blocks, each yielded by itself.

The length is declared so that every server can keep its connection.
"""

BLOCKS = 16
BLOCK = b"x" * 65536


def application(environ, start_response):
    start_response("200 OK", [
        ("Content-Type", "application/octet-stream"),
        ("Content-Length", str(BLOCKS * len(BLOCK))),
    ])
    for _ in range(BLOCKS):
        yield BLOCK
