"""What the page says of lungs and maps: sentences and rows, nothing drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cxr_core.evaluate.figure_text import percent
from cxr_core.explain.cam import DEFAULT_METHOD, METHODS
from cxr_core.labels import system_title

if TYPE_CHECKING:
    from ui.film_view import Lungs

NOT_A_LOCALISATION: Final = (
    "Heat in the lungs does not show that a model looks at disease: the lungs tell the source of a "
    "film as well."
)


def lung_line(lungs: Lungs | None, shares: Mapping[str, float]) -> str:
    """Say how much of each system's map lies in the lungs.

    Args:
        lungs: The lungs, or `None` where nobody looked for them.
        shares: System name to the share of its positive map in the lungs, in [0, 1].

    Returns:
        One line; empty where nobody looked.
    """
    if lungs is None:
        return ""
    if lungs.notes:
        return " ".join(["Lungs:", *(note.message for note in lungs.notes)])
    if not shares:
        return f"Lungs cover {percent(lungs.area_share)} of the film; no map has a positive part."
    said = ", ".join(f"{system_title(name)} {percent(share)}" for name, share in shares.items())
    return (
        f"Lungs cover {percent(lungs.area_share)} of the film. Share of the positive map "
        f"({METHODS[DEFAULT_METHOD].title}, top class) in them: {said}. {NOT_A_LOCALISATION}"
    )


def outside(lungs: Lungs | None, shares: Mapping[str, float]) -> list[str]:
    """Return the systems whose map lies outside the lungs more than chance would have it.

    Args:
        lungs: The lungs, or `None`.
        shares: System name to the share of its positive map in the lungs.

    Returns:
        Names of systems with a smaller share in the lungs than the lungs have of the film; none
        where the lungs were not found.
    """
    if lungs is None or lungs.notes:
        return []
    return [name for name, share in shares.items() if share < lungs.area_share]


def outside_sentence(names: list[str]) -> str:
    """Warn of maps outside the lungs.

    Args:
        names: From `outside`; at least one.

    Returns:
        One Markdown sentence.
    """
    titles = ", ".join(f"**{system_title(name)}**" for name in names)
    verb = "lies" if len(names) == 1 else "lie"
    map_ = "The map" if len(names) == 1 else "The maps"
    return (
        f"{map_} of {titles} {verb} in the lungs less than an even map would: less than the "
        "lungs' share of the film."
    )


def lung_rows(lungs: Lungs, shares: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return the shares as a table.

    Args:
        lungs: The lungs.
        shares: System name to the share of its positive map in the lungs.

    Returns:
        One row a system: share, share of the area, and their ratio.
    """
    return [
        {
            "System": system_title(name),
            "In the lungs, %": 100 * share,
            "Lungs, % of the film": 100 * lungs.area_share,
            "Ratio": share / lungs.area_share if lungs.area_share > 0 else None,
        }
        for name, share in shares.items()
    ]
