"""What every command says and writes in the same way: errors, progress, files, exit status."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from cxr_core.errors import CxrError
from cxr_core.whole_file import write_whole

OK: Final = 0
SOME_ERROR: Final = 1
WRONG_USAGE: Final = 2

_FILMS_A_LINE: Final = 100
_FilmT = TypeVar("_FilmT")


class CommandError(CxrError):
    """A command cannot do what it was told; the message says all there is to say."""

    default_hint = ""


class WrongUsageError(CommandError):
    """What was typed cannot be meant."""


@contextmanager
def as_wrong_usage(*kinds: type[CxrError]) -> Iterator[None]:
    """Take errors of some kinds for wrong usage.

    Args:
        kinds: Those that come from what was typed.

    Yields:
        Once.

    Raises:
        WrongUsageError: In place of such an error, with its words.
    """
    try:
        yield
    except kinds as err:
        raise WrongUsageError(str(err), hint=err.hint) from err


def say_error(error: CxrError) -> int:
    """Write an error and, where there is one, its hint for a person.

    Args:
        error: What ended the command.

    Returns:
        The exit status: 2 for wrong usage, 1 for anything else.
    """
    hint = f"what to do: {error.hint}\n" if error.hint else ""
    sys.stderr.write(f"error: {error}\n{hint}")
    return WRONG_USAGE if isinstance(error, WrongUsageError) else SOME_ERROR


@dataclass(frozen=True)
class Tally:
    """What became of several films.

    Attributes:
        n_done: Films that were dealt with.
        n_left: Files for which there was nothing to do.
        n_failed: Films in error.
    """

    n_done: int
    n_left: int
    n_failed: int


def for_each(
    films: Iterable[_FilmT], do: Callable[[_FilmT], bool], *, done: str = "written"
) -> Tally:
    """Do something with each film; one film's error is said and never stops the others.

    Args:
        films: Films, or paths to them, as a message shall name them.
        do: Does it; `False` says that there was nothing to do.
        done: The word for it.

    Returns:
        Numbers of films.
    """
    n_done = n_left = n_failed = 0
    for film in films:
        try:
            is_done = do(film)
        except CxrError as err:
            n_failed += 1
            sys.stderr.write(f"not {done}: {film}\n  {err}\n  what to do: {err.hint}\n")
            continue
        n_done += is_done
        n_left += not is_done
    return Tally(n_done, n_left, n_failed)


def make_room(path: Path) -> None:
    """Make the folder of a file that is to be written after long work.

    Args:
        path: The file.

    Raises:
        CommandError: If the file could not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_folder = path.is_dir()  # raises where the name is too long, or nobody may look
    except OSError as err:
        raise CommandError(f"{path} could not be written: {err.strerror}") from err
    if is_folder or not os.access(path.parent, os.W_OK):
        raise CommandError(f"{path} could not be written: name a file in a folder of yours")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write an object.

    Args:
        path: The file.
        value: JSON-ready.

    Raises:
        OutputError: If it cannot be written; what was there before stays then.
    """
    write_whole(path, (json.dumps(value, indent=1) + "\n").encode())


def print_json(value: dict[str, Any]) -> None:
    """Print an object.

    Args:
        value: JSON-ready.
    """
    json.dump(value, sys.stdout, indent=1)
    sys.stdout.write("\n")


def print_lines(lines: Iterable[str]) -> None:
    """Print a text.

    Args:
        lines: Its lines, without line ends.
    """
    sys.stdout.write("\n".join(lines) + "\n")


def say_films_read(n_done: int, n_films: int | None = None) -> None:
    """Say every hundred films, and at the last, how far the reading is.

    Args:
        n_done: Films read so far.
        n_films: All there are; `None` if nobody knows.
    """
    if n_done % _FILMS_A_LINE == 0 or n_done == n_films:
        of = "" if n_films is None else f" of {n_films:,}"
        sys.stderr.write(f"{n_done:,}{of} films read\n")


class Pace:
    """Tells when it is time for another line of progress.

    Args:
        every_s: Seconds between two lines.
        is_first_due: Whether the first question is answered by yes.
    """

    def __init__(self, every_s: float, *, is_first_due: bool = False) -> None:
        self._every_s = every_s
        self._said_s = -every_s if is_first_due else time.monotonic()

    def is_due(self, n_done: int, n_all: int) -> bool:
        """Tell whether to write a line now; who asks, writes.

        Args:
            n_done: What is done; the last one is always told.
            n_all: All there is.

        Returns:
            True if the last line is old enough, or all is done.
        """
        now_s = time.monotonic()
        if n_done < n_all and now_s - self._said_s < self._every_s:
            return False
        self._said_s = now_s
        return True
