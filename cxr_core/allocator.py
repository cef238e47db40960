"""What memory a process keeps that serves many films for a long time: calls of the C library."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Final

_M_ARENA_MAX: Final = -8  # malloc.h
_MADV_DONTNEED: Final = 4  # sys/mman.h
_TMPFS, _RAMFS = 0x01021994, 0x858458F6  # linux/magic.h
_STATFS_LONGS: Final = 64
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


def is_in_memory(folder: Path) -> bool:
    """Tell a folder whose files take memory and not a disk.

    Args:
        folder: A folder.

    Returns:
        False only if the system says that it is on something else.
    """
    statfs = _function("statfs")
    # the kind of file system is the first field, a long, of a structure of about 120 bytes
    found = (ctypes.c_long * _STATFS_LONGS)()
    if statfs is None or statfs(os.fsencode(folder), found) != 0:
        return True
    return (found[0] & 0xFFFFFFFF) in (_TMPFS, _RAMFS)


def hand_back(inode: int) -> None:
    """Let the system have the memory of a mapped file; what is read again comes from the file.

    Args:
        inode: Of a file that this process has mapped to be read. A mapping that could hold changes
            of its own is left alone.
    """
    madvise = _function("madvise")
    if madvise is None:
        return
    lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    for fields in map(str.split, lines):
        if len(fields) > 4 and fields[4] == str(inode) and fields[1] == "r--s":
            start, end = (int(value, 16) for value in fields[0].split("-"))
            madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)


def _function(name: str) -> ctypes._NamedFuncPointer | None:
    """Return a function of glibc; `None` on other systems and for other C libraries."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), name, None)
