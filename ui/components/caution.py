"""What the bundle itself measured against believing it, said before any score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

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
    evaluation = bundle.evaluation(variant) or {"sets": {}}
    lines = []
    for title, figures in evaluation["sets"].items():
        if figures["n_by_class"]["COVID19"]:
            continue
        said = [
            f"{system_title(name)} **{called['n_hits']}** ({called['low']:.0%} to "
            f"{called['high']:.0%})"
            for name, called in _called(figures).items()
        ]
        lines.append(
            f"**Measured:** of {figures['n_films']} {title}, called COVID-19 by "
            f"{', '.join(said)}; 95 % intervals. A high score may be the source of the film, not "
            "disease."
        )
    return lines


def _called(figures: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return system to how many films it calls COVID-19."""
    return {name: system["called"]["COVID19"] for name, system in figures["systems"].items()}


def caution(bundle: Bundle, variant: str) -> None:
    """Draw the sentences of `caution_lines`.

    Args:
        bundle: The bundle in use.
        variant: Name of the variant in use.
    """
    for line in caution_lines(bundle, variant):
        st.warning(line, icon=":material/visibility:")
