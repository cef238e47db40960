"""Ask the Python packaging index for known holes in what is installed: `make audit`.

    python -m tools.audit_packages [--path FOLDER]

Runs pip-audit, which asks the index about each package by name and version and nothing else. It
ends well, with 0, even where it could ask about no package at all; this ends with 2 then.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

FOUND: Final = 1
NOT_AUDITED: Final = 2
NO_TOOL: Final = "pip-audit is not installed; `make audit` installs it."
NO_ANSWER: Final = (
    "NOT AUDITED. The index gave no answer about {n_silent} of {n_all} packages: this computer is "
    "offline, or its index is a copy that does not know about holes. Nothing can be said of those."
)
_PATIENCE_S: Final = 600


def main(argv: Sequence[str] | None = None) -> int:
    """Audit what is installed and print what was found.

    Args:
        argv: Arguments; those of the process if `None`.

    Returns:
        0 if every package was asked about and none has a known hole, 1 if one has, 2 if the index
        did not answer for some.
    """
    parser = argparse.ArgumentParser(description="Known holes in what is installed.")
    parser.add_argument("--path", type=Path, help="folder of packages; this environment's if left")
    arguments = parser.parse_args(argv)
    if importlib.util.find_spec("pip_audit") is None:
        print(NO_TOOL, file=sys.stderr)
        return NOT_AUDITED
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = [sys.executable, "-m", "pip_audit", "--format", "json", "--output", str(report)]
        command += ["--progress-spinner", "off", "--skip-editable"]
        if arguments.path is not None:
            command += ["--path", str(arguments.path)]
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and words
                command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
            )
            found = json.loads(report.read_text("utf-8"))
        except (OSError, ValueError, subprocess.TimeoutExpired) as err:
            print(f"NOT AUDITED. pip-audit came to no end ({type(err).__name__}).", file=sys.stderr)
            return NOT_AUDITED
    if done.returncode not in (0, 1):
        print(f"NOT AUDITED. pip-audit ended with {done.returncode}.", file=sys.stderr)
        return NOT_AUDITED
    lines, status = told(found["dependencies"])
    print("\n".join(lines))
    return status


def told(dependencies: Sequence[Mapping[str, Any]]) -> tuple[list[str], int]:
    """Say what an audit found.

    Args:
        dependencies: `dependencies` of pip-audit's report.

    Returns:
        Lines to print, and the exit status of `main`.
    """
    silent = [each for each in dependencies if "skip_reason" in each]
    lines = []
    for each in dependencies:
        for hole in each.get("vulns", ()):
            fixed = ", ".join(hole.get("fix_versions", ())) or "none yet"
            lines.append(f"{each['name']} {each['version']}: {hole['id']}, mended in: {fixed}")
    has_holes = bool(lines)
    n_all, n_silent = len(dependencies), len(silent)
    if silent or not dependencies:
        lines.append(NO_ANSWER.format(n_silent=n_silent, n_all=n_all))
    lines.append(f"{n_all - n_silent} of {n_all} packages audited.")
    if has_holes:
        return lines, FOUND
    return lines, NOT_AUDITED if silent or not dependencies else 0


if __name__ == "__main__":
    sys.exit(main())
