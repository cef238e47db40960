"""How far a long run is, how fast it goes and how long it will take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_WINDOW: Final = 64
"""Latest films, or blocks, that the rate is taken from: a slow start does not weigh for ever."""


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        n_done: Files that have their record.
        n_total: Files in all.
        n_read: Of those done, read by the networks in this run; others were known or in error.
        rate: Films that the networks read in a second, of late; `None` before two were read.
        left_s: Seconds until the end at that rate; `None` where the rate is not known. Too long
            where many of the files to come are known already.
    """

    n_done: int
    n_total: int
    n_read: int = 0
    rate: float | None = None
    left_s: float | None = None

    @property
    def share(self) -> float:
        """Share that is done, in [0, 1]; 1 where there is nothing to do."""
        return self.n_done / self.n_total if self.n_total else 1.0


class ProgressMeter:
    """Counts what is done and takes the time.

    Args:
        n_total: Files in all.
        clock: Seconds from any start, never going back.
    """

    def __init__(self, n_total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._n_total = n_total
        self._clock = clock
        self._times: deque[tuple[float, int]] = deque(maxlen=_WINDOW)
        self._n_done = self._n_read = 0

    def count(self, *, is_read: bool) -> Progress:
        """Count one more file.

        Args:
            is_read: Whether the networks read it now.

        Returns:
            How far the run is.
        """
        return self.count_block(1, n_read=int(is_read))

    def count_block(self, n_done: int, *, n_read: int) -> Progress:
        """Count files that were done together.

        Args:
            n_done: Their number.
            n_read: Of those, read by the networks now.

        Returns:
            How far the run is.
        """
        self._n_done += n_done
        self._n_read += n_read
        if n_read:
            self._times.append((self._clock(), self._n_read))
        rate = left_s = None
        if len(self._times) > 1 and self._times[-1][0] > self._times[0][0]:
            (first_s, n_first), (last_s, n_last) = self._times[0], self._times[-1]
            rate = (n_last - n_first) / (last_s - first_s)
            left_s = (self._n_total - self._n_done) / rate
        return Progress(self._n_done, self._n_total, self._n_read, rate, left_s)


def time_words(seconds: float) -> str:
    """Write a time in the largest unit that fits.

    Args:
        seconds: At least 0.

    Returns:
        For example `40 s`, `4 min` or `2 h 5 min`.
    """
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
