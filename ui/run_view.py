"""From runs to what the page shows of them: series of points and rows of tables; no Streamlit."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from cxr_core.array import Float64Array
from cxr_core.evaluate.figure_text import decimal
from cxr_core.labels import CLASS_TITLES, SYSTEMS, system_title
from cxr_core.provenance import NOT_RECORDED
from cxr_core.training_run import PUBLISHED, config_differences, smooth

if TYPE_CHECKING:
    from cxr_core.training_run import Run, RunList, SystemRun

Panels = Literal["automatic", "run", "system", "one"]

METRIC_TITLES: Final = {"loss": "Loss", "accuracy": "Accuracy"}
SPLIT_TITLES: Final = {"train": "Training", "validation": "Validation"}
LEARNING_RATE: Final = "learning_rate"

CSV_FIELDS: Final = ("run", "system", "metric", "split", "epoch", "value", "smoothed")
N_DEFAULT_RUNS: Final = 3

_NOT_COMPARED: Final = ("title", "defects", "preset_file")


@dataclass(frozen=True)
class CurveView:
    """What the reader chose to see.

    Attributes:
        metrics: Of `METRIC_TITLES`, in that order.
        splits: Of `SPLIT_TITLES`.
        panels: What gets a panel of its own.
        smoothing: Weight of the past in the moving average, in [0, 1).
        is_log: Whether the loss has a logarithmic axis.
    """

    metrics: tuple[str, ...] = tuple(METRIC_TITLES)
    splits: tuple[str, ...] = tuple(SPLIT_TITLES)
    panels: Panels = "automatic"
    smoothing: float = 0.0
    is_log: bool = False


@dataclass(frozen=True, eq=False)
class Series:
    """One line of the figure.

    Attributes:
        run: Key of the run.
        system: System name.
        metric: `loss`, `accuracy` or `learning_rate`.
        split: `train`, `validation`, or empty for the learning rate.
        epochs: Shape (n,).
        values: As measured, shape (n,); NaN where nothing was measured.
        smoothed: What is drawn boldly, shape (n,); equal to `values` without smoothing.
    """

    run: str
    system: str
    metric: str
    split: str
    epochs: Float64Array
    values: Float64Array
    smoothed: Float64Array


def run_title(key: str) -> str:
    """Return the words for a run; published ones are marked."""
    bundle, _, variant = key.rpartition(":")
    return f"{variant} (published)" if bundle == PUBLISHED else key


def all_runs(published: RunList, found: RunList) -> list[Run]:
    """Return the runs of the bundle and of a folder; a key that comes twice counts once.

    Args:
        published: Runs of the bundle in use.
        found: Runs of the folder.

    Returns:
        Published runs first.
    """
    own = {run.key for run in published.runs}
    return [*published.runs, *(run for run in found.runs if run.key not in own)]


def progress(runs: Iterable[Run]) -> tuple[tuple[str, ...], ...]:
    """Return what the choices of the page depend on: keys, states and systems of all runs.

    Args:
        runs: All runs.

    Returns:
        Equal for two readings between which no run or system came, started or ended.
    """
    return tuple((run.key, run.state, *run.systems) for run in runs)


def default_runs(runs: Sequence[Run]) -> list[str]:
    """Return the keys to begin with: what is running, else the newest, else what is published.

    Args:
        runs: All runs.

    Returns:
        At most `N_DEFAULT_RUNS` keys, in the order of `runs`.
    """
    by_age = sorted(runs, key=lambda run: run.created, reverse=True)
    choices = (
        [run for run in by_age if run.state == "running" and run.systems],
        [run for run in by_age if run.kind == "training" and run.systems],
        [run for run in by_age if run.kind == PUBLISHED],
        by_age,
    )
    chosen = next((choice for choice in choices if choice), [])[:N_DEFAULT_RUNS]
    return [run.key for run in runs if run in chosen]


def systems_of(runs: Iterable[Run]) -> list[str]:
    """Return the systems of some runs, the five in display order, then others by name."""
    found = {name for run in runs for name in run.systems}
    return [
        *(name for name in SYSTEMS if name in found),
        *sorted(found - set(SYSTEMS)),
    ]


def shown_series(runs: Sequence[Run], systems: Sequence[str], view: CurveView) -> list[Series]:
    """Return every line that the figure draws.

    Args:
        runs: The chosen runs.
        systems: The chosen systems.
        view: The chosen metrics, splits and smoothing.

    Returns:
        By run, system, metric and split; lines without a measured point are left out.
    """
    wanted = [
        *((metric, split) for metric in view.metrics for split in view.splits),
        (LEARNING_RATE, ""),
    ]
    series = []
    for run in runs:
        for name in systems:
            for metric, split in wanted if name in run.systems else ():
                history = run.systems[name].history
                column = f"val_{metric}" if split == "validation" else metric
                values = history.column(column)
                if np.isnan(values).all():
                    continue
                smoothed = smooth(values, view.smoothing) if split else values
                series.append(
                    Series(run.key, name, metric, split, history.epochs, values, smoothed)
                )
    return series


def series_csv(series: Iterable[Series]) -> str:
    """Return what is shown as CSV text, one row for each measured point.

    Args:
        series: The lines of the figure.

    Returns:
        Text with the columns `CSV_FIELDS`.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(CSV_FIELDS)
    for line in series:
        points = zip(
            line.epochs.tolist(), line.values.tolist(), line.smoothed.tolist(), strict=True
        )
        writer.writerows(
            [line.run, line.system, line.metric, line.split, int(epoch), value, smoothed]
            for epoch, value, smoothed in points
            if not np.isnan(value)
        )
    return buffer.getvalue()


