"""A bar that shows how far a long piece of work is, beside a button that ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import streamlit as st

STOP: Final = "Stop"
Tell = Callable[[int, int], None]


@contextmanager
def stoppable(what: str, *, key: str) -> Iterator[Tell]:
    """Draw the bar and the button until the block ends.

    Any click on the page, the button's too, ends the work where the bar is next moved; what was
    done until then is dropped.

    Args:
        what: What is being done, for example `Reading the films`.
        key: Of the button.

    Yields:
        Call it with how many steps are done and how many there are.
    """
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text=f"{what} …")
        st.button(STOP, icon=":material/stop_circle:", key=key)

    def tell(n_done: int, n_all: int) -> None:
        share = n_done / n_all if n_all else 1.0
        bar.progress(min(1.0, share), text=f"{what}: {n_done:,} of {n_all:,}")

    try:
        yield tell
    finally:
        place.empty()
