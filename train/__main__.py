"""The command line: `python -m train --preset ...`, `publish`, `evidence`, ...

Exit status: 0 done, 1 it could not be done, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Final

from cxr_core.command.terminal import as_wrong_usage, say_error
from cxr_core.errors import ConfigError, CxrError
from cxr_core.whole_file import writing
from train.command.option import without_folders

PROGRAM: Final = "python -m train"
HEADS: Final = ""
COMMANDS: Final[Mapping[str, tuple[str, Callable[[], ModuleType]]]] = {
    HEADS: (
        "train heads and ensembles on frozen backbones",
        lambda: import_module("train.command.heads"),
    ),
    "publish": ("publish runs as a bundle", lambda: import_module("train.command.publish")),
    "evidence": (
        "fit and measure what tells when to believe a bundle",
        lambda: import_module("train.command.evidence"),
    ),
    "pretrain": (
        "train a backbone from random weights",
        lambda: import_module("train.command.pretrain"),
    ),
    "finetune": (
        "refine given weights of a backbone",
        lambda: import_module("train.command.finetune"),
    ),
    "lungs": (
        "train the network that finds the lungs",
        lambda: import_module("train.command.lungs"),
    ),
}
"""What each does and its module, by name; without a name, heads are trained."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.

    Returns:
        0 if done, 1 if it could not be done, 2 for wrong usage.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        with as_wrong_usage(ConfigError), writing("--out"):
            return run(words)
    except SystemExit as stop:  # argparse ends the process; a library entry returns
        return int(stop.code or 0)
    except CxrError as err:
        return say_error(err)


def run(words: Sequence[str]) -> int:
    """Run one command and let its errors through.

    Args:
        words: What was typed after `python -m train`.

    Returns:
        0.

    Raises:
        SystemExit: For `--help`, and with 2 for arguments that do not parse.
        CxrError: If it cannot be done.
    """
    name = words[0] if words and words[0] in COMMANDS else HEADS
    summary, load = COMMANDS[name]
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} {name}".strip(),
        description=f"{summary.capitalize()}.",
        epilog=None if name else _other_commands(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module = load()
    module.add(parser)
    arguments = parser.parse_args(words[1:] if name else words)
    arguments.command = [*PROGRAM.split(), *without_folders(words)]
    status: int = module.run(arguments)
    return status


def _other_commands() -> str:
    """Return the lines that say which commands have a name."""
    lines = [f"  {name:<10}{summary}" for name, (summary, _) in COMMANDS.items() if name]
    return "\n".join(
        ["other commands, each with --help:", *lines, "", "The guide: docs/training.md"]
    )


if __name__ == "__main__":
    sys.exit(main())
