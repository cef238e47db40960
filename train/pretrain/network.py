"""The network of an end-to-end training: a backbone, a linear classifier, and what of it learns."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cxr_core import backbones
from cxr_core.backbones import weight_file
from cxr_core.bundle import Bundle
from cxr_core.errors import ConfigError
from cxr_core.labels import N_CLASSES
from train.network import BUNDLE, films_seen
from train.restore import restore_weights

if TYPE_CHECKING:
    from train.lungs import LungConfig
    from train.pretrain.config import FineTuneConfig, PretrainConfig

PRETRAINED: Final = ("pretrained-here", "pretrained")
_BLOCK = re.compile(r"conv\d+(?=_block)|block_?\d+[a-z]?(?=_)|expanded_conv(?:_\d+)?(?=_)")


@dataclass(frozen=True, eq=False)
class Network:
    """A network that can be trained.

    Attributes:
        model: Film to logits.
        base: The backbone in it, film to feature map.
        graph: See `cxr_core.backbones.build`.
        scaling: Range of its input, see `PreprocessSpec.scaling`.
        origin: Where its first weights come from, in words, without a path.
        seen: Digests of the films that those weights were fitted to here.
    """

    model: Any
    base: Any
    graph: str
    scaling: str
    origin: str = "random"
    seen: frozenset[str] = frozenset()


def graph_of(backbone: str) -> str:
    """Return how a backbone is written that is trained from nothing.

    Args:
        backbone: Name in the registry.

    Returns:
        EfficientNets as the package writes them, with no scaling inside; Keras's own otherwise.
    """
    return "efficientnet" if backbones.find(backbone).family == "efficientnet" else "keras"


def new_network(config: PretrainConfig) -> Network:
    """Build the network with random weights.

    Args:
        config: The recipe.

    Returns:
        The network; its input is a film divided by 255.
    """
    graph = graph_of(config.backbone)
    base = backbones.build(config.backbone, input_tensor=_film(), graph=graph)
    for layer in base.layers:
        if hasattr(layer, "momentum"):
            layer.momentum = config.bn_momentum
    if config.zero_residual:
        for layer in residual_norms(base):
            layer.gamma.assign(layer.gamma * 0)
    return Network(_classifier(base, config), base, graph, "unit")


def residual_norms(base: Any) -> list[Any]:
    """Return the last BatchNorm of every residual branch.

    Args:
        base: A network of `cxr_core.backbones.build`.

    Returns:
        For each addition of a branch to what went around it, the BatchNorm that ends the branch,
        with nothing but dropout between; none for networks without additions.
    """
    import keras

    position = {id(layer): i for i, layer in enumerate(base.layers)}
    norms = []
    for layer in base.layers:
        if isinstance(layer, keras.layers.Add):
            ends = [_before_dropout(tensor) for tensor in layer.input]
            last = max(ends, key=lambda end: position[id(end)])  # the way around starts before it
            if isinstance(last, keras.layers.BatchNormalization):
                norms.append(last)
    return norms


def _before_dropout(tensor: Any) -> Any:
    """Return the layer that a tensor comes from, dropout left out."""
    import keras

    layer = tensor._keras_history.operation
    if isinstance(layer, keras.layers.Dropout):
        layer = layer.input._keras_history.operation
    return layer


def tuned_network(config: FineTuneConfig) -> Network:
    """Build the network with given weights and freeze what is not to learn.

    BatchNorm is frozen throughout: it keeps the means and variances that came with the weights, as
    do its scale and offset.

    Args:
        config: The recipe.

    Returns:
        The network, with the input range that its weights expect.

    Raises:
        ConfigError: If the weights, the layer or the number of blocks do not exist.
        ArtifactIntegrityError: If the weights cannot be fetched or do not fit.
        SpecMismatchError: If a pre-trained folder is of another backbone.
    """
    import keras

    start = _start(config)
    base = backbones.build(
        config.backbone, weights=start.weights, input_tensor=_film(), graph=start.graph
    )
    if start.published is not None:
        base.set_weights(_restored(config.backbone, start.graph, start.published))
    first = _first_trained(base, config)
    for position, layer in enumerate(base.layers):
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = position >= first and not is_norm
    model = _classifier(base, config)
    return Network(model, base, start.graph, start.scaling, start.origin, start.seen)


def blocks_of(base: Any) -> dict[str, int]:
    """Return the blocks of a backbone, in order.

    Args:
        base: A network of `cxr_core.backbones.build`.

    Returns:
        Name of each block to the position of its first layer. A block is a dense block of a
        DenseNet (`conv5`), an inverted bottleneck of an EfficientNet (`block7d`) or a MobileNet,
        a group of convolutions of a VGG (`block5`).
    """
    blocks: dict[str, int] = {}
    for position, layer in enumerate(base.layers):
        found = _BLOCK.match(layer.name)
        if found:
            blocks.setdefault(found.group(), position)
    return blocks


def digest_of(base: Any) -> str:
    """Return one digest of all weights of a network.

    Args:
        base: A Keras model.

    Returns:
        SHA-256 as hex over the arrays in order.
    """
    digest = hashlib.sha256()
    for array in base.get_weights():
        digest.update(array.tobytes())
    return digest.hexdigest()


def warmed_adamw(config: PretrainConfig | LungConfig, steps: int) -> Any:
    """Return AdamW with a linear warm-up, then one cosine to zero; biases and norms do not decay.

    Args:
        config: Epochs, warm-up, highest rate and decay.
        steps: Steps an epoch.

    Returns:
        A new Keras optimizer.
    """
    import keras

    total = steps * config.epochs
    warmup = max(1, round(config.warmup * total))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, total - warmup), warmup_target=config.learning_rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def compile_network(model: Any, config: PretrainConfig, steps: int) -> None:
    """Set loss and optimizer: AdamW, linear warm-up, then one cosine to zero.

    Args:
        model: The network.
        config: The recipe.
        steps: Steps an epoch.
    """
    import keras

    model.compile(
        warmed_adamw(config, steps),
        keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=config.label_smoothing
        ),
        weighted_metrics=[],
        metrics=["accuracy"],
    )
    # with mixed_float16 Keras has wrapped it in one that scales the loss
    model.optimizer.build(model.trainable_variables)


@dataclass(frozen=True)
class _Start:
    """What a `weights` setting turned out to be."""

    weights: str | Path
    graph: str
    scaling: str
    origin: str
    seen: frozenset[str] = frozenset()
    published: Path | None = None


def _start(config: FineTuneConfig) -> _Start:
    """Tell which weights are meant and how the network is written that they belong to."""
    name, weights = config.backbone, config.weights
    word, _, place = weights.partition(":")
    if word in PRETRAINED and place:
        from train.pretrain.result import read_pretraining, weights_of

        folder = Path(place)
        record = read_pretraining(folder, name)
        path = weights_of(folder, record)
        origin = f"{record.get('origin', 'random')}, then trained here on {len(record['films'])}"
        return _Start(
            path, record["graph"], record["scaling"], f"{origin} films", frozenset(record["films"])
        )
    if word == BUNDLE and place:
        return _published(name, Path(place))
    entry = backbones.find(name)
    source, path_given = weight_file.resolve(weights, entry.weight_sources, owner=name)
    graph = source.graph if source else "keras"
    words = [source.name] if source else []
    words += [f"file {path_given.name}"] if path_given else []
    return _Start(weights, graph, entry.scaling_for(weights), ", ".join(words) or "random")


def _published(name: str, folder: Path) -> _Start:
    """Tell what the network of a bundle is to be built from."""
    bundle = Bundle.load(folder)
    entry = bundle.backbone(name)
    return _Start(
        "random",
        graph_of(name) if entry.is_own else "keras",
        entry.public_scaling or backbones.find(name).public_scaling,
        f"published ({entry.weights_origin})",
        films_seen(name, f"{BUNDLE}:{folder}"),
        bundle.folder / entry.network,
    )


def _restored(name: str, graph: str, xml_path: Path) -> list[Any]:
    """Read the weights of a published network, in full precision whatever is trained in."""
    import keras

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        whole = backbones.build(name, input_tensor=_film(), graph=graph)
        restore_weights(whole, xml_path)
        return list(whole.get_weights())
    finally:
        keras.config.set_dtype_policy(policy)


def _film() -> Any:
    """Return an input of any size."""
    import keras

    return keras.Input((None, None, 3), name="film")


def _classifier(base: Any, config: PretrainConfig) -> Any:
    """Put a linear classifier on the mean of the feature map."""
    import keras

    for layer in base.layers:
        if isinstance(layer, keras.layers.Dropout):  # stochastic depth only slows so short a run
            layer.rate = 0.0
    pooled = keras.layers.GlobalAveragePooling2D(name="pretrain_pool")(base.output)
    pooled = keras.layers.Dropout(config.dropout, name="pretrain_dropout")(pooled)
    logits = keras.layers.Dense(N_CLASSES, dtype="float32", name="pretrain_logits")(pooled)
    return keras.Model(base.input, logits, name=f"pretrain_{config.backbone}")


def _first_trained(base: Any, config: FineTuneConfig) -> int:
    """Return the position of the first layer that learns; 0 where all of them do."""
    if config.from_layer is not None:
        names = [layer.name for layer in base.layers]
        if config.from_layer in names:
            return names.index(config.from_layer)
        close = difflib.get_close_matches(config.from_layer, names, n=1)
        msg = (
            f"`from_layer` must be a layer of {config.backbone}. Received: "
            f"from_layer={config.from_layer!r}"
        )
        raise ConfigError(msg, hint=f"Did you mean {close[0]!r}?" if close else None)
    if config.last_blocks is None:
        return 0
    blocks = blocks_of(base)
    if config.last_blocks > len(blocks):
        msg = (
            f"`last_blocks` must be {len(blocks)} at most for {config.backbone}. Received: "
            f"last_blocks={config.last_blocks}"
        )
        raise ConfigError(msg, hint=f"Its blocks are {', '.join(blocks) or 'not known'}.")
    return list(blocks.values())[-config.last_blocks]
