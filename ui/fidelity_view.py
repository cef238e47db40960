"""What the checks of a map say, in sentences and as a table; nothing drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cxr_core.evaluate.figure_text import number_text

if TYPE_CHECKING:
    from cxr_core.explain.fidelity import MapFidelity, Randomisation

CAUTION: Final = (
    "The checks ask whether a map tells of its model. A model that looks at the source of a film "
    "passes them while it does."
)


def check_rows(found: MapFidelity) -> list[dict[str, Any]]:
    """Return what each check gave, one row a figure.

    Args:
        found: All checks of one map.

    Returns:
        Column title to value: the check, its figure, and what would speak for the map.
    """
    rows: list[dict[str, Any]] = []
    if found.randomisation is not None:
        rows += [
            _row(
                f"Random from {stage.name} up",
                stage.spearman,
                "rank correlation with the trained map; near 0 speaks for it",
            )
            for stage in found.randomisation.stages
        ]
    if found.order is not None:
        order = found.order
        rows += [
            _row(
                "Deletion",
                order.n_deletion_beaten / order.n_orders,
                f"share of {order.n_orders} random orders it beats; near 1 speaks for it",
            ),
            _row(
                "Insertion",
                order.n_insertion_beaten / order.n_orders,
                f"share of {order.n_orders} random orders it beats; near 1 speaks for it",
            ),
        ]
    if found.road is not None:
        rows.append(_row("ROAD", found.road.gap, "gap of the score; above 0 speaks for it"))
    if found.repeatability is not None:
        rows += [
            _row(change, value, "rank correlation with the map as it is; near 1 speaks for it")
            for change, value in zip(
                found.repeatability.changes, found.repeatability.spearman, strict=True
            )
        ]
    return rows


def check_sentences(found: MapFidelity) -> list[str]:
    """Say what each check gave.

    Args:
        found: All checks of one map.

    Returns:
        Markdown sentences, one a check.
    """
    lines = []
    if found.randomisation is not None:
        first, last = found.randomisation.stages[0], found.randomisation.stages[-1]
        lines.append(
            f"**Does it depend on what was learnt?** With a random last layer the map keeps a rank "
            f"correlation of {number_text(first.spearman)} with itself, with the whole head random "
            f"{number_text(last.spearman)} (means of {found.randomisation.n_draws}; near 0 is "
            f"good). The network below the head stays as it is.{_verdict(found.randomisation)}"
        )
    if found.order is not None:
        order = found.order
        lines.append(
            "**Does the score follow it?** Covering its best cells first lowers the score faster "
            f"than **{order.n_deletion_beaten} of {order.n_orders}** random orders do; uncovering "
            f"them first raises it faster than **{order.n_insertion_beaten} of {order.n_orders}**."
        )
    if found.road is not None:
        sign = "above" if found.road.gap > 0 else "not above"
        lines.append(
            "**And with covers that give less away (ROAD)?** "
            f"Gap {number_text(found.road.gap)}, {sign} 0, which is chance."
        )
    if found.repeatability is not None:
        lines.append(
            "**Does it stay under changes that mean nothing?** Rank correlation after small shifts "
            f"and noise {number_text(found.repeatability.mean)} on average, "
            f"{number_text(found.repeatability.least)} at least."
        )
    return lines + [f":small[{note}]" for note in check_notes(found)]


def agreement_sentence(others: Mapping[str, float]) -> str:
    """Say whether other recipes' models see the film alike.

    Args:
        others: Name of another variant to the rank correlation of its map with this one.

    Returns:
        One Markdown sentence.
    """
    found = ", ".join(f"{name} {number_text(value)}" for name, value in others.items())
    return (
        "**Do the same networks with other heads see it alike?** Rank correlation with the map of "
        f"the other variants: {found} (1 the same order of cells, 0 none). Low values mean that "
        "the map is a matter of the recipe."
    )


def agreement_rows(others: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return the agreement with other variants, one row each.

    Args:
        others: Name of another variant to the rank correlation of its map with this one.

    Returns:
        Column title to value, as `check_rows`.
    """
    return [
        _row(f"Agreement with {name}", value, "rank correlation; near 1 speaks for it")
        for name, value in others.items()
    ]


def check_notes(found: MapFidelity) -> list[str]:
    """Return what a reader should know of the checks, each once.

    Args:
        found: All checks of one map.

    Returns:
        Sentences.
    """
    parts = (found.order, found.road, found.repeatability)
    notes = [note for part in parts if part is not None for note in part.notes]
    return list(dict.fromkeys([*found.notes, *notes]))


def _verdict(check: Randomisation) -> str:
    """Say whether the map falls below the bar that pairs of maps of different films set."""
    if check.baseline is None or check.passes is None:
        return ""
    lowest = min(stage.ssim for stage in check.stages)
    word = "passes" if check.passes else "does not pass"
    return (
        f" Its likeness falls to {number_text(lowest)}; maps of different films are "
        f"{number_text(check.baseline)} alike: it **{word}**."
    )


def _row(check: str, value: float, meaning: str) -> dict[str, Any]:
    """Return one row."""
    return {"Check": check, "Figure": value, "Meaning": meaning}
