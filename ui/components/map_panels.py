"""Viewports with maps for the pages Compare and Heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cxr_core.comparison import difference_map
from cxr_core.errors import CxrError
from cxr_core.explain.cam import METHODS
from cxr_core.labels import CLASS_TITLES, CLASSES, system_title
from ui.components.viewer import Panel
from ui.film_view import map_data
from ui.heatmap_view import map_title, score_title

if TYPE_CHECKING:
    from cxr_core.explain.cam import Cam
    from cxr_core.predict import Predictor, Reading


def system_panels(
    predictor: Predictor, reading: Reading, *, method: str, class_name: str | None
) -> list[Panel]:
    """Return one viewport a system.

    Args:
        predictor: The models that made the reading.
        reading: The film's reading.
        method: Key of `METHODS`.
        class_name: Class of all maps; each system's own top class if `None`.

    Returns:
        Viewports with the system's probabilities; a map that does not apply carries the reason.
    """
    panels = []
    for name, said in reading.systems.items():
        wanted = class_name or said.label
        title = f"{system_title(name)}: {CLASS_TITLES[wanted]}"
        panels.append(
            Panel(
                title=title,
                system=name,
                class_name=wanted if METHODS[method].is_class_specific else "",
                method=method,
                map=_map(predictor, reading, name, wanted, method),
                probs=dict(zip(CLASSES, said.probs.tolist(), strict=True)),
            )
        )
    return panels


def difference_panel(
    predictor: Predictor, reading: Reading, pair: tuple[str, str], *, method: str, class_name: str
) -> Panel:
    """Return a viewport with the difference of two systems' maps.

    Args:
        predictor: The models that made the reading.
        reading: The film's reading.
        pair: The systems; above 0 the first one's map weighs more.
        method: Key of `METHODS`.
        class_name: Class of both maps.

    Returns:
        The viewport; a difference that does not apply carries the reason.
    """
    first, second = pair
    map_: dict[str, Any]
    try:
        cams = [predictor.explain(reading, name, class_name, method=method) for name in pair]
        grid = difference_map(cams[0], cams[1])
        map_ = {"grid": [[round(float(value), 4) for value in row] for row in grid]}
    except CxrError as err:
        map_ = {"missing": f"{err} {err.hint}"}
    return Panel(
        title=f"{system_title(first)} minus {system_title(second)}: {CLASS_TITLES[class_name]}",
        system=f"{first}-minus-{second}",
        class_name=class_name if METHODS[method].is_class_specific else "",
        method=method,
        map=map_,
        is_signed=True,
    )


def grid_panels(
    predictor: Predictor,
    reading: Reading,
    choices: Sequence[tuple[str, str, str]],
    against: str | None,
) -> list[tuple[Panel, Cam | None]]:
    """Return one viewport for each system, class and method.

    Args:
        predictor: The models that made the reading.
        reading: The film's reading.
        choices: System, class and method of each viewport.
        against: Class that the scores are set against; `None` for the scores alone.

    Returns:
        Viewport and map; no map where it does not apply, with the reason in the viewport.
    """
    found: list[tuple[Panel, Cam | None]] = []
    for system, class_name, method in choices:
        title = f"{system_title(system)}, {score_title(class_name, against)}"
        cam, map_ = None, None
        try:
            cam = predictor.explain(reading, system, class_name, method=method, against=against)
            title, map_ = map_title(cam, against), map_data(cam)
        except CxrError as err:
            map_ = {"missing": f"{err} {err.hint}"}
        shown = class_name if METHODS[method].is_class_specific else ""
        probs = dict(zip(CLASSES, reading.systems[system].probs.tolist(), strict=True))
        found.append((Panel(title, system, shown, method, map_, probs), cam))
    return found


def _map(
    predictor: Predictor, reading: Reading, system: str, class_name: str, method: str
) -> dict[str, Any]:
    """Return one map, or why there is none."""
    try:
        return map_data(predictor.explain(reading, system, class_name, method=method))
    except CxrError as err:
        return {"missing": f"{err} {err.hint}"}
