"""From logits to what is said of a film: calibrated scores, and reasons to believe them or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cxr_core.array import Float32Array, FloatArray
from cxr_core.heads import HeadSetState, softmax
from cxr_core.labels import CLASSES
from cxr_core.predict.reading import SystemReading, Trust

if TYPE_CHECKING:
    from cxr_core.trust.model import TrustModel


def read_system(name: str, raw_logits: FloatArray, model: TrustModel | None) -> SystemReading:
    """Turn logits into probabilities in float64, so that they sum to 1 on paper too.

    Args:
        name: System name.
        raw_logits: Shape (k,), of any precision.
        model: Calibrates them; `None` leaves them as trained.

    Returns:
        What the system says.
    """
    logits = np.asarray(raw_logits, np.float64)
    probs = np.asarray(softmax(logits), np.float64)
    label = CLASSES[int(probs.argmax())]
    if model is None or name not in model.calibration:
        return SystemReading(name, logits, probs, label)
    temperature = model.calibration[name].value
    return SystemReading(name, logits, model.probs(name, logits), label, temperature)


def judge_film(
    systems: Mapping[str, SystemReading],
    features: Mapping[str, Float32Array],
    state: HeadSetState,
    layout: Float32Array,
    model: TrustModel | None,
) -> Trust:
    """Put together what is known of believing a reading.

    Args:
        systems: System name to its reading.
        features: Member name to feature map (h, w, c).
        state: The heads' forward pass.
        layout: The film's coarse layout, see `cxr_core.trust.film_layout`.
        model: Prediction sets and gate; `None` where the variant has none.

    Returns:
        The reasons; `lung_share` is left empty.
    """
    trust = Trust(agreement=_agreement(systems))
    if model is None:
        return trust
    lead = systems[model.lead(tuple(systems))]
    found = model.prediction_set(lead.name, lead.raw_probs)
    if found is not None:
        trust = replace(trust, prediction_set=found, set_level=model.set_level)
    if model.gate is not None:
        judged = model.judge(
            {name: array.mean(axis=(0, 1)) for name, array in features.items()},
            {name: member.hidden for name, member in state.members.items()},
            {name: system.logits for name, system in systems.items()},
            layout,
        )
        trust = replace(
            trust,
            ood_score=judged.score,
            ood_threshold=judged.threshold,
            ood_verdict=judged.verdict,
        )
    return trust


def _agreement(systems: Mapping[str, SystemReading]) -> float | None:
    """Return the share of the systems that name the commonest label."""
    if len(systems) < 2:
        return None
    counts = Counter(system.label for system in systems.values())
    return max(counts.values()) / len(systems)
