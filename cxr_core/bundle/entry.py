"""What a bundle's manifest says of its backbones and variants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from cxr_core.errors import SpecMismatchError
from cxr_core.heads import in_member_order
from cxr_core.labels import ENSEMBLES
from cxr_core.preprocess import PreprocessSpec


@dataclass(frozen=True)
class BackboneEntry:
    """One network that the variants share.

    Attributes:
        key: Its name in the bundle: that of the backbone, or another where the bundle has two
            networks of one backbone, with public weights and with refined ones for example.
        name: Name of the backbone in the registry.
        network: Path of the network below the bundle's folder.
        feature_layer: Name of the layer whose output is the feature map.
        feature_shape: Shape (h, w, c) of the feature map.
        weights_origin: Where its weights come from, in words.
        compression: How the weights are stored, in words.
        public_scaling: `PreprocessSpec.scaling` that its weights expect; `None` where a bundle of
            an earlier version does not say.
        is_own: True if its weights were trained on chest films for this bundle.
        films: Path of the SHA-256 digests of those films, a JSON list; `None` where it has none.
    """

    key: str
    name: str
    network: str
    feature_layer: str
    feature_shape: tuple[int, int, int]
    weights_origin: str
    compression: str
    public_scaling: str | None
    is_own: bool
    films: str | None


@dataclass(frozen=True)
class MemberEntry:
    """One member of a variant: its backbone and how a film is prepared for it.

    Attributes:
        name: System name.
        backbone: Name of the backbone in the registry.
        network: Path of the network below the bundle's folder.
        feature_layer: Name of the layer whose output is the feature map.
        feature_shape: Shape (h, w, c) of the feature map.
        weights_origin: Where the backbone's weights come from, in words.
        compression: How the weights are stored, in words.
        preprocess: What the head was trained with.
        pooling: One of `cxr_core.heads.POOLINGS`.
    """

    name: str
    backbone: str
    network: str
    feature_layer: str
    feature_shape: tuple[int, int, int]
    weights_origin: str
    compression: str
    preprocess: PreprocessSpec
    pooling: str


@dataclass(frozen=True)
class VariantEntry:
    """One set of heads.

    Attributes:
        name: For example `seed`.
        title: Words on screen.
        members: Member name to entry, in ensemble order.
        ensembles: Names of the ensembles it holds.
        training: What the run recorded: preset, seed, data digest, class counts.
        heads_path: Path of the members' arrays below the bundle's folder.
        ensembles_path: Path of the ensembles' arrays, or `None`.
        evaluation_path: Path of the evaluation below the bundle's folder, or `None`.
        trust_path: Path of what the trust model is, or `None`; its arrays lie beside it.
        reads_path: Path of what its systems say of sets of films, or `None`.
        read_sets: Title of such a set to the path of its film list.
        map_checks_path: Path of what the checks of its maps found, or `None`.
    """

    name: str
    title: str
    members: Mapping[str, MemberEntry]
    ensembles: tuple[str, ...]
    training: Mapping[str, Any]
    heads_path: str
    ensembles_path: str | None
    evaluation_path: str | None
    trust_path: str | None = None
    reads_path: str | None = None
    read_sets: Mapping[str, str] = field(default_factory=dict)
    map_checks_path: str | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file that it uses, members' networks and their weights included."""
        own = (
            self.heads_path,
            self.ensembles_path,
            self.evaluation_path,
            self.trust_path,
            self.trust_path and beside(self.trust_path, ".safetensors"),
            self.reads_path,
            self.map_checks_path,
            *self.read_sets.values(),
        )
        networks = [member.network for member in self.members.values()]
        weights = [beside(network, ".bin") for network in networks]
        return (*(path for path in own if path is not None), *networks, *weights)

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of all systems: members, then ensembles."""
        return (*self.members, *self.ensembles)


def backbone_entry(key: str, entry: Mapping[str, Any]) -> BackboneEntry:
    """Build one backbone from its part of the manifest.

    Args:
        key: Its name in the bundle.
        entry: JSON object.

    Returns:
        The entry.

    Raises:
        SpecMismatchError: If a path leaves the bundle's folder.
        KeyError: If a field is missing.
    """
    height, width, channels = entry["feature_shape"]
    scaling = entry.get("public_scaling")
    return BackboneEntry(
        key=key,
        name=str(entry.get("architecture", key)),
        network=safe_path(entry["network"]),
        feature_layer=str(entry["feature_layer"]),
        feature_shape=(int(height), int(width), int(channels)),
        weights_origin=str(entry["weights_origin"]),
        compression=str(entry["compression"]),
        public_scaling=None if scaling is None else str(scaling),
        is_own=bool(entry.get("is_own", False)),
        films=_optional_path(entry, "films"),
    )


def variant_entry(
    name: str, entry: Mapping[str, Any], backbones: Mapping[str, BackboneEntry]
) -> VariantEntry:
    """Build one variant from its part of the manifest.

    Args:
        name: Its name.
        entry: JSON object.
        backbones: The bundle's backbones by key.

    Returns:
        The entry.

    Raises:
        SpecMismatchError: If an ensemble is unknown or lacks members, or a path leaves the folder.
        KeyError: If a field is missing.
    """
    members = {
        member: _member(member, entry["members"][member], backbones)
        for member in in_member_order(tuple(entry["members"]))
    }
    ensembles = tuple(entry["ensembles"])
    unknown = set(ensembles) - set(ENSEMBLES)
    if unknown:
        msg = f"`ensembles` must be of {ENSEMBLES}. Received: {sorted(unknown)}"
        raise SpecMismatchError(msg)
    if ensembles and in_member_order(tuple(entry["ensemble_members"])) != tuple(members):
        msg = (
            f"Variant {name} must hold all members of its ensembles, "
            f"{', '.join(entry['ensemble_members'])}. Received: {', '.join(members)}"
        )
        raise SpecMismatchError(msg)
    return VariantEntry(
        name=name,
        title=str(entry["title"]),
        members=members,
        ensembles=ensembles,
        training=dict(entry["training"]),
        heads_path=safe_path(entry["heads"]),
        ensembles_path=safe_path(entry["ensembles_file"]) if ensembles else None,
        evaluation_path=_optional_path(entry, "evaluation"),
        trust_path=_optional_path(entry, "trust"),
        reads_path=_optional_path(entry, "reads"),
        read_sets={
            str(title): safe_path(path) for title, path in entry.get("read_sets", {}).items()
        },
        map_checks_path=_optional_path(entry, "map_checks"),
    )


def _member(
    name: str, entry: Mapping[str, Any], backbones: Mapping[str, BackboneEntry]
) -> MemberEntry:
    """Build one member from its part of the manifest and its backbone's."""
    backbone = backbones[entry["backbone"]]
    return MemberEntry(
        name=name,
        backbone=backbone.name,
        network=backbone.network,
        feature_layer=backbone.feature_layer,
        feature_shape=backbone.feature_shape,
        weights_origin=backbone.weights_origin,
        compression=backbone.compression,
        preprocess=PreprocessSpec.from_dict(entry["preprocess"]),
        pooling=str(entry["pooling"]),
    )


def _optional_path(entry: Mapping[str, Any], name: str) -> str | None:
    """Return a path of the manifest, or nothing where it names none."""
    return safe_path(entry[name]) if entry.get(name) else None


def beside(path: str, suffix: str) -> str:
    """Return the path of a file of the same name with another suffix."""
    return PurePosixPath(path).with_suffix(suffix).as_posix()


def safe_path(path: str) -> str:
    """Refuse a path that leaves the bundle's folder.

    Args:
        path: Path below it, with `/`.

    Returns:
        The same path, normalised.

    Raises:
        SpecMismatchError: If it is absolute or goes upwards.
    """
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path:
        msg = f"Paths of a bundle must stay in its folder. Received: {path!r}"
        raise SpecMismatchError(msg)
    return pure.as_posix()
