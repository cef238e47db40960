"""The default engine: OpenVINO on the CPU, at explicit f32, one film at a time.

The network is compiled for a batch of one: the only shape in which the 8-bit EfficientNetB7
compiles, and a film's features then do not depend on its neighbours.
"""

from __future__ import annotations

import platform
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_core.array import Float32Array
from cxr_core.engine import check_batch
from cxr_core.engine.paged import compile_paged
from cxr_core.errors import ArtifactIntegrityError

PRECISIONS: Final = ("f32", "bf16")
_CONVERTER: Final = "openvino.tools.ovc"


def import_openvino() -> Any:
    """Import OpenVINO without its usage statistics and its converter.

    `openvino_telemetry` is a dependency of the wheel and would report conversions to its maker.
    OpenVINO and NNCF both run without it, so it is marked as absent before they look. The converter
    takes half of the time of the import; see `converter`.

    Returns:
        The `openvino` module.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    is_first = "openvino" not in sys.modules
    if is_first:
        sys.modules[_CONVERTER] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        if is_first:
            sys.modules.pop(_CONVERTER, None)
    return openvino


def converter() -> Any:
    """Import what turns a network of another framework into one of OpenVINO.

    Returns:
        The function `openvino.convert_model`.
    """
    import_openvino()
    from openvino.frontend.tensorflow import utils
    from openvino.tools.ovc import convert_model

    # OpenVINO's own deletes an import by `exec`, which Python 3.13 refuses in a function
    utils.get_environment_setup = _environment
    return convert_model


def _environment(framework: str) -> dict[str, str]:  # noqa: ARG001 - called for TensorFlow alone
    """Say what OpenVINO's converter asks of its surroundings; the network came from TensorFlow."""
    return {
        "python_version": platform.python_version(),
        "tensorflow": sys.modules["tensorflow"].__version__,
        "sys_platform": sys.platform,
    }


class OpenVinoEngine:
    """A published backbone (`.xml` and `.bin`) on the CPU.

    Args:
        xml_path: The network's description; the weights lie beside it as `.bin`.
        precision: `f32`, or `bf16` where the processor has it. OpenVINO would choose bf16 by itself
            on such processors, which moves features by 1 to 2 %, so f32 is asked for by name.
        n_threads: Threads for one film; `None` leaves the choice to OpenVINO.
        weights_on_disk: Keep the expanded weights in a file instead of in memory, where the machine
            can, see `cxr_core.engine.paged`: half the memory, and up to a second more to load. For
            processes that stay.

    Raises:
        ValueError: If the precision is not known.
        ArtifactIntegrityError: If the file is missing or not a network.

    Notes:
        One infer request behind one lock: requests from other threads wait. The request already
        uses every core, so waiting costs nothing.
    """

    def __init__(
        self,
        xml_path: Path,
        *,
        precision: str = "f32",
        n_threads: int | None = None,
        weights_on_disk: bool = False,
    ) -> None:
        if precision not in PRECISIONS:
            msg = f"`precision` must be one of {PRECISIONS}. Received: precision={precision!r}"
            raise ValueError(msg)
        config: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "LATENCY",
            # fusing element-wise steps at run time saves no time here and costs some at the start
            "SNIPPETS_MODE": "DISABLE",
        }
        if n_threads is not None:
            config["INFERENCE_NUM_THREADS"] = n_threads
        try:
            with _CORE_LOCK:  # threads that ask first would each make one
                core = _core()

            def read_model() -> Any:
                # read, not mapped: a network in use would compute with whatever is written into
                # its file later, and the process would end where the file gets shorter
                model = core.read_model(xml_path, config={"ENABLE_MMAP": False})
                shape = list(model.input().partial_shape)[1:]
                model.reshape([1, *(side.get_length() for side in shape)])
                return model

            compiled = (
                compile_paged(import_openvino(), core, lambda: _expanded(read_model()), config)
                if weights_on_disk
                else None
            )
            compiled = compiled or core.compile_model(read_model(), "CPU", config)
        except RuntimeError as err:
            msg = f"{xml_path.name}: OpenVINO must be able to read the network. Received: {err}"
            raise ArtifactIntegrityError(msg) from err
        self.precision = precision
        self._request = compiled.create_infer_request()
        self._lock = threading.Lock()
        self._input_shape = _static_shape(compiled.input())
        self._feature_shape = _static_shape(compiled.output())

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape (height, width, 3) of one input."""
        return self._input_shape

    @property
    def feature_shape(self) -> tuple[int, int, int]:
        """Shape (h, w, c) of one film's feature map."""
        return self._feature_shape

    def run(self, batch: Float32Array) -> Float32Array:
        """Run the backbone film by film; see `FeatureEngine.run`."""
        check_batch(batch, self._input_shape)
        features = np.empty((len(batch), *self._feature_shape), np.float32)
        for row in range(len(batch)):
            with self._lock:
                result = self._request.infer([batch[row : row + 1]])
                features[row] = result[0][0]
        return features


_CORE_LOCK: Final = threading.Lock()


@cache
def _core() -> Any:
    """Return the one OpenVINO core of the process; each one would load the plugin anew."""
    return import_openvino().Core()


def _expanded(model: Any) -> Any:
    """Turn the 8-bit weights of a model into float32, in place, as compiling it would."""
    from openvino.passes import ConstantFolding, Manager

    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)
    return model


def _static_shape(port: Any) -> tuple[int, int, int]:
    """Return a port's shape without the batch axis."""
    height, width, channels = list(port.shape)[1:]
    return int(height), int(width), int(channels)
