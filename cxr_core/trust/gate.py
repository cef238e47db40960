"""The refusal gate: is a film like the chest films that the models were fitted to at all.

The score is a distance from those films in what the forward pass computes anyway, and, where the
gate was fitted with it, in the coarse layout of the film. It cannot see what all training films
have in common with a film: one that passes may still be read by its source, and be read wrongly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import BoolArray, Float64Array, IntArray
from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.labels import CLASSES, N_CLASSES
from cxr_core.trust.gate_input import LAYOUT, Arrays, as_rows, by_key, stack_equal
from cxr_core.trust.gate_limit import Limit
from cxr_core.trust.space import FeatureSpace

if TYPE_CHECKING:
    from cxr_core.evaluate.reads import Reads

SCHEMA: Final = "cxr-gate-model/1"
PASSED: Final = "passed"
REFUSED: Final = "refused"
NOT_RUN: Final = "not_run"


@dataclass(frozen=True)
class Judgement:
    """What the gate says of one film.

    Attributes:
        score: Distance from the reference films, above 0.
        threshold: Limit of the class that the film is called, or `None` where that class has none.
        verdict: `passed`, `refused`, or `not_run` where there is no limit.
    """

    score: float
    threshold: float | None
    verdict: str


@dataclass(frozen=True, eq=False)
class GateScores:
    """What the gate says of n films.

    Attributes:
        score: Distances, shape (n,), above 0.
        limit: Limit of the class that each film is called, shape (n,); not a number where that
            class has none.
        called: Class index that the lead system names, shape (n,).
    """

    score: Float64Array
    limit: Float64Array
    called: IntArray

    @property
    def is_refused(self) -> BoolArray:
        """Whether each film is refused, shape (n,)."""
        return np.asarray(self.score > self.limit)

    @property
    def ratio(self) -> Float64Array:
        """Score over limit, shape (n,): above 1 is refused, whatever the class."""
        return np.asarray(self.score / self.limit)

    @property
    def verdicts(self) -> tuple[str, ...]:
        """Verdict on each film."""
        return tuple(self.judgement(i).verdict for i in range(len(self.score)))

    def judgement(self, row: int) -> Judgement:
        """Return what is said of one film.

        Args:
            row: Its index.

        Returns:
            Score, threshold and verdict.
        """
        score, limit = float(self.score[row]), float(self.limit[row])
        if np.isnan(limit):
            return Judgement(score, None, NOT_RUN)
        return Judgement(score, limit, REFUSED if score > limit else PASSED)


@dataclass(frozen=True, eq=False)
class Gate:
    """The gate of one variant.

    Attributes:
        spaces: Key to space: `pooled/MEMBER`, `hidden/MEMBER` or `layout`.
        limits: Class name to limit, for films that the lead system calls so.
        lead: System whose class chooses the limit.
        n_reference: Films that distances are from.
    """

    spaces: Mapping[str, FeatureSpace]
    limits: Mapping[str, Limit]
    lead: str
    n_reference: int

    @property
    def needs_layout(self) -> bool:
        """Whether films must come with their layout."""
        return LAYOUT in self.spaces

    def score(
        self,
        pooled: Arrays,
        hidden: Arrays,
        logits: Arrays,
        layout: npt.NDArray[Any] | None = None,
    ) -> GateScores:
        """Judge n films at once, or one.

        Args:
            pooled: Member name to the mean of its feature map, shape (n, c) or (c,). Members that
                the gate does not use are not looked at.
            hidden: Member name to its last hidden layer, shape (n, d) or (d,); not looked at unless
                the gate was fitted with it.
            logits: System name to shape (n, 3) or (3,); the lead system must be there.
            layout: From `cxr_core.trust.film_layout`, shape (n, 36) or (36,); not looked at
                unless the gate was fitted with it.

        Returns:
            Scores and limits. A score is the geometric mean over the spaces of the distance to the
            nearest class in each.

        Raises:
            SpecMismatchError: If something is missing or has another shape.
            NotApplicableError: If a value is not finite.
        """
        logits_of_lead = as_rows(logits, self.lead, N_CLASSES)
        if not np.isfinite(logits_of_lead).all():
            msg = f"`logits` must be finite. Received: {self.lead} with values that are not"
            raise NotApplicableError(msg, hint="Do not use the scores of this film.")
        called = logits_of_lead.argmax(axis=1)
        sources = by_key(pooled, hidden, layout)
        distances = [
            space.distance(as_rows(sources, key, space.n_features))
            for key, space in self.spaces.items()
        ]
        score = np.exp(np.mean(np.log(stack_equal(distances)), axis=0))
        if len(score) != len(called):
            msg = f"`pooled` and `logits` must be of the same films. Received: {len(score)} rows "
            raise SpecMismatchError(f"{msg}and {len(called)}")
        values = [self.limits[name].value for name in CLASSES]
        limits = np.array([np.nan if value is None else value for value in values])
        return GateScores(score, limits[called], called)

    def judge(
        self,
        pooled: Arrays,
        hidden: Arrays,
        logits: Arrays,
        layout: npt.NDArray[Any] | None = None,
    ) -> Judgement:
        """Judge one film.

        Args:
            pooled: As for `score`, shape (c,).
            hidden: As for `score`, shape (d,).
            logits: As for `score`, shape (3,).
            layout: As for `score`, shape (36,).

        Returns:
            Score, threshold and verdict.

        Raises:
            SpecMismatchError: If something is missing or has another shape.
            NotApplicableError: If a value is not finite.
        """
        return self.score(pooled, hidden, logits, layout).judgement(0)

    def of_reads(self, reads: Reads, layout: npt.NDArray[Any] | None = None) -> GateScores:
        """Judge the films of a set.

        Args:
            reads: With pooled features.
            layout: Their layout, shape (n, 36), for a gate that needs it.

        Returns:
            Scores and limits.

        Raises:
            SpecMismatchError: As `score`.
            NotApplicableError: As `score`.
        """
        return self.score(reads.pooled, reads.hidden, reads.logits, layout)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what is stored beside `to_dict`, by name."""
        return {
            f"gate/{key}/{name}": array
            for key, space in self.spaces.items()
            for name, array in space.arrays().items()
        }

    def to_dict(self) -> dict[str, Any]:
        """Return what is no array as JSON-ready values."""
        return {
            "schema": SCHEMA,
            "lead": self.lead,
            "n_reference": self.n_reference,
            "spaces": {key: space.to_dict() for key, space in self.spaces.items()},
            "limits": {name: limit.to_dict() for name, limit in self.limits.items()},
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, meta: Mapping[str, Any]) -> Gate:
        """Build the gate from what is stored.

        Args:
            arrays: Of `arrays`; others are not looked at.
            meta: Of `to_dict`.

        Returns:
            A gate that gives the same scores bit for bit.

        Raises:
            SpecMismatchError: If it is of another schema, or a part is missing.
        """
        try:
            if meta["schema"] != SCHEMA or set(meta["limits"]) != set(CLASSES):
                msg = f"`gate` must be of schema {SCHEMA}. Received: {meta['schema']}"
                raise SpecMismatchError(msg)
            spaces = {}
            for key, found in meta["spaces"].items():
                own = {n.rsplit("/", 1)[1]: a for n, a in arrays.items() if _is_of(n, key)}
                spaces[key] = FeatureSpace.from_arrays(own, found)
            limits = {name: Limit.from_dict(meta["limits"][name]) for name in CLASSES}
            return cls(spaces, limits, str(meta["lead"]), int(meta["n_reference"]))
        except (KeyError, TypeError, ValueError, AttributeError) as err:
            msg = f"`gate` must have every field of {SCHEMA}. Received: {err!r}"
            raise SpecMismatchError(msg) from err


def _is_of(name: str, key: str) -> bool:
    """Whether an array is one of a space."""
    return name.startswith(f"gate/{key}/") and name.count("/") == key.count("/") + 2
