"""The command line: `python -m cxr_core COMMAND`; `--help` lists the commands.

Exit status: 0 all films read (or refused), 1 some file in error, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from cxr_core.command.table import make_parser
from cxr_core.command.terminal import say_error
from cxr_core.errors import CxrError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.

    Returns:
        The exit status.
    """
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
