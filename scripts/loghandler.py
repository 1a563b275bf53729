"""mod_wsgi.LogHandler: what an application logs is in the error log, at the level that it has."""

import logging

import mod_wsgi

LEVELS = [(logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7)]
TRACE = 8   # below all of them


def apache_level(number):
    """Apache's number (crit, error, warn, info, debug, trace1) for one of logging."""
    return next((level for least, level in LEVELS if number >= least), TRACE)


class LogHandler(logging.Handler):
    """Writes records of logging to the error log, each with its level and with the client of the request that it is about.

    A traceback stays in one record with its message. --log-level decides what is kept; what it would not keep is best
    stopped before it gets here, by the levels of loggers.
    """

    def emit(self, record):
        try:
            mod_wsgi._log(apache_level(record.levelno), self.format(record))
        except Exception:
            self.handleError(record)
