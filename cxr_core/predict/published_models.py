"""`PublishedModels`: all variants of a bundle in memory, one set of networks between them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_core.bundle import Bundle
from cxr_core.predict.predictor import Predictor

if TYPE_CHECKING:
    from cxr_core.engine.openvino import OpenVinoEngine
    from cxr_core.lungs import LungSegmenter


class PublishedModels:
    """A bundle with its networks, which all variants share; safe to share between threads.

    Args:
        folder: Folder of the bundle; it is verified here, and no network is loaded yet.
        lungs: Finds the lungs of each film; `None` leaves that out.

    Raises:
        ArtifactIntegrityError: If a file is missing or changed.
        SpecMismatchError: If the bundle does not fit this version.
    """

    def __init__(self, folder: str | Path, *, lungs: LungSegmenter | None = None) -> None:
        self.bundle = Bundle.load(folder)
        self._lungs = lungs
        self._engines: dict[tuple[str, str], OpenVinoEngine] = {}
        self._predictors: dict[tuple[str, str], Predictor] = {}
        self._lock = threading.Lock()

    def predictor(self, variant: str | None = None, precision: str = "f32") -> Predictor:
        """Return the predictor of one variant, made on first use.

        Args:
            variant: Its name; the bundle's default if `None`.
            precision: `f32` or `bf16`; the second one asked for holds its networks a second time.

        Returns:
            The predictor, the same one for every call.

        Raises:
            SpecMismatchError: If there is no such variant, or its parts do not fit each other.
            ArtifactIntegrityError: If a network cannot be read.
        """
        entry = self.bundle.variant(variant)
        key = (entry.name, precision)
        with self._lock:
            if key not in self._predictors:
                networks = {name: member.network for name, member in entry.members.items()}
                self._compile(sorted(set(networks.values())), precision)
                self._predictors[key] = Predictor(
                    self.bundle,
                    variant=entry.name,
                    precision=precision,
                    engines={
                        name: self._engines[path, precision] for name, path in networks.items()
                    },
                    lungs=self._lungs,
                )
            return self._predictors[key]

    def _compile(self, networks: list[str], precision: str) -> None:
        """Compile what is not compiled yet."""
        from cxr_core.engine.openvino import load_engines

        missing = [path for path in networks if (path, precision) not in self._engines]
        loaded = load_engines(
            self.bundle.folder, missing, precision=precision, weights_on_disk=True
        )
        self._engines.update({(path, precision): engine for path, engine in loaded.items()})
