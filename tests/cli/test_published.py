"""The bundle and the samples that come with the repository."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.published import table
from cxr_core.__main__ import main
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.labels import system_title

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted((ROOT / "assets" / "samples").glob("*.png"))


def test_every_sample_is_read(capsys):
    assert len(SAMPLES) >= 16
    assert main(["predict", *map(str, SAMPLES), "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    systems = Bundle.load().systems
    assert all(tuple(result["systems"]) == systems for result in results)


def test_the_samples_still_read_as_they_did():
    """Golden probabilities: tight enough to notice another network, head or preprocessing."""
    from cxr_core.io import read_path
    from cxr_core.predict import Predictor

    golden = json.loads((Path(__file__).parent / "golden.json").read_text("utf-8"))
    predictor = Predictor(Bundle.load(), variant=golden["variant"])
    assert predictor.variant == predictor.bundle.default_variant
    assert set(golden["films"]) == {path.name for path in SAMPLES}
    for path in SAMPLES:
        reading = predictor.read(read_path(path))
        for system, expected in golden["films"][path.name].items():
            probs = reading.systems[system].raw_probs.tolist()
            assert probs == pytest.approx(expected, abs=1e-3), (path.name, system)


def test_every_variant_was_measured():
    bundle = Bundle.load(DEFAULT_BUNDLE)
    for name, variant in bundle.variants.items():
        assert set(bundle.evaluation(name)["sets"]["test"]["systems"]) == set(variant.systems)


def test_the_card_says_how_many_adults_are_called_covid():
    bundle = Bundle.load(DEFAULT_BUNDLE)
    for name in bundle.variants:
        sets = bundle.evaluation(name)["sets"]
        adults = next(f for title, f in sets.items() if title.startswith("adults without COVID-19"))
        assert adults["n_by_class"]["COVID19"] == 0
        for system in bundle.variant(name).systems:
            called = adults["systems"][system]["called"]["COVID19"]
            row = f"{system_title(system)} (`{name}`) | **{called['n_hits']} of {called['n']}**"
            assert row in bundle.card


@pytest.mark.alone
def test_a_film_is_answered_within_three_seconds_of_the_start():
    started = time.perf_counter()
    command = [sys.executable, "-m", "cxr_core", "predict", str(SAMPLES[-1]), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    seconds = time.perf_counter() - started
    assert json.loads(done.stdout)["results"][0]["status"] == "ok"
    assert seconds <= 3.0


@pytest.mark.parametrize(
    "name", ["vgg16", "densenet201", pytest.param("efficientnetb7", marks=pytest.mark.slow)]
)
def test_both_engines_give_the_published_probabilities(name):
    """OpenVINO and Keras on the published 8-bit weights, on every sample."""
    import keras

    from cxr_core import backbones
    from cxr_core.engine.keras import KerasEngine
    from cxr_core.engine.openvino import OpenVinoEngine
    from cxr_core.io import read_path
    from cxr_core.preprocess import preprocess_batch
    from train.pretrain.start import graph_of
    from train.restore import restore_weights

    bundle = Bundle.load(DEFAULT_BUNDLE)
    member, head = bundle.members[name], bundle.heads().members[name]
    network = bundle.folder / member.network
    model = backbones.build(name, input_tensor=keras.Input((224, 224, 3)), graph=graph_of(name))
    restore_weights(model, network)
    batch = preprocess_batch([read_path(path) for path in SAMPLES], member.preprocess)
    ours, theirs = (
        [head.forward(engine.run(film[np.newaxis])[0]).probs for film in batch]
        for engine in (OpenVinoEngine(network), KerasEngine(model))
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_the_readme_quotes_what_was_measured():
    """The table of the default variant is the one that `benchmarks.published` prints."""
    bundle = Bundle.load(DEFAULT_BUNDLE)
    readme, benchmarks = (
        (ROOT / name).read_text("utf-8").splitlines() for name in ("README.md", "BENCHMARKS.md")
    )
    assert set(table(bundle, bundle.default_variant)) <= set(readme)
    for name in bundle.variants:
        assert set(table(bundle, name)) <= set(benchmarks), name
