"""What the checks of a map say, in sentences and as a table; nothing drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ui.words import number

if TYPE_CHECKING:
    from cxr_core.explain.fidelity import MapFidelity

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
            f"correlation of {number(first.spearman)} with itself, with the whole head random "
            f"{number(last.spearman)} (means of {found.randomisation.n_draws}; near 0 is good). "
            "The network below the head stays as it is."
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
            f"Gap {number(found.road.gap)}, {sign} 0, which is chance."
        )
    if found.repeatability is not None:
        lines.append(
            "**Does it stay under changes that mean nothing?** Rank correlation after small shifts "
            f"and noise {number(found.repeatability.mean)} on average, "
            f"{number(found.repeatability.least)} at least."
        )
    return lines + [f":small[{note}]" for note in check_notes(found)]


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


def _row(check: str, value: float, meaning: str) -> dict[str, Any]:
    """Return one row."""
    return {"Check": check, "Figure": value, "Meaning": meaning}
