"""The checks of one map, on demand: a button, a bar, a way to stop, and the result in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.errors import CxrError, NotApplicableError
from cxr_core.explain.fidelity import FilmProbe, MapFidelity, check_map, spearman
from cxr_core.explain.fidelity.published_checks import known_checks
from ui import model_cache, reading_cache
from ui.fidelity_view import (
    CAUTION,
    agreement_rows,
    agreement_sentence,
    check_rows,
    check_sentences,
)
from ui.frame import show_error
from ui.heatmap_view import map_title
from ui.kept import Kept

if TYPE_CHECKING:
    from cxr_core.explain.cam import Cam
    from cxr_core.predict import Predictor, Reading
    from ui.state import Film

CHECK: Final = "Check this map"
STOP: Final = "Stop"


@dataclass(frozen=True)
class Checked:
    """What the checks of one map gave.

    Attributes:
        map: The checks of the map itself.
        others: Title of other models to the rank correlation of their map of the same score.
    """

    map: MapFidelity
    others: Mapping[str, float]


_RESULTS: Final = Kept[Checked]("fidelity-results", 64)


def fidelity_panel(film: Film, predictor: Predictor, reading: Reading, cams: Sequence[Cam]) -> None:
    """Let the reader put one of the maps to the checks.

    Args:
        film: The film.
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
    made_by = f"{model_cache.models_key(predictor)}/{cam.system}/{class_name}/{cam.method}"
    found = _RESULTS.find(film.digest, made_by)
    asked = right.button(CHECK, icon=":material/fact_check:", width="stretch")
    if asked and found is None:
        found = _run(film, predictor, reading, cam)
        if found is not None:
            _RESULTS.put(film.digest, made_by, found)
    if found is not None:
        _show(found)


def _run(film: Film, predictor: Predictor, reading: Reading, cam: Cam) -> Checked | None:
    """Run all checks with a bar; any click on the page, the stop button's too, ends them."""
    class_name = cam.class_name or reading.systems[cam.system].label
    known = known_checks(predictor.bundle.map_checks(predictor.variant), cam.system, cam.method)
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text="Checking …")
        st.button(STOP, icon=":material/stop_circle:")

    def show(n_done: int, n_total: int) -> None:
        bar.progress(n_done / n_total, text=f"Checking: {n_done} of {n_total} steps")

    try:
        probe = FilmProbe(predictor, reading.radiograph)
        found = check_map(
            probe,
            cam.system,
            cam.method,
            class_name=class_name,
            baseline=None if known is None else known.ssim_bar,
            on_step=show,
        )
        return Checked(found, _others(film, predictor, cam, class_name))
    except CxrError as err:
        show_error("This map could not be checked.", str(err), err.hint)
        return None
    finally:
        place.empty()


def _others(film: Film, predictor: Predictor, cam: Cam, class_name: str) -> dict[str, float]:
    """Compare the map with that of the same system trained by the bundle's other recipes."""
    found = {}
    for models in model_cache.variants_beside(predictor):
        other = model_cache.load_beside(models)
        if cam.system not in other.systems:
            continue
        theirs = other.explain(
            reading_cache.reading(film, other), cam.system, class_name, method=cam.method
        )
        try:
            found[str(models.variant)] = spearman(cam.grid, theirs.grid)
        except NotApplicableError:  # a flat map ranks nothing
            found[str(models.variant)] = 0.0
    return found


def _show(found: Checked) -> None:
    """Draw the sentences and the table."""
    for line in check_sentences(found.map):
        st.markdown(line)
    if found.others:
        st.markdown(agreement_sentence(found.others))
    with st.expander("The checks as a table"):
        st.dataframe(
            [*check_rows(found.map), *agreement_rows(found.others)],
            hide_index=True,
            column_config={"Figure": st.column_config.NumberColumn(format="%.3f")},
            alt="Figure of every check of the map",
        )
