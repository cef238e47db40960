"""Which weights a refinement starts from, and how the network is written that they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cxr_core import backbones
from cxr_core.backbones import weight_file
from cxr_core.bundle import Bundle
from train.network import BUNDLE, films_seen
from train.precision import precision
from train.restore import restore_weights

if TYPE_CHECKING:
    from train.pretrain.config import FineTuneConfig


PRETRAINED: Final = ("pretrained-here", "pretrained")


def graph_of(backbone: str) -> str:
    """Return how a backbone is written that is trained from nothing.

    Args:
        backbone: Name in the registry.

    Returns:
        EfficientNets as the package writes them, with no scaling inside; Keras's own otherwise.
    """
    return "efficientnet" if backbones.find(backbone).family == "efficientnet" else "keras"


@dataclass(frozen=True)
class Start:
    """What a `weights` setting turned out to be.

    Attributes:
        weights: `weights` of `cxr_core.backbones.build`.
        graph: `graph` of it.
        scaling: Range of the network's input, see `PreprocessSpec.scaling`.
        origin: Where the weights come from, in words, without a path.
        seen: Digests of the films that they were fitted to here.
        published: The network of a bundle whose weights are put in after building, or `None`.
    """

    weights: str | Path
    graph: str
    scaling: str
    origin: str
    seen: frozenset[str] = frozenset()
    published: Path | None = None


def find_start(config: FineTuneConfig) -> Start:
    """Tell which weights are meant and how the network is written that they belong to.

    Args:
        config: Backbone and `weights` setting.

    Returns:
        What to build from.

    Raises:
        ConfigError: If the weights are neither a known word nor a file.
        SpecMismatchError: If a named result or bundle does not hold this backbone.
        ArtifactIntegrityError: If its files are missing or changed.
    """
    name, weights = config.backbone, config.weights
    word, _, place = weights.partition(":")
    if word in PRETRAINED and place:
        from train.pretrain.result import read_pretraining, weights_of

        folder = Path(place)
        record = read_pretraining(folder, name)
        path = weights_of(folder, record)
        origin = f"{record.get('origin', 'random')}, then trained here on {len(record['films'])}"
        return Start(
            path, record["graph"], record["scaling"], f"{origin} films", frozenset(record["films"])
        )
    if word == BUNDLE and place:
        return _published(name, Path(place))
    entry = backbones.find(name)
    source, path_given = weight_file.resolve(weights, entry.weight_sources, owner=name)
    graph = source.graph if source else "keras"
    words = [source.name] if source else []
    words += [f"file {path_given.name}"] if path_given else []
    return Start(weights, graph, entry.scaling_for(weights), ", ".join(words) or "random")


def _published(name: str, folder: Path) -> Start:
    """Tell what the network of a bundle is to be built from."""
    bundle = Bundle.load(folder)
    entry = bundle.backbone(name)
    return Start(
        "random",
        graph_of(name) if entry.is_own else "keras",
        entry.public_scaling or backbones.find(name).public_scaling,
        f"published ({entry.weights_origin})",
        films_seen(name, f"{BUNDLE}:{folder}"),
        bundle.folder / entry.network,
    )


def restored(name: str, graph: str, xml_path: Path) -> list[Any]:
    """Read the weights of a published network, in full precision whatever is trained in.

    Args:
        name: Backbone.
        graph: How it is written.
        xml_path: The published network.

    Returns:
        Its arrays in the order of `keras.Model.get_weights`.
    """
    with precision("float32"):
        whole = backbones.build(name, input_tensor=film_input(), graph=graph)
        restore_weights(whole, xml_path)
        return list(whole.get_weights())


def film_input() -> Any:
    """Return an input of any size."""
    import keras

    return keras.Input((None, None, 3), name="film")
