"""`evaluate` on the command line: the whole evaluation, progress, exit status, bad input."""

from __future__ import annotations

import json

import pytest

from cxr_core.__main__ import main
from cxr_core.bundle import Bundle
from cxr_core.evaluate.folder_evaluation import evaluate_folder
from cxr_core.evaluate.weighted import figure_names
from cxr_core.labels import SYSTEMS
from cxr_core.predict import Predictor
from tests.conftest import write_film


@pytest.fixture
def folder(tmp_path):
    """Two normal films and one with pneumonia."""
    path = tmp_path / "films"
    for seed, label in enumerate(("NORMAL", "NORMAL", "pneumonia")):
        (path / label).mkdir(exist_ok=True, parents=True)
        write_film(path / label / f"{seed}.png", seed=seed)
    return path


@pytest.fixture
def evaluate(folder, tmp_path, tiny_bundle_dir):
    """Run the command; give its status and what it wrote."""

    def run(*more):
        out = tmp_path / "out" / "evaluation.json"
        arguments = ["evaluate", str(folder), "--out", str(out), "--bundle", str(tiny_bundle_dir)]
        status = main([*arguments, *map(str, more)])
        return status, json.loads(out.read_text("utf-8"))

    return run


def test_the_whole_evaluation_is_written(evaluate, tiny_bundle_dir, capsys):
    status, evaluation = evaluate("--resamples", 50)
    assert status == 0
    assert evaluation["schema"] == "cxr-evaluation/2"
    assert evaluation["bundle"]["digest"] == Bundle.load(tiny_bundle_dir).digest
    assert evaluation["n_resamples"] == 50
    assert evaluation["n_by_class"] == {"COVID19": 0, "NORMAL": 2, "PNEUMONIA": 1}
    assert tuple(evaluation["systems"]) == SYSTEMS
    for system in evaluation["systems"].values():
        assert system["n"] == 3
        assert system["recall"]["COVID19"]["value"] is None
        assert set(figure_names()) <= set(system["figures"])
        assert system["figures"]["recall_COVID19"]["reason"] == "no film is of COVID-19"
    assert len(evaluation["pairs"]) == 10
    assert evaluation["subgroups"]["not_stated"] == ["source", "view", "subtype", "age_band"]
    captured = capsys.readouterr()
    assert "3 of 3 films read" in captured.err
    assert f"intervals: {len(SYSTEMS) + 3} of {len(SYSTEMS) + 3}" in captured.err
    assert captured.out.startswith("n = 3 films of 3 patients (COVID-19 0, Normal 2, Pneumonia 1)")
    assert "patients are not known: every film counts as a patient of its own" in captured.out
    assert "Ensemble of dense layers" in captured.out
    assert "no learning: commonest class" in captured.out
    assert "not defined" in captured.out
    assert "nan" not in captured.out


def test_it_is_what_the_core_gives(evaluate, folder, tiny_bundle_dir):
    _, written = evaluate("--resamples", 20)
    del written["bundle"]["digest"]
    predictor = Predictor(Bundle.load(tiny_bundle_dir))
    found = evaluate_folder(predictor, folder, n_resamples=20)
    assert json.loads(json.dumps(found)) == written


def test_a_film_that_cannot_be_read_is_named_and_left_out(evaluate, folder, capsys):
    (folder / "NORMAL" / "broken.png").write_bytes(b"x")
    status, evaluation = evaluate("--resamples", 5)
    assert status == 1
    assert [entry["file"] for entry in evaluation["unreadable"]] == ["NORMAL/broken.png"]
    assert evaluation["n_films"] == 3
    captured = capsys.readouterr()
    assert "not measured: NORMAL/broken.png: " in captured.err
    assert "4 of 4 films read" in captured.err


def test_no_film_that_can_be_read_is_an_evaluation_of_none(evaluate, folder, capsys):
    for path in folder.rglob("*.png"):
        path.write_bytes(b"x")
    status, evaluation = evaluate("--resamples", 5)
    assert (status, evaluation["n_films"]) == (1, 0)
    accuracy = evaluation["systems"]["vgg16"]["figures"]["accuracy"]
    assert (accuracy["value"], accuracy["reason"]) == (None, "there is no film")
    assert "nan" not in capsys.readouterr().out


def test_without_films(tmp_path, tiny_bundle_dir, capsys):
    arguments = ["evaluate", str(tmp_path), "--out", str(tmp_path / "e.json")]
    assert main([*arguments, "--bundle", str(tiny_bundle_dir)]) == 1
    assert "must hold films in folders named COVID19" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_said_before_the_work(folder, tiny_bundle_dir, capsys):
    arguments = ["evaluate", str(folder), "--out", str(folder), "--bundle", str(tiny_bundle_dir)]
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert "could not be written: name a file in a folder of yours" in captured.err
    assert "films read" not in captured.err


@pytest.mark.parametrize("number", ["0", "-5", "many"])
def test_wrong_numbers_of_resamples(folder, tmp_path, number, capsys):
    arguments = ["evaluate", str(folder), "--out", str(tmp_path / "e.json")]
    assert main([*arguments, f"--resamples={number}"]) == 2
    assert "must be a whole number of 1 or more" in capsys.readouterr().err


def test_an_unknown_variant_is_wrong_usage(folder, tmp_path, tiny_bundle_dir, capsys):
    arguments = ["evaluate", str(folder), "--out", str(tmp_path / "e.json")]
    arguments += ["--bundle", str(tiny_bundle_dir), "--variant", "best"]
    assert main(arguments) == 2
    assert "`variant` must be one of ['tiny']" in capsys.readouterr().err
