"""Break formulas of the core by hand, one at a time, and see that a test fails: `make mutants`.

    python -m tools.mutate [NUMBER...] [--list]

The core and its tests are copied to a temporary folder and changed there; the checkout is only
read. First the named tests run on the unchanged copy, which must pass. Prints the table that
BENCHMARKS.md shows. Ends with 1 if a change is not found by a test, breaks the import instead of a
formula, or has no place any more.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.mutants import MUTANTS, Mutant

ROOT: Final = Path(__file__).resolve().parents[1]
COPIED: Final = ("cxr_core", "tests", "pyproject.toml")

KILLED: Final = "found"
SURVIVED: Final = "NOT FOUND"
BROKEN: Final = "NO RESULT"
PASSED, FAILED = 0, 1
"""Exit statuses of pytest; it has others for tests that cannot be collected or do not exist."""

_PATIENCE_S: Final = 900


def main(argv: Sequence[str] | None = None) -> int:
    """Try the changes and print a table.

    Args:
        argv: Arguments; those of the process if `None`.

    Returns:
        0 if every change was found by a test, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.mutate", description=__doc__)
    parser.add_argument("numbers", nargs="*", type=int, help="which changes, from 1; all if none")
    parser.add_argument("--list", action="store_true", help="print what would be tried")
    arguments = parser.parse_args(argv)
    if any(not 1 <= number <= len(MUTANTS) for number in arguments.numbers):
        parser.error(f"numbers must be from 1 to {len(MUTANTS)}")
    chosen = [MUTANTS[number - 1] for number in arguments.numbers] or list(MUTANTS)
    if arguments.list:
        print("\n".join(f"{i:2} {m.file}: {m.breaks}" for i, m in enumerate(MUTANTS, 1)))
        return 0
    lost = [mutant for mutant in chosen if not has_place(mutant)]
    for mutant in lost:
        print(f"{mutant.file} no longer holds once: {mutant.old!r}")
    return 1 if lost else try_all(chosen)


def has_place(mutant: Mutant, root: Path = ROOT) -> bool:
    """Tell whether a change can be made: its old text occurs once.

    Args:
        mutant: The change.
        root: The repository or a copy.
    """
    return (root / mutant.file).read_text("utf-8").count(mutant.old) == 1


def try_all(mutants: Sequence[Mutant]) -> int:
    """Run the tests on the unchanged copy, then on each change.

    Args:
        mutants: The changes.

    Returns:
        0 if every change was found, else 1.
    """
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        copy = Path(name)
        copy_to(copy)
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        status, output = run_tests(copy, tests)
        if status != PASSED:
            print(f"The tests must pass before anything is changed.\n{output}")
            return 1
        print("| file | what is wrong then | | found by |\n| --- | --- | --- | --- |", flush=True)
        verdicts = []
        for mutant in mutants:
            verdict, found_by = try_one(copy, mutant)
            verdicts.append(verdict)
            cells = (f"`{mutant.file}`", mutant.breaks, verdict, found_by)
            print(f"| {' | '.join(cells)} |", flush=True)
    n_found = verdicts.count(KILLED)
    spent = os.times()
    spent_s = spent.children_user + spent.children_system
    print(f"\n{n_found} of {len(verdicts)} found in {spent_s:.0f} s of one core")
    return 0 if n_found == len(verdicts) else 1


def copy_to(folder: Path) -> None:
    """Copy what the tests of the core need."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)


def try_one(copy: Path, mutant: Mutant) -> tuple[str, str]:
    """Make one change in a copy, run its tests, and take it back.

    Args:
        copy: Folder of `copy_to`.
        mutant: The change.

    Returns:
        Verdict, and the test that failed first or what went wrong.
    """
    path = copy / mutant.file
    text = path.read_text("utf-8")
    try:
        write(path, text.replace(mutant.old, mutant.new))
        status, output = run_tests(copy, mutant.tests)
    finally:
        write(path, text)
    if status == PASSED:
        return SURVIVED, "no test"
    failed = re.search(r"^FAILED \S*?([\w-]+\.py)::(\w+)", output, re.MULTILINE)
    if status != FAILED or failed is None:
        return BROKEN, output.strip().rsplit("\n", 1)[-1]
    return KILLED, f"`{failed[2]}`"


def write(path: Path, text: str) -> None:
    """Write a module and drop what was compiled of it: two versions may be of one second."""
    path.write_text(text, "utf-8")
    Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


def run_tests(copy: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Run tests in a copy up to the first failure.

    Args:
        copy: Folder of `copy_to`.
        tests: Files, or tests in them.

    Returns:
        Exit status of pytest and what it printed; -1 where it did not end.
    """
    options = ["-x", "-q", "--tb=no", "--no-header", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, "--hypothesis-profile=unshrunk", *tests]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    try:
        done = subprocess.run(  # noqa: S603 - our own tests
            command,
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        return -1, f"no end within {_PATIENCE_S} s"
    return done.returncode, done.stdout


if __name__ == "__main__":
    sys.exit(main())
