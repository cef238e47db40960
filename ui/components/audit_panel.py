"""An audit on the page: the chart first, then covered films, sources, leaks and small changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from cxr_core.audit.probe import PROBE_BY_NAME
from ui.audit_changes import PROBE_MEANING, first_flips, flip_rows
from ui.audit_parts import (
    COVER_MEANING,
    COVER_MEASURES,
    SOURCE_MEANING,
    cover_rows,
    cover_sentence,
    leak_lines,
    leak_rows,
    source_lines,
    source_rows,
)
from ui.audit_text import MEASURE_MEANINGS, MEASURE_TITLES
from ui.audit_view import (
    bar_rows,
    bars,
    chart_sentence,
    data_sentence,
    own_part,
)
from ui.components.audit_charts import flip_figure, shortcut_figure
from ui.components.chart import NO_BAR
from ui.frame import plain

LEAK_WORDS: Final = {
    "copy": "same bytes",
    "near_duplicate": "same exposure",
    "changed_copy": "changed copy",
    "patient": "same patient",
}
NO_VARIANT: Final = (
    "This audit holds nothing of the models in use. Choose other models in the sidebar, or audit "
    "a folder under *Your folder*."
)


def adults_panel(lines: Sequence[str]) -> None:
    """Draw the sentences on films without COVID-19.

    Args:
        lines: Of `adults_lines`.
    """
    if lines:
        st.warning("\n\n".join(lines), icon=":material/visibility:")


def chart_panel(audit: Mapping[str, Any], variant: str, *, key: str) -> None:
    """Draw the chart, its sentence and its table.

    Args:
        audit: Of schema `cxr-audit/1`.
        variant: Name of the variant whose systems are shown.
        key: Start of the widgets' keys.
    """
    measure = (
        st.segmented_control(
            "Measure",
            list(MEASURE_TITLES),
            default="balanced_accuracy",
            required=True,
            format_func=lambda name: MEASURE_TITLES[name],
            key=f"{key}-measure",
        )
        or "balanced_accuracy"
    )
    st.markdown(chart_sentence(audit, variant, measure))
    st.plotly_chart(
        shortcut_figure(bars(audit, variant), measure),
        config=NO_BAR,
        key=f"{key}-chart",
        alt=f"{MEASURE_TITLES[measure]} of classifiers that must not work, beside the systems",
    )
    st.caption(f"{MEASURE_MEANINGS[measure]} {data_sentence(audit)}")
    with st.expander("The chart as a table, and what each row looks at"):
        st.dataframe(
            bar_rows(audit, variant),
            hide_index=True,
            alt="Figures of every classifier with 95% intervals",
        )


def covered_panel(audit: Mapping[str, Any], variant: str, *, key: str) -> None:
    """Draw how the systems do on films that are mostly painted black.

    Args:
        audit: Of schema `cxr-audit/1`.
        variant: Name of the variant.
        key: Start of the widgets' keys.
    """
    own = own_part(audit, variant)
    if not own.get("covered"):
        st.markdown(NO_VARIANT)
        return
    if sentence := cover_sentence(own):
        st.markdown(sentence)
    measure = (
        st.segmented_control(
            "Shown",
            list(COVER_MEASURES),
            default="balanced_accuracy",
            required=True,
            format_func=lambda name: COVER_MEASURES[name],
            key=f"{key}-cover",
        )
        or "balanced_accuracy"
    )
    st.table(
        cover_rows(own, measure),
        hide_index=True,
        border="horizontal",
        alt="The systems on covered films, with 95% intervals",
    )
    st.caption(COVER_MEANING)


def source_panel(audit: Mapping[str, Any], variant: str) -> None:
    """Draw how well the networks' features tell the source.

    Args:
        audit: Of schema `cxr-audit/1`.
        variant: Name of the variant.
    """
    own = own_part(audit, variant)
    if not own.get("sources"):
        st.markdown(NO_VARIANT)
        return
    for line in source_lines(own):
        st.markdown(line)
    if rows := source_rows(own):
        st.table(
            rows,
            hide_index=True,
            border="horizontal",
            alt="How well each network's features tell the source within one class",
        )
    st.caption(SOURCE_MEANING)


def leak_panel(audit: Mapping[str, Any], *, key: str) -> None:
    """Draw copies and leaks; files only where the reader asks for them.

    Args:
        audit: Of schema `cxr-audit/1`.
        key: Start of the widgets' keys.
    """
    found = audit["leaks"]
    for line in leak_lines(found):
        st.markdown(line)
    st.table(leak_rows(found), hide_index=True, border="horizontal", alt="Copies and leaks")
    files = found.get("files", [])
    if files and st.toggle("Show file names", key=f"{key}-names"):
        st.dataframe(
            [
                {
                    "What": LEAK_WORDS[each["why"]],
                    "Across splits": "yes" if each["crosses"] else "no",
                    "File": each["files"][0],
                    "Other file": each["files"][1],
                }
                for each in files
            ],
            hide_index=True,
            alt="Files that are copies or leaks",
        )


def changes_panel(audit: Mapping[str, Any], variant: str, *, key: str) -> None:
    """Draw how many answers flip under small changes.

    Args:
        audit: Of schema `cxr-audit/1`.
        variant: Name of the variant.
        key: Start of the widgets' keys.
    """
    own = own_part(audit, variant)
    if not own.get("probes"):
        st.markdown(NO_VARIANT)
        return
    probes = own["probes"]
    known = [name for name in probes["probes"] if name in PROBE_BY_NAME]
    st.markdown(
        f"{PROBE_MEANING} Measured on {probes['n']:,} films of {probes['n_patients']:,} patients, "
        "drawn by chance, the same number of each class as far as there are any."
    )
    st.markdown("**First level at which a tenth of the answers flip**")
    st.table(
        first_flips(own),
        hide_index=True,
        border="horizontal",
        alt="First level at which a tenth of the answers flip",
    )
    chosen = st.selectbox(
        "Change",
        known,
        format_func=lambda name: PROBE_BY_NAME[name].title,
        key=f"{key}-change",
    )
    probe, found = PROBE_BY_NAME[chosen], probes["probes"][chosen]
    st.plotly_chart(
        flip_figure(found, probe),
        config=NO_BAR,
        key=f"{key}-flips",
        alt=f"Share of answers that flip under: {probe.title}",
    )
    st.caption(f"{plain(probe.explanation)} Bars are 95% intervals.")
    with st.expander("The chart as a table, and how far the probability of the first answer moves"):
        st.dataframe(flip_rows(found, probe), hide_index=True, alt="Flipped answers by level")
