"""Other models beside those in use: another variant, or another bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.errors import CxrError
from ui import model_cache, reading_cache
from ui.compare_view import beside_rows
from ui.folder_policy import folder_policy, named_path
from ui.frame import plain, show_error

if TYPE_CHECKING:
    from cxr_core.predict import Predictor
    from ui.film_view import FilmView
    from ui.state import Film

NOTHING: Final = "Nothing"
FOLDER: Final = "A bundle in another folder"


def beside_panel(film: Film, shown: FilmView, predictor: Predictor) -> None:
    """Let the reader choose other models, and show what they say of the same film.

    Args:
        film: The film.
        shown: What the models in use say of it.
        predictor: The models in use.
    """
    st.header("Other models beside these", anchor=False)
    models = {each.title: each for each in model_cache.models_beside(predictor)}
    left, right = st.columns(2, gap="medium")
    choice = left.selectbox(
        "Beside",
        [NOTHING, *models, *([] if folder_policy().is_closed else [FOLDER])],
        key="compare-beside",
        persist_state="session",
        help="Several bundles can also be named when the dashboard is started: `streamlit run "
        "streamlit_app.py -- --bundle ONE --bundle TWO`.",
    )
    folder = ""
    if choice == FOLDER:
        folder = right.text_input(
            "Folder of the bundle",
            key="compare-beside-folder",
            persist_state="session",
            help="On the computer that runs this page. Every file is checked before it is used.",
        ).strip()
    named = models.get(choice)
    if named is None and not folder:
        return
    try:
        named = named or model_cache.Models(named_path(folder), None, folder)
        other = model_cache.load_beside(named)
    except CxrError as err:
        show_error("These models could not be loaded.", str(err), err.hint)
        return
    theirs = reading_cache.view(film, other)
    if isinstance(theirs, reading_cache.Failure):
        show_error("This film could not be read by them.", theirs.message, theirs.hint)
        return
    rows = beside_rows(shown.scores, theirs.scores)
    st.markdown(_difference(rows, plain(named.title)))
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            name: st.column_config.ProgressColumn(format="%.3f", min_value=0.0, max_value=1.0)
            for name in ("In use", "Beside")
        }
        | {"Difference": st.column_config.NumberColumn(format="%+.3f")},
        placeholder="-",
        alt="Probabilities of both sets of models for this film",
    )


def _difference(rows: list[dict[str, object]], title: str) -> str:
    """Say how far the two sets of models are apart at most."""
    apart = [row for row in rows if isinstance(row["Difference"], float)]
    if not apart:
        return f"{title} has no system in common with the models in use."
    row = max(apart, key=lambda each: abs(float(str(each["Difference"]))))
    return (
        f"Farthest apart: **{row['System']}** for {row['Class']}, {row['In use']:.3f} in use and "
        f"{row['Beside']:.3f} in {title}."
    )
