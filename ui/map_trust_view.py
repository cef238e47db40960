"""What is known of the maps on a page beyond this film: which checks their kind has passed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from cxr_core.evaluate.figure_text import NOT_MEASURED
from cxr_core.explain.cam import METHODS
from cxr_core.explain.fidelity.published_checks import known_checks
from cxr_core.labels import system_title

if TYPE_CHECKING:
    from cxr_core.explain.fidelity.published_checks import KnownChecks

CHECK_TITLES: Final[Mapping[str, str]] = {
    "randomisation": "Random heads",
    "repeatability": "Repeatability",
    "deletion": "Deletion",
    "insertion": "Insertion",
    "road": "ROAD",
}
"""Key of `PASS_RULES` to the words on screen, in display order."""

CHECK_MEANINGS: Final[Mapping[str, str]] = {
    "randomisation": "the map changes when the trained head is replaced by a random one",
    "repeatability": "the map stays when the film is shifted or made noisy a little",
    "deletion": "covering its best cells lowers the score faster than random orders do",
    "insertion": "uncovering them raises the score faster than random orders do",
    "road": "the same with covers that give less away",
}
NOTHING_MEASURED: Final = (
    "Maps of this variant were not checked on a folder of films, which `python -m cxr_core "
    "explain-check` does. Single maps can be checked below."
)
SEEDS: Final = "Agreement of seeds"
SEEDS_MEANING: Final = (
    "mean rank correlation with the maps of the same recipe trained with other random numbers; 1 "
    "the same order of cells, 0 none"
)
_YES: Final = "passes"
_NO: Final = "fails"
_UNKNOWN: Final = "not told"


def known_rows(
    content: Mapping[str, Any] | None, pairs: Iterable[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Return one row a system and method: what was found of their maps.

    Args:
        content: `Bundle.map_checks`.
        pairs: System and method.

    Returns:
        Column title to value; pairs of which nothing is known are left out.
    """
    rows = []
    for system, method in dict.fromkeys(pairs):
        found = known_checks(content, system, method)
        if found is None:
            continue
        verdicts = {title: _verdict(found, name) for name, title in CHECK_TITLES.items()}
        rows.append(
            {
                "System": system_title(system),
                "Method": METHODS[method].title,
                **verdicts,
                SEEDS: None if found.seeds is None else found.seeds["value"],
                "Films": found.n_films,
            }
        )
    return rows


def known_sentences(
    content: Mapping[str, Any] | None, pairs: Iterable[tuple[str, str]]
) -> list[str]:
    """Say which maps on the page are of a kind that failed a check.

    Args:
        content: `Bundle.map_checks`.
        pairs: System and method of each map on the page.

    Returns:
        One Markdown sentence a kind that failed; one that says so where all passed.
    """
    found = [known_checks(content, system, method) for system, method in dict.fromkeys(pairs)]
    known = [each for each in found if each is not None]
    if not known:
        return [NOTHING_MEASURED]
    failing = [each for each in known if each.failed]
    lines = [
        f"**{system_title(each.system)}, {METHODS[each.method].title}** fails "
        f"{len(each.failed)} of {len(each.passes)} checks: "
        f"{', '.join(_failure(each, name) for name in each.failed)}."
        for each in failing
    ]
    if not failing:
        lines = ["All kinds of maps on this page passed the checks that were made of them."]
    return lines


def _verdict(found: KnownChecks, name: str) -> str:
    """Return what a check says of a kind of map."""
    if name not in found.passes:
        return NOT_MEASURED
    return {True: _YES, False: _NO, None: _UNKNOWN}[found.passes[name]]


def _failure(found: KnownChecks, name: str) -> str:
    """Name a failed check with its figure."""
    title = CHECK_TITLES[name].lower() if name != "road" else CHECK_TITLES[name]
    metrics = {
        "randomisation": "random_ssim",
        "repeatability": "repeatability",
        "deletion": "deletion_beaten",
        "insertion": "insertion_beaten",
        "road": "road_gap",
    }
    figure = found.figures.get(metrics[name])
    if figure is None or figure["value"] is None:
        return title
    words = {
        "randomisation": f"likeness {figure['value']:.2f}, must be below "
        + ("an unknown bar" if found.ssim_bar is None else f"{found.ssim_bar:.2f}"),
        "repeatability": f"correlation {figure['value']:.2f}",
        "deletion": f"beats {figure['value']:.0%} of random orders; half is chance",
        "insertion": f"beats {figure['value']:.0%} of random orders; half is chance",
        "road": f"gap {figure['value']:.2f}; 0 is chance",
    }
    return f"{title} ({words[name]})"
