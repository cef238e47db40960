"""Class activation maps of all five systems in closed form: no tape, no second pass, no new model.

For a member with feature map A, pooled to P A and flattened to f, u = W1ᵀ f + b1, h = relu(u) and
logits z = W2ᵀ h + b2, the gradient of any score s by A is Pᵀ W1 v with v = ds/du, a vector of 64 or
128 numbers. The ensembles only change v. So every map below is a few small matrix products.

Logits are explained, not probabilities: where a softmax is saturated its gradient is zero and a map
of it is blank. Maps are signed and unscaled; scaling belongs to the display.

Caution:
    A map says which cells moved a score. It does not say where disease is. Published tests found
    every saliency method failing at least one of four criteria on chest films (Arun et al. 2021,
    doi:10.1148/ryai.2021200267), and all of them below radiologists in localisation (Saporta et al.
    2022, doi:10.1038/s42256-022-00536-x).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from cxr_core.errors import NotApplicableError
from cxr_core.heads import FloatArray, HeadSet, HeadSetState
from cxr_core.labels import CLASSES, class_index

GRADCAMPP_EPSILON: Final = 1e-6

_LINEAR_NOTE = (
    "Between the map and this ensemble lies the members' softmax, so the map shows a slope at this "
    "film and does not add up to the logit."
)
_NOTE_FLAT = "The map is flat: no cell moved this score."
_NOTE_NOTHING_FOR = "No cell speaks for this class; every cell speaks against it or is silent."


@dataclass(frozen=True)
class Method:
    """One way to turn a feature map and its gradient into a map.

    Attributes:
        title: Words on screen.
        note: One sentence on what the numbers are.
        is_class_specific: False for a map without any class in it.
    """

    title: str
    note: str
    is_class_specific: bool = True


METHODS: Final[Mapping[str, Method]] = MappingProxyType(
    {
        "gradcam": Method("Grad-CAM", "Channels weighted by their mean gradient."),
        "hirescam": Method(
            "HiResCAM", "Each cell's exact share of the logit; cells and bias add up to it."
        ),
        "layercam": Method("LayerCAM", "Positive gradients only, cell by cell."),
        "gradcampp": Method(
            "Grad-CAM++", "Channels weighted by equation 19 of its paper, on the logit."
        ),
        "ablationcam": Method(
            "Ablation-CAM", "Channels weighted by the exact fall of the logit without them."
        ),
        "eigencam": Method(
            "Eigen-CAM",
            "First principal component of the feature map; no class takes part in it.",
            is_class_specific=False,
        ),
    }
)
DEFAULT_METHOD: Final = "hirescam"


@dataclass(frozen=True, eq=False)
class Cam:
    """One map, raw and signed.

    Attributes:
        system: System whose score was explained.
        class_name: Class whose logit was explained; `None` where the method has no class.
        method: Key of `METHODS`.
        grid: Shape (h, w), float32, unscaled.
        score: The explained logit, or difference of logits.
        bias: HiResCAM only: what of the score is not in the map (biases of active units).
        notes: What a reader of this map should know.
    """

    system: str
    class_name: str | None
    method: str
    grid: npt.NDArray[np.float32]
    score: float
    bias: float | None = None
    notes: tuple[str, ...] = ()


def target_coefficients(class_name: str, against: str | None = None) -> npt.NDArray[np.float64]:
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


def logit_gradients(
    heads: HeadSet,
    state: HeadSetState,
    system: str,
    coefficients: FloatArray,
) -> dict[str, FloatArray]:
    """Return the gradient of n scores of a system by each member's feature map.

    Args:
        heads: The systems.
        state: The forward pass in question.
        system: One of `heads.systems`.
        coefficients: Shape (k, n), each column a combination of the system's logits.

    Returns:
        Member name to shape (h * w, c, n); members that the system does not use are left out.
    """
    gradients: dict[str, FloatArray] = {}
    for name, of_hidden in heads.hidden_gradients(state, system).items():
        head = heads.members[name]
        kernel = head.layers[0].kernel
        columns = np.asarray(of_hidden @ coefficients, kernel.dtype)
        direction = head.direction(state.members[name], columns)
        pooled = (kernel @ direction).reshape(len(head.pool), -1)
        gradients[name] = (head.pool.T @ pooled).reshape(-1, head.feature_shape[2], len(columns.T))
    return gradients


def _gradcam(cells: FloatArray, gradient: FloatArray) -> FloatArray:
    """Selvaraju et al. 2017, equations 1 and 2, before the ReLU."""
    return np.asarray(cells @ gradient.mean(axis=0))


def _hirescam(cells: FloatArray, gradient: FloatArray) -> FloatArray:
    """Draelos and Carin 2020 (arXiv:2011.08891), equation 6."""
    return np.asarray(np.matmul(cells[:, None, :], gradient)[:, 0, :])


def _layercam(cells: FloatArray, gradient: FloatArray) -> FloatArray:
    """Jiang et al. 2021 (doi:10.1109/TIP.2021.3089943), equation 7, before the ReLU."""
    return _hirescam(cells, np.maximum(gradient, 0))


def _gradcampp(cells: FloatArray, gradient: FloatArray) -> FloatArray:
    """Chattopadhay et al. 2018 (arXiv:1710.11063), equation 19, in pytorch-grad-cam's convention.

    The gradient of the logit stands for the derivative, the activation is summed over positions,
    epsilon is 1e-6. Equation 19 assumes activations of zero or more; where a negative one makes
    the denominator zero or less, the term is left out.
    """
    squared = gradient**2
    denominator = 2 * squared + cells.sum(axis=0)[:, None] * squared * gradient + GRADCAMPP_EPSILON
    is_used = (gradient > 0) & (denominator > 0)
    alpha = np.divide(squared, denominator, out=np.zeros_like(gradient), where=is_used)
    return np.asarray(cells @ (np.maximum(gradient, 0) * alpha).sum(axis=0))


_FROM_GRADIENT: Final[Mapping[str, Callable[[FloatArray, FloatArray], FloatArray]]] = {
    "gradcam": _gradcam,
    "hirescam": _hirescam,
    "layercam": _layercam,
    "gradcampp": _gradcampp,
}


def ablation_falls(
    heads: HeadSet,
    state: HeadSetState,
    system: str,
    features: Mapping[str, FloatArray],
    coefficients: FloatArray,
) -> dict[str, FloatArray]:
    """Return how far n scores fall when one channel of one member is set to zero, exactly.

    Args:
        heads: The systems.
        state: The forward pass in question.
        system: One of `heads.systems`.
        features: Member name to feature map (h, w, c).
        coefficients: Shape (k, n).

    Returns:
        Member name to shape (c, n), score less ablated score.

    References:
        Desai and Ramaswamy 2020 (doi:10.1109/WACV45572.2020.9093360), equation 1, without the
        division by the score, which would turn the map over where the score is negative.
    """
    falls: dict[str, FloatArray] = {}
    for name in heads.hidden_gradients(state, system):
        head = heads.members[name]
        n_pooled, channels = len(head.pool), head.feature_shape[2]
        pooled = head.pool @ features[name].reshape(-1, channels)
        kernel = head.layers[0].kernel.reshape(n_pooled, channels, -1)
        share = np.matmul(pooled.T[:, None, :], kernel.transpose(1, 0, 2))[:, 0, :]
        ablated = head.forward_from(state.members[name].pre_activations[0] - share)
        if system in heads.members:
            logits = ablated.logits
        else:
            logits = heads.ensemble_logits(system, {**state.members, name: ablated})
        falls[name] = np.asarray((state.logits[system] - logits) @ coefficients)
    return falls


def eigencam(feature_maps: Sequence[FloatArray]) -> npt.NDArray[np.float32]:
    """Return the projection of a feature map on its first principal component.

    Args:
        feature_maps: Maps (h, w, c) of equal h and w; several are joined along the channels.

    Returns:
        Shape (h, w), float32. The sign of a component is arbitrary; here the cell of largest
        magnitude is positive.

    References:
        Muhammad and Yeasin 2020 (arXiv:2008.00299). The component comes from the (h w, h w) Gram
        matrix, which has the same projection as the singular vectors of the whole map.
    """
    height, width = feature_maps[0].shape[:2]
    gram = np.zeros((height * width, height * width))
    for features in feature_maps:
        cells = features.reshape(height * width, -1).astype(np.float64)
        centred = cells - cells.mean(axis=0)
        gram += centred @ centred.T
    values, vectors = np.linalg.eigh(gram)
    projection = vectors[:, -1] * np.sqrt(max(values[-1], 0.0))
    sign = np.sign(projection[np.argmax(np.abs(projection))]) or 1.0
    return np.asarray(sign * projection, np.float32).reshape(height, width)


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
    if method in _FROM_GRADIENT:
        gradients = logit_gradients(heads, state, system, coefficients)
        return _sum_members(heads, features, gradients, _FROM_GRADIENT[method])
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
    heads: HeadSet, system: str, used: Mapping[str, FloatArray], grid: npt.NDArray[np.float32]
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
