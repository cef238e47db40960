"""What readers change once they see a system's answer, and whether it was right to change it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cxr_core.reader_study.measure import difference, share

NO_PAIR: Final = "no film was answered both alone and aided"
NO_TRUTH: Final = "no such film has a known class"
NO_SUCH: Final = "no such film"


@dataclass(frozen=True)
class Pair:
    """One reader's two answers to one film.

    Attributes:
        film: SHA-256 of the film.
        before: The choice alone.
        after: The choice aided.
        system: The class that the shown system names.
        truth: The film's class, or `None` where it is not known.
    """

    film: str
    before: str
    after: str
    system: str
    truth: str | None

    @property
    def is_changed(self) -> bool:
        """Whether the choices differ."""
        return self.before != self.after

    @property
    def was_right(self) -> bool:
        """Whether the choice alone is the film's class."""
        return self.before == self.truth

    @property
    def is_right(self) -> bool:
        """Whether the choice aided is the film's class."""
        return self.after == self.truth

    @property
    def is_system_right(self) -> bool:
        """Whether the system names the film's class."""
        return self.system == self.truth


def switching(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Measure what was changed.

    Args:
        pairs: Of one reader or several.

    Returns:
        `n`, `n_with_truth`; shares {value, low, high, n_hits, n}: `changed`, `to_system` (of
        answers that differed from the system's, those changed to it), `from_system` (of answers
        equal to the system's, those given up); with known classes `changed_to_right`,
        `changed_to_wrong`, `changed_wrong_to_wrong`, `kept_right`, `kept_wrong` (of all pairs),
        `accuracy_gain` (aided less alone), and `when_right` and `when_wrong`, see `_reliance`.

    References:
        Schemmer and others 2023, doi:10.1145/3581641.3584066 (relative AI reliance and relative
        self-reliance).
    """
    known = [pair for pair in pairs if pair.truth is not None]
    kinds: dict[str, Callable[[Pair], bool]] = {
        "changed_to_right": lambda p: p.is_right and not p.was_right,
        "changed_to_wrong": lambda p: p.was_right and not p.is_right,
        "changed_wrong_to_wrong": lambda p: p.is_changed and not (p.was_right or p.is_right),
        "kept_right": lambda p: p.was_right and p.is_right,
        "kept_wrong": lambda p: not p.is_changed and not p.was_right,
    }
    gains = [float(pair.is_right) - float(pair.was_right) for pair in known]
    return {
        "n": len(pairs),
        "n_with_truth": len(known),
        "changed": _share(pairs, lambda p: p.is_changed, NO_PAIR),
        "to_system": _share(
            [p for p in pairs if p.before != p.system], lambda p: p.after == p.system, NO_SUCH
        ),
        "from_system": _share(
            [p for p in pairs if p.before == p.system], lambda p: p.after != p.system, NO_SUCH
        ),
        **{name: _share(known, kind, NO_TRUTH) for name, kind in kinds.items()},
        "accuracy_gain": difference(gains, [pair.film for pair in known], NO_TRUTH),
        "when_right": _reliance([p for p in known if p.is_system_right], is_right=True),
        "when_wrong": _reliance([p for p in known if not p.is_system_right], is_right=False),
    }


def _reliance(pairs: Sequence[Pair], *, is_right: bool) -> dict[str, Any]:
    """Split the pairs by what the reader chose alone.

    Of pairs where the system is right: `followed` (of readers who were wrong, those who became
    right: appropriate reliance), `ignored` (those who did not: under-reliance), `left_right` (of
    readers who were right, those who became wrong). Where it is wrong: `resisted` (of readers who
    were right, those who stayed right: appropriate self-reliance), `misled` (those who became
    wrong: over-reliance; to the system's own answer in `n_to_system`), `corrected` (of readers who
    were wrong, those who became right).
    """
    before_right = [pair for pair in pairs if pair.was_right]
    before_wrong = [pair for pair in pairs if not pair.was_right]

    def became_right(p: Pair) -> bool:
        return p.is_right

    def became_wrong(p: Pair) -> bool:
        return not p.is_right

    if is_right:
        return {
            "n": len(pairs),
            "followed": _share(before_wrong, became_right, NO_SUCH),
            "ignored": _share(before_wrong, became_wrong, NO_SUCH),
            "left_right": _share(before_right, became_wrong, NO_SUCH),
        }
    return {
        "n": len(pairs),
        "resisted": _share(before_right, became_right, NO_SUCH),
        "misled": _share(before_right, became_wrong, NO_SUCH),
        "corrected": _share(before_wrong, became_right, NO_SUCH),
        "n_to_system": sum(p.after == p.system for p in before_right),
    }


def _share(pairs: Sequence[Pair], is_hit: Callable[[Pair], bool], none: str) -> dict[str, Any]:
    """Return the share of some pairs."""
    return share([is_hit(pair) for pair in pairs], [pair.film for pair in pairs], none)
