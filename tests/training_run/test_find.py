"""Runs on disk: finished, live, stopped, pre-trained, published, damaged and foreign."""

from __future__ import annotations

import json
import time

import pytest

from cxr_core.bundle import Bundle, seal
from cxr_core.errors import SpecMismatchError
from cxr_core.training_run import bundle_runs, config_differences, find_runs
from cxr_core.training_run.reader import RUNNING_WITHIN_S
from tests.run_folders import age, history_rows, write_history, write_json, write_run

NOW = 1_800_000_000.0


def only(folder, **options):
    """The one run of a folder in which nothing was skipped."""
    found = find_runs(folder, **options)
    assert not found.skipped
    (run,) = found.runs
    return run


def test_a_finished_run_is_read_whole(tmp_path):
    write_run(tmp_path / "a", systems=("vgg16", "densenet201", "other"))
    run = only(tmp_path)
    assert (run.key, run.kind, run.state) == ("a", "training", "finished")
    assert (run.created, run.validation) == ("2026-01-01T00:00:00Z", "carved")
    assert [len(system.history) for system in run.systems.values()] == [4, 4, 4]
    assert run.config["augment.zoom"] == 0.1
    assert list(run.systems) == ["densenet201", "vgg16", "other"]
    system = run.systems["vgg16"]
    assert (system.best_epoch, system.chosen_epoch) == (3, 4)
    assert system.chosen_by == "loss on the carved films"
    assert (system.n_parameters, system.fit_seconds) == (598403, 8.0)
    assert system.test["accuracy"]["value"] == 0.9


def test_the_folder_may_be_the_run_itself(tmp_path):
    write_run(tmp_path / "a")
    assert only(tmp_path / "a").key == "a"


def test_runs_lie_a_few_folders_deep_and_not_inside_each_other(tmp_path):
    write_run(tmp_path / "b" / "c" / "d")
    write_run(tmp_path / "a")
    write_run(tmp_path / "a" / "inner")
    write_run(tmp_path / ".hidden")
    write_run(tmp_path / "1" / "2" / "3" / "4")
    found = find_runs(tmp_path)
    assert [run.key for run in found.runs] == ["a", "b/c/d"]
    assert found.n_other == 1


@pytest.mark.parametrize(("most", "keys"), [(5, ["a", "d"]), (4, ["a", "d"]), (3, ["a"])])
def test_a_search_has_an_end_and_says_so(tmp_path, monkeypatch, most, keys):
    monkeypatch.setattr("cxr_core.training_run.find.MAX_FOLDERS", most)
    write_run(tmp_path / "a")
    (tmp_path / "b" / "c").mkdir(parents=True)
    write_run(tmp_path / "d")
    (tmp_path / "e").mkdir()
    found = find_runs(tmp_path)
    assert [run.key for run in found.runs] == keys
    said = [(item.name, item.reason) for item in found.skipped]
    assert said == ([] if most == 5 else [(".", f"only the first {most} folders were searched")])


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0, "running"), (RUNNING_WITHIN_S - 1, "running"), (RUNNING_WITHIN_S + 1, "stopped")],
)
def test_an_unfinished_run_is_running_while_it_is_written_to(tmp_path, seconds, state):
    write_run(tmp_path / "a", systems=("densenet201", "vgg16"), finished=False)
    age(tmp_path, NOW, seconds)
    run = only(tmp_path, now=NOW)
    assert run.state == state
    assert run.systems["densenet201"].chosen_epoch == 4
    assert run.systems["vgg16"].chosen_epoch is None
    assert run.systems["vgg16"].best_epoch == 3
    assert not run.systems["vgg16"].test


def test_long_epochs_are_waited_for(tmp_path):
    write_run(tmp_path / "a", finished=False)
    rows = [{**row, "seconds": 1000.0} for row in history_rows()]
    write_history(tmp_path / "a" / "runs" / "vgg16", rows)
    age(tmp_path, NOW, 2500)
    assert only(tmp_path, now=NOW).state == "running"
    age(tmp_path, NOW, 3500)
    assert only(tmp_path, now=NOW).state == "stopped"


