"""Is a map to be believed? Checks of maps, none of which says where disease is.

Randomisation (does the map depend on what was learnt), deletion and insertion (does the score
follow the map's order), ROAD (the same with a cover that gives less away), repeatability (does the
map stay under changes that mean nothing) and agreement (do seeds, variants, members tell the same).

Caution:
    Passing all of them does not make a map right. They test whether a map tells of its model; a
    model that looks at the source of a film passes them while it does.
"""

from cxr_core.explain.fidelity.check import CHECKS, MapFidelity, Settings, check_map, measure_orders
from cxr_core.explain.fidelity.film_probe import COVERS, FilmProbe, cover_image
from cxr_core.explain.fidelity.imputation import Road, impute, road
from cxr_core.explain.fidelity.likeness import PairBaseline, pair_baseline, spearman, ssim
from cxr_core.explain.fidelity.order import (
    Curve,
    OrderCheck,
    RandomOrders,
    order_check,
    random_orders,
)
from cxr_core.explain.fidelity.randomise import (
    RandomHeads,
    Randomisation,
    Stage,
    random_heads,
    randomisation,
)
from cxr_core.explain.fidelity.stability import (
    CHANGES,
    Agreement,
    Change,
    Repeatability,
    agreement,
    repeatability,
)
from cxr_core.explain.fidelity.step import OnStep

__all__ = [
    "CHANGES",
    "CHECKS",
    "COVERS",
    "Agreement",
    "Change",
    "Curve",
    "FilmProbe",
    "MapFidelity",
    "OnStep",
    "OrderCheck",
    "PairBaseline",
    "RandomHeads",
    "RandomOrders",
    "Randomisation",
    "Repeatability",
    "Road",
    "Settings",
    "Stage",
    "agreement",
    "check_map",
    "cover_image",
    "impute",
    "measure_orders",
    "order_check",
    "pair_baseline",
    "random_heads",
    "random_orders",
    "randomisation",
    "repeatability",
    "road",
    "spearman",
    "ssim",
]
