"""The formulas of the methods: gradients, weights of channels and maps, each with its source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from cxr_core.array import Float32Array, FloatArray
from cxr_core.heads import HeadSet, HeadSetState

GRADCAMPP_EPSILON: Final = 1e-6


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


FROM_GRADIENT: Final[Mapping[str, Callable[[FloatArray, FloatArray], FloatArray]]] = {
    "gradcam": _gradcam,
    "hirescam": _hirescam,
    "layercam": _layercam,
    "gradcampp": _gradcampp,
}
"""Method to its formula: cells (h * w, c) and their gradient (h * w, c, n) to maps (h * w, n)."""


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


def eigencam(feature_maps: Sequence[FloatArray]) -> Float32Array:
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
