"""`predict` and `bundle` on the command line: schema, exit status, bad input."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pytest
from PIL import Image

from cxr_core.__main__ import main
from cxr_core.explain.cam import METHODS
from cxr_core.labels import CLASSES, SYSTEMS
from tests.conftest import write_film
from tests.tiny import write_tiny_bundle

TIMINGS = {"read", "preprocess", "engine", "explain", "total"}


@pytest.fixture
def run_json(tiny_bundle_dir, capsys):
    def run(*arguments, bundle=tiny_bundle_dir):
        status = main(["predict", *map(str, arguments), "--json", "--bundle", str(bundle)])
        return status, json.loads(capsys.readouterr().out)

    return run


def test_the_schema(run_json, film_path):
    status, printed = run_json(film_path)
    assert status == 0
    assert printed["schema"] == "cxr-prediction/1"
    assert set(printed["bundle"]) == {"name", "version", "digest"}
    assert (printed["variant"], printed["precision"]) == ("tiny", "f32")
    (result,) = printed["results"]
    assert result["file"] == str(film_path)
    assert (result["status"], result["error"]) == ("ok", None)
    assert tuple(result["systems"]) == SYSTEMS
    for system in result["systems"].values():
        assert tuple(system["probabilities"]) == CLASSES
        assert math.isclose(sum(system["probabilities"].values()), 1.0, abs_tol=1e-9)
        assert system["label"] == max(system["probabilities"], key=system["probabilities"].get)
    assert result["trust"]["out_of_distribution"] == {
        "score": None,
        "threshold": None,
        "verdict": "not_run",
    }
    assert 0.2 <= result["trust"]["agreement"] <= 1
    assert set(result["timing_ms"]) == TIMINGS
    assert result["timing_ms"]["total"] >= result["timing_ms"]["engine"] > 0


def test_one_bad_film_does_not_stop_the_others(run_json, film_path, tmp_path):
    bad = {
        "empty.png": b"",
        "text.png": b"this is a letter",
        "cut.png": film_path.read_bytes()[:500],
    }
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
    files = [tmp_path / name for name in bad]
    status, printed = run_json(*files, tmp_path, tmp_path / "missing.png", film_path)
    assert status == 1
    assert [result["status"] for result in printed["results"]] == ["error"] * 5 + ["ok"]
    for result in printed["results"][:5]:
        assert result["error"]["type"] == "UnreadableImageError"
        assert result["error"]["message"]
        assert result["error"]["hint"]
        assert result["systems"] == {}


def test_two_files_of_one_name_are_kept_apart(run_json, tmp_path):
    files = []
    for seed, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        files.append(write_film(tmp_path / folder / "film.png", seed=seed))
    out = tmp_path / "maps"
    status, printed = run_json(*files, "--explain", out)
    assert status == 0
    assert [result["file"] for result in printed["results"]] == list(map(str, files))
    assert len({result["sha256"] for result in printed["results"]}) == 2
    assert len(list(out.glob("film-*.npz"))) == 2 * len(SYSTEMS)


def test_maps_of_films_with_long_names_are_written_and_kept_apart(run_json, tmp_path):
    """Names as long as the disk takes, alike in more letters than the maps' names keep."""
    files = [write_film(tmp_path / f"{'ü' * 120}{n}.png", seed=n) for n in range(2)]
    out = tmp_path / "maps"
    status, printed = run_json(*files, "--explain", out)
    assert (status, [result["error"] for result in printed["results"]]) == (0, [None, None])
    starts = {path.name.partition(".")[0] for path in out.iterdir()}
    assert starts == {f"{'_' * 60}-{result['sha256'][:8]}" for result in printed["results"]}
    assert len(list(out.iterdir())) == 2 * 2 * len(SYSTEMS)


def test_warnings_are_carried(run_json, tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "colour.png"
    Image.fromarray(rng.integers(0, 255, (300, 300, 3), np.uint8)).save(path)
    status, printed = run_json(path)
    assert status == 0
    assert "colour_image" in [warning["code"] for warning in printed["results"][0]["warnings"]]


def test_explain_writes_an_overlay_and_the_raw_grids(run_json, film_path, tmp_path):
    out = tmp_path / "new" / "maps"
    status, printed = run_json(film_path, "--explain", out)
    assert status == 0
    result = printed["results"][0]
    assert result["timing_ms"]["explain"] > 0
    for system in SYSTEMS:
        stem = f"film-{result['sha256'][:8]}.{system}"
        label = result["systems"][system]["label"]
        with Image.open(out / f"{stem}.hirescam.{label}.png") as overlay:
            assert overlay.mode == "RGB"
        with np.load(out / f"{stem}.npz") as file:
            stored = dict(file)
        assert stored["classes"].tolist() == list(CLASSES)
        for method, entry in METHODS.items():
            n_maps = 3 if entry.is_class_specific else 1
            assert stored[method].shape == (n_maps, 7, 7)
            assert stored[method].dtype == np.float32


def test_explain_into_a_file(run_json, film_path, tmp_path):
    (tmp_path / "taken").write_text("x", "utf-8")
    status, printed = run_json(film_path, "--explain", tmp_path / "taken")
    assert status == 1
    assert "must be a file that can be written" in printed["results"][0]["error"]["message"]
    assert tuple(printed["results"][0]["systems"]) == SYSTEMS  # the reading is not lost


@pytest.mark.parametrize("damage", ["flip", "remove", "schema"])
def test_a_damaged_bundle_is_every_films_error(run_json, film_path, own_bundle_dir, damage):
    path = own_bundle_dir / "backbones" / "vgg16.bin"
    if damage == "flip":
        data = bytearray(path.read_bytes())
        data[100] ^= 1
        path.write_bytes(data)
    elif damage == "remove":
        path.unlink()
    else:
        manifest = own_bundle_dir / "bundle.json"
        manifest.write_text(manifest.read_text("utf-8").replace("bundle/1", "bundle/9"), "utf-8")
    status, printed = run_json(film_path, bundle=own_bundle_dir)
    assert status == 1
    assert printed["bundle"] is None
    error = printed["results"][0]["error"]
    expected = {"schema": ("SpecMismatchError", "cxr-bundle/9")}
    kind, text = expected.get(damage, ("ArtifactIntegrityError", "backbones/vgg16.bin"))
    assert error["type"] == kind
    assert text in error["message"]
    assert error["hint"]


@pytest.mark.parametrize(
    "arguments",
    [[], ["predict"], ["read", "x.png"], ["predict", "x.png", "--precision", "int4"]],
)
def test_wrong_usage_is_status_two(arguments, capsys):
    assert main(arguments) == 2
    assert "usage:" in capsys.readouterr().err


def test_an_unknown_variant_is_status_two(film_path, tiny_bundle_dir, capsys):
    arguments = ["predict", str(film_path), "--bundle", str(tiny_bundle_dir)]
    assert main([*arguments, "--variant", "clean"]) == 2
    assert "`variant` must be one of ['tiny']" in capsys.readouterr().err


def test_lines_for_people(film_path, tiny_bundle_dir, tmp_path, capsys):
    (tmp_path / "empty.png").write_bytes(b"")
    arguments = ["predict", str(film_path), str(tmp_path / "empty.png")]
    assert main([*arguments, "--bundle", str(tiny_bundle_dir)]) == 1
    printed = capsys.readouterr().out
    assert "Ensemble of dense layers" in printed
    assert "what to do:" in printed
    assert "Traceback" not in printed


def test_help_is_status_zero(capsys):
    assert main(["--help"]) == 0
    assert "Research use only" in capsys.readouterr().out


def test_bundle_commands(tiny_bundle_dir, own_bundle_dir, capsys):
    assert main(["bundle", "info", str(tiny_bundle_dir)]) == 0
    assert "variant tiny (default): densenet201" in capsys.readouterr().out
    assert main(["bundle", "verify", str(tiny_bundle_dir)]) == 0
    assert "files agree with tiny 0.0.1" in capsys.readouterr().out
    (own_bundle_dir / "MODEL_CARD.md").write_text("better", "utf-8")
    assert main(["bundle", "verify", str(own_bundle_dir)]) == 1
    assert "MODEL_CARD.md: the file must be the one" in capsys.readouterr().err


def test_one_member_alone(tmp_path, film_path, capsys):
    folder = tmp_path / "one"
    write_tiny_bundle(folder, members=("vgg16",), ensembles=False)
    assert main(["predict", str(film_path), "--json", "--bundle", str(folder)]) == 0
    result = json.loads(capsys.readouterr().out)["results"][0]
    assert tuple(result["systems"]) == ("vgg16",)
    assert result["trust"]["agreement"] is None
    shutil.rmtree(folder)
