"""Where numbers come from: the line of every export, and the chain of a bundle."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pandas as pd
import pytest

from cxr_core.bundle import Bundle
from cxr_core.provenance import NOT_RECORDED, WHOLE, Provenance, chain
from tests.told import COMMAND, write_told_bundle

MADE = Provenance("told", "1.2", "ab" * 32, "tiny", "f32", "calibrated")


def predictor(**changes):
    bundle = SimpleNamespace(name="told", version="1.2", digest="ab" * 32)
    trust = SimpleNamespace(calibration={"vgg16": object()})
    given = {"bundle": bundle, "variant": "tiny", "precision": "f32", "trust_model": trust}
    return SimpleNamespace(**{**given, **changes})


def test_the_line_of_a_picture():
    assert MADE.line() == (
        "told 1.2 \N{MIDDLE DOT} digest abababababababab \N{MIDDLE DOT} variant tiny "
        "\N{MIDDLE DOT} f32 \N{MIDDLE DOT} calibrated probabilities"
    )


def test_calibrated_is_said_only_where_it_is_true():
    assert Provenance.of(predictor()) == MADE
    assert Provenance.of(predictor(), is_raw=True).probabilities == "raw"
    assert Provenance.of(predictor(trust_model=None)).probabilities == "raw"
    empty = SimpleNamespace(calibration={})
    assert Provenance.of(predictor(trust_model=empty)).probabilities == "raw"


def test_a_table_can_still_be_read():
    text = MADE.commented("a,b\n1,x\n")
    assert text.splitlines()[:3] == ["# bundle: told", "# version: 1.2", f"# digest: {'ab' * 32}"]
    table = pd.read_csv(io.StringIO(text), comment="#")
    assert table.to_dict("list") == {"a": [1], "b": ["x"]}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return write_told_bundle(tmp_path_factory.mktemp("told") / "bundle")


def values(bundle):
    return {(link.variant, link.of, link.fact, link.file): link.value for link in chain(bundle)}


def test_the_chain_goes_from_films_to_the_digest(told):
    found = values(told)
    assert found[WHOLE, "Bundle", "Digest", "bundle.json, digest of it"] == told.digest
    assert found[WHOLE, "Publishing", "Command", "bundle.json"] == "python -m train publish tiny"
    assert found[WHOLE, "Films", "Data digest", "dataset.json"] == "d1" * 32
    assert found[WHOLE, "Gate", "Command", "gate.json"] == "python -m benchmarks.gate"
    assert found["tiny", "Training", "Command", "bundle.json"] == COMMAND
    recipe = found["tiny", "Training", "Recipe", "bundle.json"]
    assert recipe == "preset tiny, seed 5, seed of the division 6"
    assert "numpy 2.4.6" in found["tiny", "Training", "Versions", "bundle.json"]
    trust = "variants/tiny/trust.json"
    assert found["tiny", "Calibration", "Data digest", trust] == "c1" * 32
    assert found["tiny", "Calibration", "File digest", trust] == told.files[trust][0]
    path = "variants/tiny/evaluation.json"
    assert found["tiny", "Figures on test", "Data digest", path] == "f1" * 32
    assert found["tiny", "Figures on test", "Intervals", path] == "2,000 resamples, seed 0"
    for path, digest in told.fingerprint("tiny").items():
        assert found["tiny", "Models", "File digest", path] == digest


def test_what_is_not_recorded_says_so(tiny_bundle_dir):
    found = values(Bundle.load(tiny_bundle_dir))
    assert found[WHOLE, "Publishing", "Command", "bundle.json"] == NOT_RECORDED
    assert found["tiny", "Training", "Command", "bundle.json"] == NOT_RECORDED
    assert found["tiny", "Figures", "File digest", "bundle.json"] == "none in this bundle"
    assert found["tiny", "Calibration", "File digest", "bundle.json"] == "none in this bundle"
    assert "None" not in found.values()
