"""Where many films come in: uploads, or a folder or zip archive on the computer of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from cxr_core.batch import BytesItem, Item, Listing, list_items
from cxr_core.batch.item import archive_items
from cxr_core.errors import CxrError
from cxr_core.io.archive import ZIP_STARTS
from cxr_core.io.place import is_there
from ui import state, worklist
from ui.components.server_intake import server_intake
from ui.folder_policy import folder_policy, named_path
from ui.frame import show_error
from ui.samples import load_samples
from ui.uploads import drop_files
from ui.words import FOLDERS_CLOSED

if TYPE_CHECKING:
    from cxr_core.predict import Predictor

READ: Final = "Read these films"
READ_SAMPLES: Final = "Read the sample films"
UPLOAD_HELP: Final = (
    "Each file may have 64 MB, a zip archive too; name larger ones as a folder or archive on the "
    "computer that runs this page. Archives are read in memory and never unpacked to disk; one in "
    "another is not read."
)
PATH_HELP: Final = (
    "On the computer that runs this page, searched at any depth, with the zip archives in it. "
    "Films are read, never copied and never written."
)


def worklist_intake(predictor: Predictor) -> None:
    """Draw all ways in; the films are read from the next run on.

    Args:
        predictor: The models in use.
    """
    left, right = st.columns(2, gap="large")
    with left, st.form("worklist-upload", clear_on_submit=True, border=False):
        files = st.file_uploader(
            "Upload films or zip archives",
            accept_multiple_files=True,
            key="worklist-files",
            help=UPLOAD_HELP,
        )
        if st.form_submit_button(READ, icon=":material/play_arrow:"):
            listing = _uploaded(files or [])
            drop_files(files or [])
            _begin(listing, predictor, "Choose films or a zip archive first.")
    with right:
        if folder_policy().is_closed:
            st.caption(FOLDERS_CLOSED)
        else:
            _path_form(predictor)
        samples = load_samples()
        if samples and st.button(READ_SAMPLES, icon=":material/draw:", type="tertiary"):
            items = tuple(BytesItem(sample.file, sample.read_bytes()) for sample in samples)
            _begin(Listing(items), predictor, "")
    found = server_intake(key="worklist-server", is_many=True)
    if found is not None:
        _begin(Listing(found.items), predictor, "Choose studies with frontal films.")


def _path_form(predictor: Predictor) -> None:
    """Ask for a folder or an archive."""
    with st.form("worklist-path", border=False):
        typed = st.text_input(
            "Or a folder or zip archive on the computer of this page",
            key="worklist-path-name",
            persist_state="session",
            help=PATH_HELP,
        )
        if st.form_submit_button(READ, key="worklist-read-path", icon=":material/play_arrow:"):
            _begin(_named(typed or ""), predictor, "Name a folder that holds films.")


def _begin(listing: Listing | None, predictor: Predictor, nothing: str) -> None:
    """Start to read, unless there is nothing or too much to read."""
    if listing is None:
        return
    if not listing.items:
        show_error("There is nothing to read.", "No film was found.", nothing)
        return
    if len(listing.items) > worklist.MAX_FILES:
        show_error(
            "These are too many files for the page.",
            f"A worklist holds at most {worklist.MAX_FILES:,} files. "
            f"Received: {len(listing.items):,}",
            "Read a part of them, or all with `python -m cxr_core score`.",
        )
        return
    worklist.begin(listing, predictor)
    st.rerun()


def _uploaded(files: Sequence[Any]) -> Listing | None:
    """List uploads; archives among them are told by their content."""
    n_bytes = sum(file.size for file in files)
    if n_bytes > state.MAX_BYTES:
        show_error(
            "These files are too large together.",
            f"Uploads may have {state.MAX_BYTES >> 20:,} MB together. "
            f"Received: {n_bytes >> 20:,} MB",
            "Name a folder on the computer of this page instead.",
        )
        return None
    items: list[Item] = []
    n_left_out = 0
    for file in files:
        data = file.getvalue()
        if data.startswith(ZIP_STARTS):
            listed = archive_items(data, f"{file.name}/", name=file.name)
            items += listed.items
            n_left_out += listed.n_left_out
        else:
            items.append(BytesItem(file.name, data))
    return Listing(tuple(items), n_left_out)


def _named(typed: str) -> Listing | None:
    """List the films of a folder, archive or file that the reader named."""
    name = typed.strip()
    if not name:
        return Listing(())
    try:
        path = named_path(name)
    except CxrError as err:
        show_error("This folder could not be used.", str(err), err.hint)
        return None
    if not is_there(path):
        message = f"`{path.name}` is not on the computer of this page."
        show_error("This folder could not be used.", message, "Check the path.")
        return None
    with st.spinner("Looking for films …"):
        return list_items([path])
