"""The scores that the refusal gate could be made of, compared on the half kept for choosing.

None sees a test film.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import logsumexp

from benchmarks.gate_reads import Seen
from cxr_core.array import Float32Array, Float64Array, IntArray
from cxr_core.evaluate.bootstrap import auroc
from cxr_core.evaluate.metrics import wilson
from cxr_core.labels import CLASSES, system_title
from cxr_core.trust.gate_fit import LEFT_OUT, N_LAYOUT_AXES, SHARE
from cxr_core.trust.gate_limit import tolerance_limit
from cxr_core.trust.space import FeatureSpace, fit_space

NEIGHBOURS: Final = (1, 5, 10, 50)
NEIGHBOUR: Final = "Nearest neighbour, k = "
KINDS: Final = {"pooled": "pooled features", "hidden": "64-unit layer"}

Score = Callable[[Seen], Float64Array]
"""Higher is further away; on a logarithmic scale, so that scores of members can be added."""


@dataclass(frozen=True, eq=False)
class Chest:
    """Chest films that candidates are fitted to and that their limits come from.

    Attributes:
        reference: Films that the models were fitted to.
        unseen: Films of the parts `val` and `calibration`.
        lead: System whose class chooses the limit.
    """

    reference: Seen
    unseen: Seen
    lead: str

    def called(self, seen: Seen) -> IntArray:
        """Return the class that the lead system names."""
        return np.asarray(seen.reads.logits[self.lead].argmax(axis=1))


def candidates(chest: Chest) -> Iterator[tuple[str, str, Score]]:
    """Yield every candidate.

    Args:
        chest: What to fit to.

    Yields:
        Kind of score, what of, and the score. Per member, then joined: the sum over the members,
        and the largest after each is brought to mean 0 and spread 1 on the unseen films.
    """
    members = list(chest.reference.reads.pooled)
    for kind, layer in KINDS.items():
        plain = {name: _space(chest, kind, name, "none") for name in members}
        families: dict[str, dict[str, Score]] = {
            "Mahalanobis": {m: _mahalanobis(plain[m], kind, m) for m in members},
            "Relative Mahalanobis": {m: _relative(chest, plain[m], kind, m) for m in members},
        }
        for k in NEIGHBOURS:
            families[f"{NEIGHBOUR}{k}"] = {
                m: _neighbour(chest, plain[m], kind, m, k) for m in members
            }
        if kind == "pooled":
            rooted = {name: _space(chest, kind, name, "root") for name in members}
            families["Left over"] = {m: _left(plain[m], kind, m) for m in members}
            families["Mahalanobis + left over"] = {m: _both(plain[m], kind, m) for m in members}
            families["Mahalanobis + left over, roots"] = {
                m: _both(rooted[m], kind, m) for m in members
            }
        for title, scores in families.items():
            for name, score in scores.items():
                yield f"{title}, {layer}", system_title(name), score
            if len(scores) > 1:
                yield f"{title}, {layer}", "sum", _sum(list(scores.values()))
                yield f"{title}, {layer}", "largest", _largest(chest, list(scores.values()))
    for system in chest.reference.reads.logits:
        yield "Energy", system_title(system), _energy(system)
    rooted = {m: _space(chest, "pooled", m, "root") for m in members if m not in LEFT_OUT}
    if rooted:
        chosen = [_both(space, "pooled", name) for name, space in rooted.items()]
        yield "The gate without layout", "sum without EfficientNetB7", _sum(chosen)
        layout = fit_space(
            chest.reference.layout,
            chest.reference.reads.y_true,
            transform_name="none",
            n_axes=N_LAYOUT_AXES,
        )
        chosen.append(lambda seen: np.log(layout.distance(seen.layout)))
        yield "The gate", "sum without EfficientNetB7, and layout", _sum(chosen)
        yield "Mahalanobis + left over, layout", "6 by 6 thumbnail", chosen[-1]


def compare(chest: Chest, sets: Mapping[str, tuple[str, Seen]]) -> list[dict[str, Any]]:
    """Compare all candidates on the far pictures of the choosing half.

    Args:
        chest: What to fit to.
        sets: Key to words and what was seen of a far set.

    Returns:
        JSON-ready rows: `kind`, `title`, `auroc` of far pictures against unseen chest films by how
        many spreads of its class each is beyond the limit of the class that it is called, `lowest`
        set, share `refused` with its interval, and unseen films refused by class; the best AUROC
        first. Of the numbers of neighbours, the best for each layer and member is kept.
    """
    rows = [
        {"kind": kind, "title": f"{kind}; {what}", **_figures(score, chest, sets)}
        for kind, what, score in candidates(chest)
    ]
    kept: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: -row["auroc"]):
        if row["kind"].startswith(NEIGHBOUR):
            row["kind"] = re.sub(r"k = \d+", "best k", row["kind"])
        kept.setdefault(re.sub(r"k = \d+", "best k", row["title"]), row)
    return list(kept.values())


def _figures(score: Score, chest: Chest, sets: Mapping[str, tuple[str, Seen]]) -> dict[str, Any]:
    """Measure one candidate."""
    unseen, called = score(chest.unseen), chest.called(chest.unseen)
    centre, spread = float(unseen.mean()), float(unseen.std()) or 1.0
    limits, spreads = np.full(len(CLASSES), np.nan), np.ones(len(CLASSES))
    for k in range(len(CLASSES)):
        limit = tolerance_limit(np.exp((unseen[called == k] - centre) / spread), SHARE)
        if limit.value is not None:
            limits[k] = np.log(limit.value) * spread + centre
            spreads[k] = float(unseen[called == k].std()) or 1.0

    def past(seen: Seen) -> Float64Array:
        own = chest.called(seen)
        return np.asarray((score(seen) - limits[own]) / spreads[own])

    beyond = {key: past(seen) for key, (_, seen) in sets.items()}
    chest_beyond = past(chest.unseen)
    pooled = np.concatenate(list(beyond.values()))
    by_set = {key: told_apart(values, chest_beyond) for key, values in beyond.items()}
    lowest = min(by_set, key=lambda key: by_set[key])
    y_true = chest.unseen.reads.y_true
    return {
        "auroc": told_apart(pooled, chest_beyond),
        "lowest": {"title": sets[lowest][0], "auroc": by_set[lowest]},
        "refused": wilson(int((pooled > 0).sum()), len(pooled)).to_dict(),
        "unseen_refused": {
            name: wilson(
                int((chest_beyond[y_true == k] > 0).sum()), int((y_true == k).sum())
            ).to_dict()
            for k, name in enumerate(CLASSES)
        },
    }


def told_apart(far: Float64Array, near: Float64Array) -> float:
    """Return the AUROC of far pictures against chest films.

    Args:
        far: Scores of far pictures, shape (n,).
        near: Scores of chest films, shape (m,).

    Returns:
        In [0, 1].
    """
    is_far = np.r_[np.ones(len(far), bool), np.zeros(len(near), bool)]
    return auroc(is_far, np.nan_to_num(np.r_[far, near], posinf=1e300, neginf=-1e300))


def _rows(seen: Seen, kind: str, member: str) -> Float32Array:
    """Return one member's features."""
    rows: Float32Array = getattr(seen.reads, kind)[member]
    return rows


