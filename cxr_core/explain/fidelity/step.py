"""Progress and cancel, the same for every check."""

from __future__ import annotations

from collections.abc import Callable

from cxr_core.errors import CancelledCheckError

OnStep = Callable[[int, int], bool | None]
"""Called with (steps done, steps in all); returning `False`, or raising, ends the check."""


class Steps:
    """Counts the steps of one check and tells the callback; not to be shared between threads.

    Args:
        total: Number of steps in all.
        on_step: The callback, or `None` where nobody listens.
    """

    def __init__(self, total: int, on_step: OnStep | None = None) -> None:
        self.total = total
        self.n_done = 0
        self._on_step = on_step

    def advance(self, n_steps: int = 1) -> None:
        """Count steps and tell the callback.

        Args:
            n_steps: Steps that were just done.

        Raises:
            CancelledCheckError: If the callback returned `False`.
        """
        self.n_done += n_steps
        if self._on_step is not None and self._on_step(self.n_done, self.total) is False:
            msg = f"The check was cancelled after {self.n_done} of {self.total} steps"
            raise CancelledCheckError(msg)
