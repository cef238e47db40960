"""Cells of the benchmarks' tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def share(figures: Sequence[Mapping[str, Any]], digits: int = 3) -> str:
    """Return the first seed's figure with its interval, and those of the other seeds.

    Args:
        figures: One a seed, each {value, low, high}.
        digits: Decimals.

    Returns:
        For example `0.963 (0.951 to 0.975), 0.958`.
    """
    first, *others = figures
    text = f"{first['value']:.{digits}f} ({first['low']:.{digits}f} to {first['high']:.{digits}f})"
    return text + "".join(f", {figure['value']:.{digits}f}" for figure in others)
