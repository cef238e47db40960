"""What every command says and writes in the same way: errors, room for a file, JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from cxr_core.errors import CxrError, OutputError
from cxr_core.whole_file import write_whole


def say_error(error: CxrError) -> None:
    """Write an error and its hint for a person.

    Args:
        error: The error.
    """
    sys.stderr.write(f"error: {error}\nwhat to do: {error.hint}\n")


def make_room(path: Path) -> bool:
    """Make the folder of a file to be written, or say why it cannot be written.

    Args:
        path: The file.

    Returns:
        True if it can be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        sys.stderr.write(f"error: {path} could not be written: {err.strerror}\n")
        return False
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        sys.stderr.write(f"error: {path} could not be written: name a file in a folder of yours\n")
        return False
    return True


def write_json(path: Path, value: dict[str, Any]) -> bool:
    """Write an object, or say why that could not be done.

    Args:
        path: The file.
        value: JSON-ready.

    Returns:
        True if it was written; what was there before stays if it was not.
    """
    try:
        write_whole(path, (json.dumps(value, indent=1) + "\n").encode())
    except OutputError as err:
        say_error(err)
        return False
    return True
