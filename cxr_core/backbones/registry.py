"""What is known of each network: one entry each, with its feature layer and public weights."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cxr_core.backbones import weight_file
from cxr_core.backbones.weight_file import WeightSource
from cxr_core.errors import ConfigError

_KERAS_URL = "https://storage.googleapis.com/tensorflow/keras-applications/"
_KERAS_EFFICIENTNET_URL = "https://storage.googleapis.com/keras-applications/"
_NOISY_STUDENT_URL = "https://github.com/qubvel/efficientnet/releases/download/v0.0.1/"


@dataclass(frozen=True)
class Backbone:
    """One network without its classification head.

    Attributes:
        name: Key in `BACKBONES`.
        title: Words shown to a person.
        family: Networks of one family expect the same scaling of their public weights.
        keras_name: Name of the builder in `keras.applications` (and in `efficientnet`).
        feature_layer: Name of the layer whose output is the feature map.
        n_channels: Channels of the feature map.
        weight_sources: Public weights, the usual ones first.
        is_output_unnamed: True where Keras numbers the last layer anew in every build; a layer
            that changes nothing is then appended under the name `feature_layer`.
    """

    name: str
    title: str
    family: str
    keras_name: str
    feature_layer: str
    n_channels: int
    weight_sources: tuple[WeightSource, ...]
    is_output_unnamed: bool = False

    @property
    def public_scaling(self) -> str:
        """Scaling that the first public weights expect; the default where nothing else is known."""
        return self.weight_sources[0].scaling

    def scaling_for(self, weights: str | Path | None) -> str:
        """Return the `PreprocessSpec.scaling` that the network expects with these weights.

        Args:
            weights: As for `build`.

        Returns:
            The scaling of the public weights that `weights` names, or whose digest the file has;
            `public_scaling` for random weights and for files of other origin.

        Raises:
            ConfigError: If `weights` is neither a known word nor a file.
        """
        source, _ = weight_file.resolve(weights, self.weight_sources, owner=self.name)
        return source.scaling if source else self.public_scaling


def _densenet(depth: int, n_channels: int, md5: str) -> Backbone:
    """Describe one DenseNet."""
    url = f"{_KERAS_URL}densenet/densenet{depth}_weights_tf_dim_ordering_tf_kernels_notop.h5"
    return Backbone(
        name=f"densenet{depth}",
        title=f"DenseNet{depth}",
        family="densenet",
        keras_name=f"DenseNet{depth}",
        feature_layer="relu",
        n_channels=n_channels,
        weight_sources=(WeightSource("imagenet", url, md5, "torch"),),
    )


def _effnet(index: int, n_channels: int, md5: str, noisy_md5: str) -> Backbone:
    """Describe one EfficientNet; its two public sets of weights expect different scalings."""
    url = f"{_KERAS_EFFICIENTNET_URL}efficientnetb{index}_notop.h5"
    noisy_url = f"{_NOISY_STUDENT_URL}efficientnet-b{index}_noisy-student_notop.h5"
    return Backbone(
        name=f"efficientnetb{index}",
        title=f"EfficientNetB{index}",
        family="efficientnet",
        keras_name=f"EfficientNetB{index}",
        feature_layer="top_activation",
        n_channels=n_channels,
        weight_sources=(
            WeightSource("imagenet", url, md5, "none"),
            WeightSource("noisy-student", noisy_url, noisy_md5, "torch", "efficientnet"),
        ),
    )


_VGG16 = Backbone(
    name="vgg16",
    title="VGG16",
    family="vgg",
    keras_name="VGG16",
    feature_layer="block5_pool",
    n_channels=512,
    weight_sources=(
        WeightSource(
            "imagenet",
            f"{_KERAS_URL}vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
            "6d6bbae143d832006294945121d1f1fc",
            "caffe",
        ),
    ),
)

_MOBILENET_V2 = Backbone(
    name="mobilenetv2",
    title="MobileNetV2",
    family="mobilenetv2",
    keras_name="MobileNetV2",
    feature_layer="out_relu",
    n_channels=1280,
    weight_sources=(
        WeightSource(
            "imagenet",
            f"{_KERAS_URL}mobilenet_v2/"
            "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
            None,
            "tf",
        ),
    ),
)

_MOBILENET_V3_LARGE = Backbone(
    name="mobilenetv3large",
    title="MobileNetV3 Large",
    family="mobilenetv3",
    keras_name="MobileNetV3Large",
    feature_layer="out_activation",
    n_channels=960,
    weight_sources=(
        WeightSource(
            "imagenet",
            f"{_KERAS_URL}mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
            "07fb09a5933dd0c8eaafa16978110389",
            "none",
        ),
    ),
    is_output_unnamed=True,
)

# fmt: off
_ENTRIES = (
    _densenet(121, 1024, "30ee3e1110167f948a6b9946edeeb738"),
    _densenet(169, 1664, "b8c4d4c20dd625c148057b9ff1c1176b"),
    _densenet(201, 1920, "c13680b51ded0fb44dff2d8f86ac8bb1"),
    _effnet(0, 1280, "50bc09e76180e00e4465e1a485ddc09d", "a5b48ae7547fc990c7e4f3951230290d"),
    _effnet(1, 1280, "74c4e6b3e1f6a1eea24c589628592432", "4d35baa41ca36f175506a33918f7e334"),
    _effnet(2, 1408, "111f8e2ac8aa800a7a99e3239f7bfb39", "e496e531f41242598288ff3a4b4199f9"),
    _effnet(3, 1536, "af6d107764bb5b1abb91932881670226", "47da5b154de1372b557a65795d3e6135"),
    _effnet(4, 1792, "ebc24e6d6c33eaebbd558eafbeedf1ba", "47c10902a4949eec589ab92fe1c35ed8"),
    _effnet(5, 2048, "38879255a25d3c92d5e44e04ae6cec6f", "4d53ef3544d4114e2d8080d6d777a74c"),
    _effnet(6, 2304, "9ecce42647a20130c1f39a5d4cb75743", "71f96d7e15d9f891f3729b4f4e701f77"),
    _effnet(7, 2560, "cbcfe4450ddf6f3ad90b1b398090fe4a", "e112b00c464fe929b821edbb35d1af55"),
    _VGG16,
    _MOBILENET_V2,
    _MOBILENET_V3_LARGE,
)
# fmt: on

BACKBONES: Final[Mapping[str, Backbone]] = MappingProxyType(
    {backbone.name: backbone for backbone in _ENTRIES}
)
"""Backbone name to its description; a new network is one entry in `_ENTRIES`."""


def find(name: str) -> Backbone:
    """Return a backbone by name.

    Args:
        name: Key of `BACKBONES`.

    Returns:
        Its description.

    Raises:
        ConfigError: If there is none; the hint names the closest.
    """
    if name in BACKBONES:
        return BACKBONES[name]
    plain = "".join(letter for letter in str(name).lower() if letter.isalnum())
    close = difflib.get_close_matches(plain, BACKBONES, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"Known names: {', '.join(BACKBONES)}."
    msg = f"`name` must be one of {tuple(BACKBONES)}. Received: name={name!r}"
    raise ConfigError(msg, hint=hint)
