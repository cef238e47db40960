"""What the page Heatmaps says of maps: sentences with numbers, and a table of the cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cxr_core.evaluate.figure_text import number_text, percent
from cxr_core.explain.cam import METHODS
from cxr_core.labels import CLASS_TITLES, system_title

if TYPE_CHECKING:
    from cxr_core.explain.cam import Cam

N_NAMED_CELLS: Final = 3


def score_title(class_name: str, against: str | None) -> str:
    """Name the explained score.

    Args:
        class_name: Its class.
        against: The class it is set against, or `None`.

    Returns:
        For example `COVID-19 against Pneumonia`.
    """
    title = CLASS_TITLES[class_name]
    return title if against is None else f"{title} against {CLASS_TITLES[against]}"


def decomposition(cam: Cam, against: str | None = None) -> str:
    """Say in numbers how a map and its score go together.

    Args:
        cam: The map.
        against: The class that the score was set against, or `None`.

    Returns:
        One or two Markdown sentences; exact for HiResCAM of a member and of `ensemble_dense`.
    """
    about = METHODS[cam.method]
    if cam.class_name is None:
        return f"**{about.title} is not about a class:** {about.note.lower()}"
    grid = np.asarray(cam.grid, np.float64)
    positive, negative = grid[grid > 0].sum(), grid[grid < 0].sum()
    named = _strongest(grid)
    share = named.sum() / positive if positive > 0 else 0.0
    cells = ", ".join(_place(index, grid.shape[1]) for index in _order(grid)[: len(named)])
    strongest = (
        f"{len(named)} of {grid.size} cells ({cells}) hold {percent(share)} of what is for it."
        if positive > 0
        else "No cell is for it."
    )
    score = f"the score of {score_title(cam.class_name, against)}, {number_text(cam.score)}"
    if cam.bias is None:
        return f"{strongest} The cells do not add up to {score}."
    return (
        f"Cells for it add {number_text(positive)}, cells against it {number_text(negative)}, "
        f"biases {number_text(cam.bias)}: together {score}. {strongest}"
    )


def cell_rows(cam: Cam) -> list[dict[str, Any]]:
    """Return the map as a table.

    Args:
        cam: The map.

    Returns:
        One row a cell, from the top left: row and column from 1, value, and its share of the sum of
        absolute values.
    """
    grid = np.asarray(cam.grid, np.float64)
    whole = np.abs(grid).sum()
    return [
        {
            "Row": row + 1,
            "Column": column + 1,
            "Value": float(value),
            "Share of all": float(abs(value) / whole) if whole > 0 else 0.0,
        }
        for (row, column), value in np.ndenumerate(grid)
    ]


def file_stem(system: str, class_name: str, against: str | None, method: str) -> str:
    """Return a file name that says what a map shows and nothing of the film.

    Args:
        system: System name.
        class_name: Explained class.
        against: The class it is set against, or `None`.
        method: Key of `METHODS`.

    Returns:
        Lower case, with hyphens, no extension.
    """
    words = [system, class_name, *(["against", against] if against else []), method]
    return "-".join(words).replace("_", "-").lower()


def map_title(cam: Cam, against: str | None = None) -> str:
    """Return what is written over a map.

    Args:
        cam: The map.
        against: The class that the score was set against, or `None`.

    Returns:
        System, method and score; that there is no class in it for a method without one.
    """
    words = f"{system_title(cam.system)}, {METHODS[cam.method].title}"
    return (
        f"{words}, no class"
        if cam.class_name is None
        else f"{words}, {score_title(cam.class_name, against)}"
    )


def _order(grid: np.ndarray[Any, Any]) -> list[int]:
    """Return the positions of the cells, the highest value first."""
    return [int(index) for index in np.argsort(-grid, axis=None, kind="stable")]


def _strongest(grid: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the highest values above zero, `N_NAMED_CELLS` at most."""
    values = np.sort(grid, axis=None)[::-1][:N_NAMED_CELLS]
    return values[values > 0]


def _place(index: int, n_columns: int) -> str:
    """Name a cell as a reader counts."""
    return f"row {index // n_columns + 1} column {index % n_columns + 1}"
