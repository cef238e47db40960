"""What the bundle itself measured against believing it, said before any score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from cxr_core.bundle.caution import cautions
from cxr_core.evaluate.figure_text import ends_text
from cxr_core.labels import system_title

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle


def caution_lines(bundle: Bundle, variant: str) -> list[str]:
    """Return one sentence for each measured set without a COVID-19 film.

    Args:
        bundle: The bundle in use.
        variant: Name of the variant in use.

    Returns:
        Markdown sentences; empty where nothing of the kind was measured.
    """
    lines = []
    for found in cautions(bundle, variant):
        said = [
            f"{system_title(name)} **{called['n_hits']}** ({ends_text(called)})"
            for name, called in found.called.items()
        ]
        lines.append(
            f"**Measured:** of {found.n_films} {found.title}, called COVID-19 by "
            f"{', '.join(said)}; 95% intervals. A high score may be the source of the film, not "
            "disease."
        )
    return lines


def caution(bundle: Bundle, variant: str) -> None:
    """Draw the sentences of `caution_lines`.

    Args:
        bundle: The bundle in use.
        variant: Name of the variant in use.
    """
    for line in caution_lines(bundle, variant):
        st.warning(line, icon=":material/visibility:")