def _space(chest: Chest, kind: str, member: str, name: str) -> FeatureSpace:
    """Fit a space to one member's features."""
    features = _rows(chest.reference, kind, member)
    return fit_space(features, chest.reference.reads.y_true, transform_name=name)


def _mahalanobis(space: FeatureSpace, kind: str, member: str) -> Score:
    """Distance to the nearest class."""
    return lambda seen: np.log(space.parts(_rows(seen, kind, member))[0].min(axis=1) + 1e-12)


def _left(space: FeatureSpace, kind: str, member: str) -> Score:
    """What the axes leave out."""
    return lambda seen: np.log(space.parts(_rows(seen, kind, member))[1] + 1e-12)


def _both(space: FeatureSpace, kind: str, member: str) -> Score:
    """Distance to the nearest class and what the axes leave out."""
    return lambda seen: np.log(space.distance(_rows(seen, kind, member)))


def _relative(chest: Chest, space: FeatureSpace, kind: str, member: str) -> Score:
    """Distance to the nearest class less that to all films as one class (Ren and others 2021)."""
    one = np.zeros(len(chest.reference), np.int64)
    whole = fit_space(_rows(chest.reference, kind, member), one, transform_name="none")

    def score(seen: Seen) -> Float64Array:
        features = _rows(seen, kind, member)
        own = space.parts(features)[0].min(axis=1) * space.axes.shape[1]
        return np.asarray(own - whole.parts(features)[0][:, 0] * whole.axes.shape[1])

    return score


def _neighbour(chest: Chest, space: FeatureSpace, kind: str, member: str, k: int) -> Score:
    """Distance to the k-th nearest reference film on the whitened axes (Sun and others 2022)."""
    bank = space.whitened(_rows(chest.reference, kind, member))

    def score(seen: Seen) -> Float64Array:
        return np.log(nearest(space.whitened(_rows(seen, kind, member)), bank, k) + 1e-12)

    return score


def nearest(rows: Float64Array, bank: Float64Array, k: int) -> Float64Array:
    """Return the distance to the k-th nearest row of a bank.

    Args:
        rows: Shape (n, d).
        bank: Shape (m, d), m >= k.
        k: From 1.

    Returns:
        Shape (n,).
    """
    squared = (rows**2).sum(axis=1)[:, None] + (bank**2).sum(axis=1) - 2 * rows @ bank.T
    kth = np.partition(squared, k - 1, axis=1)[:, k - 1]
    return np.asarray(np.sqrt(np.maximum(kth, 0)))


def energy(logits: Float64Array) -> Float64Array:
    """Return the energy of logits, shape (n, k) to (n,): low where a class is strongly named.

    References:
        Liu and others 2020, arXiv:2010.03759, equation 4 with temperature 1.
    """
    return np.asarray(-logsumexp(logits, axis=1))


def _energy(system: str) -> Score:
    """Energy of one system."""
    return lambda seen: energy(seen.reads.logits[system])


def _sum(scores: Sequence[Score]) -> Score:
    """Mean of several scores."""
    return lambda seen: np.mean([score(seen) for score in scores], axis=0)


def _largest(chest: Chest, scores: Sequence[Score]) -> Score:
    """Largest of several scores, each brought to mean 0 and spread 1 on the unseen films."""
    found = [score(chest.unseen) for score in scores]
    scales = [(values.mean(), values.std() or 1.0) for values in found]

    def score(seen: Seen) -> Float64Array:
        values = [
            (one(seen) - mean) / spread for one, (mean, spread) in zip(scores, scales, strict=True)
        ]
        return np.asarray(np.max(values, axis=0))

    return score
