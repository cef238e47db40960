"""From a score of one system to its map: one method, summed over members, with notes to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from cxr_core.array import Float32Array, Float64Array, FloatArray
from cxr_core.errors import NotApplicableError
from cxr_core.explain.cam.formula import FROM_GRADIENT, ablation_falls, eigencam, logit_gradients
from cxr_core.explain.cam.method import DEFAULT_METHOD, METHODS, Cam
from cxr_core.heads import HeadSet, HeadSetState
from cxr_core.labels import CLASSES, class_index

_LINEAR_NOTE = (
    "Between the map and this ensemble lies the members' softmax, so the map shows a slope at this "
    "film and does not add up to the logit."
)
_NOTE_FLAT = "The map is flat: no cell moved this score."
_NOTE_NOTHING_FOR = "No cell speaks for this class; every cell speaks against it or is silent."


def target_coefficients(class_name: str, against: str | None = None) -> Float64Array:
    """Return the score to explain as a combination of the logits.

    Args:
        class_name: Class whose logit is explained.
        against: If given, the difference to this class's logit is explained instead.

    Returns:
        Shape (k,), float64.

    Raises:
        ValueError: If a class is unknown, or compared with itself.
    """
    coefficients = np.zeros(len(CLASSES))
    coefficients[class_index(class_name)] = 1.0
    if against is not None:
        if against == class_name:
            msg = f"`against` must differ from `class_name`. Received: both are {against!r}"
            raise ValueError(msg)
        coefficients[class_index(against)] = -1.0
    return coefficients


def explain_logits(
    heads: HeadSet,
    state: HeadSetState,
    features: Mapping[str, FloatArray],
    system: str,
    coefficients: FloatArray,
    *,
    method: str,
) -> FloatArray:
    """Return the raw maps of n scores of one system; an ensemble's map is the sum of its members'.

    Args:
        heads: The systems.
        state: The forward pass in question.
        features: Member name to feature map (h, w, c).
        system: One of `heads.systems`.
        coefficients: Shape (k, n), each column a combination of the system's logits.
        method: Class-specific key of `METHODS`.

    Returns:
        Shape (h, w, n), signed and unscaled.

    Raises:
        NotApplicableError: If the system is missing, or its members' maps differ in size.
        ValueError: If the method is unknown or has no class in it.
    """
    if method in FROM_GRADIENT:
        gradients = logit_gradients(heads, state, system, coefficients)
        return _sum_members(heads, features, gradients, FROM_GRADIENT[method])
    if method == "ablationcam":
        falls = ablation_falls(heads, state, system, features, coefficients)
        return _sum_members(heads, features, falls, np.matmul)
    known = tuple(name for name, entry in METHODS.items() if entry.is_class_specific)
    msg = f"`method` must be one of {known}. Received: method={method!r}"
    raise ValueError(msg)


def _sum_members(
    heads: HeadSet,
    features: Mapping[str, FloatArray],
    weights: Mapping[str, FloatArray],
    combine: Callable[[FloatArray, FloatArray], FloatArray],
) -> FloatArray:
    """Combine each member's cells with its weights and add the members up."""
    sizes = {heads.members[name].feature_shape[:2] for name in weights}
    if len(sizes) != 1:
        msg = f"`system` must have members with maps of one size. Received: {sorted(sizes)}"
        raise NotApplicableError(msg)
    height, width = sizes.pop()
    total: FloatArray | float = 0.0
    for name, weight in weights.items():
        cells = features[name].reshape(height * width, -1)
        total = total + combine(cells, weight)
    return np.asarray(total).reshape(height, width, -1)


def explain(
    heads: HeadSet,
    state: HeadSetState,
    features: Mapping[str, FloatArray],
    system: str,
    class_name: str,
    *,
    method: str = DEFAULT_METHOD,
    against: str | None = None,
) -> Cam:
    """Explain one score of one system.

    Args:
        heads: The systems.
        state: The forward pass that made the prediction.
        features: Member name to feature map (h, w, c).
        system: One of `heads.systems`.
        class_name: Class whose logit is explained.
        method: Key of `METHODS`.
        against: If given, the difference to this class's logit is explained.

    Returns:
        The raw map with its notes. Always finite for finite input.

    Raises:
        NotApplicableError: If the system is not in the set.
        ValueError: If the class or the method is unknown.
    """
    coefficients = target_coefficients(class_name, against)
    (cam,) = _cams(
        heads, state, features, system, coefficients[:, None], (class_name,), method=method
    )
    return cam


def explain_classes(
    heads: HeadSet,
    state: HeadSetState,
    features: Mapping[str, FloatArray],
    system: str,
    *,
    method: str = DEFAULT_METHOD,
) -> dict[str, Cam]:
    """Explain the logits of all classes of one system at once; equal to `explain` one by one.

    Args:
        heads: The systems.
        state: The forward pass that made the prediction.
        features: Member name to feature map (h, w, c).
        system: One of `heads.systems`.
        method: Key of `METHODS`.

    Returns:
        Class name to map; a method without a class gives the same grid for each.

    Raises:
        NotApplicableError: If the system is not in the set.
        ValueError: If the method is unknown.
    """
    columns = np.eye(len(CLASSES))
    cams = _cams(heads, state, features, system, columns, CLASSES, method=method)
    return dict(zip(CLASSES, cams, strict=True))


def _cams(
    heads: HeadSet,
    state: HeadSetState,
    features: Mapping[str, FloatArray],
    system: str,
    coefficients: FloatArray,
    class_names: Sequence[str],
    *,
    method: str,
) -> list[Cam]:
    """Return one map for each column of `coefficients`, shape (k, n)."""
    used = heads.hidden_gradients(state, system)
    scores = (state.logits[system] @ coefficients).tolist()
    if method == "eigencam":
        grid = eigencam([features[name] for name in used])
        notes = (METHODS[method].note, *((_NOTE_FLAT,) if not grid.any() else ()))
        return [Cam(system, None, method, grid, score, None, notes) for score in scores]
    maps = explain_logits(heads, state, features, system, coefficients, method=method)
    is_complete = method == "hirescam" and system != "ensemble_probs"
    cams = []
    for index, (name, score) in enumerate(zip(class_names, scores, strict=True)):
        grid = np.array(maps[:, :, index], np.float32)
        bias = score - float(maps[:, :, index].sum(dtype=np.float64)) if is_complete else None
        notes = _notes(heads, system, used, grid)
        cams.append(Cam(system, name, method, grid, score, bias, notes))
    return cams


def _notes(
    heads: HeadSet, system: str, used: Mapping[str, FloatArray], grid: Float32Array
) -> tuple[str, ...]:
    """Say what a reader of this map should know."""
    notes = []
    if not grid.any():
        notes.append(_NOTE_FLAT)
    elif grid.max() <= 0:
        notes.append(_NOTE_NOTHING_FOR)
    unseen = max(float((~heads.members[name].pool.any(axis=0)).mean()) for name in used)
    if unseen > 0:
        notes.append(
            f"The head cannot see {unseen:.1%} of the cells (last row and column): "
            "its pooling drops them."
        )
    if system == "ensemble_probs":
        notes.append(_LINEAR_NOTE)
    return tuple(notes)
