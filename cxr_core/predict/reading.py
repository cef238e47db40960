"""What is known of one film: values only, from the scores of one system to a whole reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from cxr_core.array import Float32Array, Float64Array
from cxr_core.heads import HeadSetState, softmax
from cxr_core.lungs import LungMask
from cxr_core.radiograph import Radiograph


@dataclass(frozen=True, eq=False)
class SystemReading:
    """What one system says of one film.

    Attributes:
        name: System name.
        logits: Shape (k,), float64, in class order.
        probs: Shape (k,), float64, summing to 1; calibrated where `temperature` is given.
        label: Class of the highest probability, which calibration does not change.
        temperature: What the logits are divided by before the softmax; `None` for 1, uncalibrated.
    """

    name: str
    logits: Float64Array
    probs: Float64Array
    label: str
    temperature: float | None = None

    @property
    def raw_probs(self) -> Float64Array:
        """Probabilities before calibration, shape (k,), float64."""
        return np.asarray(softmax(self.logits), np.float64)

    def uncalibrated(self) -> SystemReading:
        """Return the same reading with the probabilities before calibration."""
        return replace(self, probs=self.raw_probs, temperature=None)


@dataclass(frozen=True)
class Trust:
    """Reasons to believe a reading or not; what was not measured says so instead of passing.

    Attributes:
        ood_score: Distance from the training films, or `None` where the gate was not run.
        ood_threshold: Distance from which a film is refused, or `None`.
        ood_verdict: `passed`, `refused` or `not_run`.
        agreement: Share of the systems that name the commonest label; `None` under two systems.
        prediction_set: Classes that cannot be excluded, by the lead system; `None` where no set was
            calibrated. May be empty: no class is like the calibration films.
        set_level: Share of films whose class the set is made to hold, or `None`.
        lung_share: System to the share of its positive map inside the lungs, for the class it names
            by the default method; empty if not measured, or no plausible lungs were found. Systems
            whose map has no positive mass are left out. Never a localisation.
    """

    ood_score: float | None = None
    ood_threshold: float | None = None
    ood_verdict: str = "not_run"
    agreement: float | None = None
    prediction_set: tuple[str, ...] | None = None
    set_level: float | None = None
    lung_share: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, eq=False)
class Answer:
    """What the systems say of one prepared film, and what later questions need.

    Attributes:
        systems: System name to its reading, in display order.
        features: Member name to feature map (h, w, c), float32, read-only.
        state: The heads' forward pass.
        trust: Reasons to believe it or not.
        timing_ms: Milliseconds by part: `engine`, `trust`.
    """

    systems: Mapping[str, SystemReading]
    features: Mapping[str, Float32Array]
    state: HeadSetState
    trust: Trust
    timing_ms: Mapping[str, float]

    @property
    def status(self) -> str:
        """`ok`, or `refused` where the film is unlike the training films."""
        return "refused" if self.trust.ood_verdict == "refused" else "ok"


@dataclass(frozen=True, eq=False)
class Reading:
    """All that is known of one film; later questions are answered from it without a network.

    Attributes:
        radiograph: The film.
        systems: System name to its reading, in display order.
        features: Member name to feature map (h, w, c), float32, read-only.
        state: The heads' forward pass.
        trust: Reasons to believe it or not.
        timing_ms: Milliseconds by part: `preprocess`, `engine`, `trust`, `total`, and `lungs` where
            looked for.
        status: `ok`, or `refused` where the film is unlike the training films.
        lungs: The lungs of the film, or `None` where nobody looked for them.
    """

    radiograph: Radiograph
    systems: Mapping[str, SystemReading]
    features: Mapping[str, Float32Array]
    state: HeadSetState
    trust: Trust
    timing_ms: Mapping[str, float]
    status: str = "ok"
    lungs: LungMask | None = None

    def uncalibrated(self) -> Reading:
        """Return the same reading with every system's probabilities before calibration."""
        systems = {name: system.uncalibrated() for name, system in self.systems.items()}
        return replace(self, systems=MappingProxyType(systems))
