"""The engine of a network that a bundle holds, and of no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxr_core.bundle_entry import beside
from cxr_core.engine.openvino import OpenVinoEngine

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle


def published_engine(
    bundle: Bundle, network: str, *, precision: str = "f32", n_threads: int | None = None
) -> OpenVinoEngine:
    """Compile a network of a bundle; the bundle may have been loaded long before.

    Args:
        bundle: A verified bundle.
        network: Path of the network below its folder.
        precision: `f32` or `bf16`.
        n_threads: Threads for one film; `None` leaves the choice to OpenVINO.

    Returns:
        The engine; what becomes of the files afterwards does not touch it.

    Raises:
        BundleChangedError: If the files are not those that were there when it was loaded.
        ArtifactIntegrityError: If they are no network.
    """
    xml_path = bundle.folder / network
    try:
        return OpenVinoEngine(xml_path, precision=precision, n_threads=n_threads)
    finally:  # after they were read, so that these bytes are the ones that were compiled
        bundle.check(network, beside(network, ".bin"))
