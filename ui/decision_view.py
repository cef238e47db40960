"""What a threshold and a decision amount to, in words and rows; nothing drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cxr_core.evaluate.figure_text import number_text
from cxr_core.labels import CLASS_TITLES
from ui.performance_view import cell

if TYPE_CHECKING:
    from cxr_core.evaluate.display import DecisionCosts, OperatingPoint

FEW_CHOOSING: Final = 20
"""Films of a side under which a threshold chosen on them is called unsure."""

PREVALENCE_NOTE: Final = (
    "Prevalence changes how many people are ill, nothing else. It does not make these films like "
    "those of another hospital: if the score follows the source of a film, so do all numbers here."
)
_PER: Final = 1000


def point_rows(point: OperatingPoint) -> list[dict[str, str]]:
    """Return what a threshold does, one row a number.

    Args:
        point: The operating point.

    Returns:
        Column title to text.
    """
    title = CLASS_TITLES[point.label]
    at = f"at a prevalence of {threshold_text(point.prevalence)}"
    return [
        _row(f"{title} films found", "sensitivity", point.sensitivity.to_dict()),
        _row(f"Other films not called {title}", "specificity", point.specificity.to_dict()),
        _row(f"Called {title}, and truly so, {at}", "positive predictive value", point.ppv),
        _row(f"Not called {title}, and truly not, {at}", "negative predictive value", point.npv),
    ]


def point_lines(point: OperatingPoint) -> list[str]:
    """Say which films chose the threshold, and what it does to a thousand films.

    Args:
        point: The operating point.

    Returns:
        Markdown sentences.
    """
    title = CLASS_TITLES[point.label]
    n_class, n_other = point.n_chosen
    target = f"{point.target} of {threshold_text(point.at)}"
    chosen = f"**Called {title} from a score of {point.threshold:.3f} on.** Chosen for a {target} "
    if point.is_chosen_elsewhere:
        chosen += (
            f"on {n_class + n_other:,} films kept apart ({n_class:,} of {title}), and measured on "
            "the films above."
        )
    else:
        chosen += (
            "on the very films it is measured on, because this bundle holds no others: the target "
            "is met by construction, and new films will do worse."
        )
    lines = [chosen]
    n_side = n_class if point.target == "sensitivity" else n_other
    if n_side < FEW_CHOOSING:
        lines.append(
            f"**Too few to be sure**: {n_side:,} films "
            f"{'of' if point.target == 'sensitivity' else 'not of'} {title} chose it, so others "
            "would give quite another threshold."
        )
    found, spared = point.sensitivity.value, point.specificity.value
    if found is not None and spared is not None:
        n_ill = _PER * point.prevalence
        n_found, n_false = n_ill * found, (_PER - n_ill) * (1 - spared)
        lines.append(
            f"Of {_PER:,} films with {_count(n_ill)} of {title}, it calls about "
            f"{_count(n_found + n_false)}: {_count(n_found)} rightly and {_count(n_false)} "
            f"wrongly, and misses {_count(n_ill - n_found)}."
        )
    return lines


def cost_lines(shown: DecisionCosts) -> list[str]:
    """Say what deciding by cost changes, and whether that is told apart from chance.

    Args:
        shown: Both ways of deciding.

    Returns:
        Markdown sentences.
    """
    pairs = "; ".join(
        f"{CLASS_TITLES[a]} rather than {CLASS_TITLES[b]} from {threshold_text(at)} on"
        for a, b, at in shown.pair_thresholds()
    )
    lines = [f"**What these costs imply**, between two classes alone: {pairs}."] if pairs else []
    n = len(shown.y_true)
    if not shown.n_changed:
        return [*lines, f"The call of none of {n:,} films changes, so the cost is the same."]
    before, after = shown.cost_likeliest["value"], shown.cost_decided["value"]
    difference = shown.difference
    text = (
        f"It changes the call of **{shown.n_changed:,} of {n:,} films**. Mean cost a film: "
        f"{before:.3f} by the likeliest class, {after:.3f} by least expected cost, difference "
        f"{number_text(difference['value'], 3, is_signed=True)}"
    )
    if difference["low"] is None:
        return [*lines, f"{text}, no interval: {difference['reason']}."]
    low, high = (number_text(difference[end], 3, is_signed=True) for end in ("low", "high"))
    text += f" ({low} to {high})."
    if difference["low"] <= 0 <= difference["high"]:
        text += " The interval holds 0: **not told apart** on these films."
    return [*lines, text]


def threshold_text(share: float) -> str:
    """Write a share with as many digits as it needs.

    Args:
        share: In [0, 1].

    Returns:
        For example `5%`, `0.1%` or `9.1%`.
    """
    return f"{100 * share:.3g}%" if share < 0.995 else f"{100 * share:.4g}%"


def _row(title: str, term: str, figure: dict[str, object]) -> dict[str, str]:
    """Return one row."""
    n = figure.get("n")
    return {
        "": title,
        "Also called": term,
        "Value": cell(figure, is_share=True),
        "Films": f"{n:,}" if isinstance(n, int) else "",
    }


def _count(number: float) -> str:
    """Write a number of films; under ten with one decimal where that is not whole."""
    rounded = round(number, 1)
    return f"{rounded:g}" if rounded < 10 else f"{number:,.0f}"
