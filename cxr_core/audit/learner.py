"""One small classifier for every cue, without a setting that depends on the films.

Gradient-boosted trees learn numbers, shares and small pictures alike, so that no cue is worse for
its learner. They and their settings were compared with logistic regression, extremely random trees
and support vectors by cross-validation inside the training films of the published bundle only.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cxr_core.array import Float64Array, FloatArray, IntArray
from cxr_core.errors import NotApplicableError
from cxr_core.labels import N_CLASSES

N_FOLDS: Final = 5
_N_ROUNDS: Final = 150
_N_LEAVES: Final = 15
_FEATURE_SHARE: Final = 0.05
_LEAF_SHARE: Final = 50
"""A leaf holds at least one in so many films, between 2 and 20 films."""

Features = FloatArray

ONE_CLASS: Final = "films of at least two classes are needed"
ONE_PATIENT: Final = "each class needs films of at least two patients"


def predict(
    features: Features, y_true: IntArray, judged: Features, *, seed: int = 0
) -> Float64Array:
    """Learn from some films and judge others.

    Args:
        features: Shape (n, d), films to learn from.
        y_true: Their class indices, shape (n,).
        judged: Shape (m, d), other films.
        seed: Seed of the trees.

    Returns:
        Probabilities, shape (m, 3); 0 for classes that no film was of. The commonness of the
        classes is kept as it is.

    Raises:
        NotApplicableError: If the films to learn from are of fewer than two classes.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    present = np.unique(y_true)
    if len(present) < 2:
        msg = f"`y_true` must be of at least two classes. Received: {present.tolist()}"
        raise NotApplicableError(msg, hint="Add films of another class.")
    model = HistGradientBoostingClassifier(
        max_iter=_N_ROUNDS,
        max_leaf_nodes=_N_LEAVES,
        max_features=_FEATURE_SHARE,
        min_samples_leaf=int(np.clip(len(y_true) // _LEAF_SHARE, 2, 20)),
        early_stopping=False,
        random_state=seed,
    )
    probs = np.zeros((len(judged), N_CLASSES))
    with threadpool_limits(limits=1, user_api="openmp"):  # the same sums on every machine
        model.fit(np.asarray(features, np.float32), y_true)
        if len(judged):
            probs[:, present] = model.predict_proba(np.asarray(judged, np.float32))
    return probs


def cross_predict(
    features: Features, y_true: IntArray, patient: IntArray, *, seed: int = 0
) -> Float64Array:
    """Judge each film by a classifier that saw no film of its patient.

    Args:
        features: Shape (n, d).
        y_true: Class indices, shape (n,).
        patient: Number of each film's patient, shape (n,).
        seed: Seed of folds and trees.

    Returns:
        Probabilities, shape (n, 3).

    Raises:
        NotApplicableError: If there are films of fewer than two classes, or all films of a class
            are of one patient.
    """
    probs = np.zeros((len(y_true), N_CLASSES))
    for learnt, held in folds(y_true, patient, seed=seed):
        if len(np.unique(y_true[learnt])) < 2:  # two patients of a class may share a fold
            probs[held, y_true[learnt[0]]] = 1.0
        else:
            probs[held] = predict(features[learnt], y_true[learnt], features[held], seed=seed)
    return probs


def folds(labels: IntArray, patient: IntArray, *, seed: int = 0) -> list[tuple[IntArray, IntArray]]:
    """Divide films into folds, whole patients at a time, each label in about equal shares.

    Args:
        labels: Shape (n,), classes or sources.
        patient: Number of each film's patient, shape (n,).
        seed: Seed of the division.

    Returns:
        Positions to learn from and to judge, `N_FOLDS` times, or as often as the label with the
        fewest patients allows.

    Raises:
        NotApplicableError: If there are fewer than two labels, or all films of one are of one
            patient.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    present = np.unique(labels)
    if len(present) < 2:
        msg = f"`labels` must be of two kinds at least. Received: {len(present)}"
        raise NotApplicableError(msg, hint=_sentence(ONE_CLASS))
    n_patients = min(len(np.unique(patient[labels == label])) for label in present)
    if n_patients < 2:
        msg = f"`patient` must be two or more for each label. Received: {n_patients} for one"
        raise NotApplicableError(msg, hint=_sentence(ONE_PATIENT))
    division = StratifiedGroupKFold(min(N_FOLDS, n_patients), shuffle=True, random_state=seed)
    return list(division.split(np.zeros((len(labels), 1)), labels, patient))


def _sentence(words: str) -> str:
    """Return words as a sentence."""
    return f"{words[:1].upper()}{words[1:]}."
