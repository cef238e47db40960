"""All commands, and the parser that knows their names before any is imported."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Final

from cxr_core import __version__

PROGRAM: Final = "python -m cxr_core"


@dataclass(frozen=True)
class Command:
    """One command, before its module is imported.

    Attributes:
        name: What is typed.
        summary: What it does, in a few words.
        example: Arguments that make sense together.
        load: Imports its module.
    """

    name: str
    summary: str
    example: str
    load: Callable[[], ModuleType]

    def add_to(
        self, commands: argparse._SubParsersAction[argparse.ArgumentParser], *, is_chosen: bool
    ) -> None:
        """Make the command known, and what it takes if it is the chosen one.

        Args:
            commands: All commands.
            is_chosen: Import its module for its arguments; without, only its name is known.
        """
        parser = commands.add_parser(
            self.name,
            description=f"{self.summary[0].upper()}{self.summary[1:]}.",
            epilog=f"example:\n  {PROGRAM} {self.name} {self.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if is_chosen:
            module = self.load()
            module.add(parser)
            parser.set_defaults(run=module.run)


GROUPS: Final[Mapping[str, tuple[Command, ...]]] = {
    "Read films": (
        Command(
            "predict",
            "read films and print what each system says",
            "film.png --json",
            lambda: import_module("cxr_core.command.predict"),
        ),
        Command(
            "score",
            "read many films into one table, and go on after a stop",
            "films/ --out results.csv",
            lambda: import_module("cxr_core.command.score"),
        ),
        Command(
            "report",
            "write one page of PDF on each film",
            "film.png --out reports/",
            lambda: import_module("cxr_core.command.report"),
        ),
        Command(
            "serve",
            "answer HTTP requests: films in, readings out",
            "--port 8600",
            lambda: import_module("cxr_core.command.serve"),
        ),
    ),
    "See what the readings are worth": (
        Command(
            "evaluate",
            "measure the systems on labelled films",
            "films/ --out evaluation.json",
            lambda: import_module("cxr_core.command.evaluate"),
        ),
        Command(
            "explain-check",
            "check whether heatmaps are to be believed",
            "films/ --out check.json --n 12",
            lambda: import_module("cxr_core.command.explain_check"),
        ),
        Command(
            "inspect",
            "look at labelled films: balance, patients, copies, leaks",
            "films/ --audit audit.json",
            lambda: import_module("cxr_core.command.inspect"),
        ),
        Command(
            "reader-study",
            "sum up what readers answered, beside the systems",
            "summarise study/ --out results/",
            lambda: import_module("cxr_core.command.reader_study"),
        ),
        Command(
            "bundle",
            "say what a published set of models holds, or check its files",
            "info",
            lambda: import_module("cxr_core.command.bundle"),
        ),
    ),
    "Work with DICOM": (
        Command(
            "deidentify",
            "copy DICOM films without names, numbers, dates",
            "films/ clean/",
            lambda: import_module("cxr_core.command.deidentify"),
        ),
        Command(
            "dicom-out",
            "write readings as DICOM objects: heatmaps, probabilities",
            "film.dcm --out objects/",
            lambda: import_module("cxr_core.command.dicom_out"),
        ),
        Command(
            "dicomweb",
            "take films from a DICOM server, store results there",
            "list --from 2024-01-31",
            lambda: import_module("cxr_core.command.dicomweb"),
        ),
    ),
}
"""All commands, in the order and under the titles of the first screen."""


_FIRST_WORDS: Final = """\
Read chest films with several classifiers side by side, and see when not to
believe them. Research use only."""

_LAST_WORDS: Final = f"""\
A first try: {PROGRAM} predict assets/samples/synthetic-normal-1.png
What a command takes: {PROGRAM} COMMAND --help
The guide: docs/command-line.md

Exit status: 0 all films read (or refused), 1 some file in error, 2 wrong usage."""


def make_parser(chosen: str = "") -> argparse.ArgumentParser:
    """Return the parser of all commands.

    Args:
        chosen: The command whose arguments it is to know; only its module is imported.

    Returns:
        The parser. What it parses has `run`, the function of the command.
    """
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} COMMAND ...",
        description="\n".join([_FIRST_WORDS, *_list_of_commands()]),
        epilog=_LAST_WORDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(
        required=True, metavar="COMMAND", prog=PROGRAM, help=argparse.SUPPRESS
    )
    for command in (each for group in GROUPS.values() for each in group):
        command.add_to(commands, is_chosen=command.name == chosen)
    return parser


def _list_of_commands() -> Iterator[str]:
    """Yield the lines that say what each command does."""
    for title, commands in GROUPS.items():
        yield f"\n{title}:"
        for command in commands:
            yield f"  {command.name:<15}{command.summary}"
