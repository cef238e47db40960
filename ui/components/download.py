"""The button that brings a file: one look and one way for all pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Final

import streamlit as st

ICON: Final = ":material/download:"
MIME: Final = MappingProxyType(
    {
        ".csv": "text/csv",
        ".json": "application/json",
        ".jsonl": "application/jsonl",
        ".md": "text/markdown",
        ".parquet": "application/vnd.apache.parquet",
        ".pdf": "application/pdf",
        ".zip": "application/zip",
    }
)
"""Suffix to what a file is."""


def download(
    title: str,
    data: str | bytes | Callable[[], str | bytes],
    name: str,
    *,
    icon: str = ICON,
    note: str | None = None,
    key: str | None = None,
) -> None:
    """Draw the button; pressing it does not run the page again.

    Args:
        title: Words of the button.
        data: The file, or what makes it when it is asked for.
        name: File name; its suffix is a key of `MIME`.
        icon: Material symbol.
        note: What is said beside the button when the mouse is over it.
        key: Key of the element, where words and name do not tell it from others.
    """
    st.download_button(
        title,
        data,
        file_name=name,
        mime=MIME[PurePosixPath(name).suffix],
        icon=icon,
        help=note,
        on_click="ignore",
        key=key,
    )
