"""What an audit is asked to do, and with what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cxr_core.audit.overlap import FingerprintIndex
from cxr_core.audit.systems_reader import SystemsReader
from cxr_core.evaluate.resample import N_RESAMPLES
from cxr_core.lungs import LungSegmenter

N_PROBED: Final = 60
"""Films that are put to the probes unless told otherwise."""

OnStage = Callable[[str, int, int], bool | None]
"""Called with words, steps done and steps in all; returning `False`, or raising, ends the audit."""


@dataclass(frozen=True)
class External:
    """Films that are judged apart and never learnt from.

    Attributes:
        folder: One folder a class, not all of them needed.
        title: Words for them, for example `adults without COVID-19`.
    """

    folder: Path
    title: str


@dataclass(frozen=True)
class AuditSettings:
    """How thorough an audit is.

    Attributes:
        n_read: Judged films that the systems read at most, drawn by chance; all if `None`.
        n_probed: Of these, films that are put to the probes.
        n_resamples: Resamples of patients.
        seed: Seed of draws, folds and trees.
        names: Name files in the result; what is published names none.
    """

    n_read: int | None = None
    n_probed: int = N_PROBED
    n_resamples: int = N_RESAMPLES
    seed: int = 0
    names: bool = False


@dataclass(frozen=True, eq=False)
class Tools:
    """What an audit works with; what is missing leaves its part out.

    Attributes:
        reader: The systems.
        lungs: Finds the lungs.
        index: Fingerprints of the films that the systems were made from.
    """

    reader: SystemsReader | None = None
    lungs: LungSegmenter | None = None
    index: FingerprintIndex | None = None
