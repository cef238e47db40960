"""The checks of one map, on demand: a button, a bar, a way to stop, and the result in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.errors import CxrError
from cxr_core.explain.fidelity import FilmProbe, MapFidelity, check_map
from ui.fidelity_view import CAUTION, check_rows, check_sentences
from ui.frame import show_error
from ui.heatmap_view import map_title

if TYPE_CHECKING:
    from cxr_core.explain.cam import Cam
    from cxr_core.predict import Predictor, Reading

CHECK: Final = "Check this map"
STOP: Final = "Stop"
_RESULTS_KEY: Final = "fidelity-results"
_MAX_RESULTS: Final = 64

Key = tuple[str, str, str, str, str]


def fidelity_panel(predictor: Predictor, reading: Reading, cams: Sequence[Cam]) -> None:
    """Let the reader put one of the maps to the checks.

    Args:
        predictor: The models in use.
        reading: Their reading of the film.
        cams: The maps on the page, of classes alone (not against another).
    """
    st.header("Is this map to be believed?", anchor=False)
    st.markdown(f":small[{CAUTION}]")
    if not cams:
        st.markdown("Choose a map of a class alone above.")
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    chosen = left.selectbox(
        "Map to check",
        range(len(cams)),
        format_func=lambda index: map_title(cams[index]),
        key=f"fidelity-map-{len(cams)}",
    )
    cam = cams[chosen]
    class_name = cam.class_name or reading.systems[cam.system].label
    models = f"{predictor.bundle.digest}/{predictor.variant}"
    key = (reading.radiograph.sha256, models, cam.system, class_name, cam.method)
    results: dict[Key, MapFidelity] = st.session_state.setdefault(_RESULTS_KEY, {})
    asked = right.button(CHECK, icon=":material/fact_check:", width="stretch")
    if asked and key not in results:
        found = _run(predictor, reading, cam, class_name)
        if found is None:
            return
        while len(results) >= _MAX_RESULTS:
            results.pop(next(iter(results)))
        results[key] = found
    if key in results:
        _show(results[key])


def _run(predictor: Predictor, reading: Reading, cam: Cam, class_name: str) -> MapFidelity | None:
    """Run all checks with a bar; any click on the page, the stop button's too, ends them."""
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text="Checking …")
        st.button(STOP, icon=":material/stop_circle:")

    def show(n_done: int, n_total: int) -> None:
        bar.progress(n_done / n_total, text=f"Checking: {n_done} of {n_total} steps")

    try:
        probe = FilmProbe(predictor, reading.radiograph)
        return check_map(probe, cam.system, cam.method, class_name=class_name, on_step=show)
    except CxrError as err:
        show_error("This map could not be checked.", str(err), err.hint)
        return None
    finally:
        place.empty()


def _show(found: MapFidelity) -> None:
    """Draw the sentences and the table."""
    for line in check_sentences(found):
        st.markdown(line)
    with st.expander("The checks as a table"):
        st.dataframe(
            check_rows(found),
            hide_index=True,
            column_config={"Figure": st.column_config.NumberColumn(format="%.3f")},
            alt="Figure of every check of the map",
        )
