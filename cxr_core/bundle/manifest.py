"""What a bundle's manifest says, checked and as values; no other file is opened for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from cxr_core.bundle.entry import (
    BackboneEntry,
    MemberEntry,
    VariantEntry,
    backbone_entry,
    beside,
    safe_path,
    variant_entry,
)
from cxr_core.errors import ArtifactIntegrityError, SpecMismatchError
from cxr_core.labels import CLASSES

SCHEMA: Final = "cxr-bundle/1"
MANIFEST: Final = "bundle.json"
CARD: Final = "MODEL_CARD.md"
DATA_CARD: Final = "DATA_CARD.md"
DATASET: Final = "dataset.json"
TRADEOFF: Final = "tradeoff.json"
AUDIT: Final = "audit.json"
GATE: Final = "gate.json"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A bundle's manifest.

    Attributes:
        name: Name of the set of models.
        version: Version of the set of models.
        created: Date and time in ISO 8601, UTC.
        variants: Variant name to entry.
        default_variant: Variant used unless another is asked for.
        files: Path to (SHA-256, bytes) of every published file.
        backbones: Key to entry.
        made_by: Step, for example `publish`, to the `command` and `environment` that took it;
            empty in bundles of earlier versions.
    """

    name: str
    version: str
    created: str
    variants: Mapping[str, VariantEntry]
    default_variant: str
    files: Mapping[str, tuple[str, int]]
    backbones: Mapping[str, BackboneEntry]
    made_by: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def members(self) -> Mapping[str, MemberEntry]:
        """Member name to entry, of the default variant."""
        return self.variants[self.default_variant].members

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of all systems of the default variant."""
        return self.variants[self.default_variant].systems

    def variant(self, name: str | None = None) -> VariantEntry:
        """Return one variant.

        Args:
            name: Its name; the default variant if `None`.

        Returns:
            The entry.

        Raises:
            SpecMismatchError: If the bundle has no such variant.
        """
        name = name or self.default_variant
        if name not in self.variants:
            msg = f"`variant` must be one of {sorted(self.variants)}. Received: {name!r}"
            raise SpecMismatchError(msg, hint="Choose one of the variants that the message lists.")
        return self.variants[name]

    def backbone(self, name: str) -> BackboneEntry:
        """Return one backbone.

        Args:
            name: Its key, see `BackboneEntry`.

        Returns:
            The entry.

        Raises:
            SpecMismatchError: If the bundle has no such backbone.
        """
        if name not in self.backbones:
            msg = f"`name` must be one of {sorted(self.backbones)}. Received: name={name!r}"
            raise SpecMismatchError(msg, hint="Choose a bundle that holds this backbone.")
        return self.backbones[name]

    def read_sets(self, name: str | None = None) -> tuple[str, ...]:
        """Return the titles of the sets of films that one variant has read, in display order.

        Args:
            name: The variant's name; the default variant if `None`.

        Returns:
            Titles for `reads`.
        """
        return tuple(self.variant(name).read_sets)

    def fingerprint(self, name: str | None = None) -> dict[str, str]:
        """Return the hashes of all that decides the readings of one variant.

        Args:
            name: The variant's name; the default variant if `None`.

        Returns:
            Path to SHA-256 of its heads, ensembles and networks.
        """
        variant = self.variant(name)
        paths = {variant.heads_path, variant.ensembles_path}
        for member in variant.members.values():
            paths |= {member.network, beside(member.network, ".bin")}
        return {path: self.files[path][0] for path in sorted(filter(None, paths))}

    def check_references(self) -> None:
        """Refuse a manifest that uses a file which it does not hash.

        Raises:
            SpecMismatchError: If there is one; the message names it.
        """
        used = [backbone.films for backbone in self.backbones.values()]
        with _of_schema():
            for variant in self.variants.values():
                used += variant.paths
        for path in used:
            if path is not None and path not in self.files:
                msg = f"`files` must list every file that is used. Received: no {path}"
                raise SpecMismatchError(msg)


def manifest_fields(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `Manifest`.

    Args:
        content: Of `parse_manifest`.

    Returns:
        Field name to value.

    Raises:
        SpecMismatchError: If a field is missing, of another kind or contradicts another.
    """
    with _of_schema():
        return _fields(content)


@contextmanager
def _of_schema() -> Iterator[None]:
    """Turn what a manifest of another shape raises into an error that names it."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as err:
        msg = f"`{MANIFEST}` must have every field of {SCHEMA}. Received: {err!r}"
        raise SpecMismatchError(msg) from err


def _fields(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Check the parts of a manifest and turn them into values."""
    if tuple(manifest["classes"]) != CLASSES:
        msg = f"`classes` must be {CLASSES}. Received: {manifest['classes']}"
        raise SpecMismatchError(msg)
    backbones = {key: backbone_entry(key, entry) for key, entry in manifest["backbones"].items()}
    variants = {
        name: variant_entry(name, entry, backbones) for name, entry in manifest["variants"].items()
    }
    default = manifest["default_variant"]
    if default not in variants:
        msg = f"`default_variant` must be one of {sorted(variants)}. Received: {default!r}"
        raise SpecMismatchError(msg)
    files = {
        safe_path(path): (str(entry["sha256"]), int(entry["bytes"]))
        for path, entry in manifest["files"].items()
    }
    return {
        "name": str(manifest["name"]),
        "version": str(manifest["version"]),
        "created": str(manifest["created"]),
        "variants": variants,
        "default_variant": default,
        "files": files,
        "backbones": backbones,
        "made_by": dict(manifest.get("made_by", {})),
    }


def parse_manifest(manifest_bytes: bytes) -> dict[str, Any]:
    """Parse a manifest and check its schema.

    Args:
        manifest_bytes: Content of `bundle.json`.

    Returns:
        The JSON object.

    Raises:
        ArtifactIntegrityError: If it is no JSON.
        SpecMismatchError: If it is of another schema.
    """
    try:
        manifest = json.loads(manifest_bytes)
    except ValueError as err:
        msg = f"`{MANIFEST}` must be JSON. Received: {err}"
        raise ArtifactIntegrityError(msg) from err
    schema = manifest.get("schema") if isinstance(manifest, dict) else None
    if schema != SCHEMA:
        msg = f"`schema` of {MANIFEST} must be {SCHEMA!r}. Received: {schema!r}"
        raise SpecMismatchError(msg)
    return dict(manifest)
