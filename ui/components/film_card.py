"""One film on the page: its picture with heatmaps, what each system says, what was checked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import streamlit as st

from cxr_core.labels import CLASS_TITLES
from cxr_core.radiograph import SERIOUS_NOTICES
from ui import reading_cache, state
from ui.components.dicom_export import dicom_export
from ui.components.header_panel import header_panel
from ui.components.report_export import report_export
from ui.components.send_back import send_back
from ui.components.viewer import viewer
from ui.components.viewer.colour import colour_tables
from ui.film_view import FilmView
from ui.frame import plain, show_error
from ui.lung_view import lung_line, outside, outside_sentence
from ui.provenance import provenance_of
from ui.words import (
    CALIBRATED,
    GATE_NOT_RUN,
    GATE_PASSED,
    GATE_REFUSED,
    HEATMAP_CAPTION,
    NO_CLASS,
    NOT_CALIBRATED,
    PASSED_MEANS,
    SET_MEANS,
    SYNTHETIC_NOTE,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxr_core.predict import Predictor, Trust
    from ui.film_view import Score
    from ui.state import Film

_GATE = {"not_run": GATE_NOT_RUN, "passed": GATE_PASSED, "refused": GATE_REFUSED}


def film_card(film: Film, predictor: Predictor) -> None:
    """Read one film and draw it; a film that cannot be read becomes one quiet box.

    Args:
        film: The film.
        predictor: The published models.
    """
    with st.container(border=True, key=f"film-{film.digest[:16]}"):
        header = st.container()
        with st.skeleton(height=420):
            shown = reading_cache.view(film, predictor)
        with header:
            _header(film, shown)
        if isinstance(shown, reading_cache.Failure):
            show_error("This film could not be read.", shown.message, shown.hint)
            header_panel(film)
            return
        if shown.refused:
            st.warning(GATE_REFUSED, icon=":material/block:")
        for notice in shown.notices:
            if notice.code in SERIOUS_NOTICES:
                st.warning(plain(notice.message), icon=":material/warning:")
        viewer(
            shown.pixels,
            shown.maps,
            colour_tables(),
            label=film.label,
            scores=shown.scores,
            outline=shown.lungs.outline if shown.lungs else (),
            provenance=provenance_of(predictor).line(),
            key=f"viewer-{film.digest}",
        )
        far = outside(shown.lungs, shown.trust.lung_share)
        if far:
            st.warning(outside_sentence(far), icon=":material/pulmonology:")
        _footer(shown)
        header_panel(film)
        with st.expander("Take away"):
            report_export(film, predictor)
            dicom_export(film, predictor)
            send_back(film, predictor, is_refused=shown.refused)


def _header(film: Film, shown: FilmView | reading_cache.Failure) -> None:
    """Name the film, mark a sample, and offer to drop it."""
    name, remove = st.columns([6, 1], vertical_alignment="center")
    name.header(plain(_shortened(film.label)), anchor=False)
    with remove.container(horizontal_alignment="right"):
        st.button(
            "Remove",
            key=f"remove-{film.digest}",
            help=f"Remove {plain(film.label)}",
            icon=":material/close:",
            type="tertiary",
            on_click=state.remove_film,
            args=(film.digest,),
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        if film.sample is not None:
            st.badge("SYNTHETIC", icon=":material/draw:", color="gray", help=SYNTHETIC_NOTE)
        if isinstance(shown, FilmView):
            st.markdown(consensus(shown.scores))


def _footer(shown: FilmView) -> None:
    """Say what the reader should know about the film, the scores and the time taken."""
    lines = [
        *(
            f":material/info: {plain(notice.message)}"
            for notice in shown.notices
            if notice.code not in SERIOUS_NOTICES
        ),
        HEATMAP_CAPTION,
        trust_line(shown.trust),
        CALIBRATED if shown.is_calibrated else NOT_CALIBRATED,
        lung_line(shown.lungs, shown.trust.lung_share),
        f"{film_line(shown)} {timing_line(shown)}",
    ]
    meanings = [PASSED_MEANS] if shown.trust.ood_verdict == "passed" else []
    meanings += [SET_MEANS] if shown.trust.prediction_set is not None else []
    st.markdown(
        "  \n".join(f":small[{line}]" for line in lines if line),
        help="\n\n".join(meanings) or None,
    )


def consensus(scores: Sequence[Score]) -> str:
    """Say in words which class the systems name.

    Args:
        scores: What each system says; at least one.

    Returns:
        One Markdown sentence.
    """
    votes = Counter(score.label for score in scores)
    if len(scores) == 1:
        return f"Highest score: **{CLASS_TITLES[scores[0].label]}**."
    if len(votes) == 1:
        return f"All {len(scores)} systems score **{CLASS_TITLES[scores[0].label]}** highest."
    parts = [f"**{CLASS_TITLES[name]}** by {count}" for name, count in votes.most_common()]
    return f"The {len(scores)} systems differ. Scored highest: {', '.join(parts)}."


def trust_line(trust: Trust) -> str:
    """Say what was checked before the scores were shown, and what was not.

    Args:
        trust: The reading's trust notes.

    Returns:
        One line; agreement only where at least two systems were read.
    """
    parts = [_GATE[trust.ood_verdict]]
    if trust.agreement is not None:
        parts.append(f"Agreement: {trust.agreement:.0%} of the systems name the same class.")
    if trust.prediction_set is not None:
        names = ", ".join(CLASS_TITLES[name] for name in trust.prediction_set) or NO_CLASS
        parts.append(f"Cannot be excluded at {trust.set_level or 0:.0%}: {names}.")
    return " ".join(parts)


def film_line(shown: FilmView) -> str:
    """Return format, kind and size of the stored film."""
    size = f"{shown.width_px:,} by {shown.height_px:,} pixels"
    facts = (shown.source_format, *(shown.dicom.words() if shown.dicom else ()), size)
    return f"{plain(', '.join(facts))}."


def timing_line(shown: FilmView) -> str:
    """Return the time taken, with the networks' part named."""
    ms = shown.timing_ms
    total = ms.get("total", 0.0) + ms.get("heatmaps", 0.0)
    return (
        f"Time taken: {total:,.0f} ms (networks {ms.get('engine', 0.0):,.0f} ms, "
        f"heatmaps {ms.get('heatmaps', 0.0):,.0f} ms)."
    )


def _shortened(label: str, limit: int = 72) -> str:
    """Cut the middle out of a long name; start, number and extension stay."""
    if len(label) <= limit:
        return label
    return f"{label[: limit - 25]} … {label[-22:]}"
