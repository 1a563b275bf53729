"""Requests that take a known time: always 2 ms of CPU, or mostly 1 ms and now and then much longer."""

import random
import time


def compute(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(100))


def even():
    compute(0.002)


def uneven():
    compute(0.001)
    if random.random() < 1 / 200:  # fewer than 1 of 100: p99 then shows who had to wait, not who was slow
        time.sleep(random.uniform(0.020, 0.050))


WORK = {"/even": even, "/uneven": uneven}


def application(environ, start_response):
    WORK[environ["PATH_INFO"]]()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "12")])
    return [b"Hello World!"]
