"""The network of an end-to-end training: a backbone, a linear classifier, and what of it learns."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxr_core import backbones
from cxr_core.errors import ConfigError
from cxr_core.labels import N_CLASSES
from train.optimizer import warmed_adamw
from train.pretrain.start import film_input, find_start, graph_of, restored

if TYPE_CHECKING:
    from train.pretrain.config import FineTuneConfig, PretrainConfig

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


def new_network(config: PretrainConfig) -> Network:
    """Build the network with random weights.

    Args:
        config: The recipe.

    Returns:
        The network; its input is a film divided by 255.
    """
    graph = graph_of(config.backbone)
    base = backbones.build(config.backbone, input_tensor=film_input(), graph=graph)
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

    start = find_start(config)
    base = backbones.build(
        config.backbone, weights=start.weights, input_tensor=film_input(), graph=start.graph
    )
    if start.published is not None:
        base.set_weights(restored(config.backbone, start.graph, start.published))
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
