"""Answers with the first and the last of thirty request headers: what building an environ costs."""


def application(environ, start_response):
    body = (environ["HTTP_X_BENCH_01"] + environ["HTTP_X_BENCH_30"]).encode("latin-1")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
