"""Heads that never saw the patients of some added films, and what they say of them."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cxr_core.array import BoolArray, Float32Array, IntArray
from cxr_core.heads import MemberHead
from train.config import TrainConfig
from train.ensembles import MemberOutput, member_output
from train.fit import fit_head
from train.material import ADDED, Material, added_folds
from train.member_data import MemberData, added_rows, fit_data, to_head
from train.parts import FIT, VALIDATION

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Blind:
    """A head that was fitted without one fold of the added films.

    Attributes:
        head: The head.
        outputs: Part to what it says; under `added` of that fold's films only.
        others: What is said of the added films of the other folds that may be fitted, each by a
            head that saw neither that fold nor the film's own; `None` where no ensemble needs it.
    """

    head: MemberHead
    outputs: Mapping[str, MemberOutput]
    others: MemberOutput | None


def read_blind(name: str, config: TrainConfig, material: Material, data: MemberData) -> list[Blind]:
    """Fit a head without each fold of the added films, and let it read that fold.

    An ensemble that is to judge a fold must be fitted to added films as well, and these must be
    read by heads that saw neither them nor that fold; so each pair of folds is left out once.

    Args:
        name: Member.
        config: The recipe.
        material: Its set `added`, if there is one.
        data: Pooled features of the member.

    Returns:
        One a fold; empty where no films are added.
    """
    rows = added_rows(material, data)
    if rows is None:
        return []
    folds = added_folds(config, material)
    is_joined = len(config.members) > 1 and bool(config.ensembles)
    pairs = {}
    for pair in itertools.combinations(range(config.folds), 2) if is_joined else ():
        LOG.info("%s: without folds %d and %d of the added films", name, pair[0] + 1, pair[1] + 1)
        given = fit_data(data, config, added=rows & ~np.isin(folds, pair))
        pairs[pair] = to_head(fit_head(name, config, given), data, config)
    result = []
    for number in range(config.folds):
        LOG.info("%s: without fold %d of %d of the added films", name, number + 1, config.folds)
        fitted = fit_head(name, config, fit_data(data, config, added=rows & (folds != number)))
        head = to_head(fitted, data, config)
        outputs = {part: member_output(head, data.pooled[part]) for part in (FIT, VALIDATION)}
        outputs[ADDED] = member_output(head, data.pooled[ADDED][folds == number])
        others = None
        if is_joined:
            kept = rows & (folds != number)
            heads = {pair: head for pair, head in pairs.items() if number in pair}
            others = read_others(heads, data.pooled[ADDED], folds, number, kept)
        result.append(Blind(head, outputs, others))
    return result


def read_others(
    heads: Mapping[tuple[int, int], MemberHead],
    pooled: Float32Array,
    folds: IntArray,
    number: int,
    kept: BoolArray,
) -> MemberOutput:
    """Read each kept film of the other folds by the head that saw neither fold.

    Args:
        heads: Pair of folds that were left out to the head; one pair with each other fold.
        pooled: Features of all added films, shape (n, n_pooled, c).
        folds: Fold of each, shape (n,).
        number: The fold that is to be judged later.
        kept: Which films to read, none of them of that fold, shape (n,).

    Returns:
        One row a kept film, in order.
    """
    read = {sum(pair) - number: member_output(head, pooled[kept]) for pair, head in heads.items()}
    rows = np.arange(int(kept.sum()))
    order = [sorted(read).index(fold) for fold in folds[kept]]
    probs = np.stack([read[fold].probs for fold in sorted(read)])
    hidden = np.stack([read[fold].hidden for fold in sorted(read)])
    return MemberOutput(probs[order, rows], hidden[order, rows])
