"""Processes that are watched, and what was seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WATCH = Path(__file__).with_name("watch")
ASIDE = "/proc/self/net/snmp"
ALONE = f"""
import sys
code = sys.stdin.read()
exec(compile(code, "watched", "exec"), {{"__name__": "__main__"}})
names, values = [l.split() for l in open("{ASIDE}") if l.startswith("Ip:")]
print("packets to nowhere:", values[names.index("OutNoRoutes")])
"""


def environment(log: Path, **more: str) -> dict[str, str]:
    """What makes a process of Python watch itself; it keeps no bytecode, which would be written."""
    path = os.pathsep.join([str(WATCH), str(ROOT)])
    own = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "CXR_WATCH": str(log)}
    return {**os.environ, **own, **more}


def seen(log: Path, kind: str) -> list[str]:
    """What happened, each with where it came from."""
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    return [f"{one['what']} from {one['stack']}" for one in lines if one["kind"] == kind]


def can_be_alone() -> bool:
    """Whether a process may have a network of its own, without a way out."""
    try:
        done = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def run_alone(code: str, log: Path, **more: str) -> tuple[str, int | None]:
    """Run code where no network is, not even the loopback; the kernel counts what had no way.

    That also sees what native code does, which Python's audit does not.

    Returns:
        What it printed, and the number of tries; `None` where the system gives no such network.
    """
    apart = ["unshare", "-rn"] if can_be_alone() else []
    done = subprocess.run(
        [*apart, sys.executable, "-c", ALONE],
        input=code,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(log, **more),
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    printed, _, count = done.stdout.rpartition("packets to nowhere:")
    return printed, int(count) if apart else None
