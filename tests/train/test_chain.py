"""The chain: train the smoke preset, publish it, read a film with the bundle."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cxr_core.bundle import Bundle
from cxr_core.dataset import scan_split
from cxr_core.io import read_path
from cxr_core.predict import Predictor
from train.__main__ import main
from train.pipeline import _copy_network
from train.run import network_path

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ["--backbone-weights", "vgg16=random", "--backbone-weights", "mobilenetv2=random"]
CLEAN = [f"{part}" for name in ("densenet201", "efficientnetb7", "vgg16")
         for part in ("--backbone-weights", f"{name}=random")]  # fmt: skip
SYSTEMS = ("vgg16", "mobilenetv2", "ensemble_probs", "ensemble_dense")


@pytest.fixture(scope="module")
def chain(data_dir, tmp_path_factory):
    """Run folder, bundle folder and feature cache of one smoke run."""
    folder = tmp_path_factory.mktemp("chain")
    run, bundle, cache = folder / "run", folder / "bundle", folder / "cache"
    command = ["--preset", "smoke", "--data", str(data_dir), "--out", str(run)]
    command += ["--cache", str(cache), *WEIGHTS, "--measure", f"more={data_dir / 'Data' / 'test'}"]
    assert main(command) == 0
    test_dir = data_dir / "Data" / "test"
    assert main(["publish", str(run), "--out", str(bundle), "--evaluate", f"test={test_dir}"]) == 0
    return run, bundle, cache, command


def test_the_run_records_what_it_did(chain):
    run = chain[0]
    record = json.loads((run / "run.json").read_text("utf-8"))
    assert record["config"]["preset"] == "smoke"
    assert record["data"]["n_by_class"]["train"] == {"COVID19": 6, "NORMAL": 6, "PNEUMONIA": 6}
    assert tuple(record["systems"]) == SYSTEMS
    assert record["data"]["n_patients_by_part"] == {"fit": 18, "test": 9, "val": 9}
    for system in SYSTEMS:
        result = record["systems"][system]
        assert result["test"]["n"] == result["test"]["figures"]["n"] == 9
        assert result["sets"]["more"]["confusion"] == result["test"]["confusion"]
        assert result["chosen_by"] == "loss on the test films"
        assert (run / "runs" / system / "history.csv").is_file()
        assert not (run / "runs" / system / "state").exists()
    assert record["systems"]["ensemble_probs"]["n_parameters"] == 3 * 6 + 3
    assert record["systems"]["ensemble_dense"]["n_parameters"] == 3 * 128 + 3
    assert set(record["baselines"]) == {"mean", "weighted_mean"}
    assert sum(record["baselines"]["weighted_mean"]["weights"].values()) == pytest.approx(1)
    assert json.loads((run / "dataset.json").read_text("utf-8"))["schema"] == "cxr-dataset/1"
    with (run / "runs" / "vgg16" / "history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[0]["learning_rate"]) == pytest.approx(1e-3)


def test_the_same_seed_gives_the_same_run(chain, tmp_path):
    run, _, _, command = chain
    again = [str(tmp_path / "again") if part == str(run) else part for part in command]
    assert main(again) == 0
    for system in SYSTEMS:
        first, second = (
            (folder / "runs" / system / "head.safetensors").read_bytes()
            for folder in (run, tmp_path / "again")
        )
        assert first == second


def test_a_finished_run_is_not_trained_again(chain, tmp_path, caplog):
    run, _, _, command = chain
    own = tmp_path / "own"
    shutil.copytree(run, own)
    before = {path: path.stat().st_mtime_ns for path in own.rglob("head.safetensors")}
    caplog.set_level("INFO")
    assert main([str(own) if part == str(run) else part for part in command]) == 0
    assert {path: path.stat().st_mtime_ns for path in own.rglob("head.safetensors")} == before
    assert caplog.text.count("finished before") == len(SYSTEMS)


def test_a_run_killed_between_systems_goes_on(chain, tmp_path):
    run, _, _, command = chain
    own = tmp_path / "own"
    shutil.copytree(run, own)
    (own / "run.json").unlink()
    for system in ("mobilenetv2", "ensemble_dense"):
        shutil.rmtree(own / "runs" / system)
    assert main([str(own) if part == str(run) else part for part in command]) == 0
    ours, theirs = (json.loads((f / "run.json").read_text("utf-8")) for f in (own, run))
    for system in SYSTEMS:
        assert ours["systems"][system]["test"] == theirs["systems"][system]["test"]


def test_a_killed_command_ends_where_an_unbroken_one_ends(chain, tmp_path):
    run, _, _, command = chain
    longer = [str(tmp_path / "whole") if part == str(run) else part for part in command]
    longer += ["--set", "epochs=12", "--set", "stop_patience=12"]
    assert main(longer) == 0
    killed = [part.replace("/whole", "/killed") for part in longer]
    history = tmp_path / "killed" / "runs" / "vgg16" / "history.csv"
    process = subprocess.Popen(
        [sys.executable, "-m", "train", *killed], cwd=ROOT, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if history.is_file() and len(history.read_text("utf-8").splitlines()) > 3:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.002)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors.decode()
    assert not (tmp_path / "killed" / "run.json").exists()
    assert main(killed) == 0
    whole, resumed = (
        json.loads((tmp_path / name / "run.json").read_text("utf-8"))["systems"]
        for name in ("whole", "killed")
    )
    for system in SYSTEMS:
        assert resumed[system]["n_epochs"] == whole[system]["n_epochs"]
        for key in ("accuracy", "macro_auroc", "log_loss"):
            ours, theirs = (r[system]["test"]["figures"][key]["value"] for r in (resumed, whole))
            assert ours == pytest.approx(theirs, abs=1e-6)


def test_other_settings_need_another_folder(chain, capsys):
    run, _, _, command = chain
    assert main([*command, "--set", "dropout=0.25"]) == 1
    assert "must be a new folder or a run of the same settings. Received: other ['dropout']" in (
        capsys.readouterr().err
    )
    assert (run / "run.json").is_file()


def test_the_bundle_gives_the_runs_figures(chain):
    run, folder = chain[:2]
    bundle = Bundle.load(folder)
    record = json.loads((run / "run.json").read_text("utf-8"))
    measured = bundle.evaluation()["sets"]["test"]
    for system in SYSTEMS:
        figures, expected = measured["systems"][system], record["systems"][system]["test"]
        assert figures["confusion"] == expected["confusion"]
        for key in ("accuracy", "macro_auroc", "log_loss"):
            assert figures["figures"][key]["value"] == pytest.approx(
                expected["figures"][key]["value"], abs=1e-3
            )
        assert f"{figures['figures']['accuracy']['value']:.3f}" in bundle.card
    mean = record["baselines"]["mean"]["test"]["figures"]["log_loss"]["value"]
    assert measured["baselines"]["mean"]["figures"]["log_loss"]["value"] == pytest.approx(
        mean, abs=1e-3
    )
    assert "the plain mean of the members" in bundle.card
    assert "Received" not in bundle.card
    assert bundle.dataset()["schema"] == "cxr-dataset/1"


def test_the_bundle_holds_the_runs_heads_in_half_the_space(chain):
    from safetensors.numpy import load_file

    run, folder = chain[:2]
    stored = load_file(folder / "variants" / "smoke" / "heads.safetensors")
    served = Bundle.load(folder).heads().members["vgg16"]
    fitted = load_file(run / "runs" / "vgg16" / "head.safetensors")
    assert stored["vgg16/dense_0/kernel"].dtype == np.float16
    np.testing.assert_array_equal(served.layers[0].kernel, fitted["dense_0/kernel"])
    assert served.layers[0].kernel.dtype == np.float32


def test_the_bundle_reads_films(chain, data_dir):
    predictor = Predictor(Bundle.load(chain[1]))
    film = scan_split(data_dir, "test")[0]
    reading = predictor.read(read_path(film.path))
    assert tuple(reading.systems) == SYSTEMS
    assert predictor.explain(reading, "vgg16", "COVID19").grid.shape == (2, 2)
    for system in SYSTEMS:
        assert np.isfinite(reading.systems[system].probs).all()


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
            "must name weights for vgg16, mobilenetv2",
        ),
        (["--preset", "smok", "--data", "nowhere", "--out", "x"], 2, "`preset` must be one of"),
        (["--preset", "smoke"], 2, "required: --data, --out"),
        (["--preset", "mixed", "--data", "x", "--out", "y"], 2, "`--extra` must name the films"),
        (["--data", "nowhere", "--out", "x", *CLEAN], 1, "must hold a folder named train"),
    ],
)
def test_wrong_usage(arguments, status, match, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == status
    assert match in capsys.readouterr().err


def test_several_variants_share_backbones(chain, data_dir, tmp_path):
    run, _, cache, _ = chain
    extra = data_dir / "Data" / "test"
    command = ["--preset", "mixed", "--data", str(data_dir), "--out", str(tmp_path / "mixed")]
    command += ["--cache", str(cache), "--systems", "vgg16", "mobilenetv2", *WEIGHTS]
    command += ["--extra", str(extra)]
    for setting in ("epochs=2", "folds=2", "image_size_px=64", "scaling=unit", "ensemble_epochs=2",
                    "validation_share=0.3", "calibration_share=0.16",
                    "ensemble_data=out_of_fold"):  # fmt: skip
        command += ["--set", setting]
    assert main(command) == 0
    record = json.loads((tmp_path / "mixed" / "run.json").read_text("utf-8"))
    assert record["sets"]["added"]["n"] == 9
    for system in SYSTEMS:
        assert record["systems"][system]["blind"]["n"] == 9
    for system in SYSTEMS:
        assert record["systems"][system]["n_fitted"] == 9 + 9
    out = tmp_path / "bundle"
    publish = ["publish", str(run), str(tmp_path / "mixed"), "--default", "mixed"]
    assert main([*publish, "--out", str(out), "--evaluate", f"adults={extra}"]) == 0
    bundle = Bundle.load(out)
    assert (tuple(bundle.variants), bundle.default_variant) == (("smoke", "mixed"), "mixed")
    assert len(list(out.rglob("*.bin"))) == 2
    blind = bundle.evaluation("mixed")["sets"]
    assert list(blind) == ["adults, each read by models that never saw its patient"]
    assert list(bundle.evaluation("smoke")["sets"]) == ["adults"]
    film = read_path(scan_split(data_dir, "test")[0].path)
    readings = [Predictor(bundle, variant=name).read(film) for name in bundle.variants]
    assert readings[0].systems["vgg16"].logits != pytest.approx(readings[1].systems["vgg16"].logits)


def test_variants_may_have_networks_of_their_own(chain, data_dir, tmp_path):
    run, other, out = chain[0], tmp_path / "other", tmp_path / "bundle"
    shutil.copytree(run, other)
    record = json.loads((other / "run.json").read_text("utf-8"))
    record["config"]["preset"] = "refined"
    (other / "run.json").write_text(json.dumps(record), "utf-8")
    weights = network_path(other, "vgg16").with_suffix(".bin")
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    digests = [film.sha256 for film in scan_split(data_dir, "test")]
    weights.with_suffix(".films.json").write_text(json.dumps(digests), "utf-8")
    assert main(["publish", str(run), str(other), "--out", str(out)]) == 0
    bundle = Bundle.load(out)
    own, shared = (bundle.variant("refined").members[name] for name in ("vgg16", "mobilenetv2"))
    assert (own.backbone, own.network) == ("vgg16", "backbones/vgg16-refined.xml")
    assert bundle.variant("smoke").members["vgg16"].network == "backbones/vgg16.xml"
    assert shared == bundle.variant("smoke").members["mobilenetv2"]
    assert sorted(bundle.backbones) == ["mobilenetv2", "vgg16", "vgg16-refined"]
    assert (out / "backbones" / "vgg16-refined.bin").read_bytes() == bytes(data)
    assert bundle.backbone("vgg16").films is None
    assert json.loads((out / bundle.backbone("vgg16-refined").films).read_bytes()) == digests
    assert Predictor(bundle, variant="refined").systems == SYSTEMS
    assert "- VGG16 (`smoke`, `refined`): random, seed 0" in bundle.card


def test_two_runs_of_one_preset_cannot_be_published(chain, tmp_path, capsys):
    run = str(chain[0])
    assert main(["publish", run, run, "--out", str(tmp_path / "x")]) == 2
    assert "`RUN` must be of different presets. Received: smoke twice" in capsys.readouterr().err


def test_a_published_network_can_be_trained_on(chain, data_dir, tmp_path):
    _, bundle, cache, _ = chain
    command = ["--preset", "smoke", "--data", str(data_dir), "--out", str(tmp_path / "run")]
    command += ["--cache", str(cache), "--systems", "vgg16"]
    assert main([*command, "--backbone-weights", f"vgg16=bundle:{bundle}"]) == 0
    record, before = (
        json.loads((folder / "run.json").read_text("utf-8"))["systems"]["vgg16"]
        for folder in (tmp_path / "run", chain[0])
    )
    assert record["test"] == before["test"]
    assert record["weights_origin"] == before["weights_origin"] == "random, seed 0"


def test_tensorboard_that_is_not_installed(chain, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    command = [str(tmp_path / "x") if part == str(chain[0]) else part for part in chain[3]]
    assert main([*command, "--tensorboard"]) == 2
    assert "pip install tensorboard" in capsys.readouterr().err


def test_a_published_network_cannot_be_tested_on_films_it_was_fitted_to(
    chain, data_dir, tmp_path, capsys
):
    run, out = tmp_path / "run", tmp_path / "bundle"
    shutil.copytree(chain[0], run)
    digests = [film.sha256 for film in scan_split(data_dir, "test")]
    network = SimpleNamespace(
        backbone=SimpleNamespace(name="vgg16"),
        xml_path=network_path(chain[0], "vgg16"),
        seen=frozenset(digests[:4]),
    )
    _copy_network(run, network)
    assert main(["publish", str(run), "--out", str(out)]) == 0
    command = ["--preset", "smoke", "--data", str(data_dir), "--out", str(tmp_path / "again")]
    command += ["--cache", str(chain[2]), "--systems", "vgg16"]
    assert main([*command, "--backbone-weights", f"vgg16=bundle:{out}"]) == 1
    assert "`test` must be films that vgg16 has not seen. Received: 4" in capsys.readouterr().err


def test_a_published_network_that_was_trained_here_stays_known_as_such(chain, data_dir, tmp_path):
    _, bundle, cache, _ = chain
    own = tmp_path / "own"
    shutil.copytree(bundle, own)
    manifest = json.loads((own / "bundle.json").read_text("utf-8"))
    manifest["backbones"]["vgg16"]["is_own"] = True
    (own / "bundle.json").write_text(json.dumps(manifest), "utf-8")
    command = ["--preset", "smoke", "--data", str(data_dir), "--out", str(tmp_path / "run")]
    command += ["--cache", str(cache), "--systems", "vgg16"]
    assert main([*command, "--backbone-weights", f"vgg16=bundle:{own}"]) == 0
    record = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert record["systems"]["vgg16"]["is_own"] is True


def test_a_backbone_with_a_typo(data_dir, tmp_path, capsys):
    command = ["--preset", "smoke", "--data", str(data_dir), "--out", str(tmp_path / "run")]
    assert main([*command, "--systems", "vgg61", "--backbone-weights", "vgg61=random"]) == 2
    errors = capsys.readouterr().err
    assert "Received: name='vgg61'" in errors
    assert "Did you mean 'vgg16'?" in errors
