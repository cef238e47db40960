"""The chain: train the smoke preset, publish it, read a film with the bundle."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest

from cxr_core.bundle import Bundle
from cxr_core.io import read_path
from cxr_core.predict import Predictor
from train.__main__ import main
from train.data import scan_split


@pytest.fixture(scope="module")
def chain(data_dir, tmp_path_factory):
    """Run folder, bundle folder and feature cache of one smoke run."""
    folder = tmp_path_factory.mktemp("chain")
    run, bundle, cache = folder / "run", folder / "bundle", folder / "cache"
    command = ["--preset", "smoke", "--data", str(data_dir), "--out", str(run)]
    command += ["--cache", str(cache), "--backbone-weights", "vgg16=random"]
    assert main(command) == 0
    test_dir = data_dir / "Data" / "test"
    assert main(["publish", str(run), "--out", str(bundle), "--evaluate", f"test={test_dir}"]) == 0
    return run, bundle, cache, command


def test_the_run_records_what_it_did(chain):
    run = chain[0]
    record = json.loads((run / "run.json").read_text("utf-8"))
    assert record["config"]["preset"] == "smoke"
    assert record["data"]["n_by_class"]["train"] == {"COVID19": 6, "NORMAL": 6, "PNEUMONIA": 6}
    assert record["systems"]["vgg16"]["test"]["n"] == 9
    assert record["systems"]["vgg16"]["chosen_by"] == "loss on the test films"
    with (run / "runs" / "vgg16" / "history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[0]["learning_rate"]) == pytest.approx(1e-3)


def test_the_same_seed_gives_the_same_run(chain, tmp_path):
    run, _, _, command = chain
    again = [str(tmp_path / "again") if part == str(run) else part for part in command]
    assert main(again) == 0
    first, second = (
        (folder / "runs" / "vgg16" / "head.safetensors").read_bytes()
        for folder in (run, tmp_path / "again")
    )
    assert first == second


def test_the_bundle_gives_the_runs_figures(chain):
    run, folder = chain[:2]
    bundle = Bundle.load(folder)
    record = json.loads((run / "run.json").read_text("utf-8"))
    figures = bundle.evaluation()["sets"]["test"]["systems"]["vgg16"]
    assert figures["confusion"] == record["systems"]["vgg16"]["test"]["confusion"]
    assert "Received" not in bundle.card
    assert f"{figures['accuracy']['value']:.3f} (" in bundle.card


def test_the_bundle_reads_films(chain, data_dir):
    predictor = Predictor(Bundle.load(chain[1]))
    film = scan_split(data_dir, "test")[0]
    reading = predictor.read(read_path(film.path))
    assert tuple(reading.systems) == ("vgg16",)
    assert predictor.explain(reading, "vgg16", "COVID19").grid.shape == (2, 2)
    assert np.isfinite(reading.systems["vgg16"].probs).all()


def test_nothing_published_names_a_folder_of_this_machine(chain, data_dir):
    _, bundle, cache, _ = chain
    for path in bundle.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert str(data_dir.parent).encode() not in data, path.name
            assert str(cache.parent).encode() not in data, path.name


def test_a_bundle_that_does_not_give_the_runs_figures_is_refused(chain, data_dir, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(chain[0], run)
    record = json.loads((run / "run.json").read_text("utf-8"))
    record["systems"]["vgg16"]["test"]["accuracy"]["value"] = 0.999
    (run / "run.json").write_text(json.dumps(record), "utf-8")
    test_dir = data_dir / "Data" / "test"
    out = tmp_path / "bundle"
    assert main(["publish", str(run), "--out", str(out), "--evaluate", f"test={test_dir}"]) == 1
    assert "must give the run's test accuracy 0.9990" in capsys.readouterr().err
    assert not out.exists()


def test_publish_replaces_a_bundle_and_nothing_else(chain, tmp_path, capsys):
    run, bundle = chain[:2]
    own = tmp_path / "bundle"
    shutil.copytree(bundle, own)
    assert main(["publish", str(run), "--out", str(own)]) == 0
    assert Bundle.load(own).evaluation() is None
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("keep me", "utf-8")
    assert main(["publish", str(run), "--out", str(other)]) == 2
    assert "must be a new folder or an earlier bundle" in capsys.readouterr().err
    assert (other / "thesis.txt").read_text("utf-8") == "keep me"


@pytest.mark.parametrize(
    ("arguments", "status", "match"),
    [
        (["publish", "nowhere", "--out", "x"], 1, "must be the record of a finished run"),
        (
            ["--preset", "smoke", "--data", "nowhere", "--out", "x"],
            2,
            "must name weights for vgg16",
        ),
        (["--preset", "smok", "--data", "nowhere", "--out", "x"], 2, "`preset` must be one of"),
        (["--preset", "smoke"], 2, "required: --data, --out"),
    ],
)
def test_wrong_usage(arguments, status, match, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == status
    assert match in capsys.readouterr().err


def test_a_backbone_with_a_typo(data_dir, tmp_path, capsys):
    command = ["--preset", "smoke", "--data", str(data_dir), "--out", str(tmp_path / "run")]
    assert main([*command, "--systems", "vgg61", "--backbone-weights", "vgg61=random"]) == 2
    assert "`systems` must be of densenet201, efficientnetb7, vgg16" in capsys.readouterr().err
