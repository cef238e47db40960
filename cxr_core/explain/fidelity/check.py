"""All checks of one map of one film, in the order of what they cost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from cxr_core.explain.cam import METHODS
from cxr_core.explain.fidelity.film_probe import FilmProbe
from cxr_core.explain.fidelity.imputation import SHARES, Road, road
from cxr_core.explain.fidelity.likeness import require_map
from cxr_core.explain.fidelity.order import (
    N_ORDERS,
    N_STEPS,
    OrderCheck,
    RandomOrders,
    order_check,
    random_orders,
    step_counts,
)
from cxr_core.explain.fidelity.randomise import (
    N_DRAWS,
    RandomHeads,
    Randomisation,
    random_heads,
    randomisation,
)
from cxr_core.explain.fidelity.stability import CHANGES, Change, Repeatability, repeatability
from cxr_core.explain.fidelity.step import OnStep, Steps

CHECKS: Final = ("randomisation", "order", "road", "repeatability")
"""Checks of one map; `order` is deletion and insertion."""

N_FILMS: Final = 60
"""Films that the command draws from a folder."""

_NOTE_NO_CLASS = "This method has no class in it, so no check of it is about this class."


@dataclass(frozen=True)
class Settings:
    """How thorough the checks are.

    Attributes:
        n_draws: Random heads at each stage of the randomisation.
        n_orders: Random orders beside deletion and insertion.
        n_steps: Steps of their curves.
        cover: What stands in for a covered cell there, `blur` or `mean`.
        road_shares: Shares of the cells that ROAD imputes.
        changes: Small changes of the repeatability check.
        seed: Seed of everything random.
    """

    n_draws: int = N_DRAWS
    n_orders: int = N_ORDERS
    n_steps: int = N_STEPS
    cover: str = "blur"
    road_shares: tuple[float, ...] = SHARES
    changes: tuple[Change, ...] = CHANGES
    seed: int = 0


@dataclass(frozen=True)
class MapFidelity:
    """What the checks say of one map; a check that was not asked for is `None`.

    Attributes:
        system: System whose score the map explains.
        class_name: Class of that score.
        method: Key of `METHODS`.
        randomisation: Head and cascading randomisation.
        order: Deletion and insertion against random orders.
        road: ROAD.
        repeatability: Small shifts and noise.
        notes: What a reader should know.
    """

    system: str
    class_name: str
    method: str
    randomisation: Randomisation | None
    order: OrderCheck | None
    road: Road | None
    repeatability: Repeatability | None
    notes: tuple[str, ...] = ()


def check_map(
    probe: FilmProbe,
    system: str,
    method: str,
    *,
    class_name: str | None = None,
    checks: Collection[str] = CHECKS,
    settings: Settings | None = None,
    heads: RandomHeads | None = None,
    orders: RandomOrders | None = None,
    baseline: float | None = None,
    on_step: OnStep | None = None,
) -> MapFidelity:
    """Put one map to the checks.

    Args:
        probe: The film.
        system: One of the predictor's systems.
        method: Key of `METHODS`.
        class_name: Class to explain; the system's top class if `None`.
        checks: Which of `CHECKS`.
        settings: How thorough; the defaults if `None`.
        heads: Random heads of the system, to be shared among films; made here if `None`.
        orders: Random orders of this film, system and class, to be shared among methods; measured
            here if `None`.
        baseline: SSIM that randomised maps must fall below, see `pair_baseline`; without it nothing
            is said of passing.
        on_step: Progress and cancel over all checks together.

    Returns:
        The results.

    Raises:
        NotApplicableError: If the map is flat, or there is no such system.
        CancelledCheckError: If the callback says so.
        ValueError: If a check, the class or the method is unknown.
    """
    unknown = set(checks) - set(CHECKS)
    if unknown:
        msg = f"`checks` must be among {CHECKS}. Received: {sorted(unknown)}"
        raise ValueError(msg)
    settings = settings or Settings()
    name = class_name or probe.label(system)
    cam = probe.cam(system, name, method)
    require_map(cam.grid)
    if "randomisation" in checks and heads is None:
        trained = probe.predictor.heads
        heads = random_heads(trained, system, n_draws=settings.n_draws, seed=settings.seed)
    steps = Steps(_n_steps(probe, checks, settings, heads, orders), on_step)

    def tell(_n_done: int, _n_total: int) -> None:
        steps.advance()

    by_heads = by_order = by_road = by_change = None
    if "randomisation" in checks and heads is not None:
        features = probe.reading.features
        by_heads = randomisation(
            heads, features, cam.grid, name, method=method, baseline=baseline, on_step=tell
        )
    if "repeatability" in checks:
        by_change = repeatability(
            lambda change: probe.changed_grid(change, system, name, method),
            cam.grid,
            changes=settings.changes,
            on_step=tell,
        )
    if "order" in checks:
        orders = orders or measure_orders(probe, system, name, settings, on_step=tell)
        score = probe.score(system, name, cover=settings.cover)
        by_order = order_check(score, cam.grid, orders, seed=settings.seed, on_step=tell)
    if "road" in checks:
        score = probe.score(system, name, cover="road")
        shares, seed = settings.road_shares, settings.seed
        by_road = road(score, cam.grid, shares=shares, seed=seed, on_step=tell)
    notes = (*cam.notes, *(() if METHODS[method].is_class_specific else (_NOTE_NO_CLASS,)))
    return MapFidelity(system, name, method, by_heads, by_order, by_road, by_change, notes)


def measure_orders(
    probe: FilmProbe,
    system: str,
    class_name: str,
    settings: Settings,
    *,
    on_step: OnStep | None = None,
) -> RandomOrders:
    """Measure the random orders that all methods of one system and class are read against.

    Args:
        probe: The film.
        system: One of the predictor's systems.
        class_name: The class.
        settings: How thorough.
        on_step: Progress and cancel.

    Returns:
        Their areas.

    Raises:
        NotApplicableError: If there is no such system.
        CancelledCheckError: If the callback says so.
    """
    return random_orders(
        probe.score(system, class_name, cover=settings.cover),
        probe.shape,
        n_orders=settings.n_orders,
        n_steps=settings.n_steps,
        seed=settings.seed,
        on_step=on_step,
    )


def _n_steps(
    probe: FilmProbe,
    checks: Collection[str],
    settings: Settings,
    heads: RandomHeads | None,
    orders: RandomOrders | None,
) -> int:
    """Return the steps of all checks together."""
    total = 0
    if "randomisation" in checks and heads is not None:
        total += heads.n_draws * len(heads.names)
    if "repeatability" in checks:
        total += len(settings.changes)
    if "order" in checks:
        n_cells = probe.shape[0] * probe.shape[1]
        n_steps = settings.n_steps if orders is None else orders.n_steps
        n_curves = 2 + (settings.n_orders if orders is None else 0)
        total += n_curves * len(step_counts(n_cells, n_steps))
    if "road" in checks:
        total += 2 * len(settings.road_shares)
    return total
