"""A verified bundle on disk: its files, checked against their hashes, and what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cxr_core.array import FloatArray
from cxr_core.bundle.entry import beside
from cxr_core.bundle.manifest import (
    AUDIT,
    CARD,
    DATA_CARD,
    DATASET,
    GATE,
    MANIFEST,
    TRADEOFF,
    Manifest,
    manifest_fields,
    parse_manifest,
)
from cxr_core.bundle.parse import fitting, parse_arrays, parse_object
from cxr_core.errors import ArtifactIntegrityError, BundleChangedError, SpecMismatchError
from cxr_core.heads import HeadSet, ensemble_from_arrays, head_from_arrays

if TYPE_CHECKING:
    from cxr_core.evaluate.reads import Reads
    from cxr_core.trust.model import TrustModel

DEFAULT_BUNDLE: Final = Path(__file__).resolve().parents[2] / "assets" / "bundle"
"""The bundle that comes with the repository."""


@dataclass(frozen=True, kw_only=True)
class Bundle(Manifest):
    """A verified bundle on disk.

    All but the networks is in memory, and networks are compared with the manifest once more when
    they are compiled: a folder that is changed later never gives a mixture of two bundles.

    Attributes:
        folder: Where it lies.
        digest: SHA-256 of the manifest, which holds the hash of every file; names the bundle.
    """

    folder: Path
    digest: str
    _kept: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(cls, folder: str | Path = DEFAULT_BUNDLE) -> Bundle:
        """Read a bundle's manifest and check every file against its hash.

        Args:
            folder: Folder that holds `bundle.json`.

        Returns:
            The bundle.

        Raises:
            ArtifactIntegrityError: If a file is missing or changed; the message names it.
            SpecMismatchError: If the manifest is of another schema or contradicts itself.
        """
        folder = Path(folder)
        manifest_bytes = _read(folder, MANIFEST)
        digest = hashlib.sha256(manifest_bytes).hexdigest()
        fields = manifest_fields(parse_manifest(manifest_bytes))
        bundle = cls(folder=folder, digest=digest, **fields)
        bundle.check_references()
        return replace(bundle, _kept=bundle._verified())

    def _verified(self) -> dict[str, bytes]:
        """Check every file; return those that are kept in memory, which networks are not."""
        networks = {backbone.network for backbone in self.backbones.values()}
        networks |= {beside(network, ".bin") for network in networks}
        kept = {}
        for path, (sha256, n_bytes) in self.files.items():
            data = _read(self.folder, path)
            if len(data) != n_bytes or hashlib.sha256(data).hexdigest() != sha256:
                msg = f"{path}: the file must be the one that was published. Received: other bytes"
                raise ArtifactIntegrityError(msg)
            if path not in networks:
                kept[path] = data
        return kept

    def check(self, *paths: str) -> None:
        """Check that files on the disk are those that were there when the bundle was loaded.

        Args:
            paths: Of `files`.

        Raises:
            BundleChangedError: If one is gone, or is another by now; the message names it.
        """
        for path in paths:
            try:
                found = hashlib.sha256((self.folder / path).read_bytes()).hexdigest()
            except OSError as err:
                found = err.strerror or str(err)
            if found != self.files[path][0]:
                msg = (
                    f"{path}: the file must be the one that was there when the bundle was loaded. "
                    f"Received: {found}"
                )
                raise BundleChangedError(msg)

    @property
    def card(self) -> str:
        """Markdown text of the model card, or an empty string where there is none."""
        return self._text(CARD)

    @property
    def data_card(self) -> str:
        """Markdown text of the data card, or an empty string where there is none."""
        return self._text(DATA_CARD)

    def _text(self, path: str) -> str:
        """Return the text of a file, or an empty string where there is none."""
        return self._bytes(path).decode("utf-8") if path in self.files else ""

    def dataset(self) -> dict[str, Any] | None:
        """Return what is told of the films it was trained on, or `None` where nothing is.

        Returns:
            The parsed `dataset.json`.
        """
        return self.read_json(DATASET)

    def tradeoff(self) -> dict[str, Any] | None:
        """Return what added films of other sources bought and cost, or `None` if not measured.

        Returns:
            The parsed `tradeoff.json`, schema `cxr-tradeoff/1`: one row for each weight and seed.
        """
        return self.read_json(TRADEOFF)

    def audit(self) -> dict[str, Any] | None:
        """Return what classifiers that must not work make of its data, or `None` if not measured.

        Returns:
            The parsed `audit.json`, schema `cxr-audit/1`.
        """
        return self.read_json(AUDIT)

    def gate_table(self) -> dict[str, Any] | None:
        """Return how often the refusal gate refuses what, or `None` where it was not measured.

        Returns:
            The parsed `gate.json`, schema `cxr-gate/1`.
        """
        return self.read_json(GATE)

    def trust(self, name: str | None = None) -> TrustModel | None:
        """Load what calibrates, bounds and refuses the readings of one variant.

        Args:
            name: The variant's name; the default variant if `None`.

        Returns:
            The trust model, or `None` where the variant has none.

        Raises:
            SpecMismatchError: If it was fitted to other networks or heads, or cannot be read.
        """
        variant = self.variant(name)
        if variant.trust_path is None:
            return None
        from cxr_core.trust.model import TrustModel

        arrays = self._arrays(beside(variant.trust_path, ".safetensors"))
        content = self._object(variant.trust_path)
        with fitting(variant.trust_path):
            return TrustModel.from_parts(content, arrays, fitted_to=self.fingerprint(variant.name))

    def map_checks(self, name: str | None = None) -> dict[str, Any] | None:
        """Return what the checks of one variant's maps found, or `None` where none were made.

        Args:
            name: The variant's name; the default variant if `None`.

        Returns:
            The parsed object, see `cxr_core.explain.fidelity.published_checks`.

        Raises:
            SpecMismatchError: If other networks or heads were checked.
        """
        path = self.variant(name).map_checks_path
        content = None if path is None else self.read_json(path)
        if content is not None and content.get("fitted_to") != self.fingerprint(name):
            msg = f"{path}: the maps checked must be of these models. Received: others"
            raise SpecMismatchError(msg, hint="Check them again with `explain-check`.")
        return content

    def reads(self, title: str, name: str | None = None) -> Reads | None:
        """Return what the systems of one variant say of a set of films.

        Args:
            title: One of `read_sets()`.
            name: The variant's name; the default variant if `None`.

        Returns:
            Logits only; `None` where this variant's reads of the set are not published.

        Raises:
            SpecMismatchError: If what is stored contradicts itself.
        """
        variant = self.variant(name)
        if variant.reads_path is None or title not in variant.read_sets:
            return None
        from cxr_core.evaluate.reads import FilmList, Reads

        stored = _below(self._arrays(variant.reads_path), title)
        content = self._object(variant.read_sets[title])
        with fitting(variant.read_sets[title]):
            films = FilmList.from_dict(content)
        with fitting(variant.reads_path):
            return Reads(
                films,
                {system: np.asarray(stored[system], np.float64) for system in variant.systems},
            )

    def read_json(self, path: str) -> dict[str, Any] | None:
        """Parse one of its files.

        Args:
            path: Path below the bundle's folder.

        Returns:
            The content, or `None` where the bundle has no such file.

        Raises:
            SpecMismatchError: If it is no JSON object.
        """
        return self._object(path) if path in self.files else None

    def heads(self, name: str | None = None) -> HeadSet:
        """Load the heads of one variant.

        Args:
            name: The variant's name; the default variant if `None`.

        Returns:
            Heads of all members and ensembles, float32.

        Raises:
            SpecMismatchError: If an array is missing or does not fit.
        """
        variant = self.variant(name)
        stored = self._arrays(variant.heads_path)
        with fitting(variant.heads_path):
            members = {
                member.name: head_from_arrays(
                    _below(stored, member.name),
                    pooling=member.pooling,
                    feature_shape=member.feature_shape,
                )
                for member in variant.members.values()
            }
        ensembles = {}
        if variant.ensembles_path is not None:
            stored = self._arrays(variant.ensembles_path)
            with fitting(variant.ensembles_path):
                ensembles = {
                    name: ensemble_from_arrays(_below(stored, name)) for name in variant.ensembles
                }
        return HeadSet(members, ensembles)

    def evaluation(self, name: str | None = None) -> dict[str, Any] | None:
        """Return what was measured on one variant, or `None` where nothing was stored.

        Args:
            name: The variant's name; the default variant if `None`.

        Returns:
            The parsed evaluation.
        """
        path = self.variant(name).evaluation_path
        return None if path is None else self._object(path)

    def _bytes(self, path: str) -> bytes:
        """Return a file's bytes, from memory where they are kept."""
        return self._kept[path] if path in self._kept else _read(self.folder, path)

    def _object(self, path: str) -> dict[str, Any]:
        """Parse a file that is a JSON object."""
        return parse_object(self._bytes(path), path)

    def _arrays(self, path: str) -> dict[str, FloatArray]:
        """Load a file of arrays; those stored in half precision become float32."""
        return parse_arrays(self._bytes(path), path)


def _below(arrays: Mapping[str, FloatArray], prefix: str) -> dict[str, FloatArray]:
    """Return the arrays under a prefix, with the prefix taken off."""
    start = f"{prefix}/"
    return {
        key.removeprefix(start): value for key, value in arrays.items() if key.startswith(start)
    }


def _read(folder: Path, path: str) -> bytes:
    """Return a file's bytes, or say which file is missing."""
    try:
        return (folder / path).read_bytes()
    except OSError as err:
        msg = f"{path}: the bundle must have this file. Received: {err.strerror or err}"
        raise ArtifactIntegrityError(msg) from err
