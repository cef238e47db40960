"""How far feature vectors lie from those of the reference films: Mahalanobis and what is left over.

A vector is brought to unit length, projected onto the leading principal axes of the reference
films, and compared with each class's mean under the covariance that the classes share. What the
axes leave out is compared with what they leave out of reference films.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import Float32Array, Float64Array, FloatArray
from cxr_core.errors import NotApplicableError, SpecMismatchError

TRANSFORMS: Final = ("root", "none")
N_AXES: Final = 64
_FLOOR: Final = 1e-12
_LEAST_AXIS: Final = 1e-6
"""Axes with less than this share of the first one's spread are left out."""


def transform(features: FloatArray, name: str) -> Float64Array:
    """Return feature vectors as they are compared.

    Args:
        features: Shape (n, c).
        name: `root`: square roots (with sign), then unit length, so that vectors of non-negative
            features are compared by Hellinger's distance and their size plays no part; `none`.

    Returns:
        Shape (n, c), float64; a vector of zeros stays one.
    """
    values = np.asarray(features, np.float64)
    if name == "none":
        return values
    values = np.sign(values) * np.sqrt(np.abs(values))
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(lengths, _FLOOR))


@dataclass(frozen=True, eq=False)
class FeatureSpace:
    """The reference films' features of one kind.

    Attributes:
        transform: One of `TRANSFORMS`.
        mean: Mean of the transformed reference vectors, classes weighing alike, shape (c,),
            float32.
        axes: Principal axes in columns, shape (c, k), float16 so that a bundle stays small.
        whitening: Shape (k, k), float32; products with it have the classes' shared covariance 1.
        centres: Class means after projection and whitening, shape (m, k), float32.
        leftover: Mean squared length of what the axes leave out of a reference vector.

    References:
        Lee and others 2018, arXiv:1807.03888 (class means, shared covariance); Wang and others
        2022, arXiv:2203.10807 (the residual); Ledoit and Wolf 2004,
        doi:10.1016/S0047-259X(03)00096-4 (shrinkage).
    """

    transform: str
    mean: Float32Array
    axes: npt.NDArray[np.float16]
    whitening: Float32Array
    centres: Float32Array
    leftover: float
    _axes: Float64Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit each other."""
        n_axes = self.axes.shape[-1] if self.axes.ndim == 2 else -1
        fits = (
            self.transform in TRANSFORMS
            and self.mean.shape == self.axes.shape[:1]
            and self.whitening.shape == (n_axes, n_axes)
            and self.centres.ndim == 2
            and self.centres.shape[1] == n_axes
            and len(self.centres) > 0
        )
        if not fits:
            shapes = [a.shape for a in (self.mean, self.axes, self.whitening, self.centres)]
            msg = (
                "`mean`, `axes`, `whitening` and `centres` must have shapes (c,), (c, k), (k, k) "
                f"and (m, k). Received: {shapes}, transform={self.transform!r}"
            )
            raise SpecMismatchError(msg)
        object.__setattr__(self, "_axes", self.axes.astype(np.float64))

    @property
    def n_features(self) -> int:
        """Length of the vectors it takes."""
        return len(self.mean)

    def parts(self, features: FloatArray) -> tuple[Float64Array, Float64Array]:
        """Return both parts of the distance.

        Args:
            features: Shape (n, c), finite.

        Returns:
            Squared Mahalanobis distance to each centre over the number of axes, shape (n, m); and
            what the axes leave out, squared, as a multiple of a reference film's, shape (n,). Both
            are about 1 for films like the reference films.

        Raises:
            SpecMismatchError: If the vectors have another length.
            NotApplicableError: If a value is not finite.
        """
        projected, rest = self._projected(features)
        gaps = (projected @ self.whitening)[:, None, :] - self.centres
        distances = np.einsum("nmk,nmk->nm", gaps, gaps) / max(self.axes.shape[1], 1)
        left = np.einsum("nc,nc->n", rest, rest) / max(self.leftover, _FLOOR)
        return distances, left

    def whitened(self, features: FloatArray) -> Float64Array:
        """Return vectors on the axes, in units of the classes' shared spread.

        Args:
            features: Shape (n, c), finite.

        Returns:
            Shape (n, k).

        Raises:
            SpecMismatchError: If the vectors have another length.
            NotApplicableError: If a value is not finite.
        """
        return np.asarray(self._projected(features)[0] @ self.whitening)

    def _projected(self, features: FloatArray) -> tuple[Float64Array, Float64Array]:
        """Check vectors; return their place on the axes and what is left over."""
        features = np.asarray(features)
        if features.ndim != 2 or features.shape[1] != self.n_features:
            msg = f"`features` must have shape (n, {self.n_features}). Received: {features.shape}"
            raise SpecMismatchError(msg)
        if not np.isfinite(features).all():
            n_bad = int((~np.isfinite(features)).any(axis=1).sum())
            msg = f"`features` must be finite. Received: {n_bad} of {len(features)} films not so"
            hint = "The networks gave values that are no numbers for this film; do not use them."
            raise NotApplicableError(msg, hint=hint)
        centred = transform(features, self.transform) - self.mean
        projected = centred @ self._axes
        return projected, centred - projected @ self._axes.T

    def distance(self, features: FloatArray) -> Float64Array:
        """Return how far vectors lie from the nearest class of reference films.

        Args:
            features: Shape (n, c), finite.

        Returns:
            Shape (n,), above 0; about 2 for films like the reference films: the nearest centre's
            distance plus what is left over, see `parts`.

        Raises:
            SpecMismatchError: If the vectors have another length.
            NotApplicableError: If a value is not finite.
        """
        distances, left = self.parts(features)
        return np.asarray(np.maximum(distances.min(axis=1) + left, _FLOOR))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what is stored, by name."""
        return {
            "mean": self.mean,
            "axes": self.axes,
            "whitening": self.whitening,
            "centres": self.centres,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return what is no array as JSON-ready values."""
        return {"transform": self.transform, "leftover": self.leftover}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]
    ) -> FeatureSpace:
        """Build the space from what is stored.

        Args:
            arrays: Of `arrays`.
            meta: Of `to_dict`.

        Returns:
            An equal space.

        Raises:
            SpecMismatchError: If a part is missing or does not fit the others.
        """
        try:
            return cls(
                str(meta["transform"]),
                np.asarray(arrays["mean"], np.float32),
                np.asarray(arrays["axes"], np.float16),
                np.asarray(arrays["whitening"], np.float32),
                np.asarray(arrays["centres"], np.float32),
                float(meta["leftover"]),
            )
        except (KeyError, TypeError, ValueError) as err:
            msg = f"The gate must have every array of its spaces. Received: {err!r}"
            raise SpecMismatchError(msg) from err


def fit_space(
    features: FloatArray,
    y_true: npt.NDArray[np.integer[Any]],
    *,
    transform_name: str = "root",
    n_axes: int = N_AXES,
) -> FeatureSpace:
    """Fit a space to reference films; every class present weighs alike.

    Args:
        features: Shape (n, c), finite, n >= 2.
        y_true: Class of each film, shape (n,).
        transform_name: One of `TRANSFORMS`.
        n_axes: Most axes that are kept; constant directions are never kept.

    Returns:
        The space. Its axes are rounded to 16 bits first, and all else is computed with those, so
        that a stored space is the fitted one.

    Raises:
        NotApplicableError: If there are fewer than two films, or a value is not finite.
    """
    if len(features) < 2 or not np.isfinite(features).all():
        msg = f"`features` must be two finite vectors or more. Received: {np.shape(features)}"
        raise NotApplicableError(msg, hint="Fit the gate to the training films of the bundle.")
    values = transform(features, transform_name)
    present, own = np.unique(y_true, return_inverse=True)
    weights = 1.0 / (len(present) * np.bincount(own)[own])
    mean = np.asarray(weights @ values, np.float32)
    centred = values - mean
    axes = _principal_axes(centred * np.sqrt(weights)[:, None], n_axes).astype(np.float16)
    projected = centred @ axes.astype(np.float64)
    rest = centred - projected @ axes.astype(np.float64).T
    left = np.bincount(own, np.einsum("nc,nc->n", rest, rest)) / np.bincount(own)
    means = np.stack([projected[own == i].mean(axis=0) for i in range(len(present))])
    whitening = _whitening([projected[own == i] - means[i] for i in range(len(present))])
    return FeatureSpace(
        transform_name,
        mean,
        axes,
        whitening,
        np.asarray(means @ whitening.astype(np.float64), np.float32),
        float(left.mean()),
    )


def _principal_axes(centred: Float64Array, n_axes: int) -> Float64Array:
    """Return up to `n_axes` right singular vectors in columns, those of no spread left out."""
    _, spreads, rows = np.linalg.svd(centred, full_matrices=False)
    least = max(_LEAST_AXIS * float(spreads[0]), _FLOOR)
    return np.asarray(rows[: min(n_axes, int((spreads > least).sum()))].T)


def _whitening(by_class: list[Float64Array]) -> Float32Array:
    """Return a square root of the inverse of the classes' mean covariance, each one shrunk.

    Classes of one film tell nothing of a covariance and are left out.
    """
    from sklearn.covariance import ledoit_wolf

    n_axes = by_class[0].shape[1]
    several = [rows for rows in by_class if len(rows) > 1]
    if not several or n_axes == 0:
        return np.eye(n_axes, dtype=np.float32)
    shared = np.mean([ledoit_wolf(rows, assume_centered=True)[0] for rows in several], axis=0)
    values, vectors = np.linalg.eigh(shared)
    values = np.maximum(values, max(_LEAST_AXIS**2 * float(values[-1]), _FLOOR))
    return np.asarray(vectors / np.sqrt(values), np.float32)
