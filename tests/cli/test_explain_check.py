"""`explain-check` on the command line: schema, tables, exit status, bad input."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from cxr_core.__main__ import main
from cxr_core.errors import CancelledCheckError, UnreadableImageError
from cxr_core.explain.cam import METHODS, Cam
from cxr_core.explain.fidelity.check import CHECKS, Settings
from cxr_core.explain.fidelity.folder import Plan, check_folder, draw_films, find_films
from cxr_core.explain.fidelity.folder import _add_agreement as add_agreement
from cxr_core.explain.fidelity.likeness import pair_baseline
from cxr_core.explain.fidelity.measure import METRICS, FilmMaps
from cxr_core.explain.fidelity.randomise import Stage
from cxr_core.explain.fidelity.summary import summarise
from cxr_core.explain.fidelity.table import table_lines
from tests.conftest import write_film

SOME_SYSTEMS = ("vgg16", "ensemble_dense")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A film of one class and two of another, and a broken one."""
    path = tmp_path_factory.mktemp("films")
    for seed, label in enumerate(("NORMAL", "pneumonia", "pneumonia")):
        (path / "test" / label).mkdir(exist_ok=True, parents=True)
        write_film(path / "test" / label / f"{seed}.png", seed=seed)
    (path / "test" / "NORMAL" / "broken.png").write_bytes(b"x")
    (path / "test" / "manifest.txt").write_text("not a film", "utf-8")
    return path


@pytest.fixture(scope="module")
def checked(folder, tiny_bundle_dir, tmp_path_factory):
    """Exit status and the file written."""
    out = tmp_path_factory.mktemp("out") / "new" / "check.json"
    arguments = ["explain-check", str(folder), "--out", str(out), "--orders", "2", "--n", "9"]
    arguments += ["--systems", *SOME_SYSTEMS]
    status = main([*arguments, "--bundle", str(tiny_bundle_dir)])
    return status, json.loads(out.read_text("utf-8"))


def test_the_schema(checked):
    status, found = checked
    assert status == 1  # one film is broken, the others went on
    assert found["schema"] == "cxr-explain-check/1"
    assert set(found["bundle"]) == {"name", "version", "digest"}
    assert (found["n_found"], found["n_films"], found["n_patients"]) == (4, 3, 3)
    assert found["n_by_class"] == {"NORMAL": 1, "PNEUMONIA": 2}
    assert [entry["file"] for entry in found["unreadable"]] == ["test/NORMAL/broken.png"]
    assert found["unreadable"][0]["type"] == "UnreadableImageError"
    assert found["settings"]["n_orders"] == 2
    assert set(found["settings"]["checks"]) == set(CHECKS)
    assert tuple(found["systems"]) == SOME_SYSTEMS
    for methods in found["systems"].values():
        assert tuple(methods) == tuple(METHODS)
        for entry in methods.values():
            for name in METRICS:
                figure = entry[name]
                assert figure["n"] == 3
                assert figure["low"] <= figure["value"] <= figure["high"]
            assert set(entry["passes"]) == {
                "randomisation",
                "deletion",
                "insertion",
                "road",
                "repeatability",
            }
    assert len(found["films"]) == 3
    assert set(found["best"]) == set(METRICS)
    assert all(best["method"] != "eigencam" for best in found["best"].values())
    assert "NaN" not in json.dumps(found)


def test_a_map_without_a_class_is_caught(checked):
    """Eigen-CAM does not depend on the heads, so random heads leave it as it is."""
    _, found = checked
    for methods in found["systems"].values():
        entry = methods["eigencam"]
        assert entry["random_ssim"]["value"] == pytest.approx(1.0)
        assert entry["random_spearman"]["value"] == pytest.approx(1.0)
        assert entry["passes"]["randomisation"] is False
    assert "eigencam" not in found["default"]["supported_methods"]


