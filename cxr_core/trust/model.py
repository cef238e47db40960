"""All that tells when to believe the readings of one variant, as it is stored in a bundle.

`trust.json` holds temperatures, thresholds of prediction sets and the gate's settings with the
films they were fitted to; `trust.safetensors` holds the gate's arrays. Both say which networks and
heads they belong to, and are refused with any others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import Float32Array, Float64Array, FloatArray
from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.heads import softmax
from cxr_core.labels import CLASSES
from cxr_core.trust.calibration import Temperature
from cxr_core.trust.conformal import ConformalModel
from cxr_core.trust.gate import Gate, Judgement

SCHEMA: Final = "cxr-trust/1"
LEAD: Final = ("ensemble_dense", "ensemble_probs")
"""Systems that speak for all of them where one answer is asked for, the first one present."""
SET_LEVEL: Final = 0.9
"""Share of films whose class the prediction set of a reading is made to hold."""


@dataclass(frozen=True, eq=False)
class TrustModel:
    """Calibration, prediction sets and gate of one variant.

    Attributes:
        calibration: System name to its temperature; systems that could not be calibrated are
            absent.
        conformal: System name to its thresholds, for probabilities before calibration.
        gate: The refusal gate, or `None` where there is none.
        about: What it was fitted to, in words and counts: JSON-ready.
    """

    calibration: Mapping[str, Temperature]
    conformal: Mapping[str, ConformalModel]
    gate: Gate | None
    about: Mapping[str, Any] = field(default_factory=dict)

    def probs(self, system: str, logits: Float64Array) -> Float64Array:
        """Return calibrated probabilities, or the softmax where the system has no temperature.

        Args:
            system: System name.
            logits: Shape (..., 3).

        Returns:
            The same shape, float64.
        """
        temperature = self.calibration.get(system)
        if temperature is None:
            return np.asarray(softmax(np.asarray(logits, np.float64)), np.float64)
        return temperature.apply(logits)

    @property
    def set_level(self) -> float:
        """Share of films whose class a prediction set is made to hold."""
        return SET_LEVEL

    @staticmethod
    def lead(systems: tuple[str, ...]) -> str:
        """Return the system whose prediction set and class stand for the reading.

        Args:
            systems: Names of the systems, members first.

        Returns:
            The ensemble of dense layers, else the other ensemble, else the last system.
        """
        return next((name for name in LEAD if name in systems), systems[-1])

    def prediction_set(
        self, system: str, probs: Float64Array, level: float = SET_LEVEL
    ) -> tuple[str, ...] | None:
        """Return the classes that cannot be excluded for one film.

        Args:
            system: System name.
            probs: Its probabilities before calibration, shape (3,).
            level: One of the levels that were calibrated.

        Returns:
            Class names in class order, or `None` where the system has no thresholds.
        """
        if system not in self.conformal:
            return None
        held = self.conformal[system].sets(probs[None], level)[0]
        return tuple(name for name, is_held in zip(CLASSES, held, strict=True) if is_held)

    def judge(
        self,
        pooled: Mapping[str, Float32Array],
        hidden: Mapping[str, FloatArray],
        logits: Mapping[str, Float64Array],
        layout: Float32Array | None = None,
    ) -> Judgement:
        """Let the gate judge one film.

        Args:
            pooled: Member name to the mean of its feature map, shape (c,).
            hidden: Member name to its last hidden layer, shape (d,).
            logits: System name to shape (3,).
            layout: From `cxr_core.trust.film_layout`; a gate that does not look at it needs
                none.

        Returns:
            Score, threshold and verdict.

        Raises:
            NotApplicableError: If there is no gate, or a feature is not finite.
        """
        if self.gate is None:
            msg = "`gate` must be fitted. Received: a trust model without one"
            raise NotApplicableError(msg)
        return self.gate.judge(pooled, hidden, logits, layout)

    def to_parts(self, fitted_to: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what is stored.

        Args:
            fitted_to: `Bundle.fingerprint` of the variant.

        Returns:
            JSON-ready values, and arrays by name.
        """
        content = {
            "schema": SCHEMA,
            "fitted_to": dict(fitted_to),
            "about": dict(self.about),
            "calibration": {name: found.to_dict() for name, found in self.calibration.items()},
            "conformal": {name: found.to_dict() for name, found in self.conformal.items()},
            "gate": None if self.gate is None else self.gate.to_dict(),
        }
        # safetensors writes the memory of an array, whatever its strides say
        arrays = {} if self.gate is None else self.gate.arrays()
        return content, {name: np.ascontiguousarray(array) for name, array in arrays.items()}

    @classmethod
    def from_parts(
        cls,
        content: Mapping[str, Any],
        arrays: Mapping[str, npt.NDArray[Any]],
        *,
        fitted_to: Mapping[str, str],
    ) -> TrustModel:
        """Build the model from what is stored.

        Args:
            content: JSON object.
            arrays: Arrays by name.
            fitted_to: `Bundle.fingerprint` of the variant that it is to judge.

        Returns:
            The model.

        Raises:
            SpecMismatchError: If it was fitted to other networks or heads, or lacks a field.
        """
        try:
            if content["schema"] != SCHEMA:
                msg = f"`schema` of the trust model must be {SCHEMA}. Received: {content['schema']}"
                raise SpecMismatchError(msg)
            if dict(content["fitted_to"]) != dict(fitted_to):
                known = content["fitted_to"]
                stale = sorted(p for p in fitted_to if known.get(p) != fitted_to[p])
                msg = (
                    "Calibration and thresholds must be fitted to the models they judge. "
                    f"Received: others for {', '.join(stale) or 'files that are gone'}"
                )
                hint = "Fit them again with `python -m train evidence`."
                raise SpecMismatchError(msg, hint=hint)
            gate = content["gate"]
            return cls(
                {n: Temperature.from_dict(found) for n, found in content["calibration"].items()},
                {n: ConformalModel.from_dict(found) for n, found in content["conformal"].items()},
                None if gate is None else Gate.from_arrays(arrays, gate),
                dict(content["about"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as err:
            msg = f"The trust model must have every field of {SCHEMA}. Received: {err!r}"
            raise SpecMismatchError(msg) from err
