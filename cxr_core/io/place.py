"""Whether something is there, for paths that a reader typed.

Up to Python 3.11 `Path.is_dir` and its kin raise where the system refuses to tell: a folder above
may not be entered, or the name is too long. For a reader all of these mean "not there".
"""

from __future__ import annotations

from pathlib import Path


def is_folder(path: Path) -> bool:
    """Tell whether a path is a folder; a path that the system refuses is none.

    Args:
        path: Anything a reader may have typed; a link is followed.

    Returns:
        False too for a name that is too long, holds characters that no path has, or lies in a
        folder that may not be entered.
    """
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def is_there(path: Path) -> bool:
    """Tell whether a path is a file, folder or anything else; what the system refuses is not.

    Args:
        path: As for `is_folder`.

    Returns:
        False too where `is_folder` says so for a path that is refused.
    """
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
