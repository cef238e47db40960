"""Does the map change when what was learnt is thrown away?

What is randomised: the layers that this software holds in numpy, from the logits downwards: an
ensemble's layer, the members' layers of logits, their dense layers. What is not: the frozen
convolutional networks, which run compiled. A method that passes here has shown that it depends on
the trained heads; nothing is said of the networks below them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cxr_core.array import FloatArray
from cxr_core.blas import one_blas_thread
from cxr_core.errors import NotApplicableError
from cxr_core.explain.cam import explain
from cxr_core.explain.fidelity.likeness import Grid, require_map, spearman, ssim
from cxr_core.explain.fidelity.step import OnStep, Steps
from cxr_core.heads import Dense, HeadSet, MemberHead

N_DRAWS: Final = 10

_NOTE_NO_BASELINE = (
    "No baseline was given, so nothing is said of passing; a folder of films gives one."
)
_NOTE_HEADS_ONLY = "Only the heads were randomised; the networks below them were not."


@dataclass(frozen=True)
class Stage:
    """Likeness of the trained map and the maps of heads with random layers down to one.

    Attributes:
        name: The lowest layer that was randomised.
        spearman: Mean over the draws, of the signed maps; a flat map counts as 0.
        ssim: Mean over the draws, of the maps scaled for display.
        n_flat: Draws whose map was flat.
    """

    name: str
    spearman: float
    ssim: float
    n_flat: int


@dataclass(frozen=True)
class Randomisation:
    """Head randomisation is the first stage, cascading randomisation all of them.

    Attributes:
        stages: From the logits downwards, each with all layers above it random as well.
        n_draws: Random heads at each stage.
        baseline: SSIM that the map must fall below, or `None`.
        passes: Whether the lowest SSIM of the cascade is below the baseline; `None` without one.
        notes: What a reader should know.
    """

    stages: tuple[Stage, ...]
    n_draws: int
    baseline: float | None
    passes: bool | None
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class RandomHeads:
    """A system's heads with random layers; each draw is made anew when asked for, always the same.

    Attributes:
        heads: The trained heads.
        system: The system.
        n_draws: Random heads at each stage.
        seed: Seed of the draws.
        names: Stage names, from the logits downwards.
    """

    heads: HeadSet
    system: str
    n_draws: int
    seed: int
    names: tuple[str, ...]

    def draw(self, index: int) -> tuple[HeadSet, ...]:
        """Return one random head set a stage; a layer stays the same in the stages below it.

        Args:
            index: In [0, `n_draws`).

        Returns:
            Head sets that hold what the system needs, from the logits downwards.
        """
        rng = np.random.default_rng((self.seed, index))
        current, sets = self.heads, []
        for _, targets in _plan(self.heads, self.system):
            current = _fresh(current, targets, rng)
            sets.append(_only(current, self.system))
        return tuple(sets)


def random_heads(
    heads: HeadSet, system: str, *, n_draws: int = N_DRAWS, seed: int = 0
) -> RandomHeads:
    """Replace the layers of a system by random ones, from the logits downwards.

    Args:
        heads: The trained heads; not changed.
        system: One of `heads.systems`.
        n_draws: Random heads at each stage.
        seed: Seed of the draws.

    Returns:
        The random heads of every stage.

    Raises:
        NotApplicableError: If the set has no such system.
        ValueError: If `n_draws` is under 1.

    Notes:
        A layer starts anew as Keras would start it: Glorot's uniform kernel, zero biases.

    References:
        Adebayo et al. 2018 (arXiv:1810.03292), section 3.1, cascading randomisation; Glorot and
        Bengio 2010, equation 16.
    """
    if n_draws < 1:
        msg = f"`n_draws` must be 1 or more. Received: n_draws={n_draws}"
        raise ValueError(msg)
    if system not in heads.systems:
        msg = f"`system` must be one of {heads.systems}. Received: system={system!r}"
        raise NotApplicableError(msg)
    names = tuple(name for name, _ in _plan(heads, system))
    return RandomHeads(heads, system, n_draws, seed, names)


def randomisation(
    random: RandomHeads,
    features: Mapping[str, FloatArray],
    grid: Grid,
    class_name: str,
    *,
    method: str,
    baseline: float | None = None,
    on_step: OnStep | None = None,
) -> Randomisation:
    """Compare a map with those of random heads on the same film.

    Args:
        random: Random heads of the map's system.
        features: Member name to feature map (h, w, c) of the film.
        grid: The trained map, signed and unscaled.
        class_name: Class whose logit it explains.
        method: Its method.
        baseline: Mean SSIM of random pairs of trained maps, see `pair_baseline`.
        on_step: Progress and cancel, one step a random head.

    Returns:
        Likeness by stage and whether Arun's rule is met.

    Raises:
        NotApplicableError: If the map is flat or not finite.
        CancelledCheckError: If the callback says so.

    References:
        Arun et al. 2021, doi:10.1148/ryai.2021200267, figure 3: a method "successfully reaches
        degradation if it goes below its corresponding randomization baseline".
    """
    require_map(grid)
    n_stages = len(random.names)
    steps = Steps(random.n_draws * n_stages, on_step)
    ranks, structures = np.zeros((2, n_stages, random.n_draws))
    n_flat = [0] * n_stages
    for draw in range(random.n_draws):
        for stage, heads in enumerate(random.draw(draw)):
            used = {member: features[member] for member in heads.members}
            with one_blas_thread():
                state = heads.forward(used)
                other = explain(heads, state, used, random.system, class_name, method=method).grid
            if np.ptp(other) > 0:
                ranks[stage, draw] = spearman(grid, other)
            else:
                n_flat[stage] += 1
            structures[stage, draw] = ssim(grid, other)
            steps.advance()
    stages = [
        Stage(name, float(ranks[index].mean()), float(structures[index].mean()), n_flat[index])
        for index, name in enumerate(random.names)
    ]
    passes = None if baseline is None else bool(min(s.ssim for s in stages) < baseline)
    notes = (_NOTE_HEADS_ONLY, *((_NOTE_NO_BASELINE,) if baseline is None else ()))
    return Randomisation(tuple(stages), random.n_draws, baseline, passes, notes)


_Target = tuple[str, int]
"""A member (or ensemble) and the position of its layer, counted from the top."""


def _plan(heads: HeadSet, system: str) -> list[tuple[str, list[_Target]]]:
    """Return stage names with the layers that each adds."""
    if system in heads.members:
        n_hidden = len(heads.members[system].layers) - 1
        names = ["logits", *(f"dense_{index}" for index in reversed(range(n_hidden)))]
        return [(name, [(system, level)]) for level, name in enumerate(names)]
    plan = [("ensemble", [(system, 0)])]
    first = 0 if system == "ensemble_probs" else 1  # joined layers do not use members' logits
    depth = max(len(head.layers) for head in heads.members.values())
    for level in range(first, depth):
        targets = [
            (name, level) for name, head in heads.members.items() if level < len(head.layers)
        ]
        plan.append(("members' logits" if level == 0 else f"members' dense -{level}", targets))
    return plan


def _fresh(heads: HeadSet, targets: Sequence[_Target], rng: np.random.Generator) -> HeadSet:
    """Return heads with new random layers in the given places."""
    members, ensembles = dict(heads.members), dict(heads.ensembles)
    for name, level in targets:
        if name in ensembles:
            ensembles[name] = _random_layer(ensembles[name], rng)
            continue
        head = members[name]
        layers = list(head.layers)
        position = len(layers) - 1 - level
        layers[position] = _random_layer(layers[position], rng)
        members[name] = MemberHead(tuple(layers), head.pooling, head.feature_shape)
    return HeadSet(members, ensembles)


def _random_layer(layer: Dense, rng: np.random.Generator) -> Dense:
    """Return a layer of the same shape as Keras starts one."""
    limit = np.sqrt(6.0 / sum(layer.kernel.shape))
    kernel = rng.uniform(-limit, limit, layer.kernel.shape).astype(layer.kernel.dtype)
    return Dense(kernel, np.zeros_like(layer.bias))


def _only(heads: HeadSet, system: str) -> HeadSet:
    """Leave out what the system does not need."""
    if system in heads.members:
        return HeadSet({system: heads.members[system]})
    return HeadSet(heads.members, {system: heads.ensembles[system]})
