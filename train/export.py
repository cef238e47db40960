"""Write a Keras backbone as the OpenVINO network that is served: 8-bit weights, f32 arithmetic."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Any

from cxr_core.engine.openvino import converter, import_openvino

LOG = logging.getLogger(__name__)


def export_backbone(model: Any, xml_path: Path, *, compress: bool = True) -> str:
    """Convert a backbone and save it.

    The conversion goes through a concrete TensorFlow function, not through ONNX, which breaks on
    EfficientNet's Normalization layer. Convolution weights become symmetric 8-bit integers per
    output channel; they are expanded before use, so arithmetic stays in f32.

    Args:
        model: Keras model on the TensorFlow backend, input (n, h, w, 3).
        xml_path: Target; the weights are written beside it as `.bin`.
        compress: False keeps f32 weights (four times the size).

    Returns:
        `backbone_digest` of the written network.
    """
    openvino = import_openvino()
    import tensorflow as tf

    height, width, channels = model.input_shape[1:]
    signature = tf.TensorSpec([1, height, width, channels], tf.float32)
    function = tf.function(lambda batch: model(batch, training=False))
    network = converter()(function.get_concrete_function(signature))
    # TensorFlow's swish keeps its input for its gradient, which is left over as more outputs
    network = openvino.Model([network.outputs[0].get_node()], network.get_parameters(), model.name)
    if compress:
        import nncf

        network = nncf.compress_weights(network, mode=nncf.CompressWeightsMode.INT8_SYM)
    network.reshape([1, height, width, channels])
    xml_path.parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(network, xml_path, compress_to_fp16=False)
    digest = backbone_digest(xml_path)
    LOG.info("exported %s, digest %s", xml_path.name, digest[:12])
    return digest


def backbone_digest(xml_path: Path) -> str:
    """Return the SHA-256 over both files of a network, as hex.

    Args:
        xml_path: The network's `.xml`; the `.bin` lies beside it.

    Returns:
        64 hex digits.
    """
    digest = hashlib.sha256()
    for path in (xml_path, xml_path.with_suffix(".bin")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
