"""The page Heatmaps: what to show, the linked viewports, and each map in words and numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd
import streamlit as st

from cxr_core.explain.cam import DEFAULT_METHOD, METHODS
from cxr_core.labels import CLASS_TITLES, CLASSES, system_title
from ui import state
from ui.components.download import download
from ui.components.fidelity_panel import fidelity_panel
from ui.components.map_panels import grid_panels
from ui.components.map_trust_panel import map_trust_panel
from ui.components.viewer import MAX_PANELS, viewer_grid
from ui.components.viewer.colour import colour_tables
from ui.heatmap_view import cell_rows, decomposition, file_stem, map_title
from ui.provenance import provenance_of
from ui.words import HEATMAP_CAPTION

if TYPE_CHECKING:
    from cxr_core.explain.cam import Cam
    from cxr_core.predict import Predictor, Reading
    from cxr_core.provenance import Provenance
    from ui.film_view import FilmView
    from ui.state import Film

ALONE: Final = "alone"
NOTHING_CHOSEN: Final = "Choose at least one system, one class and one method."

Choice = tuple[str, str, str]


def heatmap_choice(predictor: Predictor, reading: Reading) -> tuple[list[Choice], str | None]:
    """Ask for systems, classes, methods, and for the class that scores are set against.

    The choice stands in the page's address, so a link carries it.

    Args:
        predictor: The models in use.
        reading: Their reading of the film; its commonest top class is shown to begin with.

    Returns:
        System, class and method of each map, in reading order, and the other class or `None`.
    """
    labels = [said.label for said in reading.systems.values()]
    top = max(CLASSES, key=labels.count)
    systems = _pills("Systems", predictor.systems, predictor.systems, "system", system_title)
    with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
        classes = _pills("Classes", CLASSES, [top], "class", CLASS_TITLES.__getitem__)
        methods = _pills(
            "Methods", list(METHODS), [DEFAULT_METHOD], "method", lambda name: METHODS[name].title
        )
        against = st.segmented_control(
            "Score",
            [ALONE, *CLASSES],
            default=ALONE,
            required=True,
            format_func=lambda name: f"against {CLASS_TITLES[name]}" if name != ALONE else "alone",
            key="against",
            bind="query-params",
            help="Alone: the logit of the class. Against: its difference to the logit of another "
            "class, which is what decides between the two.",
        )
    other = None if against == ALONE else against
    classes = [name for name in classes if name != other]
    choices = [
        (system, class_name, method)
        for system, method in itertools.product(systems, methods)
        for class_name in (classes if METHODS[method].is_class_specific else classes[:1])
    ]
    return choices, other


def heatmap_grid(
    film: Film,
    shown: FilmView,
    predictor: Predictor,
    reading: Reading,
    choices: Sequence[Choice],
    against: str | None,
) -> None:
    """Draw the maps and say what each amounts to.

    Args:
        film: The film.
        shown: What the page shows of it.
        predictor: The models in use.
        reading: Their reading of it.
        choices: From `heatmap_choice`.
        against: From `heatmap_choice`.
    """
    if not choices:
        st.markdown(NOTHING_CHOSEN)
        return
    if len(choices) > MAX_PANELS:
        st.markdown(
            f":material/info: {len(choices)} maps are chosen; the first {MAX_PANELS} are shown."
        )
    found = grid_panels(predictor, reading, choices[:MAX_PANELS], against)
    viewer_grid(
        shown.pixels,
        [panel for panel, _ in found],
        colour_tables=colour_tables(),
        label=film.label,
        outline=shown.lungs.outline if shown.lungs else (),
        provenance=provenance_of(predictor).line(),
        key=f"heatmaps-{film.digest[:16]}",
        on_step=state.step_film if len(state.films()) > 1 else None,
    )
    st.caption(HEATMAP_CAPTION)
    st.header("What the maps amount to", anchor=False)
    cams = [cam for _, cam in found if cam is not None]
    for cam in cams:
        notes = " ".join(note for note in cam.notes if note != METHODS[cam.method].note)
        st.markdown(f"**{map_title(cam, against)}.** {decomposition(cam, against)} {notes}")
    _values(cams, against, provenance_of(predictor))
    checks = predictor.bundle.map_checks(predictor.variant)
    map_trust_panel(checks, [(cam.system, cam.method) for cam in cams])
    fidelity_panel(film, predictor, reading, [] if against else cams)


def _values(cams: Sequence[Cam], against: str | None, made_with: Provenance) -> None:
    """Offer the maps' cells as a table."""
    if not cams:
        return
    with st.expander("The cells as a table"):
        chosen = st.selectbox(
            "Map",
            range(len(cams)),
            format_func=lambda index: map_title(cams[index], against),
            key=f"heatmaps-table-{len(cams)}",
        )
        cam = cams[chosen]
        table = pd.DataFrame(cell_rows(cam))
        st.dataframe(
            table,
            hide_index=True,
            column_config={"Share of all": st.column_config.NumberColumn(format="percent")},
            alt="Row, column and value of every cell of the map",
        )
        name = file_stem(cam.system, cam.class_name or "no-class", against, cam.method)
        download(
            "Download as CSV", made_with.commented(table.to_csv(index=False)), f"cxr-map-{name}.csv"
        )


def _pills(
    label: str, names: Sequence[str], default: Sequence[str], key: str, title: Callable[[str], str]
) -> list[str]:
    """Ask for some of several; the choice stands in the address."""
    chosen = st.pills(
        label,
        list(names),
        default=list(default),
        selection_mode="multi",
        format_func=title,
        key=key,
        bind="query-params",
        wrap=True,
    )
    return [name for name in names if name in chosen]
