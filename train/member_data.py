"""One member's features of all films, pooled, and what its head is fitted to."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cxr_core.array import BoolArray, Float32Array, IntArray
from cxr_core.dataset import Film, class_counts
from cxr_core.errors import TrainingDataError
from cxr_core.heads import MemberHead, head_from_arrays, pool_matrix
from cxr_core.labels import class_index
from train.auxiliary import auxiliary_labels, source_weights
from train.config import TrainConfig
from train.features import FeatureCache, FeatureKey, fill_cache
from train.fit import Fitted
from train.fit_loop import FitData
from train.material import ADDED, Material, Request, fitted_added
from train.network import Network, check_unseen, prepare_network
from train.parts import FIT, TEST, VALIDATION

LOG = logging.getLogger(__name__)
_CHUNK = 256


@dataclass(frozen=True, eq=False)
class MemberData:
    """One member's pooled features of everything.

    Attributes:
        network: Its backbone.
        pooled: Part or set name to shape (n, n_pooled, c), float32, of the readable films.
        variants: Augmentation pass to the same of the films that are fitted.
        films: Part or set name to its readable films.
        unreadable: Digest to message.
    """

    network: Network
    pooled: Mapping[str, Float32Array]
    variants: Mapping[int, Float32Array]
    films: Mapping[str, tuple[Film, ...]]
    unreadable: Mapping[str, str]

    def labels(self, name: str) -> IntArray:
        """Return the class indices of a part or set, shape (n,)."""
        return np.array([class_index(film.label) for film in self.films[name]], np.int64)


def member_data(name: str, request: Request, material: Material) -> MemberData:
    """Run one backbone on every film it has not seen yet, and pool what it gives.

    Args:
        name: Member.
        request: Recipe, weights and cache.
        material: The films.

    Returns:
        Pooled features.

    Raises:
        TrainingDataError: If a part has no readable film of a class.
    """
    config = request.config
    network = prepare_network(name, config, request.weights[name], cache=request.cache)
    unreadable: dict[str, str] = {}
    wanted = material.films()
    stores: dict[str, FeatureCache] = {}
    for part, films in wanted.items():
        if part == FIT and config.augment_passes:
            continue
        stores[part] = _cached(request, network, films, 0, unreadable)
    variants = {
        number: _cached(request, network, wanted[FIT], number, unreadable)
        for number in config.passes
    }
    readable = {
        part: tuple(film for film in films if film.sha256 not in unreadable)
        for part, films in wanted.items()
    }
    for part in (FIT, VALIDATION, TEST):
        empty = [label for label, count in class_counts(readable[part]).items() if not count]
        if empty:
            msg = f"`{part}` must have readable films of every class. Received: none of {empty}"
            raise TrainingDataError(msg)
        n_seen = check_unseen(network, [film.sha256 for film in readable[part]], part)
        if n_seen and part != FIT:
            LOG.warning("%s was fitted to %d of the %s films", name, n_seen, part)
    pooled = {
        part: _pooled(store, readable[part], config.pooling) for part, store in stores.items()
    }
    passes = {
        number: pooled[FIT]
        if number == 0 and FIT in pooled
        else _pooled(store, readable[FIT], config.pooling)
        for number, store in variants.items()
    }
    pooled.setdefault(FIT, passes[config.passes[0]])
    return MemberData(network, pooled, passes, readable, unreadable)


def fit_data(
    data: MemberData,
    config: TrainConfig,
    *,
    rows: BoolArray | None = None,
    added: BoolArray | None = None,
) -> FitData:
    """Put together what a head is fitted to.

    Args:
        data: Pooled features.
        config: The weight of added films.
        rows: Which of the fitted films to use, shape (n,); all if `None`.
        added: Which of the added films to use; none if `None`.

    Returns:
        The fit's data; added films stand in every variant as they are.
    """
    kept = np.ones(len(data.films[FIT]), bool) if rows is None else rows
    films = [film for film, is_kept in zip(data.films[FIT], kept, strict=True) if is_kept]
    y_true = data.labels(FIT)[kept]
    passes = {number: pooled[kept] for number, pooled in data.variants.items()}
    weights = source_weights(films) if config.balance == "source" else np.ones(len(films))
    if added is not None:
        extra = data.pooled[ADDED][added]
        films += [film for film, used in zip(data.films[ADDED], added, strict=True) if used]
        passes = {number: np.concatenate([pooled, extra]) for number, pooled in passes.items()}
        weights = np.concatenate([weights, np.full(len(extra), config.extra_weight)])
        y_true = np.concatenate([y_true, data.labels(ADDED)[added]])
    answers, names = None, tuple[str, ...]()
    if config.auxiliary != "none":
        names, answers = auxiliary_labels(config.auxiliary, films)
        if len(names) < 2:
            msg = f"`auxiliary` must be told by the manifest in two ways or more. Received: {names}"
            raise TrainingDataError(msg, hint="Give manifest.csv the column subtype or source.")
    return FitData(
        passes,
        y_true,
        data.pooled[VALIDATION],
        data.labels(VALIDATION),
        weights.astype(np.float32) if (weights != 1).any() else None,
        answers,
        len(names),
    )


def to_head(fitted: Fitted, data: MemberData, config: TrainConfig) -> MemberHead:
    """Return a fitted head as it is served.

    Args:
        fitted: Its arrays.
        data: Names the feature map's shape.
        config: The pooling.

    Returns:
        The head.
    """
    return head_from_arrays(
        fitted.arrays, pooling=config.pooling, feature_shape=data.network.engine.feature_shape
    )


def added_rows(material: Material, data: MemberData) -> BoolArray | None:
    """Tell which added films may be fitted: those of no test patient.

    Args:
        material: The films.
        data: Which of them could be read.

    Returns:
        Shape (n,); `None` where no films are added.

    Raises:
        TrainingDataError: If one of them cannot be read.
    """
    if ADDED not in material.sets:
        return None
    found = material.sets[ADDED]
    if len(data.films[ADDED]) != len(found.films):
        msg = "`--extra` must hold readable films only. Received: unreadable ones"
        raise TrainingDataError(msg, hint="Take the files named above out of the folder.")
    return fitted_added(material)


def _cached(
    request: Request,
    network: Network,
    films: Sequence[Film],
    number: int,
    unreadable: dict[str, str],
) -> FeatureCache:
    """Fill and return the cache of one pass; add the films that could not be read."""
    config = request.config
    key = FeatureKey(
        network.backbone.name,
        network.digest,
        network.preprocess,
        config.augment,
        config.augment_seed,
        number,
    )
    stored = FeatureCache(request.cache / "features", key, network.engine.feature_shape)
    for film, message in fill_cache(stored, films, network.engine):
        if film.sha256 not in unreadable:
            LOG.warning("skipped %s: %s", film.path.name, message)
        unreadable[film.sha256] = message
    return stored


def _pooled(stored: FeatureCache, films: Sequence[Film], pooling: str) -> Float32Array:
    """Return the pooled features of readable films, shape (n, n_pooled, c)."""
    height, width, channels = stored.feature_shape
    pool = pool_matrix(pooling, height, width).astype(np.float32)
    digests = [film.sha256 for film in films]
    pooled = np.empty((len(digests), len(pool), channels), np.float32)
    for start in range(0, len(digests), _CHUNK):
        rows = stored.load(digests[start : start + _CHUNK])
        pooled[start : start + len(rows)] = pool @ rows.reshape(len(rows), -1, channels)
    return pooled
