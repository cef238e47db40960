"""Where films come in: the uploader, the sample picker and the button that drops everything."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ui import reading_cache, server, state, worklist
from ui.components.server_intake import open_here
from ui.frame import plain
from ui.samples import Sample, load_samples
from ui.uploads import drop_uploads
from ui.words import SYNTHETIC_NOTE

READ_ALL = "Read all samples"
CLEAR = "Clear my films"
NO_SAMPLES = "No sample films are installed."


def intake() -> None:
    """Draw the uploader beside the samples, the server below, and notes of what was taken in."""
    samples = load_samples()
    left, right = st.columns(2, gap="large")
    with left:
        _uploader()
    with right:
        _sample_picker(samples)
    open_here()
    reading_cache.let_go()
    for note in state.shelf().notes:
        st.markdown(f":material/info: {plain(note)}")


def gallery() -> None:
    """Draw every sample as a picture with a button that reads it, for a reader without films."""
    with st.grid("auto", min_column_width=120):
        for sample in load_samples():
            with st.container():
                st.image(sample.thumbnail(), alt=f"{sample.title}, synthetic", width="stretch")
                st.button(
                    sample.title,
                    key=f"sample-{sample.file}",
                    help=SYNTHETIC_NOTE,
                    on_click=_take_samples,
                    args=([sample.file],),
                    width="stretch",
                    wrap=True,
                )


def clear_button() -> None:
    """Draw the button that drops every film and reading of this session."""
    st.button(CLEAR, icon=":material/delete:", on_click=_clear)


def _uploader() -> None:
    """Take any file: what it is decides its content, read on the server, not its extension."""
    key = state.uploader_key()
    files = st.file_uploader(
        "Upload films (DICOM: .dcm or without an extension; PNG, JPEG, TIFF, BMP, WebP, GIF)",
        accept_multiple_files=True,
        key=key,
        on_change=_take_uploads,
        args=(key,),
    )
    if not files:
        state.keep_uploads()


def _take_uploads(key: str) -> None:
    """Bring the shelf in line with the uploader."""
    files = st.session_state.get(key) or []
    state.take_uploads((file.file_id, file.name, file.getvalue()) for file in files)


def _sample_picker(samples: Sequence[Sample]) -> None:
    """Offer the samples by title; none installed is said, not hidden."""
    if not samples:
        st.markdown(NO_SAMPLES)
        return
    titles = {sample.file: sample.title for sample in samples}
    st.pills(
        "Or pick sample films (SYNTHETIC: drawn by a program)",
        list(titles),
        selection_mode="multi",
        format_func=lambda file: titles[file],
        key=state.SAMPLES_KEY,
        on_change=_sync_samples,
        persist_state="session",
        wrap=True,
    )
    st.button(
        READ_ALL,
        icon=":material/playlist_add:",
        on_click=_take_samples,
        args=(list(titles),),
    )


def _take_samples(files: Sequence[str]) -> None:
    """Add samples to the picker's choice and read them."""
    chosen = st.session_state.get(state.SAMPLES_KEY) or []
    st.session_state[state.SAMPLES_KEY] = list(dict.fromkeys([*chosen, *files]))
    _sync_samples()


def _sync_samples() -> None:
    """Bring the shelf in line with the sample picker."""
    samples = {sample.file: sample for sample in load_samples()}
    files = st.session_state.get(state.SAMPLES_KEY) or []
    chosen = [samples[file] for file in files if file in samples]
    state.take_samples(((s.file, s.title, s.read_bytes()) for s in chosen), samples)


def _clear() -> None:
    """Drop films and readings, the worklist with its own, and the films of an open study."""
    from ui import reader_study  # brings the statistics along, which this page does not need

    state.clear_films()
    worklist.forget()
    server.forget()
    reader_study.let_go()
    drop_uploads()
    reading_cache.forget()
