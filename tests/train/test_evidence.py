"""Evidence of a bundle: who calibrates, what is written, what is refused as stale."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from cxr_core.bundle import MANIFEST, Bundle, seal
from cxr_core.errors import SpecMismatchError
from cxr_core.evaluate.folder_reads import read_folder
from cxr_core.io import read_path
from cxr_core.labels import CLASSES
from cxr_core.predict import Predictor
from tests.conftest import write_film
from train.__main__ import main

SYSTEMS = ("vgg16", "mobilenetv2", "ensemble_probs", "ensemble_dense")
WEIGHTS = ["--backbone-weights", "vgg16=random", "--backbone-weights", "mobilenetv2=random"]
SHARE = ["--set", "calibration_share=0.4"]


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Kaggle layout with 30 training and 4 test films a class, told apart by their brightness."""
    folder = tmp_path_factory.mktemp("evidence") / "Data"
    seed = 500
    for split, count in (("train", 30), ("test", 4)):
        for label in CLASSES:
            (folder / split / label).mkdir(parents=True)
            for index in range(count):
                seed += 1
                write_film(folder / split / label / f"film-{index}.png", seed=seed)
    return folder


@pytest.fixture(scope="module")
def made(films, tmp_path_factory):
    """Folder with a run, its twin that keeps films apart, and a bundle of each."""
    folder = tmp_path_factory.mktemp("made")
    for name, extra in (("run", []), ("twin", SHARE)):
        command = ["--preset", "smoke", "--data", str(films), "--out", str(folder / name)]
        assert main([*command, "--cache", str(folder / "cache"), *WEIGHTS, *extra]) == 0
        target = str(folder / f"{name}-bundle")
        assert main(["publish", str(folder / name), "--out", target]) == 0
    return folder


def evidence(made, films, bundle, *more):
    """Return the exit status of the command."""
    command = ["evidence", str(bundle), "--data", str(films), "--resamples", "20"]
    command += ["--cache", str(made / "cache"), "--evaluate", f"test={films / 'test'}"]
    return main([*command, *more])


@pytest.fixture(scope="module")
def bundle(made, films):
    """The twin's own bundle with evidence."""
    assert evidence(made, films, made / "twin-bundle") == 0
    return Bundle.load(made / "twin-bundle")


def test_the_bundle_holds_calibration_sets_and_reads(bundle, films):
    trust = bundle.trust()
    assert set(trust.calibration) == set(trust.conformal) == set(SYSTEMS)
    assert trust.about["n_by_class"] == dict.fromkeys(CLASSES, 12)
    assert trust.about["heads"] == "its own"
    assert bundle.read_sets() == ("calibration", "test")
    reads = bundle.reads("test")
    again = read_folder(Predictor(bundle), films / "test")
    for name in SYSTEMS:
        np.testing.assert_allclose(reads.logits[name], again.logits[name], rtol=1e-4, atol=1e-4)
    assert reads.films.sha256 == again.films.sha256
    calibrated = {bundle.reads("calibration").films.sha256[i] for i in range(36)}
    assert not calibrated & set(reads.films.sha256)


def test_the_evaluation_has_raw_and_calibrated_figures(bundle):
    found = bundle.evaluation()["sets"]["test"]
    assert found["n_films"] == 12
    for name in SYSTEMS:
        system = found["systems"][name]
        assert system["figures"]["accuracy"] == system["calibrated"]["accuracy"]
        assert system["figures"]["log_loss"]["value"] >= 0


def test_readings_are_calibrated_bounded_and_judged(bundle, films):
    reading = Predictor(bundle).read(read_path(films / "test" / "NORMAL" / "film-0.png"))
    trust = bundle.trust()
    for name, system in reading.systems.items():
        assert system.temperature == trust.calibration[name].value
        np.testing.assert_allclose(system.probs, trust.probs(name, system.logits))
        np.testing.assert_allclose(reading.uncalibrated().systems[name].probs, system.raw_probs)
    assert reading.trust.prediction_set is not None
    assert reading.trust.set_level == 0.9
    assert reading.trust.ood_verdict in ("passed", "refused")
    assert reading.status == ("refused" if reading.trust.ood_verdict == "refused" else "ok")


def test_a_recipe_without_such_films_needs_a_twin(made, films, capsys):
    assert evidence(made, films, made / "run-bundle") == 2
    assert "--twin" in capsys.readouterr().err
    own = made / "with-twin"
    shutil.copytree(made / "run-bundle", own)
    assert evidence(made, films, own, "--twin", f"smoke={made / 'twin'}") == 0
    trust = Bundle.load(own).trust()
    assert trust.about["heads"].startswith("a twin's")
    assert trust.calibration
    assert trust.conformal == {}, "limits of a twin are no promise"


def test_a_twin_of_another_recipe_is_refused(made, films, tmp_path, capsys):
    twin = tmp_path / "twin"
    shutil.copytree(made / "twin", twin)
    record = json.loads((twin / "run.json").read_text("utf-8"))
    record["config"]["epochs"] += 1
    (twin / "run.json").write_text(json.dumps(record), "utf-8")
    assert evidence(made, films, made / "run-bundle", "--twin", f"smoke={twin}") == 1
    assert "other ['epochs']" in capsys.readouterr().err


def test_other_training_films_are_refused(made, films, tmp_path, capsys):
    own = tmp_path / "bundle"
    shutil.copytree(made / "twin-bundle", own)
    data = tmp_path / "Data"
    shutil.copytree(films, data)
    (data / "train" / "NORMAL" / "film-0.png").unlink()
    before = (own / MANIFEST).read_bytes()
    assert evidence(made, data, own) == 1
    assert "must be what smoke was trained on" in capsys.readouterr().err
    assert (own / MANIFEST).read_bytes() == before


def test_stale_calibration_is_refused(bundle, tmp_path):
    """Heads of another seed in place of those that were calibrated."""
    own = tmp_path / "bundle"
    shutil.copytree(bundle.folder, own)
    heads = own / "variants" / "smoke" / "heads.safetensors"
    from safetensors.numpy import load_file, save_file

    save_file({name: array * 2 for name, array in load_file(heads).items()}, heads)
    manifest = json.loads((own / MANIFEST).read_text("utf-8"))
    for key in ("schema", "classes", "files"):
        del manifest[key]
    sealed = seal(own, manifest)
    with pytest.raises(SpecMismatchError, match=r"must be fitted to the models they judge.*heads"):
        sealed.trust()
    with pytest.raises(SpecMismatchError, match="must be fitted"):
        Predictor(sealed)
