"""From a folder of files to a bundle: hash them all, write the manifest, read it back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxr_core.bundle.bundle import Bundle
from cxr_core.bundle.manifest import MANIFEST, SCHEMA
from cxr_core.labels import CLASSES


def seal(folder: Path, manifest: Mapping[str, Any]) -> Bundle:
    """Hash every file of a folder, write the manifest and load the bundle it makes.

    Args:
        folder: Holds the files of the bundle and nothing else.
        manifest: All fields but `schema`, `classes` and `files`.

    Returns:
        The verified bundle.

    Raises:
        SpecMismatchError: If the manifest contradicts itself or the files.
    """
    files = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST:
            data = path.read_bytes()
            files[name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    content = {"schema": SCHEMA, "classes": list(CLASSES), **manifest, "files": files}
    (folder / MANIFEST).write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return Bundle.load(folder)
