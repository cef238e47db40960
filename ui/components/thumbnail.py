"""Small pictures of films on disk, found by their bytes and kept in memory only."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Final

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.io import read_bytes

THUMBNAIL_PX: Final = 320


def thumbnail(path: Path) -> bytes | None:
    """Return a film's thumbnail by the bytes that the file holds now.

    Args:
        path: The file.

    Returns:
        A square JPEG, or `None` where the file cannot be read as a film any more.
    """
    try:
        data = read_bytes(path)
    except CxrError:
        return None
    return _thumbnail(hashlib.sha256(data).hexdigest(), data)


@st.cache_resource(scope="session", show_spinner=False, max_entries=256)
def _thumbnail(digest: str, _data: bytes) -> bytes | None:  # noqa: ARG001
    """Draw a square thumbnail; the digest alone is the key, the picture stays in memory."""
    from PIL import Image, ImageOps

    from cxr_core.io import read

    try:
        image = read(_data, name="film").image
    except CxrError:
        return None
    grey = Image.fromarray((image * 255 + 0.5).astype("uint8"))
    square = ImageOps.pad(grey, (THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    square.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
