"""What a reader study asks: which films, in which order, alone or beside what the systems say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final

from cxr_core.errors import StudyError
from cxr_core.labels import CLASS_TITLES, CLASSES

CANNOT_SAY: Final = "CANNOT_SAY"
CHOICES: Final[tuple[str, ...]] = (*CLASSES, CANNOT_SAY)
"""What a reader may answer, in the order of the columns of every table."""

CHOICE_TITLES: Final = MappingProxyType({**CLASS_TITLES, CANNOT_SAY: "Cannot say"})
"""Choice to the words shown to a person."""

CONFIDENCES: Final = MappingProxyType(
    {1: "A guess", 2: "Unsure", 3: "Fairly sure", 4: "Sure", 5: "Certain"}
)
"""Confidence to its words; it is not asked of a reader who cannot say."""

ALONE: Final = "alone"
AIDED: Final = "aided"
CONDITIONS: Final = (ALONE, AIDED)
"""The film alone, or beside what a system says of it."""

ARM_ALONE: Final = "alone"
ARM_SEQUENTIAL: Final = "sequential"
ARM_CROSSOVER: Final = "crossover"
ARMS: Final = (ARM_ALONE, ARM_SEQUENTIAL, ARM_CROSSOVER)
"""Each film alone; alone and at once again aided; or in two sessions, aided in one of them."""

MAX_SEED: Final = 2**32 - 1
MAX_WASHOUT_DAYS: Final = 366
_CODE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,19}")


@dataclass(frozen=True)
class Aid:
    """What a reader sees beside a film in the condition `aided`.

    Attributes:
        system: System whose probabilities are shown.
        has_heatmap: Whether its heatmap for the class it names lies on the film.
        has_trust_notes: Whether gate, prediction set and agreement are told as well.
    """

    system: str
    has_heatmap: bool = False
    has_trust_notes: bool = False


@dataclass(frozen=True)
class Design:
    """How a study is run.

    Attributes:
        arm: One of `ARMS`.
        seed: Of the order of the films and, in a cross-over, of which half is aided first.
        aid: What is shown in the condition `aided`; `None` where that never comes.
        is_own_order: Whether each reader has an order of their own, drawn from seed and code.
        can_go_back: Whether a film that was answered may be answered again; every answer is kept.
        washout_days: In a cross-over, days between the last answer of the first session and the
            second session.

    Raises:
        StudyError: If the parts do not fit each other.
    """

    arm: str
    seed: int
    aid: Aid | None = None
    is_own_order: bool = True
    can_go_back: bool = False
    washout_days: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if self.arm not in ARMS:
            msg = f"`arm` must be one of {ARMS}. Received: arm={self.arm!r}"
            raise StudyError(msg)
        if (self.aid is None) != (self.arm == ARM_ALONE):
            msg = f"`aid` must be given unless films are read alone. Received: arm={self.arm!r}"
            raise StudyError(msg)
        if not 0 <= self.seed <= MAX_SEED:
            msg = f"`seed` must be in [0, {MAX_SEED}]. Received: seed={self.seed}"
            raise StudyError(msg)
        if not 0 <= self.washout_days <= MAX_WASHOUT_DAYS:
            msg = (
                f"`washout_days` must be in [0, {MAX_WASHOUT_DAYS}]. "
                f"Received: washout_days={self.washout_days}"
            )
            raise StudyError(msg)
        if self.washout_days and self.arm != ARM_CROSSOVER:
            msg = f"`washout_days` must be 0 in one session. Received: arm={self.arm!r}"
            raise StudyError(msg)

    @property
    def n_sessions(self) -> int:
        """How often each film comes up on different occasions."""
        return 2 if self.arm == ARM_CROSSOVER else 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready fields."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Design:
        """Return the design of a manifest.

        Args:
            fields: As from `to_dict`.

        Raises:
            StudyError: If a field is missing, unknown or of the wrong type.
        """
        kinds = {
            "arm": str,
            "seed": int,
            "aid": dict,
            "is_own_order": bool,
            "can_go_back": bool,
            "washout_days": int,
        }
        given = dict(fields)
        aid = given.get("aid")
        is_typed = set(given) == set(kinds) and all(
            type(value) is kinds[name] or (name == "aid" and value is None)
            for name, value in given.items()
        )
        aid_kinds = {"system": str, "has_heatmap": bool, "has_trust_notes": bool}
        if is_typed and aid is not None:
            is_typed = {name: type(value) for name, value in aid.items()} == aid_kinds
        if not is_typed:
            msg = f"`design` must have the fields {sorted(kinds)}. Received: {sorted(given)}"
            raise StudyError(msg)
        return cls(**{**given, "aid": None if aid is None else Aid(**aid)})


def reader_code(typed: str) -> str:
    """Return a reader's code in the form that everything is kept under.

    Args:
        typed: What the reader typed.

    Returns:
        Lower case, without spaces around it.

    Raises:
        StudyError: If it is no code.
    """
    code = typed.strip().lower()
    if not _CODE.fullmatch(code):
        msg = (
            "`code` must have 1 to 20 letters from a to z, digits, hyphens or underscores, a "
            f"letter or digit first. Received: {len(code)} characters"
        )
        raise StudyError(msg, hint="Type a code, for example r1; never a name.")
    return code
