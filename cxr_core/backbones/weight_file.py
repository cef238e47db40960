"""Files of trained weights: which one is meant, fetching it, and loading it into a network."""

from __future__ import annotations

import difflib
import hashlib
import os
import shutil
import tempfile
import urllib.request
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

from cxr_core.errors import ArtifactIntegrityError, ConfigError

DOWNLOAD_TIMEOUT_S: Final = 20.0
RANDOM: Final = "random"
SUFFIXES: Final = (".h5", ".hdf5")


@dataclass(frozen=True)
class WeightSource:
    """A public set of weights of one network.

    Attributes:
        name: Word that selects it, `imagenet` or `noisy-student`.
        url: Where the file lies.
        md5: Digest of that file as its publisher states it; `None` where none is published.
        scaling: `PreprocessSpec.scaling` that the network expects with these weights.
        graph: `keras` for the network of `keras.applications`, `efficientnet` for that of the
            package of this name; their files do not fit each other.
    """

    name: str
    url: str
    md5: str | None
    scaling: str
    graph: str = "keras"

    @property
    def file_name(self) -> str:
        """Last part of the address; the name of the file in Keras's cache folder."""
        return self.url.rpartition("/")[2]


def resolve(
    weights: str | Path | None, sources: Sequence[WeightSource], *, owner: str
) -> tuple[WeightSource | None, Path | None]:
    """Tell which weights are meant; nothing is fetched or loaded.

    Args:
        weights: `None` or `random`; the name of a source; a path, whose source is recognised by
            the file's digest; or `SOURCE:PATH` for a file of that source that was saved again.
        sources: Public weights of the network.
        owner: Name of the network, for messages.

    Returns:
        The source (`None` for random weights and files of other origin) and the file (`None` where
        there is none yet).

    Raises:
        ConfigError: If `weights` is neither a known word nor an existing file.
    """
    if weights is None or weights == RANDOM:
        return None, None
    by_name = {source.name: source for source in sources}
    if isinstance(weights, str):
        if weights in by_name:
            return by_name[weights], None
        word, colon, rest = weights.partition(":")
        if colon and word in by_name:
            return by_name[word], _existing(rest, by_name, owner)
    path = _existing(weights, by_name, owner)
    digest = _md5(path)
    return next((source for source in sources if source.md5 == digest), None), path


def fetch(source: WeightSource, *, owner: str) -> Path:
    """Return the file of a public source from Keras's cache folder, downloading it if need be.

    Args:
        source: What to fetch.
        owner: Name of the network, for messages.

    Returns:
        A file with the published digest, in `$KERAS_HOME/models` (`~/.keras/models`).

    Raises:
        ArtifactIntegrityError: If the download fails, stalls for 20 seconds or has other bytes.
    """
    folder = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    target = folder / source.file_name
    if target.is_file() and source.md5 in (None, _md5(target)):
        return target
    hint = (
        f"Download {source.url} by hand and give the path of the file as the weights of {owner}, "
        "or choose random weights."
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            part = Path(scratch) / source.file_name
            _download(source.url, part)
            digest = _md5(part)
            if source.md5 not in (None, digest):
                msg = f"{source.file_name} must have MD5 {source.md5}. Received: md5={digest}"
                raise ArtifactIntegrityError(msg, hint=hint)
            part.replace(target)
    except (OSError, HTTPException) as err:  # URLError and TimeoutError are OSErrors
        msg = f"The {source.name} weights of {owner} could not be downloaded: {source.url} ({err})"
        raise ArtifactIntegrityError(msg, hint=hint) from err
    return target


def load(model: Any, path: Path, *, owner: str, hint: str | None = None) -> None:
    """Load a weights file into a network, all of it or an error.

    Args:
        model: The `keras.Model` whose weights are replaced; unusable after an error.
        path: Keras 3 `.weights.h5`, or the older HDF5 layout (`.h5`, weights or whole model).
        owner: Name of the network, for messages.
        hint: Sentence for the person at the screen if the file does not fit.

    Raises:
        ConfigError: If the file has another suffix.
        ArtifactIntegrityError: If the file is damaged or belongs to another network.
    """
    if path.suffix not in SUFFIXES:
        msg = f"`weights` must be a .weights.h5 or .h5 file. Received: weights={str(path)!r}"
        raise ConfigError(msg, hint="Save the weights with Keras's save_weights.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Keras raises after these; hundreds
            model.load_weights(path)
    except (ValueError, KeyError, TypeError, OSError) as err:
        reason = str(err).strip().partition("\n")[0][:300]
        msg = f"`weights` must fit {owner}. Received: weights={str(path)!r} ({reason})"
        fallback = f"Give the weights of {owner} without its classification head (notop)."
        raise ArtifactIntegrityError(msg, hint=hint or fallback) from err


def _existing(path: str | Path, names: dict[str, WeightSource], owner: str) -> Path:
    """Return the path of a file that exists."""
    found = Path(path).expanduser()
    if found.is_file():
        return found
    words = [RANDOM, *names]
    close = difflib.get_close_matches(str(path).lower(), words, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else "Check that the path of the file is right."
    msg = f"`weights` of {owner} must be one of {words} or a file. Received: weights={str(path)!r}"
    raise ConfigError(msg, hint=hint)


def _md5(path: Path) -> str:
    """Hex digest of a file; MD5 because that is what the publishers state."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return digest.hexdigest()


def _download(url: str, target: Path) -> None:
    """Copy an address into a file; every read is bound by the time limit."""
    request = urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_S)  # noqa: S310 -- our own table
    with request as response, target.open("wb") as file:
        shutil.copyfileobj(response, file)
        promised = response.headers.get("Content-Length")
    if promised is not None and target.stat().st_size != int(promised):
        msg = f"the connection ended after {target.stat().st_size} of {promised} bytes"
        raise ConnectionError(msg)
