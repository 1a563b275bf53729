"""The files that the application consists of, as far as they are known: a change of one is a reason to reload."""

import sys


def source_of(module):
    """The file that a module was made from, or None."""
    file = getattr(module, '__file__', None)
    if not isinstance(file, str):
        return None
    return file[:-1] if file.endswith(('.pyc', '.pyo')) else file


def files(tracked):
    """The paths, each once; *tracked* are those that the application has named."""
    found = {source_of(module) for module in list(sys.modules.values())}
    return sorted((found | set(tracked)) - {None, ''})
