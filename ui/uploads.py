"""The bytes of uploads, which Streamlit keeps for as long as a session lasts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from streamlit.runtime.scriptrunner import get_script_run_ctx

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


def drop_uploads() -> None:
    """Drop what this session has uploaded, on every page.

    Streamlit drops a file only where the reader takes it out of the uploader, not where the
    uploader is emptied or gone.
    """
    context = get_script_run_ctx()
    if context is not None:
        context.uploaded_file_mgr.remove_session_files(context.session_id)


def drop_files(files: Iterable[UploadedFile]) -> None:
    """Drop uploads whose bytes are held elsewhere by now, before their uploader is emptied.

    Args:
        files: From `st.file_uploader`.
    """
    context = get_script_run_ctx()
    remove = getattr(context and context.uploaded_file_mgr, "remove_file", None)
    if context is None or remove is None:  # only the manager in memory, the usual one, has it
        return
    for file in files:
        remove(session_id=context.session_id, file_id=file.file_id)
