"""The memory of another process as Linux counts it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProcessMemory:
    """What a process holds, in megabytes (1,000,000 bytes).

    Attributes:
        resident_mb: Pages in memory, those of mapped files too.
        proportional_mb: The same, each page that others share counted by their share (PSS).
        anonymous_mb: Of the resident pages those that belong to no file.
        peak_mb: Most resident pages so far.
    """

    resident_mb: float
    proportional_mb: float
    anonymous_mb: float
    peak_mb: float

    @classmethod
    def of(cls, pid: int) -> ProcessMemory:
        """Look at a process now.

        Args:
            pid: The process; `smaps_rollup` of it must be readable (Linux, the same user).

        Returns:
            Its memory.
        """
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8")
        status = Path(f"/proc/{pid}/status").read_text("utf-8")
        return cls(
            _line(rollup, "Rss"),
            _line(rollup, "Pss"),
            _line(rollup, "Anonymous"),
            _line(status, "VmHWM"),
        )


def _line(text: str, name: str) -> float:
    """Return one line of a file of `/proc` in megabytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    if found is None:
        msg = f"`/proc` must tell {name}. Received: no such line"
        raise ValueError(msg)
    return int(found.group(1)) * 1024 / 1e6
