"""Short requests beside slow ones of two kinds: 50 ms on the CPU, and 50 ms asleep."""

import time

SLOW = 0.05


def compute():
    end = time.thread_time() + SLOW
    while time.thread_time() < end:
        sum(range(1000))


def sleep():
    time.sleep(SLOW)


WORK = {"/compute": compute, "/sleep": sleep}


def application(environ, start_response):
    work = WORK.get(environ["PATH_INFO"])
    if work:
        work()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "12")])
    return [b"Hello World!"]
