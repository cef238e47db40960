"""What Streamlit would give away of films, and does not: uploads, error texts, addresses.

Streamlit has no option for these, so they are changed in the running process. Its form parser
moves uploads of more than a megabyte into a temporary file. Its log of an unforeseen error holds
the text of the error, which may quote a file's name or a value of its header. And it names what it
offers by a hash that anybody can compute, for more than a megabyte of a sample of the bytes only:
of two files that differ elsewhere, the second reader would be given the first one's.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import traceback
from typing import Final

_SCRIPT_ERRORS: Final = "streamlit.error_util"
_MIB: Final = 1024 * 1024
_KEY: Final = secrets.token_bytes(32)  # of this process


def be_discreet() -> None:
    """Take these habits from Streamlit; calling it again changes nothing."""
    import streamlit as st
    from starlette.formparsers import MultiPartParser
    from streamlit.runtime import memory_media_file_storage as offered

    most_bytes = int(st.get_option("server.maxUploadSize")) * _MIB
    MultiPartParser.spool_max_size = most_bytes + _MIB  # a form is a little longer than its file
    offered._calculate_file_id = address_of
    st.set_option("logger.enableRich", value=False)
    logging.getLogger(_SCRIPT_ERRORS).addFilter(without_text)


def address_of(data: bytes, mimetype: str, filename: str | None = None) -> str:
    """Name a picture or download, so that only those know the name who were given it.

    Args:
        data: All of it counts.
        mimetype: Its type.
        filename: What it is saved as.

    Returns:
        64 hex digits, alike for alike files of this process and for no others.
    """
    parts = (mimetype.encode(), (filename or "").encode(), data)
    keyed = hashlib.blake2b(key=_KEY, digest_size=32)
    for part in parts:
        keyed.update(len(part).to_bytes(8))
        keyed.update(part)
    return keyed.hexdigest()


def without_text(record: logging.LogRecord) -> bool:
    """Replace the error of a log record by its type and the lines it came through.

    Args:
        record: Changed where it holds an error.

    Returns:
        True: every record is kept.
    """
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        record.msg, record.args = f"{record.getMessage()}: {places(error)}", None
        record.exc_info = record.exc_text = None
    return True


def places(error: BaseException) -> str:
    """Name an error's type and the lines it came through, and those of its causes.

    Args:
        error: Its text is left out: it may quote a film.

    Returns:
        For example `ValueError at a.py:3, b.py:7, from KeyError at b.py:5`.
    """
    parts: list[str] = []
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        lines = traceback.extract_tb(found.__traceback__)
        where = ", ".join(f"{line.filename}:{line.lineno}" for line in lines)
        parts.append(f"{type(found).__name__} at {where or 'no line'}")
        found = found.__cause__ or found.__context__
    return ", from ".join(parts)
