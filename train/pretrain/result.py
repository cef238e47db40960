"""What an end-to-end training has written: its record, its weights, and the network they make."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cxr_core import backbones
from cxr_core.errors import ArtifactIntegrityError, SpecMismatchError
from cxr_core.training_run.record import PRETRAINING_SCHEMA

WEIGHTS: Final = "backbone.weights.h5"
RECORD: Final = "pretraining.json"


def build_pretrained(
    folder: Path, name: str, input_shape: tuple[int, int, int] = (224, 224, 3)
) -> Any:
    """Build the network that a pre-training or a refinement has written, for inference.

    Args:
        folder: What `pretrain` wrote.
        name: Backbone that it must be of.
        input_shape: Height, width and 3 channels.

    Returns:
        A new `keras.Model` of `cxr_core.backbones.build`, float32. It expects films in the range
        that the record's `scaling` names.

    Raises:
        SpecMismatchError: If there is no such result, or it is of another backbone.
        ArtifactIntegrityError: If the weights are missing, changed or do not fit.
    """
    record = read_pretraining(folder, name)
    weights = weights_of(folder, record)
    return backbones.build(name, weights=weights, input_shape=input_shape, graph=record["graph"])


def weights_of(folder: Path, record: Mapping[str, Any]) -> Path:
    """Return the weights file of a result, after comparing its digest with the record's.

    Args:
        folder: The result's folder.
        record: Its record; older ones have no digest, then the file only has to exist.

    Returns:
        The file.

    Raises:
        ArtifactIntegrityError: If the file is missing or changed.
    """
    path = folder / WEIGHTS
    expected = record.get("weights_sha256")
    found = file_digest(path) if path.is_file() else None
    if found is None or expected not in (None, found):
        msg = f"`{path.name}` must have SHA-256 {expected}. Received: {found}"
        raise ArtifactIntegrityError(msg, hint="Run the pre-training again.")
    return path


def read_pretraining(folder: Path, backbone: str) -> dict[str, Any]:
    """Read the record of a finished pre-training.

    Args:
        folder: What `pretrain` wrote.
        backbone: Name that it must be of.

    Returns:
        The record.

    Raises:
        SpecMismatchError: If there is none, or it is of another backbone or schema.
    """
    hint = "Name the folder that `python -m train pretrain --out` has written."
    try:
        record: dict[str, Any] = json.loads((folder / RECORD).read_text("utf-8"))
    except (OSError, ValueError) as err:
        msg = f"`{folder.name}` must hold a finished pre-training. Received: {err}"
        raise SpecMismatchError(msg, hint=hint) from err
    found = (record.get("schema"), record.get("config", {}).get("backbone"))
    if found != (PRETRAINING_SCHEMA, backbone):
        msg = (
            f"`{folder.name}` must be a pre-training of {backbone} ({PRETRAINING_SCHEMA}). "
            f"Received: {found}"
        )
        raise SpecMismatchError(msg, hint=hint)
    return record


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Args:
        path: The file.

    Returns:
        64 hex digits.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
