"""Compare: every system on the same film, how far they are apart, and how the ensembles add up."""

from __future__ import annotations

import streamlit as st

from cxr_core.explain.overlay import COLOUR_MAPS, colour_table
from cxr_core.labels import CLASS_TITLES, CLASSES
from ui import engine, state
from ui.compare_view import score_rows
from ui.components.agreement_strip import agreement_strip
from ui.components.beside_panel import beside_panel
from ui.components.caution import caution
from ui.components.ensemble_panel import ensemble_panel
from ui.components.intake import gallery
from ui.components.viewer import viewer
from ui.frame import models, page, show_error
from ui.words import HEATMAP_CAPTION

EMPTY_STATE = (
    "**No film yet.** Add films on the page *Read films*, or pick a sample here. You see what each "
    "system says of them, where the systems disagree, and how the ensembles come to their scores."
)


def main() -> None:
    """Draw the page."""
    page("Compare")
    predictor = models()
    caution(predictor.bundle, predictor.variant)
    films = state.films()
    if not films:
        st.markdown(EMPTY_STATE)
        gallery()
        return
    film = agreement_strip(films, predictor)
    shown = engine.view(film, predictor)
    if isinstance(shown, engine.Failure):
        show_error("This film could not be read.", shown.message, shown.hint)
        return
    viewer(
        shown.image_url,
        shown.maps,
        {name: colour_table(name) for name in COLOUR_MAPS},
        label=film.label,
        scores=shown.scores,
        key=f"compare-{film.digest}",
    )
    st.caption(HEATMAP_CAPTION)
    st.dataframe(
        score_rows(shown.scores),
        hide_index=True,
        column_config={
            **{
                CLASS_TITLES[name]: st.column_config.ProgressColumn(
                    format="%.3f", min_value=0.0, max_value=1.0
                )
                for name in CLASSES
            },
            "Margin": st.column_config.NumberColumn(format="%.3f"),
            "Entropy (bits)": st.column_config.NumberColumn(format="%.2f"),
        },
        alt="Probabilities, margin and entropy of every system and of the plain mean",
    )
    ensemble_panel(predictor, engine.reading(film, predictor))
    beside_panel(film, shown, predictor)


main()
