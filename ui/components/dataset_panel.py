"""What is shown of a data set: warnings first, then balance, weights, sizes, copies and leaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from ui.components.chart import NO_BAR
from ui.components.dataset_charts import (
    intensity_figure,
    size_figure,
    source_figure,
    split_figure,
)
from ui.dataset_view import (
    SPLIT_TITLES,
    WEIGHTS_MEANING,
    balance_rows,
    confounding_lines,
    facts,
    file_rows,
    leak_rows,
    leak_sentence,
    size_sentence,
    source_rows,
    split_rows,
    weight_rows,
)
from ui.frame import plain

if TYPE_CHECKING:
    from cxr_core.dataset import Dataset

NO_NAMES: Final = (
    "A bundle names no files. Scan the folder at the top of the page to see which films these are."
)
SOURCE_NOTE: Final = (
    "Balanced accuracy of the best rule that sees nothing but the source, measured on these films: "
    "50% is chance, 100% means that no pixel is needed."
)


def dataset_panel(summary: Mapping[str, Any], dataset: Dataset | None) -> None:
    """Draw a data set.

    Args:
        summary: Of schema `cxr-dataset/1`.
        dataset: The scanned folder, or `None` where only the summary is known.
    """
    for line in confounding_lines(summary["n_by_source"]):
        st.warning(line)
    with st.container(horizontal=True):
        for title, value in facts(summary).items():
            st.metric(title, value, border=True)
    _balance(summary)
    left, right = st.columns(2, gap="large")
    with left:
        _weights(summary)
    with right:
        _leaks(summary, dataset)
    _pixels(summary)


def _balance(summary: Mapping[str, Any]) -> None:
    """Draw the films of each class by split and by source."""
    st.header("Class balance", anchor=False)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Films of each split", anchor=False)
        figure = split_figure(summary["n_by_split"])
        st.plotly_chart(figure, config=NO_BAR, alt="Number of films by split and class")
        st.table(
            split_rows(summary),
            hide_index=True,
            border="horizontal",
            alt="Films and patients of each split",
        )
    with right:
        st.subheader("Share of the classes in each source", anchor=False)
        figure = source_figure(summary["n_by_source"])
        st.plotly_chart(figure, config=NO_BAR, alt="Share of each class in each source")
    with st.expander("Films by split, source and class as a table"):
        st.dataframe(
            balance_rows(summary),
            hide_index=True,
            alt="Number of films by split, source and class",
        )
        if rows := source_rows(summary):
            st.table(rows, hide_index=True, border="horizontal", alt="What the source gives away")
            st.caption(SOURCE_NOTE)


def _weights(summary: Mapping[str, Any]) -> None:
    """Show both class weights of a split."""
    st.header("Class weights", anchor=False)
    splits = list(summary["n_by_split"])
    split = (
        st.segmented_control(
            "Split",
            splits,
            default=splits[0],
            required=True,
            format_func=lambda name: SPLIT_TITLES.get(name, name),
            key="dataset-weights-split",
            label_visibility="collapsed",
        )
        if len(splits) > 1
        else splits[0]
    )
    st.table(
        weight_rows(summary, split or splits[0]),
        hide_index=True,
        border="horizontal",
        alt="Films and weights of each class",
    )
    st.caption(WEIGHTS_MEANING)


def _leaks(summary: Mapping[str, Any], dataset: Dataset | None) -> None:
    """Show copies and leaks by kind; files only where the reader asks for them."""
    st.header("Copies and leaks", anchor=False)
    st.markdown(leak_sentence(summary))
    st.table(
        leak_rows(summary),
        hide_index=True,
        border="horizontal",
        alt="Copies and leaks by kind",
    )
    if dataset is None:
        st.caption(NO_NAMES)
        return
    rows = file_rows(dataset)
    if rows and st.toggle("Show file names", key="dataset-names"):
        st.dataframe(rows, hide_index=True, alt="Files that are copies or leaks")
    if dataset.ignored:
        st.caption(f"Left out, named like no class: {plain(', '.join(dataset.ignored))}")
    if dataset.unreadable:
        with st.expander(f"{len(dataset.unreadable):,} files could not be read"):
            st.dataframe(
                [{"File": e.file, "What is wrong": e.message} for e in dataset.unreadable],
                hide_index=True,
                alt="Files that could not be read",
            )


def _pixels(summary: Mapping[str, Any]) -> None:
    """Draw sizes and brightness by class."""
    st.header("Brightness and size by class", anchor=False)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("Share of each class by the mean brightness of its films.")
        st.plotly_chart(
            intensity_figure(summary["intensity"]),
            config=NO_BAR,
            alt="Distribution of the mean brightness of the films, by class",
        )
    with right:
        st.markdown(size_sentence(summary))
        if summary["sizes"]["n_distinct"] > 1:
            st.plotly_chart(
                size_figure(summary["sizes"]),
                config=NO_BAR,
                alt="Distribution of the longer side of the films, by class",
            )
        means = summary["intensity"]["mean_by_class"]
        st.table(
            _mean_row(means),
            hide_index=True,
            border="horizontal",
            alt="Mean brightness of the films of each class",
        )


def _mean_row(means: Mapping[str, float]) -> list[dict[str, str]]:
    """Return the mean brightness of each class as one row."""
    from cxr_core.labels import CLASS_TITLES

    row = {CLASS_TITLES[label]: f"{mean:.3f}" for label, mean in means.items()}
    return [{"": "Mean brightness", **row}]
