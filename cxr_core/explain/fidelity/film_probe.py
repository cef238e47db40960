"""One film under covers and small changes; what was computed once is not computed again."""

from __future__ import annotations

from typing import Final

import numpy as np

from cxr_core.array import BoolArray, Float32Array, Float64Array
from cxr_core.blas import one_blas_thread
from cxr_core.errors import NotApplicableError
from cxr_core.explain.cam import Cam, explain
from cxr_core.explain.fidelity.imputation import impute
from cxr_core.explain.fidelity.order import Score
from cxr_core.explain.fidelity.stability import Change
from cxr_core.heads import HeadSetState, MemberState, softmax
from cxr_core.labels import class_index
from cxr_core.predict import Predictor, Reading
from cxr_core.preprocess import PreprocessSpec, resize
from cxr_core.radiograph import Radiograph

COVERS: Final = ("blur", "mean", "road")
"""What stands in for a covered cell, see `cover_image`."""


def cover_image(
    image: Float32Array, seen: BoolArray, *, cover: str = "blur", seed: int = 0
) -> Float32Array:
    """Cover cells of a film at the network's size.

    Args:
        image: Shape (h, w), float32 in [0, 1]; not changed.
        seen: Cells that stay, shape (rows, columns); pixels are shared out evenly among them.
        cover: `blur`, the film blurred by a Gaussian whose standard deviation is half a cell (16
            of 224 pixels); `mean`, the film's mean grey; `road`, noisy linear imputation from the
            cells that stay, and the film's mean where none does.
        seed: Seed of the imputation's noise.

    Returns:
        A new array of shape (h, w), float32 in [0, 1].

    Raises:
        ValueError: If the cover is not known.
    """
    if cover not in COVERS:
        msg = f"`cover` must be one of {COVERS}. Received: cover={cover!r}"
        raise ValueError(msg)
    rows, columns = (
        np.arange(size) * n // size for size, n in zip(image.shape, seen.shape, strict=True)
    )
    pixels = seen[rows][:, columns]
    if cover == "road" and seen.any():
        return impute(image, pixels, seed=seed)
    if cover == "blur":
        sigmas = [size / n / 2 for size, n in zip(image.shape, seen.shape, strict=True)]
        return np.where(pixels, image, blur(image, sigmas[0], sigmas[1]))
    return np.where(pixels, image, np.float32(image.mean()))


def blur(image: Float32Array, rows_px: float, columns_px: float) -> Float32Array:
    """Blur a film by a Gaussian; near the edge, weights are shared among the pixels that exist.

    Args:
        image: Shape (h, w), float32.
        rows_px: Standard deviation along the columns of the film, in rows.
        columns_px: Standard deviation along the rows of the film, in columns.

    Returns:
        A new array of the same shape, float32; a flat film stays as it is.
    """
    down, across = (
        _gaussian(size, sigma)
        for size, sigma in zip(image.shape, (rows_px, columns_px), strict=True)
    )
    return np.asarray(down @ image.astype(np.float64) @ across.T, np.float32)


