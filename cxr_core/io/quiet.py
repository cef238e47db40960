"""Silence for the warnings of libraries that read damaged files, one thread at a time.

Python's warning filters belong to the process: two threads that change them at once would restore
each other's. So everything here that changes them does it under one lock.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_FILTER_LOCK = threading.Lock()
_SILENT = logging.CRITICAL + 1


@contextmanager
def quiet(*modules: str, logger: str | None = None) -> Iterator[None]:
    """Ignore the warnings of some modules, and mute a logger with all below it.

    Args:
        modules: Regular expressions that match the beginning of module names.
        logger: Name of a logger; its level comes back afterwards.
    """
    with _FILTER_LOCK, warnings.catch_warnings():
        for module in modules:
            warnings.filterwarnings("ignore", module=module)
        if logger is None:
            yield
            return
        muted = logging.getLogger(logger)
        level = muted.level
        muted.setLevel(_SILENT)
        try:
            yield
        finally:
            muted.setLevel(level)
