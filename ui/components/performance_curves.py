"""Confusion matrices of all systems; ROC and precision-recall curves of one, with bands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import streamlit as st

from cxr_core.evaluate.display import ConfusionDisplay, PrecisionRecallDisplay, RocDisplay
from cxr_core.labels import CLASS_TITLES, CLASSES, system_title
from ui.components.chart import NO_BAR
from ui.components.performance_choice import chosen_system
from ui.performance_view import cell

if TYPE_CHECKING:
    from ui.evidence import Evidence

NO_READS: Final = (
    "**Nothing to draw.** This bundle holds figures of these films, but not what the systems said "
    "of each. Name a folder under *Your folder* to have it read."
)
NO_FILM: Final = "**Nothing to draw.** No film of this set could be read."
BAND_NOTE: Final = (
    "Bands and areas: 95%, {n:,} resamples of the {n_patients:,} patients; each point of a band "
    "holds by itself, not the whole curve at once."
)
_CONFIG: Final = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}
_MATRIX_PX: Final = 360
GOOD_AREA: Final = 0.95
"""Area from which a curve runs so near the edge that only its corner can be told."""

CORNER: Final = "Only the corner near 100%"


def confusion_panel(evaluation: Mapping[str, Any]) -> None:
    """Draw a matrix a system.

    Args:
        evaluation: Any of `cxr-evaluation/1` or 2.
    """
    if not evaluation["n_films"]:
        st.markdown(NO_FILM)
        return
    st.caption(
        "Rows are the true classes, columns what they were called; shares are of the true class. "
        "The more of a class, the more ink; right calls lie on the diagonal from the top left."
    )
    shown = {name: _confusion(found) for name, found in evaluation["systems"].items()}
    with st.grid("auto", min_column_width=_MATRIX_PX):
        for name, display in shown.items():
            with st.container():
                st.markdown(f"**{system_title(name)}**")
                st.plotly_chart(
                    display.plot(text_colour=text_colour()),
                    config=NO_BAR,
                    key=f"confusion-{name}",
                    alt=f"Confusion matrix of {system_title(name)}",
                )
    with st.expander("The matrices as a table"):
        import pandas as pd

        table = pd.concat(
            [display.frame().assign(system=system_title(name)) for name, display in shown.items()]
        )
        st.dataframe(
            table[["system", "true", "called", "films", "share", "low", "high"]],
            hide_index=True,
            column_config=_share_columns("share", "low", "high"),
            alt="Counts and shares of every system, true and called class; Wilson's intervals",
        )


def curves_panel(evidence: Evidence, *, is_raw: bool) -> None:
    """Draw both kinds of curves for one system.

    Args:
        evidence: The films.
        is_raw: True for probabilities before calibration.
    """
    system = chosen_system(evidence, "curves")
    if not has_reads(evidence):
        return
    roc, precision_recall = _displays(f"{evidence.key}/{system}/{is_raw}", evidence, system, is_raw)
    corner = _corner(evidence, roc)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Found against false alarms", anchor=False)
        st.plotly_chart(
            _zoomed(roc.plot(), xaxis=(0.0, 0.25), yaxis=(0.75, 1.0)) if corner else roc.plot(),
            config=_CONFIG,
            key="roc",
            alt="ROC curve of each class against the rest with bands",
        )
    with right:
        st.subheader("Found against right calls", anchor=False)
        st.plotly_chart(
            _zoomed(precision_recall.plot(), xaxis=(0.75, 1.0), yaxis=(0.75, 1.0))
            if corner
            else precision_recall.plot(),
            config=_CONFIG,
            key="precision-recall",
            alt="Precision against recall of each class with bands",
        )
    for label, why in roc.reasons.items():
        st.markdown(f"{CLASS_TITLES[label]} has no curve: {why}.")
    st.caption(
        "Left: ROC curves. Right: precision against recall. "
        f"{BAND_NOTE.format(n=roc.n_resamples, n_patients=roc.n_patients)} Dotted lines on the "
        "right are what calling films at random reaches: the share of the class."
    )
    st.table(
        _area_rows(roc, precision_recall),
        hide_index=True,
        border="horizontal",
        alt="Areas under both curves of each class",
    )
    with st.expander("Every point of the curves as a table"):
        st.dataframe(roc.frame(), hide_index=True, alt="Points of the ROC curves")
        st.dataframe(
            precision_recall.frame(), hide_index=True, alt="Points of precision and recall"
        )


def _corner(evidence: Evidence, roc: RocDisplay) -> bool:
    """Ask whether to show the corner only; at first where all curves run in it."""
    areas = [curve.area["value"] for curve in roc.curves.values()]
    is_good = bool(areas) and min(areas) >= GOOD_AREA
    return st.toggle(CORNER, value=is_good, key=f"curves-corner-{evidence.title}")


def _zoomed(figure: Any, **ranges: tuple[float, float]) -> Any:
    """Show a part of a figure; the rest can be dragged into view."""
    room = 0.003
    return figure.update_layout(
        {axis: {"range": [low - room, high + room]} for axis, (low, high) in ranges.items()}
    )


def text_colour() -> str:
    """Return the colour of the page's text; charts write theirs fainter on the light page."""
    kind = "light" if st.context.theme.type == "light" else "dark"
    return str(st.get_option(f"theme.{kind}.textColor"))


def has_reads(evidence: Evidence) -> bool:
    """Tell whether what the systems said of each film is known, or say what is missing.

    Args:
        evidence: The films.
    """
    if evidence.reads is None:
        st.markdown(NO_READS)
        return False
    if not len(evidence.reads):
        st.markdown(NO_FILM)
        return False
    return True


@st.cache_resource(scope="session", show_spinner=False, max_entries=32)
def _displays(
    key: str,  # noqa: ARG001
    _evidence: Evidence,
    _system: str,
    _is_raw: bool,
) -> tuple[RocDisplay, PrecisionRecallDisplay]:
    """Draw up both displays once; the key names films, system and kind of probabilities."""
    reads = _evidence.reads
    if reads is None:
        msg = "`reads` must be known. Received: None"
        raise ValueError(msg)
    probs = _evidence.probs(is_raw=_is_raw)[_system]
    return (
        RocDisplay.from_predictions(reads.y_true, probs, patients=reads.patient),
        PrecisionRecallDisplay.from_predictions(reads.y_true, probs, patients=reads.patient),
    )


def _confusion(system: Mapping[str, Any]) -> ConfusionDisplay:
    """Return the stored counts as a display."""
    rows = system["confusion"]
    counts = [[rows[true][called] for called in CLASSES] for true in CLASSES]
    return ConfusionDisplay(np.array(counts, np.int64))


def _area_rows(roc: RocDisplay, precision_recall: PrecisionRecallDisplay) -> list[dict[str, str]]:
    """Return one row a class with both areas."""
    rows = []
    for label, curve in roc.curves.items():
        rows.append(
            {
                "Class": CLASS_TITLES[label],
                "Films of it": f"{curve.n_positive:,}",
                "Other films": f"{curve.n_negative:,}",
                "AUROC": cell(curve.area, is_share=False),
                "Average precision": cell(precision_recall.curves[label].area, is_share=False),
                "Average precision by chance": f"{curve.n_positive / curve.n:.3f}",
            }
        )
    return rows


def _share_columns(*names: str) -> dict[str, Any]:
    """Return columns that are shares."""
    return {name: st.column_config.NumberColumn(format="percent") for name in names}
