"""The engines of networks that a bundle holds, and of no others."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from cxr_core.bundle.entry import beside
from cxr_core.engine.openvino import OpenVinoEngine

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle


def published_engines(
    bundle: Bundle,
    networks: Iterable[str],
    *,
    precision: str = "f32",
    n_threads: int | None = None,
    weights_on_disk: bool = False,
) -> dict[str, OpenVinoEngine]:
    """Compile networks of a bundle, which may have been loaded long before.

    All are compiled at once: one alone does not keep two cores busy.

    Args:
        bundle: A verified bundle.
        networks: Paths below its folder; one that is named twice is compiled once.
        precision: As for `OpenVinoEngine`.
        n_threads: As for `OpenVinoEngine`.
        weights_on_disk: As for `OpenVinoEngine`.

    Returns:
        Path to engine; what becomes of the files afterwards does not touch them.

    Raises:
        BundleChangedError: If the files are not those that were there when it was loaded.
        ArtifactIntegrityError: If they are no networks.
    """
    paths = list(dict.fromkeys(networks))
    files = [*paths, *(beside(path, ".bin") for path in paths)]
    load = partial(
        OpenVinoEngine, precision=precision, n_threads=n_threads, weights_on_disk=weights_on_disk
    )
    with ThreadPoolExecutor(len(files) or 1) as pool:
        try:
            engines = pool.map(load, [bundle.folder / path for path in paths])
            return dict(zip(paths, engines, strict=True))
        finally:  # after they were read, so that these bytes are the ones that were compiled
            list(pool.map(bundle.check, files))