def test_tables_and_progress(folder, tiny_bundle_dir, tmp_path, capsys):
    arguments = ["explain-check", str(folder / "test" / "pneumonia"), "--out"]
    arguments += [str(tmp_path / "c.json"), "--bundle", str(tiny_bundle_dir), "--systems", "vgg16"]
    assert main([*arguments, "--methods", "hirescam", "eigencam", "--checks", "road"]) == 0
    printed = capsys.readouterr()
    assert "2 of 2 films checked" in printed.err
    lines = printed.out.splitlines()
    assert lines[0].startswith("2 films (None 2) of 2 patients, bundle tiny 0.0.1, variant tiny")
    assert "**VGG16**" in lines
    assert "| method | ROAD gap | n | does not pass |" in lines
    assert any(line.startswith("| HiResCAM | ") for line in lines)
    assert any(line.startswith("| road_gap | HiResCAM | ") for line in lines)
    assert not any("One order of cells" in line for line in lines)
    assert lines[-1].startswith("Pass every check made in every system: ")
    found = json.loads((tmp_path / "c.json").read_text("utf-8"))
    assert list(found["definitions"]) == ["road_gap"]


def test_the_same_seed_gives_the_same_figures(folder, tiny_predictor):
    plan = Plan(("vgg16",), ("gradcam",), n_films=2, settings=Settings(n_draws=1, n_orders=1))
    one, other = (check_folder(tiny_predictor, folder, plan) for _ in range(2))
    for found in (one, other):
        assert found.pop("elapsed_s") >= 0
    assert one == other


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--n", "0"], "must be a whole number of 1 or more. Received: '0'"),
        (["--orders", "x"], "must be a whole number of 1 or more. Received: 'x'"),
        (["--seed", "-1"], "must be a whole number of 0 or more"),
        (["--methods", "scorecam"], "invalid choice: 'scorecam'"),
        (["--checks", "luck"], "invalid choice: 'luck'"),
        (["--systems", "resnet50"], "`systems` must be among"),
        (["--variant", "clean"], "`variant` must be one of ['tiny']"),
        (["--checks", "road", "--orders", "3"], "--orders must come with `order` among --checks"),
    ],
)
def test_wrong_usage_is_status_two(folder, tiny_bundle_dir, tmp_path, capsys, arguments, message):
    out = tmp_path / "c.json"
    start = ["explain-check", str(folder), "--out", str(out), "--bundle", str(tiny_bundle_dir)]
    assert main([*start, *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_nothing_to_check_or_nowhere_to_write(tmp_path, tiny_bundle_dir, folder, capsys):
    end = ["--bundle", str(tiny_bundle_dir)]
    out = str(tmp_path / "c.json")
    (tmp_path / "empty").mkdir()
    assert main(["explain-check", str(tmp_path / "empty"), "--out", out, *end]) == 1
    assert "must hold films, at any depth. Received: no film" in capsys.readouterr().err
    assert main(["explain-check", str(tmp_path / "none"), "--out", out, *end]) == 1
    assert "Received: no such folder" in capsys.readouterr().err
    assert main(["explain-check", str(folder), "--out", str(tmp_path / "empty"), *end]) == 1
    assert "could not be written: name a file" in capsys.readouterr().err


def test_a_damaged_bundle_is_status_one(folder, own_bundle_dir, tmp_path, capsys):
    shutil.rmtree(own_bundle_dir / "backbones")
    arguments = ["explain-check", str(folder), "--out", str(tmp_path / "c.json")]
    assert main([*arguments, "--bundle", str(own_bundle_dir)]) == 1
    assert "backbones/" in capsys.readouterr().err


def test_films_are_found_at_any_depth_and_drawn_class_by_class(folder, tmp_path):
    found = find_films(folder)
    assert [(path.name, label) for path, label in found] == [
        ("0.png", "NORMAL"),
        ("broken.png", "NORMAL"),
        ("1.png", "PNEUMONIA"),
        ("2.png", "PNEUMONIA"),
    ]
    drawn = draw_films(found, 4, seed=0)
    assert [label for _, label in drawn] == ["NORMAL", "PNEUMONIA"] * 2
    assert draw_films(found, 2, seed=0) == drawn[:2]
    assert draw_films(found, 2, seed=0) == draw_films(found, 2, seed=0)
    assert sorted(draw_films(found, 99, seed=3)) == sorted(found)
    with pytest.raises(UnreadableImageError, match=r"Received: no film"):
        find_films(tmp_path)


def test_the_folder_check_can_be_ended(folder, tiny_predictor):
    plan = Plan(("vgg16",), ("gradcam",), ("repeatability",))
    with pytest.raises(CancelledCheckError, match=r"cancelled after 1 of 4 films"):
        check_folder(tiny_predictor, folder, plan, on_film=lambda *_: False)
    for wrong, message in (
        (Plan(("vgg16",), ("x",)), r"`methods` must be among"),
        (Plan(("vgg16",), checks=()), r"`checks` must be among"),
        (Plan(("vgg16",), n_films=0), r"`n_films` must be 1 or more"),
    ):
        with pytest.raises(ValueError, match=message):
            check_folder(tiny_predictor, folder, wrong)


def test_methods_of_one_order_are_named(checked):
    found = {**checked[1], "same_order": {"vgg16": [["gradcam", "hirescam"]], "ensemble_dense": []}}
    lines = table_lines(found)
    assert "One order of cells on every film of a system: Grad-CAM and HiResCAM." in lines
    assert any("| bars | n | does not pass |" in line for line in lines)
    assert any("SSIM " in line and ", rank " in line for line in lines)


class OneLabel:
    """A probe whose members name one class, with maps that are given; the third one is flat."""

    predictor = SimpleNamespace(members=("densenet201", "vgg16"))
    GRIDS = {
        ("densenet201", "hirescam"): np.arange(49.0).reshape(7, 7),
        ("vgg16", "hirescam"): np.arange(49.0).reshape(7, 7) ** 2,
        ("densenet201", "gradcam"): np.arange(49.0).reshape(7, 7),
        ("vgg16", "gradcam"): np.ones((7, 7)),
    }

    def __init__(self, label="NORMAL"):
        self.labels = {"densenet201": "NORMAL", "vgg16": label}

    def label(self, member):
        return self.labels[member]

    def cam(self, member, label, method):
        return Cam(member, label, method, self.GRIDS[member, method], score=1.0)


def test_members_that_name_one_class_are_compared():
    """Rising cells are of one order whatever their steps; a flat map agrees with nothing."""
    film = FilmMaps("film.png", "0", "NORMAL", {})
    add_agreement(film, OneLabel(), ("hirescam", "gradcam"))
    assert film.agreement == {"hirescam": pytest.approx(1.0)}
    apart = FilmMaps("film.png", "0", "NORMAL", {})
    add_agreement(apart, OneLabel("COVID19"), ("hirescam",))
    assert apart.agreement == {}


# The summary, by hand


def films_of(values, *, method="hirescam", stages=None):
    """One film a value, all of one system; maps differ from film to film."""
    rng = np.random.default_rng(0)
    films = []
    for index, value in enumerate(values):
        film = FilmMaps(f"{index}.png", "0", "NORMAL", {"vgg16": "NORMAL"})
        film.grids["vgg16", method] = rng.normal(size=(7, 7))
        film.values["vgg16", method] = dict(value)
        if stages is not None:
            film.stages["vgg16", method] = stages[index]
        films.append(film)
    return films


def test_figures_and_rules_by_hand():
    beaten = [{"deletion_beaten": 0.8, "insertion_beaten": share} for share in (0.0, 1.0) * 5]
    found = summarise(
        films_of(beaten), list("abcdefghij"), ["vgg16"], ["hirescam"], ["order"], seed=0
    )
    entry = found["systems"]["vgg16"]["hirescam"]
    assert entry["deletion_beaten"] == {
        "value": pytest.approx(0.8),
        "low": pytest.approx(0.8),
        "high": pytest.approx(0.8),
        "n": 10,
    }
    assert entry["insertion_beaten"]["value"] == 0.5
    assert entry["passes"] == {"deletion": True, "insertion": False}
    assert entry["deletion_gain"]["value"] is None
    assert found["methods"]["hirescam"]["n_systems_passed"] == {"deletion": 1, "insertion": 0}
    assert found["default"] == {
        "method": "hirescam",
        "is_supported": False,
        "supported_methods": [],
    }


def test_aruns_rule_by_hand():
    """The mean by stage counts, and the lowest of the cascade."""
    stages = [
        (Stage("logits", 0.9, ssim, 0), Stage("dense_0", 0.1, ssim - 2.0, 0)) for ssim in (0.9, 0.7)
    ]
    films = films_of([{}, {}], stages=stages)
    found = summarise(films, ["a", "b"], ["vgg16"], ["hirescam"], ["randomisation"], seed=0)
    entry = found["systems"]["vgg16"]["hirescam"]
    assert entry["lowest_stage"] == "dense_0"
    assert entry["random_ssim"]["value"] == pytest.approx(-1.2)
    assert entry["random_spearman"]["value"] == pytest.approx(0.1)
    bar = pair_baseline([film.grids["vgg16", "hirescam"] for film in films]).ssim
    assert entry["baseline"]["ssim"] == bar
    assert entry["passes"] == {"randomisation": True}
    alike = [(Stage("logits", 1.0, 1.0, 0),)] * 2
    films = films_of([{}, {}], stages=alike)
    found = summarise(films, ["a", "b"], ["vgg16"], ["hirescam"], ["randomisation"], seed=0)
    assert found["systems"]["vgg16"]["hirescam"]["passes"] == {"randomisation": False}


def test_the_best_and_those_not_told_apart_from_it():
    films = films_of([{"road_gap": gap} for gap in (0.3, 0.4, 0.5)])
    for film, close in zip(films, (0.35, 0.3, 0.5), strict=True):
        film.grids["vgg16", "gradcam"] = 3 * film.grids["vgg16", "hirescam"]
        film.values["vgg16", "gradcam"] = {"road_gap": close}
        film.grids["vgg16", "layercam"] = -film.grids["vgg16", "hirescam"]
        film.values["vgg16", "layercam"] = {"road_gap": 0.1}
        film.values["vgg16", "eigencam"] = {"road_gap": 0.9}  # better, but of no class
        film.grids["vgg16", "eigencam"] = np.eye(7)
    methods = ["gradcam", "hirescam", "layercam", "eigencam"]
    found = summarise(films, ["a", "b", "c"], ["vgg16"], methods, ["road"], seed=0)
    best = found["best"]["road_gap"]
    assert best["method"] == "hirescam"
    assert best["value"] == pytest.approx(0.4)
    assert best["not_told_apart_from"] == ["gradcam"]
    assert best["lead"]["layercam"]["value"] == pytest.approx(0.3)
    assert found["same_order"] == {"vgg16": [["gradcam", "hirescam"]]}
    assert found["methods"]["eigencam"]["passes_everywhere"]
    assert found["default"]["supported_methods"] == ["gradcam", "hirescam", "layercam"]


def test_no_films_give_no_figures():
    found = summarise([], [], ["vgg16"], ["hirescam"], CHECKS, seed=0)
    entry = found["systems"]["vgg16"]["hirescam"]
    assert all(entry[name]["value"] is None for name in METRICS)
    assert set(entry["passes"].values()) == {None}
    assert found["best"]["road_gap"]["method"] is None
    assert found["same_order"] == {"vgg16": []}