def test_a_run_before_its_first_epoch_shows(tmp_path):
    write_json(tmp_path / "a" / "config.json", {"schema": "cxr-run/1", "config": {"seed": 0}})
    run = only(tmp_path)
    assert (run.state, dict(run.systems)) == ("running", {})


def test_a_history_without_settings_shows(tmp_path):
    write_history(tmp_path / "a" / "runs" / "vgg16", history_rows())
    run = only(tmp_path)
    assert (dict(run.config), run.validation) == ({}, "")
    assert len(run.systems["vgg16"].history) == 4


def test_the_record_of_a_run_gives_figures_that_its_systems_lack(tmp_path):
    run = write_run(tmp_path / "a")
    (run / "runs" / "vgg16" / "run.json").unlink()
    record = json.loads((run / "run.json").read_text("utf-8"))
    record["systems"] = {"vgg16": {"chosen_epoch": 2}}
    write_json(run / "run.json", record)
    assert only(tmp_path).systems["vgg16"].chosen_epoch == 2


def test_pretraining_is_read_finished_and_live(tmp_path):
    config = {"backbone": "densenet201", "stages": [{"size_px": 96, "epochs": 4}]}
    rows = history_rows()
    done = {"schema": "cxr-pretraining/1", "config": config, "history": rows, "created": "2026"}
    write_json(tmp_path / "done" / "pretraining.json", done)
    write_json(tmp_path / "live" / "checkpoint" / "state.json", {"recipe": config, "history": rows})
    done_run, live_run = find_runs(tmp_path).runs
    assert (done_run.kind, done_run.state) == ("pretraining", "finished")
    assert (live_run.kind, live_run.state) == ("pretraining", "running")
    assert done_run.systems["densenet201"].chosen_epoch == 4
    assert live_run.systems["densenet201"].chosen_epoch is None
    assert live_run.systems["densenet201"].best_epoch == 3
    age(tmp_path, NOW, 7 * 24 * 3600)
    assert [run.state for run in find_runs(tmp_path, now=NOW).runs] == ["finished", "stopped"]


def test_another_version_is_said_plainly(tmp_path):
    write_run(tmp_path / "a")
    write_json(tmp_path / "a" / "run.json", {"schema": "cxr-run/2", "config": {}})
    found = find_runs(tmp_path)
    assert not found.runs
    (skipped,) = found.skipped
    assert skipped.name == "a"
    assert skipped.reason == (
        "`schema` of run.json must be 'cxr-run/1'. Received: 'cxr-run/2' (written by another "
        "version of this software)"
    )


def test_a_pretraining_of_another_version_is_said_plainly(tmp_path):
    write_json(tmp_path / "a" / "pretraining.json", {"schema": "cxr-pretraining/9"})
    (skipped,) = find_runs(tmp_path).skipped
    assert (
        "must be 'cxr-pretraining/1'. Received: 'cxr-pretraining/9' (written by" in skipped.reason
    )


def test_a_foreign_record_is_not_called_another_version(tmp_path):
    write_json(tmp_path / "a" / "config.json", {"model_type": "bert"})
    (skipped,) = find_runs(tmp_path).skipped
    assert skipped.reason == "`schema` of config.json must be 'cxr-run/1'. Received: None"


@pytest.mark.parametrize(
    "content", ["", '{"schema": "cxr-run/1", "conf', "[1]", "\x00", "[" * 100_000]
)
@pytest.mark.parametrize("name", ["run.json", "runs/vgg16/run.json"])
def test_a_damaged_record_costs_only_what_it_held(tmp_path, name, content):
    run = write_run(tmp_path / "a")
    (run / name).write_text(content, "utf-8")
    found = find_runs(tmp_path)
    assert [item.name for item in found.skipped] == [f"a/{name}"]
    assert "must be" in found.skipped[0].reason
    assert len(found.runs[0].systems["vgg16"].history) == 4


