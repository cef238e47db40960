"""The data set: class balance, what the source gives away, copies and leaks, example films."""

from __future__ import annotations

import streamlit as st

from cxr_core.dataset import summarise
from cxr_core.errors import CxrError
from ui.components.dataset_panel import dataset_panel
from ui.components.film_grid import film_grid, scanned_folder
from ui.dataset_view import bundle_summary
from ui.frame import models, page, plain, show_error

NOTHING_KNOWN = (
    "**No data set to show.** This bundle does not tell which films it was trained on. Name a "
    "folder of films above to see what it holds."
)


def main() -> None:
    """Draw the page."""
    page("Dataset")
    bundle = models().bundle
    dataset = scanned_folder()
    if dataset is not None:
        summary = summarise(dataset)
        st.caption(f"The folder that you named, digest {summary['digest'][:12]}")
    else:
        try:
            summary = bundle_summary(bundle)
        except CxrError as err:
            show_error("What the bundle tells of its films is unusable.", str(err), err.hint)
            return
        if summary is None:
            st.markdown(NOTHING_KNOWN)
            return
        name = f"{plain(bundle.name)} {plain(bundle.version)}"
        st.caption(f"The films that {name} was trained on, digest {summary['digest'][:12]}")
    dataset_panel(summary, dataset)
    film_grid(dataset)


main()
