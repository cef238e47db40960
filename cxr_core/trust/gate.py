"""The refusal gate: is a film like the chest films that the models were fitted to at all.

The score is a distance from those films in what the forward pass computes anyway, and, where the
gate was fitted with it, in the coarse layout of the film. It cannot see what all training films
have in common with a film: one that passes may still be read by its source, and be read wrongly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.labels import CLASSES, N_CLASSES
from cxr_core.trust.gate_limit import Limit, tolerance_limit
from cxr_core.trust.space import FeatureSpace, fit_space

if TYPE_CHECKING:
    from cxr_core.evaluate.reads import Reads

SCHEMA: Final = "cxr-gate-model/1"
PASSED: Final = "passed"
REFUSED: Final = "refused"
NOT_RUN: Final = "not_run"
LAYOUT: Final = "layout"
LEFT_OUT: Final = ("efficientnetb7",)
"""Members that the gate does without if it has others: measured with `benchmarks.gate`, distances
in the published EfficientNetB7's features add more noise than they tell."""

SHARE: Final = 0.03
"""Share of films like the unseen ones that limits let be refused at most, 95 % surely."""

N_LAYOUT_AXES: Final = 8
_LEAD: Final = "ensemble_dense"

Arrays = Mapping[str, npt.NDArray[Any]]


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

    score: npt.NDArray[np.float64]
    limit: npt.NDArray[np.float64]
    called: npt.NDArray[np.int64]

    @property
    def is_refused(self) -> npt.NDArray[np.bool_]:
        """Whether each film is refused, shape (n,)."""
        return np.asarray(self.score > self.limit)

    @property
    def ratio(self) -> npt.NDArray[np.float64]:
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
        logits_of_lead = _rows(logits, self.lead, N_CLASSES)
        if not np.isfinite(logits_of_lead).all():
            msg = f"`logits` must be finite. Received: {self.lead} with values that are not"
            raise NotApplicableError(msg, hint="Do not use the scores of this film.")
        called = logits_of_lead.argmax(axis=1)
        sources = _sources(pooled, hidden, layout)
        distances = [
            space.distance(_rows(sources, key, space.n_features))
            for key, space in self.spaces.items()
        ]
        score = np.exp(np.mean(np.log(_equal_length(distances)), axis=0))
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


def fit_gate(
    reference: Reads,
    unseen: Reads,
    *,
    lead: str | None = None,
    spaces: Sequence[str] | None = None,
    layouts: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None,
    share: float = SHARE,
) -> Gate:
    """Fit the gate of one variant.

    Args:
        reference: Films that the models were fitted to, with features; distances are from these.
        unseen: Films that no network and no head saw; limits come from these alone, since films
            that were seen lie nearer.
        lead: System whose class chooses the limit; `None` for the ensemble of dense layers, or the
            last system where there is none.
        spaces: `pooled/MEMBER` or `hidden/MEMBER`; `None` for the pooled features of all members
            but `LEFT_OUT`.
        layouts: Layout of the reference films and of the unseen ones, each (n, 36); `None` for a
            gate that looks at features alone.
        share: Largest share of films like the unseen ones that may be refused, in (0, 1).

    Returns:
        The gate. A class that fewer than `cxr_core.trust.gate_limit.MIN_FILMS` unseen films are
        called has no limit: such films are then neither passed nor refused.

    Raises:
        NotApplicableError: If there are no features, fewer than two reference films, or values
            that are not finite.
        SpecMismatchError: If reference and unseen films do not fit each other.
    """
    keys = list(spaces or _default_spaces(reference))
    if not keys:
        msg = "`reference` must have pooled features. Received: reads with logits alone"
        raise NotApplicableError(msg, hint="Fit the gate to reads made from the networks.")
    sources = _sources(reference.pooled, reference.hidden, None)
    fitted = {key: fit_space(_rows(sources, key), reference.y_true) for key in keys}
    if layouts is not None:
        fitted[LAYOUT] = fit_space(
            layouts[0], reference.y_true, transform_name="none", n_axes=N_LAYOUT_AXES
        )
    chosen = lead or (_LEAD if _LEAD in reference.logits else reference.systems[-1])
    none_yet = {name: Limit(None, 0, "not set") for name in CLASSES}
    found = Gate(fitted, none_yet, chosen, len(reference)).of_reads(
        unseen, None if layouts is None else layouts[1]
    )
    limits = {
        name: tolerance_limit(found.score[found.called == k], share)
        for k, name in enumerate(CLASSES)
    }
    return Gate(fitted, limits, chosen, len(reference))


def _default_spaces(reads: Reads) -> list[str]:
    """Return the pooled features of the members that tell most."""
    names = [name for name in reads.pooled if name not in LEFT_OUT] or list(reads.pooled)
    return [f"pooled/{name}" for name in names]


def _sources(
    pooled: Arrays, hidden: Arrays, layout: npt.NDArray[Any] | None
) -> dict[str, npt.NDArray[Any]]:
    """Put everything a space may be fitted to under its key."""
    found = {f"pooled/{name}": array for name, array in pooled.items()}
    found |= {f"hidden/{name}": array for name, array in hidden.items()}
    return found if layout is None else {**found, LAYOUT: layout}


def _rows(arrays: Arrays, key: str, width: int | None = None) -> npt.NDArray[Any]:
    """Return one array as rows, or refuse one that is missing or of another width."""
    if key not in arrays:
        msg = f"The gate needs {key}. Received: {', '.join(arrays) or 'nothing'}"
        raise SpecMismatchError(msg)
    rows = np.atleast_2d(np.asarray(arrays[key]))
    if rows.ndim != 2 or (width is not None and rows.shape[1] != width):
        msg = f"{key} must have shape (n, {width or 'c'}). Received: {np.shape(arrays[key])}"
        raise SpecMismatchError(msg)
    return rows


def _equal_length(
    distances: Sequence[npt.NDArray[np.float64]],
) -> npt.NDArray[np.float64]:
    """Stack distances of the same films."""
    lengths = {len(found) for found in distances}
    if len(lengths) != 1:
        msg = f"All features must be of the same films. Received: {sorted(lengths)} rows"
        raise SpecMismatchError(msg)
    return np.stack(distances)


def _is_of(name: str, key: str) -> bool:
    """Whether an array is one of a space."""
    return name.startswith(f"gate/{key}/") and name.count("/") == key.count("/") + 2