def test_a_damaged_history_costs_only_its_system(tmp_path):
    run = write_run(tmp_path / "a", systems=("densenet201", "vgg16"))
    (run / "runs" / "vgg16" / "history.csv").write_bytes(b"\xff\xfe\x00")
    found = find_runs(tmp_path)
    assert [item.name for item in found.skipped] == ["a/runs/vgg16/history.csv"]
    assert list(found.runs[0].systems) == ["densenet201"]


def test_half_written_settings_are_listed_once(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "config.json").write_text('{"schema": "cxr-', "utf-8")
    found = find_runs(tmp_path)
    assert not found.runs
    assert [item.name for item in found.skipped] == ["a/config.json"]


def test_values_of_other_types_do_no_harm(tmp_path):
    run = write_run(tmp_path / "a")
    record = {"schema": "cxr-run/1", "best_epoch": "three", "n_parameters": True, "test": [1]}
    write_json(run / "runs" / "vgg16" / "run.json", record)
    write_json(run / "run.json", {"schema": "cxr-run/1", "config": {"seed": 1}, "systems": [2]})
    system = only(tmp_path).systems["vgg16"]
    assert (system.best_epoch, system.n_parameters, dict(system.test)) == (3, None, {})


def test_names_of_folders_without_runs_are_not_told(tmp_path):
    (tmp_path / "Doe^Jane" / "films").mkdir(parents=True)
    (tmp_path / "readme.txt").write_text("x", "utf-8")
    found = find_runs(tmp_path)
    assert (found.runs, found.skipped, found.n_other) == ((), (), 1)


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_folder_that_is_none_is_refused(tmp_path, name):
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(SpecMismatchError, match="`folder` must be a readable folder"):
        find_runs(tmp_path / name)


@pytest.fixture
def published(own_bundle_dir):
    """The tiny bundle with the run of one system in it."""
    folder = own_bundle_dir
    manifest = json.loads((folder / "bundle.json").read_text("utf-8"))
    manifest["variants"]["tiny"]["training"] = {
        "preset": "tiny",
        "seed": 5,
        "data": {"validation_split": "test"},
    }
    write_history(folder / "variants" / "tiny" / "runs" / "vgg16", history_rows())
    dropped = ("schema", "classes", "files")
    return seal(folder, {key: value for key, value in manifest.items() if key not in dropped})


def test_published_runs_are_read(published):
    found = bundle_runs(published)
    (run,) = found.runs
    assert (run.key, run.kind, run.state) == ("published:tiny", "published", "finished")
    assert run.config == {"preset": "tiny", "seed": 5}
    assert run.validation == "test"
    assert list(run.systems) == ["vgg16"]


def test_a_bundle_in_a_folder_of_runs_is_read_too(published):
    assert [run.key for run in find_runs(published.folder).runs] == ["own-bundle:tiny"]
    assert "own-bundle:tiny" in [run.key for run in find_runs(published.folder.parent).runs]


def test_a_bundle_without_histories_has_no_runs(tiny_bundle_dir):
    assert bundle_runs(Bundle.load(tiny_bundle_dir)).runs == ()


def test_only_settings_that_differ_are_returned(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", learning_rate=1e-4, title="Another", augment={"zoom": 0.2})
    write_run(tmp_path / "c", extra=[1])
    runs = find_runs(tmp_path).runs
    assert config_differences(runs, ignore=("title",)) == {
        "learning_rate": {"a": 1e-3, "b": 1e-4, "c": 1e-3},
        "augment.zoom": {"a": 0.1, "b": 0.2, "c": 0.1},
        "extra": {"c": [1]},
    }
    assert config_differences(runs[:1]) == {}
    assert "title" in config_differences(runs)


def test_many_runs_are_read_fast(tmp_path):
    for i in range(30):
        write_run(tmp_path / f"{i:02d}")
    start = time.perf_counter()
    assert len(find_runs(tmp_path).runs) == 30
    assert time.perf_counter() - start < 1.0
