"""A network in Keras up to its feature map: layers, names, and public weights put into them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from cxr_core.backbones import weight_file
from cxr_core.backbones.registry import Backbone, find
from cxr_core.errors import ConfigError

MIN_SIDE_PX: Final = 32

_IMAGENET_STD_RGB = (0.229, 0.224, 0.225)


def build(
    name: str,
    *,
    weights: str | Path | None = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    input_tensor: Any = None,
    graph: str | None = None,
) -> Any:
    """Build a network that ends in its feature map, flat (no model inside the model).

    Args:
        name: Key of `BACKBONES`.
        weights: `None` or `random`; the name of a public source (`imagenet`, `noisy-student`),
            taken from Keras's cache folder or downloaded; a weights file, whose source is known by
            its digest; or `SOURCE:PATH` for a file of that source that was saved again.
        input_shape: Height, width and 3 channels, sides of at least 32; not used with
            `input_tensor`.
        input_tensor: A `keras.Input` to build on, for several networks on one film; `None` for one
            of its own, named `<name>_input`.
        graph: `keras` or `efficientnet`, the two ways an EfficientNet is written, see
            `WeightSource.graph`; `None` for the one that the weights belong to.

    Returns:
        A new `keras.Model`; output (n, h, w, `n_channels`), float32. With noisy-student weights the
        network is that of the `efficientnet` package, in ordinary Keras layers.

    Raises:
        ConfigError: If the name, the weights or the shape are unknown, or a package is missing.
        ArtifactIntegrityError: If a weights file cannot be fetched, is damaged or does not fit.
    """
    import keras

    backbone = find(name)
    sources = backbone.weight_sources
    source, path = weight_file.resolve(weights, sources, owner=backbone.name)
    if source is not None and path is None:
        path = weight_file.fetch(source, owner=backbone.name)
    inputs = input_tensor
    if inputs is None:
        _check_shape(input_shape)
        inputs = keras.Input(shape=input_shape, name=f"{backbone.name}_input")
    is_packaged = (graph or (source.graph if source else "keras")) == "efficientnet"
    base = _packaged_graph(backbone, inputs) if is_packaged else _keras_graph(backbone, inputs)
    if is_packaged:
        base = _rebuild(base, inputs)
    model = keras.Model(inputs, base.output, name=backbone.name)
    if path is not None:
        weight_file.load(model, path, owner=backbone.name, hint=_fit_hint(backbone))
    if source is not None and source.graph == "keras" and backbone.family == "efficientnet":
        _divide_by_std(model)
    return model


def _check_shape(input_shape: tuple[int, int, int]) -> None:
    """Refuse inputs that leave no feature map, or that have no colour channels."""
    sides_ok = all(isinstance(n, int) and n >= MIN_SIDE_PX for n in input_shape[:2])
    if len(input_shape) != 3 or input_shape[2] != 3 or not sides_ok:
        msg = f"`input_shape` must be (h, w, 3), sides >= 32. Received: input_shape={input_shape}"
        raise ConfigError(msg, hint="Use an image size of at least 32 pixels, usually 224.")


def _fit_hint(backbone: Backbone) -> str:
    """Say what to try when a file does not fit."""
    hint = f"Give the weights of {backbone.name} without its classification head (notop)"
    others = [source.name for source in backbone.weight_sources if source.graph != "keras"]
    if others:
        return f"{hint}; write {others[0]}:PATH for a file of that origin."
    return f"{hint}."


def _keras_graph(backbone: Backbone, inputs: Any) -> Any:
    """Build the network of `keras.applications` up to the feature layer."""
    import keras

    builder = getattr(keras.applications, backbone.keras_name)
    shape = tuple(inputs.shape[1:])
    base = builder(include_top=False, weights=None, input_tensor=inputs, input_shape=shape)
    if backbone.is_output_unnamed:
        features = keras.layers.Activation("linear", name=backbone.feature_layer)(base.output)
    else:
        features = base.get_layer(backbone.feature_layer).output
    return keras.Model(inputs, features, name=backbone.name)


def _packaged_graph(backbone: Backbone, inputs: Any) -> Any:
    """Build the network of the `efficientnet` package, which refuses an input of Keras 3."""
    import keras

    try:
        from efficientnet import model as package
    except ImportError as err:
        msg = f"Noisy-student weights of {backbone.name} need the efficientnet package ({err})"
        raise ConfigError(msg, hint="pip install efficientnet, or use imagenet weights.") from err
    # What it asks of `keras.backend`, part of which Keras 3 no longer has; this way it works on
    # every backend and registers no global custom objects.
    backend = SimpleNamespace(
        backend=keras.backend.backend,
        image_data_format=keras.config.image_data_format,
        sigmoid=keras.ops.sigmoid,
    )
    return getattr(package, backbone.keras_name)(
        include_top=False,
        weights=None,
        input_shape=tuple(inputs.shape[1:]),
        backend=backend,
        layers=keras.layers,
        models=keras.models,
        utils=keras.utils,
    )


def _rebuild(model: Any, inputs: Any) -> Any:
    """Build a network again on another input, all of its layers Keras's own."""
    import keras

    def again(layer: Any) -> Any:
        kind = keras.layers.Dropout if type(layer).__name__ == "FixedDropout" else type(layer)
        with keras.utils.custom_object_scope({"swish": keras.activations.silu}):
            return kind.from_config(layer.get_config())

    return keras.models.clone_model(model, input_tensors=inputs, clone_function=again)


def _divide_by_std(model: Any) -> None:
    """Make the first layers of a Keras EfficientNet with public weights (x / 255 - mean) / std.

    The published file holds std where the normalisation layer wants its square. Keras mends that
    with one more layer, present only if it downloads the file itself; here the variance is mended,
    so that the network is the same one whatever its weights and a saved file loads as it was.
    """
    import keras

    kind = keras.layers.Normalization
    layer = next(layer for layer in model.layers if isinstance(layer, kind))
    mean, variance, *rest = layer.get_weights()
    layer.set_weights([mean, variance * _IMAGENET_STD_RGB, *rest])
    layer.finalize_state()
