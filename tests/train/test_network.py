"""How the networks of a run say where their weights come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from train.network import _own, films_seen

DIGEST = "2d711642b726"  # SHA-256 of b"x"
PRETRAINED = {"backbone": "vgg16", "stages": [{"size_px": 96, "epochs": 2}]}
TUNED = PRETRAINED | {"weights": "imagenet", "stages": [{"size_px": 224, "epochs": 1}]}


def origin_of(folder: Path, config: dict[str, Any], **record: Any) -> str:
    """Write what a training leaves behind, and return how it is described."""
    (folder / "backbone.weights.h5").write_bytes(b"x")
    content = {"schema": "cxr-pretraining/1", "config": config, "films": ["a", "b"]}
    content |= {"scaling": "unit"} | record
    (folder / "pretraining.json").write_text(json.dumps(content), "utf-8")
    return _own("vgg16", folder).origin


def test_a_network_from_random_weights(tmp_path):
    assert origin_of(tmp_path, PRETRAINED) == (
        "trained here end to end on 2 chest films (2 epochs at 96 px) from random weights, "
        f"SHA-256 {DIGEST}"
    )


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({}, "refined here end to end"),
        ({"last_blocks": 2}, "last 2 blocks refined here"),
        ({"from_layer": "block5_conv1"}, "refined here from layer block5_conv1 on"),
    ],
)
def test_a_refined_network_says_how_much_of_it_learnt(tmp_path, how, words):
    assert origin_of(tmp_path, TUNED | how, origin="imagenet") == (
        f"{words} on 2 chest films (1 epoch at 224 px) from imagenet weights, SHA-256 {DIGEST}"
    )


def test_weights_that_were_trained_here_tell_what_they_have_seen(tmp_path):
    origin_of(tmp_path, PRETRAINED)
    assert films_seen("vgg16", f"pretrained-here:{tmp_path}") == {"a", "b"}
    assert films_seen("vgg16", "imagenet") == frozenset()
