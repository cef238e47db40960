"""What Streamlit would write of films, and does not: uploads to disk, error texts to the console.

Streamlit has no option for either, so both are changed in the running process. Its form parser
moves uploads of more than a megabyte into a temporary file; its log of an unforeseen error holds
the text of the error, which may quote a file's name or a value of its header.
"""

from __future__ import annotations

import logging
import traceback
from typing import Final

_SCRIPT_ERRORS: Final = "streamlit.error_util"
_MIB: Final = 1024 * 1024


def be_discreet() -> None:
    """Keep uploads in memory and texts of errors to ourselves; calling it again changes nothing."""
    import streamlit as st
    from starlette.formparsers import MultiPartParser

    most_bytes = int(st.get_option("server.maxUploadSize")) * _MIB
    MultiPartParser.spool_max_size = most_bytes + _MIB  # a form is a little longer than its file
    st.set_option("logger.enableRich", value=False)
    logging.getLogger(_SCRIPT_ERRORS).addFilter(without_text)


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
