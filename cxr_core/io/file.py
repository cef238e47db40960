"""`read` and `read_path`: one file in, one `Radiograph` out; `read_bytes`: not yet decoded."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path, PureWindowsPath

from cxr_core.errors import UnreadableImageError
from cxr_core.io import grey, raster
from cxr_core.io.limit import LIMITS, Limits
from cxr_core.io.sniff import DICOM, describe, sniff
from cxr_core.radiograph import Radiograph


def read(data: bytes, *, name: str, limits: Limits = LIMITS) -> Radiograph:
    """Read one film from the bytes of its file.

    The container is told by its magic bytes, never by `name`. Nothing is scaled: the pixels keep
    the depth of the file, and what was changed or looks unusual is in the notices.

    Args:
        data: The whole file: PNG, JPEG, TIFF, BMP, WebP, GIF or DICOM.
        name: File name for messages and display; folders in it are dropped.
        limits: Largest file and largest film that is decoded.

    Returns:
        The film, upright, in one channel.

    Raises:
        ImageTooLargeError: If the file is too long or its header declares too many pixels.
        UnsupportedDicomError: If the file is DICOM, but no film or of a kind not read.
        UnreadableImageError: If the file is no picture, damaged, or holds values not finite.

    Notes:
        Thread-safe. Of several frames or pages the first is read.
    """
    name = _base_name(name)
    limits.check_bytes(len(data), name)
    container = _container(data, name)
    if container == DICOM:
        from cxr_core.io.dicom.film import read_dicom

        return read_dicom(data, name=name, limits=limits)
    decoded = raster.decode(data, container, name=name, limits=limits)
    black, white, level_notices = grey.levels(decoded.pixels)
    decoded.pixels.flags.writeable = False
    return Radiograph(
        pixels=decoded.pixels,
        black=black,
        white=white,
        is_inverted=decoded.is_inverted,
        name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        source_format=container,
        notices=(*decoded.notices, *level_notices, *grey.look(decoded.pixels)),
    )


def read_path(path: str | Path, *, limits: Limits = LIMITS) -> Radiograph:
    """Read one film from disk.

    Args:
        path: The file; its folders appear in no message.
        limits: Largest file and largest film that is decoded; the length is checked before
            reading.

    Returns:
        As `read`.

    Raises:
        UnreadableImageError: If there is no such file, it is a folder or may not be read, or as
            `read`.
        ImageTooLargeError: As `read`.
        UnsupportedDicomError: As `read`.
    """
    return read(read_bytes(path, limits=limits), name=str(path), limits=limits)


def read_bytes(path: str | Path, *, limits: Limits = LIMITS) -> bytes:
    """Return the bytes of a file that is not too long; nothing is decoded.

    Args:
        path: The file; its folders appear in no message.
        limits: Largest file; checked before reading.

    Returns:
        The whole file.

    Raises:
        UnreadableImageError: If there is no such file, it is a folder or device, or may not be
            read.
        ImageTooLargeError: If the file is too long.
    """
    path = Path(path)
    name = _base_name(str(path))
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "folder" if stat.S_ISDIR(status.st_mode) else "device or pipe"
            msg = f"`path` must be a file. Received: name={name!r}, a {kind}"
            raise UnreadableImageError(msg, hint="Choose one picture file.")
        limits.check_bytes(status.st_size, name)
        return path.read_bytes()
    except FileNotFoundError as err:
        msg = f"`path` must exist. Received: name={name!r}, no such file"
        raise UnreadableImageError(msg, hint="Check the path and the file name.") from err
    except (OSError, ValueError) as err:
        msg = f"`path` must be readable. Received: name={name!r} ({type(err).__name__})"
        hint = "Check that the path is right and that you may read the file."
        raise UnreadableImageError(msg, hint=hint) from err


def _base_name(name: str) -> str:
    """Drop the folders, written either way; they may name a patient, and no message needs them."""
    return PureWindowsPath(name).name or "unnamed"


def _container(data: bytes, name: str) -> str:
    """Return the container, or say what the file is instead."""
    container = sniff(data)
    if container is None:
        msg = (
            "`data` must be PNG, JPEG, TIFF, BMP, WebP, GIF or DICOM by content. "
            f"Received: name={name!r}, {describe(data)}"
        )
        raise UnreadableImageError(msg)
    return container
