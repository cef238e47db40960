"""The processor's time of a process and all that it started, whoever started it in between."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class ProcessTree:
    """A process and its descendants, also those that ended meanwhile.

    Args:
        pid: The process.

    Notes:
        What a process does between the last look and its end is missed: look often.
    """

    def __init__(self, pid: int) -> None:
        self._pids = {pid}
        self._ticks: dict[tuple[int, str], int] = {}

    def cpu_s(self) -> float:
        """Look now.

        Returns:
            Seconds of one core, of all processes together, so far.
        """
        found = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
            except OSError:
                continue
            # proc(5): 4 ppid, 14 utime, 15 stime, 22 starttime; the first two are cut off
            found[int(path.parent.name)] = (int(fields[1]), fields[19], fields[11], fields[12])
        grown = True
        while grown:
            new = {pid for pid, (parent, *_) in found.items() if parent in self._pids}
            grown = not new <= self._pids
            self._pids |= new
        for pid in self._pids & found.keys():
            _, start, user, system = found[pid]
            self._ticks[pid, start] = int(user) + int(system)
        return sum(self._ticks.values()) / _TICKS
