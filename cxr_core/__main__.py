"""The command line: `python -m cxr_core COMMAND`; `--help` lists the commands.

Exit status: 0 all films read (or refused), 1 some file in error, 2 wrong usage, 130 stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Final

from cxr_core.command.table import make_parser
from cxr_core.command.terminal import say_error
from cxr_core.errors import CxrError

_STOPPED: Final = 130  # as shells say it: 128, and the number of the signal


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.

    Returns:
        The exit status.
    """
    try:
        return _run(argv)
    except KeyboardInterrupt:  # `score` and `serve` end in ways of their own
        sys.stderr.write("stopped\n")
        return _STOPPED


def _run(argv: Sequence[str] | None) -> int:
    """Run one command, and say what ends it."""
    words = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in words if not word.startswith("-")), "")
    try:
        arguments = make_parser(chosen).parse_args(words)
    except SystemExit as stop:  # argparse ends the process; a library entry returns
        return int(stop.code or 0)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except CxrError as err:
        return say_error(err)
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away, for example `| head`; nothing left to tell it
        return 1


if __name__ == "__main__":
    sys.exit(main())
