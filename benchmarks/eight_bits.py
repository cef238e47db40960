"""Networks whose values are rounded to 8 bits: tried, timed and compared by `benchmarks.precision`.

The published networks hold 8-bit weights and compute in floating point. NNCF measures on training
films in which range each value between two layers lies; the published graph then gets a rounding
to 256 levels at the same places, and processors with 8-bit instructions multiply whole numbers. A
network whose values need a range for each channel (EfficientNetB7) cannot be rounded so.

References:
    Jacob et al., Quantization and training of neural networks for efficient integer-arithmetic-only
    inference, CVPR 2018, equation 12 (what `FakeQuantize` computes).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from cxr_core.array import Float32Array
from cxr_core.engine.openvino import import_openvino

N_LEVELS: Final = 256


class RoundedEngine:
    """A published network with values of 8 bits, one film at a time.

    Args:
        xml_path: The network's `.xml`.
        batch: Training films as the network wants them, (n, h, w, 3), to measure ranges on.

    Raises:
        ValueError: If a value would need a range for each of its channels.
    """

    def __init__(self, xml_path: Path, batch: Float32Array) -> None:
        openvino = import_openvino()
        core = openvino.Core()
        model = _read(core, xml_path, batch)
        _round(model, _rounded_by_nncf(_read(core, xml_path, batch), batch))
        properties = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        compiled = core.compile_model(model, "CPU", properties)
        self.feature_shape = tuple(compiled.output().shape)[1:]
        self._request = compiled.create_infer_request()

    def run(self, batch: Float32Array) -> Float32Array:
        """Return the features of a batch, (n, h, w, c)."""
        return np.concatenate([self._request.infer([film[None]])[0].copy() for film in batch])


def _read(core: Any, xml_path: Path, batch: Float32Array) -> Any:
    """Read a network for one film."""
    model = core.read_model(xml_path)
    model.reshape([1, *batch.shape[1:]])
    return model


def _rounded_by_nncf(model: Any, batch: Float32Array) -> Any:
    """Return the network as NNCF would round it."""
    import nncf
    from openvino.passes import ConstantFolding, Manager

    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)
    return nncf.quantize(
        model,
        nncf.Dataset([film[None] for film in batch]),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(batch),
    )


def _round(model: Any, example: Any) -> None:
    """Round the values of a network where and as another one rounds them, in place."""
    from openvino import opset13 as ops

    nodes = {node.get_friendly_name(): node for node in model.get_ops()}
    for node in example.get_ops():
        made_by = node.input_value(0).get_node() if node.get_input_size() else None
        if node.get_type_name() != "FakeQuantize" or made_by.get_type_name() == "Constant":
            continue
        low, high = (node.input_value(index).get_node().data.ravel() for index in (1, 2))
        if low.size != 1:
            msg = f"Each value must have one range. Received: {low.size} channels apart"
            raise ValueError(msg)
        ends = [ops.constant(np.float32(end[0])) for end in (low, high)]
        source = nodes[made_by.get_friendly_name()].output(0)
        rounded = ops.fake_quantize(source, *ends, *ends, N_LEVELS)
        for reader in node.output(0).get_target_inputs():
            name, index = reader.get_node().get_friendly_name(), reader.get_index()
            nodes[name].input(index).replace_source_output(rounded.output(0))
