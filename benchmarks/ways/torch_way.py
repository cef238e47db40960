"""PyTorch with pytorch-grad-cam, and ONNX Runtime: served to `benchmarks.latency` over a pipe.

    PYTHON benchmarks/ways/torch_way.py

PYTHON is an environment of its own with torch, torchvision, grad-cam, onnx and onnxruntime, none of
which this project needs. The networks are torchvision's DenseNet201, EfficientNetB7 and VGG16 with
a head of 64 units and three classes, random weights, inputs of 224 by 224. The first line on
standard output is a JSON list of titles; then each line `TITLE` on standard input runs that way
once and answers its milliseconds.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SIZE_PX = 224
N_CLASSES = 3


def main() -> None:
    """Answer until standard input ends."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    ways = _ways()
    image = np.random.default_rng(0).random((1, 3, SIZE_PX, SIZE_PX), np.float32)
    for run in ways.values():
        run(image)
    print(json.dumps(list(ways)), flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        ways[line.strip()](image)
        print((time.perf_counter() - started) * 1e3, flush=True)


def _ways() -> dict[str, Callable[[Any], None]]:
    """Build the networks, and return what is timed."""
    from torchvision import models

    features = {
        "densenet201": (models.densenet201().features, 1920),
        "efficientnetb7": (models.efficientnet_b7().features, 2560),
        "vgg16": (models.vgg16().features, 512),
    }
    networks = [_classifier(base, n_channels) for base, n_channels in features.values()]
    sessions = [_session(base) for base, _ in features.values()]
    return {
        "pytorch-grad-cam Grad-CAM, three networks and classes": lambda image: _grad_cam(
            networks, image
        ),
        "ONNX Runtime, three networks alone": lambda image: _onnx(sessions, image),
    }


def _classifier(base: Any, n_channels: int) -> Any:
    """Put a head on a network."""
    from torch import nn

    return nn.Sequential(
        base,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(n_channels, 64),
        nn.ReLU(),
        nn.Linear(64, N_CLASSES),
    ).eval()


def _grad_cam(networks: list[Any], image: Any) -> None:
    """Ask every network for its three maps."""
    import torch
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    tensor = torch.from_numpy(image)
    for network in networks:
        with GradCAM(model=network, target_layers=[network[0]]) as cam:
            for index in range(N_CLASSES):
                cam(input_tensor=tensor, targets=[ClassifierOutputTarget(index)])


def _session(base: Any) -> Any:
    """Export a network and load it in ONNX Runtime."""
    import onnxruntime
    import torch

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        sample = torch.zeros(1, 3, SIZE_PX, SIZE_PX)
        torch.onnx.export(base.eval(), (sample,), str(path), dynamo=False, input_names=["image"])
        return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def _onnx(sessions: list[Any], image: Any) -> None:
    """Run every network."""
    for session in sessions:
        session.run(None, {"image": image})


if __name__ == "__main__":
    main()
