"""What a bundle itself measured against believing it: films without COVID-19 called COVID-19."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle

_CLASS: Final = "COVID19"


@dataclass(frozen=True)
class Caution:
    """How many films of a set without a COVID-19 film are called COVID-19.

    Attributes:
        title: What the films are, for example `adults without COVID-19`.
        n_films: How many they are.
        called: System name to {n_hits, n, value, low, high}, with a 95 % interval.
    """

    title: str
    n_films: int
    called: Mapping[str, Mapping[str, Any]]


def cautions(bundle: Bundle, variant: str) -> tuple[Caution, ...]:
    """Return one caution for each measured set without a COVID-19 film.

    Args:
        bundle: The bundle in use.
        variant: Name of the variant in use.

    Returns:
        In the order of the evaluation; empty where nothing of the kind was measured.
    """
    evaluation = bundle.evaluation(variant) or {"sets": {}}
    return tuple(
        Caution(
            title,
            figures["n_films"],
            {name: system["called"][_CLASS] for name, system in figures["systems"].items()},
        )
        for title, figures in evaluation["sets"].items()
        if not figures["n_by_class"][_CLASS]
    )