def _gaussian(size: int, sigma: float) -> Float64Array:
    """Return the matrix that blurs along one axis; rows sum to 1."""
    steps = np.arange(size)
    weights = np.exp(-0.5 * ((steps[:, None] - steps[None, :]) / sigma) ** 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


class FilmProbe:
    """Scores and maps of one film and of changed copies of it; not to be shared between threads.

    Args:
        predictor: The systems; not changed.
        radiograph: The film; not changed.
        seed: Seed of the imputation's noise.

    Attributes:
        reading: Reading of the film itself.

    Raises:
        NotApplicableError: If the members' maps differ in size.
    """

    def __init__(self, predictor: Predictor, radiograph: Radiograph, *, seed: int = 0) -> None:
        self.predictor = predictor
        self.seed = seed
        self.reading: Reading = predictor.read(radiograph)
        shapes = {member.feature_shape[:2] for member in predictor.members.values()}
        if len(shapes) != 1:
            msg = f"`predictor` must have maps of one size. Received: {sorted(shapes)}"
            raise NotApplicableError(msg)
        self.shape: tuple[int, int] = shapes.pop()
        self._image_keys = {
            name: _image_key(member.preprocess) for name, member in predictor.members.items()
        }
        self._images = {
            self._image_keys[name]: resize(radiograph.image, member.preprocess)
            for name, member in predictor.members.items()
        }
        self._covered: dict[tuple[object, ...], Float32Array] = {}
        self._states: dict[tuple[str, str, bytes], MemberState] = {}
        self._changed: dict[tuple[str, Change], Float32Array] = {}

    def label(self, system: str) -> str:
        """Return the class that a system gives the film.

        Args:
            system: One of the predictor's systems.

        Returns:
            Class name.

        Raises:
            NotApplicableError: If there is no such system.
        """
        self._members_of(system)
        return self.reading.systems[system].label

    def cam(self, system: str, class_name: str, method: str) -> Cam:
        """Return a map of the film itself.

        Args:
            system: One of the predictor's systems.
            class_name: Class whose logit is explained.
            method: Key of `METHODS`.

        Returns:
            The raw map.

        Raises:
            NotApplicableError: If there is no such system.
            ValueError: If the class or the method is unknown.
        """
        return self.predictor.explain(self.reading, system, class_name, method=method)

    def score(self, system: str, class_name: str, *, cover: str = "blur") -> Score:
        """Return the score that deletion, insertion and ROAD watch: the class's probability.

        Args:
            system: One of the predictor's systems.
            class_name: The class.
            cover: One of `COVERS`.

        Returns:
            Function from the cells that are seen to the probability.

        Raises:
            NotApplicableError: If there is no such system.
            ValueError: If the class is unknown.
        """
        names, index = self._members_of(system), class_index(class_name)

        def probability(seen: BoolArray) -> float:
            states = {name: self._state(name, cover, seen) for name in names}
            if system in states:
                return float(states[system].probs[index])
            logits = self.predictor.heads.ensemble_logits(system, states)
            return float(softmax(np.asarray(logits, np.float64))[index])

        return probability

    def changed_grid(
        self, change: Change, system: str, class_name: str, method: str
    ) -> Float32Array:
        """Return the map of a changed copy of the film.

        Args:
            change: What is done to the film, at the network's size.
            system: One of the predictor's systems.
            class_name: Class whose logit is explained, whatever the copy's own top class is.
            method: Key of `METHODS`.

        Returns:
            Shape (h, w), float32, signed and unscaled.

        Raises:
            NotApplicableError: If there is no such system.
            ValueError: If the class or the method is unknown.
        """
        heads, features = self.predictor.heads, {}
        for name in self._members_of(system):
            key = (name, change)
            if key not in self._changed:
                image = change.apply(self._images[self._image_keys[name]])
                self._changed[key] = self.predictor.run_member(name, image)
            features[name] = self._changed[key]
        with one_blas_thread():
            states = {name: heads.members[name].forward(features[name]) for name in features}
            logits = {name: state.logits for name, state in states.items()}
            if system in heads.ensembles:
                logits[system] = heads.ensemble_logits(system, states)
            state = HeadSetState(states, logits)
            return explain(heads, state, features, system, class_name, method=method).grid

    def _members_of(self, system: str) -> tuple[str, ...]:
        """Return the members that a system needs."""
        heads = self.predictor.heads
        if system not in heads.systems:
            msg = f"`system` must be one of {heads.systems}. Received: system={system!r}"
            raise NotApplicableError(msg)
        return (system,) if system in heads.members else tuple(heads.members)

    def _state(self, name: str, cover: str, seen: BoolArray) -> MemberState:
        """Run one member on the covered film, once for every set of cells."""
        if seen.all():
            return self.reading.state.members[name]
        key = (name, cover, seen.tobytes())
        if key not in self._states:
            features = self.predictor.run_member(name, self._cover(name, cover, seen))
            with one_blas_thread():
                self._states[key] = self.predictor.heads.members[name].forward(features)
        return self._states[key]

    def _cover(self, name: str, cover: str, seen: BoolArray) -> Float32Array:
        """Cover the film as a member sees it; members of one size and filter share the result."""
        image_key = self._image_keys[name]
        key = (image_key, cover, seen.tobytes())
        if key not in self._covered:
            image = self._images[image_key]
            with one_blas_thread():
                self._covered[key] = cover_image(image, seen, cover=cover, seed=self.seed)
        return self._covered[key]


def _image_key(spec: PreprocessSpec) -> tuple[object, ...]:
    """Return what of a spec decides the film before scaling."""
    return (spec.height_px, spec.width_px, spec.resampling, spec.filter)
