"""The two ensembles made readable: what each member adds to a score, and the trained matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.comparison import ensemble_parts
from cxr_core.labels import CLASS_TITLES, CLASSES, ENSEMBLES, system_title
from ui.compare_view import matrix_rows, strongest_sentence, waterfall
from ui.components.chart import NO_BAR
from ui.components.waterfall import waterfall_figure

if TYPE_CHECKING:
    from cxr_core.comparison import EnsembleParts
    from cxr_core.predict import Predictor, Reading

_ABOUT: Final = {
    ENSEMBLES[0]: "Reads the members' probabilities: one weight for each probability and class.",
    ENSEMBLES[1]: "Reads the members' last hidden layers; the weights of one member are added up.",
}
NO_ENSEMBLE: Final = "This variant has no ensemble. Choose another one under **Models**."


def ensemble_panel(predictor: Predictor, reading: Reading) -> None:
    """Draw how the score of a class adds up in each ensemble.

    Args:
        predictor: The models that made the reading.
        reading: The film's reading.
    """
    st.header("How the ensembles add up", anchor=False)
    present = [name for name in ENSEMBLES if name in predictor.heads.ensembles]
    if not present:
        st.markdown(NO_ENSEMBLE)
        return
    class_name = st.segmented_control(
        "Score of",
        CLASSES,
        default=CLASSES[0],
        required=True,
        format_func=CLASS_TITLES.__getitem__,
        key="compare-class",
        persist_state="session",
        bind="query-params",
    )
    parts = {name: ensemble_parts(predictor.heads, reading.state, name) for name in present}
    for column, name in zip(st.columns(len(present), gap="large"), present, strict=True):
        with column:
            _one(name, parts[name], class_name)
    if ENSEMBLES[0] in parts:
        _matrix(parts[ENSEMBLES[0]])


def _one(name: str, parts: EnsembleParts, class_name: str) -> None:
    """Draw one ensemble's waterfall."""
    st.subheader(system_title(name), anchor=False)
    st.markdown(f":small[{_ABOUT[name]}]")
    st.markdown(strongest_sentence(parts, class_name))
    st.plotly_chart(
        waterfall_figure(waterfall(parts, class_name)),
        width="stretch",
        config=NO_BAR,
        key=f"waterfall-{name}",
        alt=f"How the score of {CLASS_TITLES[class_name]} adds up in {system_title(name)}",
    )


def _matrix(parts: EnsembleParts) -> None:
    """Show the trained matrix, the same for every film."""
    with st.expander(
        f"The {parts.parts.size + parts.bias.size} parameters, the same for every film"
    ):
        st.markdown(
            "Each weight says how far a member's probability of 1 would move the score of a class. "
            "A member that the ensemble trusts has large weights where it gives a class to itself."
        )
        st.dataframe(
            matrix_rows(parts),
            hide_index=True,
            column_config={
                CLASS_TITLES[name]: st.column_config.NumberColumn(format="%.3f") for name in CLASSES
            },
            alt="Weights of the ensemble of probabilities",
        )
