"""Weights of a network in a file without a name, so that memory holds them once.

OpenVINO expands the published 8-bit weights to float32 when it compiles a network, rearranges them
for the processor, and keeps both copies: 390 of 780 MB for the three published networks. Here the
expanded ones are written to a file that has no name and vanishes with the process; OpenVINO maps
it, and once the network is compiled its pages are handed back. They come back from the file if they
are ever read. No number changes.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from cxr_core.allocator import hand_back, is_in_memory, trim

FOLDERS: Final = (Path("/var/tmp"), Path(os.environ.get("TMPDIR") or "/tmp"))  # noqa: S108
"""Where the file may lie; the first that is on a disk and has room."""

_ROOM: Final = 2
_WORTHWHILE_BYTES: Final = 8 << 20
_WEIGHTS: Final = re.compile(rb'offset="(\d+)" size="(\d+)"')


def compile_paged(
    openvino: Any, core: Any, read_expanded: Callable[[], Any], config: Mapping[str, Any]
) -> Any | None:
    """Compile a network whose expanded weights lie in a file.

    Args:
        openvino: The module, from `import_openvino`.
        core: Its `Core`.
        read_expanded: Returns a new `openvino.Model` with one float32 input of a static shape,
            whose weights are in float32.
        config: Properties of the CPU plugin.

    Returns:
        The compiled network, or `None` where this cannot be done: not on Linux, no folder on a disk
        that may be written, or too little room in it; and where it is not worthwhile, for a network
        under 8 MB.

    Raises:
        RuntimeError: If OpenVINO cannot compile the network.
    """
    if not sys.platform.startswith("linux") or not any(map(_is_disk, FOLDERS)):
        return None
    model = read_expanded()
    n_bytes = sum(
        operation.get_byte_size()
        for operation in model.get_ops()
        if operation.get_type_name() == "Constant"
    )
    weights = _new_file(n_bytes) if n_bytes >= _WORTHWHILE_BYTES else None
    if weights is None:
        return None
    with weights:
        mapped = _written(openvino, core, model, weights)
        if mapped is None:
            return None
        del model
        compiled = core.compile_model(mapped, "CPU", dict(config))
        # some weights are rearranged by the first film only
        compiled.create_infer_request().infer([np.zeros(compiled.input().shape, np.float32)])
        hand_back(os.fstat(weights.fileno()).st_ino)
    trim()
    return compiled


def _written(openvino: Any, core: Any, model: Any, weights: IO[bytes]) -> Any | None:
    """Write a network, and read it again from the file; `None` if the disk took less than all."""
    weights_path = Path(f"/proc/self/fd/{weights.fileno()}")
    try:
        with tempfile.TemporaryDirectory() as description:
            xml_path = Path(description) / "network.xml"
            openvino.serialize(model, xml_path, weights_path)
            parts = _WEIGHTS.findall(xml_path.read_bytes())
            n_bytes = max((int(offset) + int(size) for offset, size in parts), default=0)
            # a shorter file would end the process where its missing end is read
            if os.fstat(weights.fileno()).st_size < n_bytes:
                return None
            return core.read_model(xml_path, weights_path)
    except (OSError, RuntimeError):
        return None


def _new_file(n_bytes: int) -> IO[bytes] | None:
    """Return a file without a name in the first folder that is on a disk and has room."""
    for folder in filter(_is_disk, FOLDERS):
        with suppress(OSError):
            if shutil.disk_usage(folder).free > _ROOM * n_bytes:
                return tempfile.TemporaryFile(dir=folder)
    return None


def _is_disk(folder: Path) -> bool:
    """Tell a folder that may be written and is not in memory."""
    return os.access(folder, os.W_OK) and not is_in_memory(folder)
