"""Systems side by side: who says what, how far they are apart, and how the ensembles add up."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cxr_core.array import Float64Array, FloatArray
from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.explain.cam import Cam
from cxr_core.heads import HeadSet, HeadSetState
from cxr_core.labels import CLASSES, ENSEMBLES

_PROBS, _DENSE = ENSEMBLES


@dataclass(frozen=True)
class Disagreement:
    """The two systems that are farthest apart on one film.

    Attributes:
        first: System name.
        second: System name.
        distance: Total variation distance of their probabilities, in [0, 1]: the largest amount of
            probability that one of them gives to a set of classes and the other does not.
        class_name: Class on which they differ most.
    """

    first: str
    second: str
    distance: float
    class_name: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """What the systems say of one film, side by side; their agreement is in the reading's trust.

    Attributes:
        labels: System name to its top class.
        margins: System name to its largest probability minus its second largest, in [0, 1].
        entropies: System name to the entropy of its probabilities in bits, in [0, log2 k].
        mean: Plain mean of the members' probabilities, shape (k,).
        mean_entropy: Entropy of `mean` in bits.
        disagreement: The pair farthest apart; `None` with one system.
    """

    labels: Mapping[str, str]
    margins: Mapping[str, float]
    entropies: Mapping[str, float]
    mean: Float64Array
    mean_entropy: float
    disagreement: Disagreement | None


def compare(probs: Mapping[str, FloatArray]) -> Comparison:
    """Compare what systems say of one film.

    Args:
        probs: System name to its probabilities, each of shape (k,).

    Returns:
        The comparison.

    Raises:
        ValueError: If there is no system.
    """
    if not probs:
        msg = "`probs` must name at least one system. Received: none"
        raise ValueError(msg)
    exact = {name: np.asarray(values, np.float64) for name, values in probs.items()}
    names = [name for name in exact if name not in ENSEMBLES]
    mean = np.mean([exact[name] for name in names], axis=0)
    return Comparison(
        labels={name: CLASSES[int(values.argmax())] for name, values in exact.items()},
        margins={name: margin(values) for name, values in exact.items()},
        entropies={name: entropy(values) for name, values in exact.items()},
        mean=mean,
        mean_entropy=entropy(mean),
        disagreement=_disagreement(exact),
    )


def entropy(probs: FloatArray) -> float:
    """Return Shannon's entropy.

    Args:
        probs: Shape (k,), at least 0, summing to 1.

    Returns:
        Bits, in [0, log2 k]; 0 log 0 counts as 0.
    """
    positive = np.asarray(probs, np.float64)
    positive = positive[positive > 0]
    return abs(float(-(positive * np.log2(positive)).sum()))


def margin(probs: FloatArray) -> float:
    """Return the largest probability minus the second largest.

    Args:
        probs: Shape (k,), k at least 2.

    Returns:
        A value in [0, 1].
    """
    second, first = np.sort(np.asarray(probs, np.float64))[-2:]
    return float(first - second)


@dataclass(frozen=True, eq=False)
class EnsembleParts:
    """An ensemble's logits, taken apart exactly for one film.

    Attributes:
        system: The ensemble.
        names: What each row stands for: (member, class of its probability) for
            `ensemble_probs`, (member, `None`) for `ensemble_dense`.
        inputs: Probability of each row, shape (rows,); for `ensemble_dense` how many of the
            member's hidden values are above 0.
        weights: Shape (rows, k): the trained matrix; `None` for `ensemble_dense`, whose rows stand
            for 64 weights each.
        parts: Shape (rows, k): what each row adds to each logit.
        bias: Shape (k,).
        logits: Shape (k,): the sum of `parts` and `bias`.
    """

    system: str
    names: tuple[tuple[str, str | None], ...]
    inputs: Float64Array
    weights: Float64Array | None
    parts: Float64Array
    bias: Float64Array
    logits: Float64Array

    def by_member(self) -> dict[str, Float64Array]:
        """Return member name to what it adds to each logit, shape (k,)."""
        sums: dict[str, Float64Array] = {}
        for (member, _), part in zip(self.names, self.parts, strict=True):
            sums[member] = sums.get(member, np.zeros(len(part))) + part
        return sums


def ensemble_parts(heads: HeadSet, state: HeadSetState, system: str) -> EnsembleParts:
    """Take an ensemble's logits apart by what it reads of each member.

    Args:
        heads: The heads that made `state`.
        state: One film's forward pass.
        system: `ensemble_probs` or `ensemble_dense`.

    Returns:
        Parts that add up to the logits, float64.

    Raises:
        NotApplicableError: If the heads have no such ensemble.
    """
    if system not in heads.ensembles:
        have = tuple(heads.ensembles) or "none"
        msg = f"`system` must be an ensemble of this variant, {have}. Received: system={system!r}"
        raise NotApplicableError(msg, hint="Choose a variant that has this ensemble.")
    kernel = heads.ensembles[system].kernel.astype(np.float64)
    bias = heads.ensembles[system].bias.astype(np.float64)
    names: list[tuple[str, str | None]] = []
    values: list[float] = []
    parts: list[Float64Array] = []
    start = 0
    for member in heads.members:
        said = state.members[member]
        read = np.asarray(said.probs if system == _PROBS else said.hidden, np.float64)
        products = read[:, np.newaxis] * kernel[start : start + len(read)]
        start += len(read)
        if system == _DENSE:
            names.append((member, None))
            values.append(float((read > 0).sum()))
            parts.append(products.sum(axis=0))
        else:
            names += [(member, name) for name in CLASSES]
            values += read.tolist()
            parts += list(products)
    stacked = np.stack(parts)
    return EnsembleParts(
        system,
        tuple(names),
        np.array(values),
        kernel if system == _PROBS else None,
        stacked,
        bias,
        stacked.sum(axis=0) + bias,
    )


def difference_map(first: Cam, second: Cam) -> Float64Array:
    """Subtract one map from another after each was divided by its own largest absolute value.

    Maps of different systems have no common unit, so this tells where their emphasis differs, not
    by how many logits.

    Args:
        first: A map of shape (h, w).
        second: A map of the same shape.

    Returns:
        Shape (h, w) in [-2, 2]: above 0 where the first map weighs more. A map of zeros stays so.

    Raises:
        SpecMismatchError: If the shapes differ.
    """
    if first.grid.shape != second.grid.shape:
        msg = (
            f"`second` must be a map of {first.grid.shape[0]} by {first.grid.shape[1]} cells. "
            f"Received: {second.grid.shape[0]} by {second.grid.shape[1]}"
        )
        raise SpecMismatchError(msg, hint="Compare systems whose networks see the same grid.")
    return _scaled(first) - _scaled(second)


def _scaled(cam: Cam) -> Float64Array:
    """Divide a map by its largest absolute value."""
    grid = np.asarray(cam.grid, np.float64)
    largest = np.abs(grid).max()
    return grid / largest if largest > 0 else grid


def _disagreement(probs: Mapping[str, Float64Array]) -> Disagreement | None:
    """Find the pair of systems with the largest total variation distance."""
    found = None
    for first, second in itertools.combinations(probs, 2):
        gaps = np.abs(probs[first] - probs[second])
        distance = float(gaps.sum() / 2)
        if found is None or distance > found.distance:
            found = Disagreement(first, second, distance, CLASSES[int(gaps.argmax())])
    return found
