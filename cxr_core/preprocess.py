"""From a film to what a network takes; the one implementation that training and serving share.

Numpy and Pillow only: the same bytes give the same bits in a training run, on the command line and
in the dashboard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

import numpy as np
from PIL import Image

from cxr_core.array import Float32Array
from cxr_core.errors import SpecMismatchError
from cxr_core.film_filter import FILTERS
from cxr_core.radiograph import Notice, Radiograph
from cxr_core.trust.film_layout import film_layout

RESAMPLINGS: Final = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
SCALINGS: Final = ("unit", "torch", "caffe", "tf", "none")

_NO_FILTER: Final = ("filter", "none")
_TORCH_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_TORCH_STD = np.array([0.229, 0.224, 0.225], np.float32)
_CAFFE_MEAN_BGR = np.array([103.939, 116.779, 123.68], np.float32)


@dataclass(frozen=True)
class PreprocessSpec:
    """How a film becomes the input of one network; stored beside the network's weights.

    Attributes:
        height_px: Rows of the network's input.
        width_px: Columns of the network's input.
        resampling: Key of `RESAMPLINGS`; all but `nearest` average over the source pixels when
            they shrink the film (Pillow's reducing filters).
        scaling: `unit` values in [0, 1] (the write-up's division by 255); `torch` ImageNet mean and
            standard deviation per channel; `caffe` 0 to 255, BGR, ImageNet mean subtracted;
            `tf` values in [-1, 1]; `none` values in [0, 255].
        filter: Key of `cxr_core.film_filter.FILTERS`, applied at the network's size.

    References:
        The scaling families and constants are those of `keras.applications.imagenet_utils`
        (modes `torch`, `caffe`, `tf`); a test compares the two.
    """

    height_px: int = 224
    width_px: int = 224
    resampling: str = "bilinear"
    scaling: str = "unit"
    filter: str = "none"

    def __post_init__(self) -> None:
        """Refuse sizes and words that no code below understands."""
        for name in ("height_px", "width_px"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 4096:
                msg = f"`{name}` must be an int in [1, 4096]. Received: {name}={value!r}"
                raise SpecMismatchError(msg)
        words = {"resampling": tuple(RESAMPLINGS), "scaling": SCALINGS, "filter": tuple(FILTERS)}
        for name, known in words.items():
            value = getattr(self, name)
            if value not in known:
                msg = f"`{name}` must be one of {known}. Received: {name}={value!r}"
                raise SpecMismatchError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values; `filter` only where there is one."""
        return {key: value for key, value in asdict(self).items() if (key, value) != _NO_FILTER}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PreprocessSpec:
        """Build a spec from `to_dict`'s output.

        Args:
            values: Exactly the fields of this class; `filter` may be missing.

        Returns:
            The equal spec.

        Raises:
            SpecMismatchError: If a field is missing, unknown or out of range.
        """
        known = {field.name for field in fields(cls)}
        if {*values, _NO_FILTER[0]} != known:
            msg = f"`preprocess` must have the fields {sorted(known)}. Received: {sorted(values)}"
            raise SpecMismatchError(msg)
        return cls(**values)


def resize(image: Float32Array, spec: PreprocessSpec) -> Float32Array:
    """Stretch a film to the network's size, whatever its aspect ratio, and apply the filter.

    Args:
        image: Shape (h, w), float32 in [0, 1].
        spec: Target size, resampling and filter.

    Returns:
        A new array of shape (`height_px`, `width_px`), float32 in [0, 1]; equal values where the
        size already fits and there is no filter.
    """
    size = (spec.width_px, spec.height_px)
    change = FILTERS[spec.filter]
    if image.shape == (spec.height_px, spec.width_px):
        return change(image.copy())
    resized = Image.fromarray(image).resize(size, RESAMPLINGS[spec.resampling])
    return change(np.clip(np.asarray(resized, np.float32), 0.0, 1.0))


def scale(image: Float32Array, spec: PreprocessSpec) -> Float32Array:
    """Copy the grey film into three channels and bring them to the network's range.

    Args:
        image: Shape (h, w), float32 in [0, 1].
        spec: Scaling family.

    Returns:
        A new array of shape (h, w, 3), float32, in the range of `spec.scaling`.
    """
    rgb = np.repeat(image[:, :, None], 3, axis=2)
    if spec.scaling == "unit":
        return rgb
    if spec.scaling == "none":
        return rgb * np.float32(255.0)
    if spec.scaling == "tf":
        return rgb * np.float32(2.0) - np.float32(1.0)
    if spec.scaling == "torch":
        return (rgb - _TORCH_MEAN) / _TORCH_STD
    return rgb * np.float32(255.0) - _CAFFE_MEAN_BGR  # grey: BGR and RGB order are the same


def preprocess(radiograph: Radiograph, spec: PreprocessSpec) -> Float32Array:
    """Turn one film into one network input.

    Args:
        radiograph: The film.
        spec: Size, filter and range that the network was trained with.

    Returns:
        A new array of shape (`height_px`, `width_px`, 3), float32, in the range of `spec.scaling`.
    """
    return scale(resize(radiograph.image, spec), spec)


def preprocess_batch(radiographs: Sequence[Radiograph], spec: PreprocessSpec) -> Float32Array:
    """Turn several films into one batch; row i equals `preprocess` of film i bit for bit.

    Args:
        radiographs: At least one film.
        spec: Size, filter and range that the network was trained with.

    Returns:
        A new array of shape (n, `height_px`, `width_px`, 3), float32.

    Raises:
        ValueError: If there is no film.
    """
    if not radiographs:
        msg = "`radiographs` must hold at least one film. Received: an empty sequence"
        raise ValueError(msg)
    return np.stack([preprocess(radiograph, spec) for radiograph in radiographs])


@dataclass(frozen=True, eq=False)
class Prepared:
    """A film as networks take it, without its pixels: what decoding hands on in a long run.

    Attributes:
        sha256: Hex digest of the film's bytes.
        notices: What was changed or looked unusual on reading.
        inputs: Spec to array of shape (1, `height_px`, `width_px`, 3), float32.
        layout: From `cxr_core.trust.film_layout`, shape (36,); the refusal gate looks at it.
    """

    sha256: str
    notices: tuple[Notice, ...]
    inputs: Mapping[PreprocessSpec, Float32Array]
    layout: Float32Array


def prepare(radiograph: Radiograph, specs: Iterable[PreprocessSpec]) -> Prepared:
    """Turn one film into the inputs of several networks, each distinct one once.

    Args:
        radiograph: The film.
        specs: What the networks were trained with, for example `Predictor.specs`.

    Returns:
        The inputs, each equal to `preprocess` bit for bit.
    """
    specs = tuple(dict.fromkeys(specs))
    return shrink(radiograph, specs).prepared(specs)


@dataclass(frozen=True, eq=False)
class Shrunk:
    """A film at its networks' sizes, still grey: a sixth of `Prepared` where two ranges share it.

    Attributes:
        sha256: Hex digest of the film's bytes.
        notices: What was changed or looked unusual on reading.
        images: Spec without its scaling, see `unscaled`, to array of shape (`height_px`,
            `width_px`), float32 in [0, 1].
        layout: As in `Prepared`.
    """

    sha256: str
    notices: tuple[Notice, ...]
    images: Mapping[PreprocessSpec, Float32Array]
    layout: Float32Array

    def prepared(self, specs: Iterable[PreprocessSpec]) -> Prepared:
        """Bring it to the networks' ranges.

        Args:
            specs: Those that it was shrunk for.

        Returns:
            The inputs, each equal to `preprocess` bit for bit.
        """
        inputs = {spec: scale(self.images[unscaled(spec)], spec)[None] for spec in specs}
        return Prepared(self.sha256, self.notices, inputs, self.layout)


def unscaled(spec: PreprocessSpec) -> PreprocessSpec:
    """Return the spec that says all but the range: equal for networks that share a grey image."""
    return replace(spec, scaling="none")


def shrink(radiograph: Radiograph, specs: Iterable[PreprocessSpec]) -> Shrunk:
    """Bring one film to the sizes of several networks, each distinct one once.

    Args:
        radiograph: The film.
        specs: What the networks were trained with, for example `Predictor.specs`.

    Returns:
        The grey images.
    """
    images = {spec: resize(radiograph.image, spec) for spec in dict.fromkeys(map(unscaled, specs))}
    return Shrunk(radiograph.sha256, radiograph.notices, images, film_layout(radiograph.image))
