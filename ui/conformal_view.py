"""From prediction sets to what the Calibration page says of them: sentences and rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cxr_core.evaluate.figure_text import percent, share_text
from cxr_core.labels import CLASS_TITLES, CLASSES, system_title
from cxr_core.trust.conformal import ConformalModel, rank
from ui.words import unbroken

if TYPE_CHECKING:
    from cxr_core.evaluate.metrics import Proportion
    from cxr_core.trust.coverage import Coverage

ALL_FILMS: Final = "All films"
SIZES: Final = ("No class", "One class", "Two classes", "Three classes")
NO_LIMIT: Final = "none: always in the set"


def films_needed(level: float) -> int:
    """Return how many calibration films of a class a level asks for.

    Args:
        level: Share promised, in (0, 1).

    Returns:
        The smallest number of films that gives a threshold.
    """
    n = 1
    while rank(n, level) > n:
        n += 1
    return n


def coverage_rows(model: ConformalModel, found: Coverage) -> list[dict[str, Any]]:
    """Return the coverage of one system and level by class.

    Args:
        model: The thresholds.
        found: Their coverage on test films.

    Returns:
        Column title to text, all films first.
    """
    rows = [
        {
            "Class": ALL_FILMS,
            "Promised": f"{found.level:.0%}",
            "Its films with the class in the set": _share(found.overall),
            "Range that chance explains": "",
            "Calibration films": f"{sum(model.n_by_class.values()):,}",
            "Lowest score that keeps it": "",
        }
    ]
    for name in CLASSES:
        band = found.bands[name]
        limit = model.thresholds[found.level][name]
        rows.append(
            {
                "Class": CLASS_TITLES[name],
                "Promised": f"{found.level:.0%}",
                "Its films with the class in the set": _share(found.by_class[name]),
                "Range that chance explains": ""
                if band is None or limit is None
                else f"{percent(band[0], 1)} to {percent(band[1], 1)}",
                "Calibration films": f"{model.n_by_class[name]:,}",
                "Lowest score that keeps it": NO_LIMIT if limit is None else f"{limit:.3g}",
            }
        )
    return rows


def size_rows(found: Coverage) -> list[dict[str, Any]]:
    """Return how many sets have how many classes, by true class.

    Args:
        found: The coverage of one system and level.

    Returns:
        Column title to value, all films last.
    """
    rows = {CLASS_TITLES[name]: sizes for name, sizes in found.sizes_by_class.items()}
    rows[ALL_FILMS] = found.n_by_size
    return [{"Films": name, **dict(zip(SIZES, sizes, strict=True))} for name, sizes in rows.items()]


def notes(model: ConformalModel, found: Coverage, system: str) -> list[str]:
    """Say what a reader of the sets must know: too few films, empty sets, broken promises.

    Args:
        model: The thresholds.
        found: Their coverage on test films.
        system: Name of the system.

    Returns:
        Markdown sentences.
    """
    n, level = sum(found.n_by_size), f"{found.level:.0%}"
    lines = [
        f"Of {n:,} test films, {found.n_single_right:,} have the true class alone in their set "
        f"by {system_title(system)} at {level}."
    ]
    for name in model.too_few(found.level):
        title = CLASS_TITLES[name]
        lines.append(
            f"**Too few {title} calibration films ({model.n_by_class[name]:,}) for {level}:** at "
            f"least {films_needed(found.level)} are needed, so {title} is never ruled out there, "
            "and a set says nothing for or against it."
        )
    if found.n_by_size[0]:
        lines.append(
            f"**{found.n_by_size[0]:,} of {n:,} sets are empty.** No class scores there as high "
            f"as {level} of its calibration films do. Read it as “do not name this film”, "
            "not as “none of the three”."
        )
    lines += _broken(model, found)
    return lines


def _broken(model: ConformalModel, found: Coverage) -> list[str]:
    """Name the classes whose coverage chance does not explain."""
    outside = [
        CLASS_TITLES[name]
        for name, band in found.bands.items()
        if band is not None
        and name not in model.too_few(found.level)
        and (value := found.by_class[name].value) is not None
        and not band[0] <= value <= band[1]
    ]
    if not outside:
        return []
    return [
        f"**The promise does not hold for {' and '.join(outside)}:** coverage on test films lies "
        "outside the range that chance explains, so calibration and test films differ."
    ]


def _share(found: Proportion) -> str:
    """Write a share, with one decimal."""
    return unbroken(share_text(found.to_dict(), digits=1))
