"""One thread for small matrix products.

After a network has run, OpenVINO's threads spin for a moment on every core. A BLAS that then starts
threads of its own waits for them: on two cores a head took 30 ms instead of 1 and a 49 by 49
eigenproblem 25 ms instead of 1. The products here are far too small to gain from threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    """Return the handle on the BLAS libraries that are loaded; looking them up takes a moment."""
    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread inside the block; speed changes, results do not.

    The limit is the process's, as BLAS has no other. Where blocks of several threads overlap, one
    of them may end another's limit early or leave its own behind; either costs time only.
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield
