"""Training curves: series, figure and tables; then the page, empty, full, damaged and live."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cxr_core.bundle import Bundle
from cxr_core.training_run import find_runs
from tests.run_folders import age, history_rows, write_history, write_json, write_run
from ui.components import run_choice
from ui.components.curves import COLOURS, SYMBOLS, curves_figure, panel_kind
from ui.components.run_panel import (
    NO_EPOCH,
    NO_RUN,
    NO_SYSTEM_CHOSEN,
    NONE_CHOSEN,
    SAME_SETTINGS,
)
from ui.run_export import run_comments
from ui.run_view import (
    CSV_FIELDS,
    CurveView,
    default_runs,
    difference_rows,
    run_rows,
    run_title,
    series_csv,
    shown_series,
    systems_of,
)

PAGE = "pages/6_Training_curves.py"
FIVE = ("densenet201", "efficientnetb7", "vgg16", "ensemble_probs", "ensemble_dense")


@pytest.fixture
def runs_dir(tmp_path, monkeypatch):
    """An empty folder of runs that the page begins with."""
    folder = tmp_path / "runs-of-test"
    folder.mkdir()
    monkeypatch.setenv(run_choice.RUNS_VARIABLE, str(folder))
    return folder


@pytest.fixture
def three(runs_dir):
    """Three runs of all five systems."""
    for i, name in enumerate("abc"):
        write_run(runs_dir / name, systems=FIVE, learning_rate=10.0 ** -(i + 2), created=f"202{i}")
    return find_runs(runs_dir).runs


def opened(app):
    """The page after its first run."""
    app.run().switch_page(PAGE).run()
    assert not app.exception
    return app


def text(at):
    return "\n".join([*(m.value for m in at.markdown), *(t.value for t in at.text)])


def figure_of(at):
    """The figure as the browser gets it, or `None`."""
    charts = at.get("plotly_chart")
    return json.loads(charts[0].proto.spec) if charts else None


def drawn(figure):
    """Titles in the legend."""
    return [trace["name"] for trace in figure["data"] if trace.get("showlegend", True)]


# Series and tables


def test_series_come_by_run_system_metric_and_split(three):
    series = shown_series(three[:1], ["vgg16"], CurveView())
    assert [(line.metric, line.split) for line in series] == [
        ("loss", "train"),
        ("loss", "validation"),
        ("accuracy", "train"),
        ("accuracy", "validation"),
        ("learning_rate", ""),
    ]
    assert series[1].values.tolist() == [row["val_loss"] for row in history_rows()]
    assert series[1].smoothed.tolist() == series[1].values.tolist()


def test_the_learning_rate_is_never_smoothed(three):
    series = shown_series(three[:1], ["vgg16"], CurveView(smoothing=0.9))
    assert series[-1].smoothed.tolist() == series[-1].values.tolist()
    assert series[0].smoothed.tolist() != series[0].values.tolist()


def test_what_was_not_measured_is_no_line(runs_dir):
    rows = [{"epoch": 1, "loss": 0.5, "val_loss": math.nan}]
    write_history(runs_dir / "a" / "runs" / "vgg16", rows)
    series = shown_series(find_runs(runs_dir).runs, ["vgg16"], CurveView())
    assert [(line.metric, line.split) for line in series] == [("loss", "train")]


def test_a_file_of_curves_says_of_each_run_where_it_comes_from(three):
    bundle = SimpleNamespace(name="told", version="1.2", digest="ab" * 32)
    published = replace(three[0], key="published:clean", kind="published", created="2026-01-01")
    lines = run_comments([published, *three[1:]], bundle).splitlines()
    assert len(lines) == len(three)
    assert all(line.startswith("# run: ") for line in lines)
    assert lines[0].endswith(f"created 2026-01-01, bundle told 1.2, digest {'ab' * 32}")
    assert not any("told" in line for line in lines[1:])
    assert "digest" not in run_comments([published], None)


def test_csv_holds_every_shown_point(three):
    view = CurveView(metrics=("loss",), splits=("validation",), smoothing=0.5)
    series = shown_series(three[:2], ["vgg16", "densenet201"], view)
    rows = list(csv.DictReader(io.StringIO(series_csv(series))))
    assert tuple(rows[0]) == CSV_FIELDS
    assert len(rows) == 2 * 2 * 2 * 4
    first = [row for row in rows if row["metric"] == "loss"][:4]
    assert [float(row["value"]) for row in first] == [row["val_loss"] for row in history_rows()]
    assert float(first[1]["smoothed"]) == pytest.approx((0.25 * 0.6 + 0.5 * 0.5) / 0.75)


def test_table_of_results(three):
    row = run_rows(three[:1], ["vgg16"])[0]
    assert row["Run"] == "a"
    assert row["System"] == "VGG16"
    assert (row["Best epoch"], row["Epoch used"], row["Epochs"]) == (3, 4, 4)
    assert row["Lowest validation loss"] == 0.4
    assert (row["Test accuracy"], row["95% interval"]) == (0.9, "0.830 to 0.940")
    assert row["COVID-19 recall"] == 0.8
    assert row["Chosen by"] == "loss on the carved films"


def test_table_of_differences(three):
    assert difference_rows(three) == [
        {"Setting": "learning_rate", "a": "0.01", "b": "0.001", "c": "0.0001"}
    ]


def test_pretraining_is_compared_with_its_own_kind_only(runs_dir):
    write_run(runs_dir / "a")
    content = {"schema": "cxr-pretraining/1", "config": {"backbone": "vgg16", "stages": [1]}}
    write_json(runs_dir / "p" / "pretraining.json", {**content, "history": history_rows()})
    assert difference_rows(find_runs(runs_dir).runs) == []


def test_the_newest_runs_come_first_and_a_running_one_before_them(runs_dir, three):
    write_run(runs_dir / "d", created="2030")
    runs = find_runs(runs_dir).runs
    assert default_runs(runs) == ["b", "c", "d"]
    write_run(runs_dir / "e", finished=False, created="2000")
    assert default_runs(find_runs(runs_dir).runs) == ["e"]
    assert default_runs([]) == []


def test_titles():
    assert run_title("published:seed") == "seed (published)"
    assert run_title("folder/bundle:seed") == "folder/bundle:seed"


# The figure


@pytest.mark.parametrize(
    ("panels", "n_panels", "n_colours"), [("run", 3, 5), ("system", 5, 3), ("one", 1, 15)]
)
def test_panels_and_colours(three, panels, n_panels, n_colours):
    view = CurveView(panels=panels)
    figure = curves_figure(shown_series(three, FIVE, view), three, view)
    assert sum(key.startswith("xaxis") for key in figure.layout.to_plotly_json()) == n_panels
    assert len(drawn(json.loads(figure.to_json()))) == n_colours


def test_several_runs_lie_over_each_other_by_default():
    assert panel_kind(CurveView(), 1) == "run"
    assert panel_kind(CurveView(), 2) == "system"
    assert panel_kind(CurveView(panels="run"), 2) == "run"


def test_a_system_keeps_its_colour_whatever_else_is_shown(three):
    view = CurveView(panels="run")
    for systems in (FIVE, ("vgg16",), ("ensemble_probs", "vgg16")):
        figure = curves_figure(shown_series(three[:1], systems, view), three[:1], view)
        (entry,) = [t for t in figure.data if t.name == "VGG16"]
        assert (entry.line.color, entry.marker.symbol) == (COLOURS[2], SYMBOLS[2])


def test_split_is_the_dash_and_best_epoch_the_mark(three):
    view = CurveView(metrics=("loss",), panels="run")
    figure = curves_figure(shown_series(three[:1], ["vgg16"], view), three[:1], view)
    lines = [t for t in figure.data if t.mode == "lines"]
    assert [t.line.dash for t in lines] == ["dot", "solid", None]
    best, used = [t for t in figure.data if t.mode == "markers"]
    assert (list(best.x), list(best.y), best.marker.symbol) == ([3], [0.4], "diamond")
    assert (list(used.x), used.marker.symbol) == ([4], "diamond-open")


def test_one_mark_where_the_best_epoch_is_used(runs_dir):
    run = write_run(runs_dir / "a")
    record = {"schema": "cxr-run/1", "best_epoch": 3, "chosen_epoch": 3}
    write_json(run / "runs" / "vgg16" / "run.json", record)
    runs = find_runs(runs_dir).runs
    view = CurveView(metrics=("loss",))
    figure = curves_figure(shown_series(runs, ["vgg16"], view), runs, view)
    assert len([t for t in figure.data if t.mode == "markers"]) == 1


def test_smoothing_leaves_what_was_measured_faint_behind(three):
    view = CurveView(metrics=("loss",), splits=("validation",), smoothing=0.6)
    series = shown_series(three[:1], ["vgg16"], view)
    figure = curves_figure(series, three[:1], view)
    faint, bold = [t for t in figure.data if t.mode == "lines"][:2]
    assert faint.opacity < 0.5
    assert list(faint.y) == series[0].values.tolist()
    assert list(bold.y) == series[0].smoothed.tolist()


def test_only_the_loss_is_logarithmic(three):
    view = CurveView(is_log=True)
    figure = curves_figure(shown_series(three[:1], ["vgg16"], view), three[:1], view)
    assert [figure.layout[f"yaxis{i}"].type for i in ("", 2, 3)] == ["log", None, "log"]
    low, high = figure.layout.yaxis.range
    assert low < math.log10(0.25) < 0 < high


def test_panels_share_their_scales_and_do_not_touch(three):
    view = CurveView(panels="system")
    layout = curves_figure(shown_series(three, FIVE, view), three, view).layout
    assert layout.yaxis4.matches == "y"
    assert layout.yaxis5.matches == "y2"
    assert layout.xaxis5.matches == "x"
    assert layout.yaxis4.range == layout.yaxis.range
    assert layout.xaxis.domain[1] < layout.xaxis2.domain[0]
    assert layout.yaxis10.domain[1] < layout.yaxis3.domain[0] < layout.yaxis2.domain[0]


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0])
def test_values_that_cannot_be_drawn_do_no_harm(runs_dir, value):
    rows = [{**row, "loss": value, "learning_rate": value} for row in history_rows(2)]
    write_history(runs_dir / "a" / "runs" / "vgg16", rows)
    runs = find_runs(runs_dir).runs
    for is_log in (False, True):
        view = CurveView(is_log=is_log)
        figure = curves_figure(shown_series(runs, ["vgg16"], view), runs, view)
        assert all(np.isfinite(figure.layout.yaxis.range))
        json.loads(figure.to_json())


# The page


def test_no_run_says_how_to_make_one(app, predictor, runs_dir):
    opened(app)
    assert NO_RUN in text(app)
    assert figure_of(app) is None


def test_the_page_draws_the_runs(app, predictor, three):
    opened(app)
    assert drawn(figure_of(app)) == ["a", "b", "c"]
    results, differences = (table.value for table in app.dataframe)
    assert len(results) == 15
    assert list(differences["Setting"]) == ["learning_rate"]
    assert not [toggle for toggle in app.toggle if toggle.key == "curves-live"]
    assert app.get("download_button")


def test_choices_are_kept_over_a_change_of_page(app, predictor, three):
    opened(app)
    app.pills(key="curves-runs").set_value(["b"]).run()
    app.slider(key="curves-smoothing").set_value(0.6).run()
    app.toggle(key="curves-log").set_value(True).run()
    app.switch_page("pages/8_Model_card.py").run()
    opened(app)
    assert app.pills(key="curves-runs").value == ["b"]
    assert app.slider(key="curves-smoothing").value == 0.6
    figure = figure_of(app)
    assert figure["layout"]["yaxis"]["type"] == "log"
    assert len(drawn(figure)) == 5


def test_one_run_has_no_table_of_differences(app, predictor, runs_dir):
    write_run(runs_dir / "a")
    opened(app)
    assert len(app.dataframe) == 1
    assert "Settings that differ" not in [heading.value for heading in app.header]


def test_equal_settings_are_said(app, predictor, runs_dir):
    for name in "ab":
        write_run(runs_dir / name)
    opened(app)
    assert SAME_SETTINGS in text(app)


def test_empty_choices_are_said(app, predictor, three):
    opened(app)
    (systems,) = [p for p in app.get("button_group") if p.key.startswith("curves-systems")]
    systems.set_value([]).run()
    assert not app.exception
    assert NO_SYSTEM_CHOSEN in text(app)
    app.pills(key="curves-runs").set_value([]).run()
    assert not app.exception
    assert NONE_CHOSEN in text(app)


def test_test_films_that_steered_are_said(app, predictor, runs_dir):
    write_run(runs_dir / "a", validation="test")
    opened(app)
    assert "**Optimistic:** the test films steered the training of a." in text(app)


def test_a_run_that_goes_on_can_be_followed(app, predictor, runs_dir):
    write_run(runs_dir / "a", finished=False)
    opened(app)
    assert app.toggle(key="curves-live").label == "Follow a"
    assert app.toggle(key="curves-live").value
    assert app.pills(key="curves-runs").options == ["a"]
    write_run(runs_dir / "a")
    app.run()
    assert not app.exception
    assert app.pills(key="curves-runs").value == ["a"]
    assert not [toggle for toggle in app.toggle if toggle.key == "curves-live"]
    assert set(app.dataframe[0].value["State"]) == {"finished"}


def test_a_stopped_run_is_not_followed(app, predictor, runs_dir):
    write_run(runs_dir / "a", finished=False)
    age(runs_dir, time.time(), 24 * 3600)
    opened(app)
    assert not [toggle for toggle in app.toggle if toggle.key == "curves-live"]
    assert set(app.dataframe[0].value["State"]) == {"stopped"}


def test_a_run_before_its_first_epoch_is_said(app, predictor, runs_dir):
    write_json(runs_dir / "a" / "config.json", {"schema": "cxr-run/1", "config": {"seed": 0}})
    opened(app)
    assert NO_EPOCH in text(app)


def test_damaged_files_are_listed_and_the_others_drawn(app, predictor, runs_dir):
    write_run(runs_dir / "a")
    write_json(runs_dir / "b" / "run.json", {"schema": "cxr-run/2"})
    (runs_dir / "c").mkdir()
    opened(app)
    assert app.expander[0].label == "Skipped: 1"
    assert "another version" in app.dataframe[1].value["Reason"][0]
    assert "1 other folder holds no run." in text(app)
    assert figure_of(app)


def test_another_folder_can_be_named(app, predictor, three, tmp_path):
    write_run(tmp_path / "elsewhere" / "z")
    opened(app)
    app.text_input(key="curves-folder").set_value(str(tmp_path / "elsewhere")).run()
    assert not app.exception
    assert app.pills(key="curves-runs").options == ["z"]
    app.text_input(key="curves-folder").set_value(str(tmp_path / "nowhere")).run()
    assert not app.exception
    assert "**This folder of runs could not be read\\.**" in text(app)


def test_published_runs_are_offered(app, monkeypatch, runs_dir):
    monkeypatch.delenv("CXR_BUNDLE", raising=False)
    opened(app)
    published = [f"{name} (published)" for name in Bundle.load().variants]
    assert set(published) <= set(app.pills(key="curves-runs").options)
    assert set(published) <= set(drawn(figure_of(app)))


def test_runs_show_without_a_bundle(app, monkeypatch, runs_dir, tmp_path):
    monkeypatch.setenv("CXR_BUNDLE", str(tmp_path))
    write_run(runs_dir / "a")
    opened(app)
    assert "**The published models could not be loaded\\.**" in text(app)
    assert figure_of(app)


def test_systems_are_in_display_order(three):
    assert systems_of(three) == list(FIVE)


def test_a_choice_of_runs_outlives_those_that_come(app, predictor, three, runs_dir):
    opened(app)
    app.pills(key="curves-runs").set_value(["b"]).run()
    write_run(runs_dir / "d", finished=False, created="2040")
    app.run()
    assert app.pills(key="curves-runs").value == ["b"]
    app.pills(key="curves-runs").set_value([]).run()
    app.run()
    assert app.pills(key="curves-runs").value == []
