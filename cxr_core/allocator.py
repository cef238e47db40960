"""How the C library hands out memory in a process that serves many films for a long time."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

_M_ARENA_MAX: Final = -8  # malloc.h
_MIN_HEAPS: Final = 2


def share_heaps() -> bool:
    """Let all threads share as many heaps as there are cores, two at least.

    By itself glibc gives threads up to eight heaps a core, and each keeps holes as large as the
    largest film that its threads read. A lower threshold for mapping large arrays on their own
    would give back more, but the pages that the networks work in would come anew for every film.

    Returns:
        Whether this system's C library has that setting.
    """
    mallopt = _function("mallopt")
    n_heaps = max(_MIN_HEAPS, os.cpu_count() or _MIN_HEAPS)
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, n_heaps))


def trim() -> None:
    """Give free pages back to the system now; nothing happens where the C library cannot."""
    release = _function("malloc_trim")
    if release is not None:
        release(0)


def _function(name: str) -> ctypes._NamedFuncPointer | None:
    """Return a function of glibc; `None` on other systems and for other C libraries."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), name, None)