def run_rows(runs: Sequence[Run], systems: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row for each run and system: how far it got and what it reached.

    Args:
        runs: The chosen runs.
        systems: The chosen systems.

    Returns:
        Column title to value, `None` where nothing was recorded.
    """
    return [_row(run, run.systems[name]) for run in runs for name in systems if name in run.systems]


def _row(run: Run, system: SystemRun) -> dict[str, Any]:
    """Return the row of one system of one run."""
    accuracy = _figure(system.test.get("accuracy"))
    recall = system.test.get("recall")
    recall = recall if isinstance(recall, dict) else {}
    figures = system.test.get("figures")
    figures = figures if isinstance(figures, dict) else {}
    best = system.history.at("val_loss", system.best_epoch)
    return {
        "Run": run_title(run.key),
        "System": system_title(system.name),
        "State": run.state,
        "Epochs": len(system.history),
        "Best epoch": system.best_epoch,
        "Epoch used": system.chosen_epoch,
        "Test accuracy": accuracy.get("value"),
        "95% interval": interval(accuracy),
        **{
            f"{title} recall": _figure(recall.get(name)).get("value")
            for name, title in CLASS_TITLES.items()
        },
        "Macro AUROC": _figure(figures.get("macro_auroc")).get("value"),
        "Test films": accuracy.get("n"),
        "Lowest validation loss": best,
        "Chosen by": system.chosen_by or None,
        "Parameters": system.n_parameters,
        "Fitting (s)": system.fit_seconds,
    }


def interval(figure: Mapping[str, float]) -> str | None:
    """Return an interval in words, or `None` where there is none.

    Args:
        figure: May hold `low` and `high`.

    Returns:
        For example `0.950 to 0.973`.
    """
    if "low" not in figure or "high" not in figure:
        return None
    return f"{decimal(figure['low'])} to {decimal(figure['high'])}"


def difference_rows(runs: Sequence[Run]) -> list[dict[str, str]]:
    """Return one row for each setting in which runs of a kind differ.

    Published runs are compared with training runs, pre-training with its own kind.

    Args:
        runs: The chosen runs.

    Returns:
        `Setting`, then run title to value as text.
    """
    rows = []
    for is_pretraining in (False, True):
        group = [run for run in runs if (run.kind == "pretraining") == is_pretraining]
        for name, values in config_differences(group, ignore=_NOT_COMPARED).items():
            shown = {
                run_title(run.key): _words(values[run.key]) if run.key in values else NOT_RECORDED
                for run in group
            }
            rows.append({"Setting": name, **shown})
    return rows


def steered_by_test(runs: Iterable[Run]) -> list[str]:
    """Return the titles of the runs whose validation films are the test films."""
    return [run_title(run.key) for run in runs if run.validation == "test"]


def _figure(value: object) -> dict[str, Any]:
    """Return a figure of an evaluation with its numbers only; empty for anything else."""
    if not isinstance(value, dict):
        return {}
    return {key: number for key, number in value.items() if isinstance(number, int | float)}


def _words(value: object) -> str:
    """Return a setting's value as text for a table."""
    if isinstance(value, list | tuple):
        return ", ".join(_words(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(item)}" for name, item in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
