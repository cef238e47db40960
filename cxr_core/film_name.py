"""How files are called that are written about a film."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

_STEM_LENGTH: Final = 60
_DIGEST_LENGTH: Final = 8
_NO_NAME: Final = "dicom"


def film_stem(name: str | None, sha256: str) -> str:
    """Return how the name of a file about a film begins.

    Args:
        name: Name of the film's file, with or without its folders; `None` for a DICOM film, since
            names of those often are patients' names or numbers.
        sha256: Digest of the film's bytes. Its start keeps films of one name apart, and films whose
            names begin alike.

    Returns:
        At most 69 letters of plain ASCII, without a dot, that no system reads as a path.
    """
    stem = _NO_NAME if name is None else PurePosixPath(name.replace("\\", "/")).stem
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in stem)
    return f"{plain[:_STEM_LENGTH]}-{sha256[:_DIGEST_LENGTH]}"
