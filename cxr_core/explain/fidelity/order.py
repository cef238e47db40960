"""Does the score fall soonest when the map's best cells are covered first?

Deletion covers cells, the map's largest value first; insertion starts from a covered film and
uncovers them. Both use the cells of the map in the network's input: a cell of a 7 by 7 map is 32 by
32 of 224 pixels. One and the same cover serves both, unlike in the paper, so that the insertion
curve of an order is the deletion curve of the reversed order read backwards, and one set of random
orders is the yardstick of both.

Caution:
    A covered film is unlike any film that the network has learnt from. A fall of the score may
    come from the cover and not from what it hides; that is why every area is read against random
    orders under the same cover, and never alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cxr_core.array import BoolArray, Float64Array, IntArray
from cxr_core.errors import NotApplicableError
from cxr_core.explain.fidelity.likeness import Grid, require_map
from cxr_core.explain.fidelity.step import OnStep, Steps

Score = Callable[[BoolArray], float]
"""From the cells that are seen, shape (h, w), to the score of the film with the others covered."""

N_ORDERS: Final = 10
N_STEPS: Final = 4

NOTE_UNMOVED: Final = "No cover moved the score, so this check says nothing of this film."
NOTE_TIES: Final = "Cells of equal value were put in random order."


@dataclass(frozen=True)
class Curve:
    """Scores while cells are covered or uncovered.

    Attributes:
        shares: Share of the cells covered (deletion) or uncovered (insertion), from 0 to 1.
        scores: Score at each share.
        area: Area under the curve by trapezoids, in units of the score.
    """

    shares: tuple[float, ...]
    scores: tuple[float, ...]
    area: float


@dataclass(frozen=True, eq=False)
class RandomOrders:
    """Areas of random orders of one film's cells, the yardstick of every map of this score.

    Attributes:
        areas: Shape (n,), float64; deletion and insertion have the same distribution.
        n_steps: Steps of each curve.
        notes: What a reader should know.
    """

    areas: Float64Array
    n_steps: int
    notes: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """Mean area."""
        return float(self.areas.mean())

    @property
    def spread(self) -> float:
        """Standard deviation of the areas (n - 1); 0 for a single order."""
        return float(self.areas.std(ddof=1)) if len(self.areas) > 1 else 0.0


@dataclass(frozen=True)
class OrderCheck:
    """Deletion and insertion of one map against random orders.

    Attributes:
        deletion: Best cells covered first; a small area speaks for the map.
        insertion: Best cells uncovered first; a large area speaks for the map.
        n_orders: Random orders.
        random_mean: Their mean area.
        random_spread: Standard deviation of their areas.
        n_deletion_beaten: Random orders whose deletion area is larger than the map's.
        n_insertion_beaten: Random orders whose insertion area is smaller than the map's.
        notes: What a reader should know.
    """

    deletion: Curve
    insertion: Curve
    n_orders: int
    random_mean: float
    random_spread: float
    n_deletion_beaten: int
    n_insertion_beaten: int
    notes: tuple[str, ...] = ()


def cell_order(grid: Grid, *, seed: int = 0) -> IntArray:
    """Return the cells of a map, the largest signed value first.

    Args:
        grid: Shape (h, w), signed: cells that speak against the class come last.
        seed: Seed of the order among equal values (a head may not see some cells at all).

    Returns:
        Flat indices, shape (h * w,).

    Raises:
        NotApplicableError: If the map is flat or not finite: it has no order.
    """
    require_map(grid)
    ties = np.random.default_rng(seed).random(grid.size)
    return np.lexsort((ties, -grid.ravel().astype(np.float64)))


def step_counts(n_cells: int, n_steps: int) -> IntArray:
    """Return how many cells are covered after each step, from none to all.

    Args:
        n_cells: Cells of the map.
        n_steps: Steps, at least 2; at most `n_cells` are used.

    Returns:
        Shape (n_steps + 1,), rising.

    Raises:
        ValueError: If `n_steps` is under 2.
    """
    if n_steps < 2:
        msg = f"`n_steps` must be 2 or more. Received: n_steps={n_steps}"
        raise ValueError(msg)
    return np.linspace(0, n_cells, min(n_steps, n_cells) + 1).round().astype(np.int64)


def seen_after(order: IntArray, n_covered: int, shape: tuple[int, int]) -> BoolArray:
    """Return which cells are still seen when the first of an order are covered.

    Args:
        order: Flat indices.
        n_covered: How many of them are covered.
        shape: (h, w) of the map.

    Returns:
        Shape (h, w), a new array.
    """
    seen = np.ones(shape, np.bool_)
    seen.flat[order[:n_covered]] = False
    return seen


def random_orders(
    score: Score,
    shape: tuple[int, int],
    *,
    n_orders: int = N_ORDERS,
    n_steps: int = N_STEPS,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> RandomOrders:
    """Measure random orders of a film's cells.

    Args:
        score: Score of the film with some cells covered.
        shape: (h, w) of the map.
        n_orders: Random orders, at least 1.
        n_steps: Steps of each curve.
        seed: Seed of the orders.
        on_step: Progress and cancel, one step a covered film.

    Returns:
        Their areas.

    Raises:
        NotApplicableError: If a score is not finite.
        CancelledCheckError: If the callback says so.
        ValueError: If a number is too small.
    """
    if n_orders < 1:
        msg = f"`n_orders` must be 1 or more. Received: n_orders={n_orders}"
        raise ValueError(msg)
    n_cells = shape[0] * shape[1]
    counts = step_counts(n_cells, n_steps)
    rng = np.random.default_rng(seed)
    steps = Steps(n_orders * len(counts), on_step)
    curves = [
        _deletion(score, rng.permutation(n_cells), shape, counts, steps) for _ in range(n_orders)
    ]
    is_unmoved = all(np.ptp(curve.scores) == 0 for curve in curves)
    notes = (NOTE_UNMOVED,) if is_unmoved else ()
    areas = np.array([curve.area for curve in curves])
    return RandomOrders(areas, n_steps, notes)


def order_check(
    score: Score,
    grid: Grid,
    random: RandomOrders,
    *,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> OrderCheck:
    """Measure deletion and insertion of one map.

    Args:
        score: Score of the film with some cells covered, as for the random orders.
        grid: The map, signed and unscaled.
        random: Random orders of the same score.
        seed: Seed of the order among equal values.
        on_step: Progress and cancel, one step a covered film.

    Returns:
        Both curves, and how many random orders each beats. Equal areas beat nothing.

    Raises:
        NotApplicableError: If the map is flat or not finite, or a score is not finite.
        CancelledCheckError: If the callback says so.

    References:
        Petsiuk et al. 2018 (arXiv:1806.07421), algorithm 1 of its appendix.
    """
    order = cell_order(grid, seed=seed)
    shape = (grid.shape[0], grid.shape[1])
    counts = step_counts(grid.size, random.n_steps)
    steps = Steps(2 * len(counts), on_step)
    deletion = _deletion(score, order, shape, counts, steps)
    backwards = _deletion(score, order[::-1], shape, counts, steps)
    insertion = Curve(
        tuple(1 - share for share in reversed(backwards.shares)),
        tuple(reversed(backwards.scores)),
        backwards.area,
    )
    has_ties = len(np.unique(grid)) < grid.size
    return OrderCheck(
        deletion,
        insertion,
        len(random.areas),
        random.mean,
        random.spread,
        int((random.areas > deletion.area).sum()),
        int((random.areas < insertion.area).sum()),
        (*random.notes, *((NOTE_TIES,) if has_ties else ())),
    )


def finite_score(score: Score, seen: BoolArray) -> float:
    """Return a score, or refuse one that is not finite.

    Args:
        score: Score of the film with some cells covered.
        seen: Cells that are seen, shape (h, w).

    Returns:
        The score.

    Raises:
        NotApplicableError: If it is not finite.
    """
    value: Any = score(seen)
    if not np.isfinite(value):
        msg = f"`score` must be finite. Received: {value} with {int(seen.sum())} cells seen"
        raise NotApplicableError(msg)
    return float(value)


def _deletion(
    score: Score, order: IntArray, shape: tuple[int, int], counts: IntArray, steps: Steps
) -> Curve:
    """Cover cells in an order and measure the score at each step."""
    scores = []
    for count in counts.tolist():
        scores.append(finite_score(score, seen_after(order, count, shape)))
        steps.advance()
    shares = counts / counts[-1]
    area = float(np.trapezoid(scores, shares))
    return Curve(tuple(shares.tolist()), tuple(scores), area)
