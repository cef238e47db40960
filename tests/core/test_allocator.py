"""Threads share few heaps; a system whose C library cannot do that is no error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxr_core import allocator

ROOT = Path(__file__).resolve().parents[2]
COUNT = """
import ctypes, sys, tempfile, threading
from pathlib import Path
import cxr_core.allocator as allocator

if sys.argv[1] == "shared":
    assert allocator.share_heaps()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
held = threading.Barrier(65)

def take():
    libc.malloc(1000)
    held.wait()

for thread in [threading.Thread(target=take, daemon=True) for _ in range(64)]:
    thread.start()
held.wait()
allocator.trim()
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as told:
    file = ctypes.c_void_p(libc.fopen(told.name.encode(), b"w"))
    libc.malloc_info(0, file)
    libc.fclose(file)
    print(Path(told.name).read_text().count("<heap nr="))
"""


def n_heaps(how):
    done = subprocess.run(
        [sys.executable, "-c", COUNT, how], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(allocator._function("malloc_info") is None, reason="needs glibc")
def test_threads_share_few_heaps():
    most = max(2, os.cpu_count())
    assert n_heaps("shared") <= most < n_heaps("as it comes")


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_nothing_happens(monkeypatch, platform):
    monkeypatch.setattr(allocator.sys, "platform", platform)
    assert not allocator.share_heaps()
    allocator.trim()


def test_another_c_library_is_no_error(monkeypatch):
    monkeypatch.setattr(allocator.sys, "platform", "linux")
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda _: object())
    assert not allocator.share_heaps()
    allocator.trim()
