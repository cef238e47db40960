"""Performance: all systems on labelled films, with intervals, curves, decisions, groups, errors."""

from __future__ import annotations

import streamlit as st

from ui import reading_cache
from ui.components.caution import caution
from ui.components.performance_choice import chosen_evidence
from ui.components.performance_curves import confusion_panel, curves_panel
from ui.components.performance_decisions import costs_panel, operating_panel
from ui.components.performance_errors import errors_panel
from ui.components.performance_figures import figures_panel
from ui.components.performance_groups import groups_panel
from ui.components.performance_own import own_panel
from ui.evidence import kept_apart
from ui.frame import models, page

CONFOUNDED = (
    "Class and source go together in the films that these models learnt from and were judged on. A "
    "high figure below may be the source that was recognised; no figure here can tell both apart."
)
NOTHING = (
    "**Nothing to show yet.** This bundle holds no figures of labelled films. Name a folder of "
    "labelled films below to have it read and measured."
)


def main() -> None:
    """Draw the page."""
    page("Performance")
    predictor = models()
    caution(predictor.bundle, predictor.variant)
    st.markdown(CONFOUNDED)
    evidence = chosen_evidence(predictor)
    if evidence is None:
        st.markdown(NOTHING)
        own_panel(predictor)
        return
    is_raw = reading_cache.shows_raw()
    panels = {
        "Figures": lambda: figures_panel(evidence, is_raw=is_raw),
        "Confusion": lambda: confusion_panel(evidence.evaluation),
        "Curves": lambda: curves_panel(evidence, is_raw=is_raw),
        "Threshold": lambda: operating_panel(evidence, kept_apart(predictor), is_raw=is_raw),
        "Costs": lambda: costs_panel(evidence, is_raw=is_raw),
        "Groups": lambda: groups_panel(evidence),
        "Errors": lambda: errors_panel(evidence, predictor, is_raw=is_raw),
        "Your folder": lambda: own_panel(predictor),
    }
    tabs = st.tabs(list(panels), on_change="rerun", key="performance-tab")
    for draw, tab in zip(panels.values(), tabs, strict=True):
        if tab.open:
            with tab:
                draw()


main()
