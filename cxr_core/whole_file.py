"""Files that are whole or not there: written beside their place, then put there in one step.

A full disk, a kill or a lost connection leaves what was there before.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cxr_core.errors import OutputError

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_STREAMS: Final = ("/dev/stdout", "/dev/stderr")
_OF_THE_DISK: Final = (*_FULL, errno.EROFS, errno.EIO)
_FULL_HINT: Final = (
    "Free space on the disk of that folder, or name another place, then run the same again; what "
    "was written there before is whole."
)


def write_whole(
    path: Path, data: bytes, *, is_new: bool = False, mode: int = 0o666, hint: str | None = None
) -> None:
    """Write a file so that whoever looks meanwhile, or after a failure, sees all of it or none.

    Args:
        path: The file; its folder is made where it is missing. What is no file (a pipe, a
            terminal) is written to as it is.
        data: Its bytes.
        is_new: Whether a file that is there already stays, and is an error.
        mode: Permissions, less those that the process masks, and those that an earlier file lacks.
        hint: What to do if the place is no good; that of `OutputError` if `None`.

    Raises:
        OutputError: If it cannot be written, or is there already; nothing is left behind.
    """
    try:
        _make_folder(path.parent)
        if (path.exists() and not path.is_file()) or _is_open_already(path):
            path.write_bytes(data)
            return
        if is_new and path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        target = Path(os.path.realpath(path))  # a link stays a link
        part = target.with_name(f".part-{secrets.token_hex(8)}")
        if target.exists():
            mode &= target.stat().st_mode  # a closed file stays closed
        try:
            _write_new(part, data, mode)
            if is_new:
                _name_new(part, target)
            else:
                part.replace(target)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    except OSError as err:
        raise output_error(path.name, err, hint=hint) from err


@contextmanager
def writing(name: str, *, hint: str | None = None) -> Iterator[None]:
    """Turn what a full, closed or broken disk raises into an error that a person can be told.

    Args:
        name: What is written, for the message.
        hint: As in `write_whole`.

    Yields:
        Nothing.

    Raises:
        OutputError: If the disk takes no more; all other errors pass.
    """
    try:
        yield
    except OSError as err:
        if err.errno not in _OF_THE_DISK:
            raise
        raise output_error(name, err, hint=hint) from err


def replace_folder(new: Path, out: Path) -> None:
    """Put a finished folder in the place of another, which is whole until then.

    Args:
        new: The finished folder; on the same disk, in a folder that is removed afterwards.
        out: Where it goes; what is there is moved beside `new`.

    Raises:
        OSError: If it cannot be moved; `out` is as before then.
    """
    aside = new.with_name(f"{new.name}.earlier")
    if out.exists():
        out.rename(aside)
    try:
        new.rename(out)
    except OSError:
        if aside.exists():
            aside.rename(out)
        raise


def output_error(name: str, err: OSError, *, hint: str | None = None) -> OutputError:
    """Say that something cannot be written, and whether the disk is full.

    Args:
        name: What was to be written, without its folders.
        err: What was raised.
        hint: What to do where the disk has room; that of `OutputError` if `None`.

    Returns:
        The error, to be raised from `err`.
    """
    reason = err.strerror or type(err).__name__
    msg = f"`{name}` must be a file that can be written. Received: {reason}"
    return OutputError(msg, hint=_FULL_HINT if err.errno in _FULL else hint)


def _make_folder(folder: Path) -> None:
    """Make a folder; a file of its name is no folder, where Python says that it exists."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as err:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from err


def _is_open_already(path: Path) -> bool:
    """Tell whether a path stands for a file that this process has open, such as `/dev/stdout`."""
    name = os.path.abspath(path)  # noqa: PTH100 - a Path would follow the link
    return name in _STREAMS or name.startswith(("/dev/fd/", "/proc/"))


def _write_new(part: Path, data: bytes, mode: int) -> None:
    """Write a file and force it to the disk."""
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a Path knows no permissions
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _name_new(part: Path, target: Path) -> None:
    """Give a file a name that nothing has, even if somebody takes it in this moment."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise
        part.replace(target)
