"""Run folders as training writes them, with a few epochs of made-up numbers."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

CONFIG = {
    "preset": "clean",
    "title": "A recipe",
    "learning_rate": 1e-3,
    "scaling": "public",
    "augment": {"zoom": 0.1},
    "validation": "carved",
    "systems": ["vgg16"],
}
TEST = {
    "n": 100,
    "accuracy": {"value": 0.9, "low": 0.83, "high": 0.94, "n_hits": 90, "n": 100},
    "recall": {
        name: {"value": 0.8, "low": 0.5, "high": 0.9, "n_hits": 8, "n": 10}
        for name in ("COVID19", "NORMAL", "PNEUMONIA")
    },
}


def history_rows(n_epochs: int = 4, *, best: int = 3) -> list[dict[str, float]]:
    """Rows whose validation loss is lowest at `best`."""
    return [
        {
            "epoch": epoch,
            "loss": 1.0 / epoch,
            "accuracy": 1.0 - 0.5 / epoch,
            "val_loss": 0.4 + 0.1 * abs(epoch - best),
            "val_accuracy": 0.9 - 0.1 * abs(epoch - best),
            "learning_rate": 1e-3 if epoch < 3 else 5e-4,
            "seconds": 2.0,
        }
        for epoch in range(1, n_epochs + 1)
    ]


def write_history(folder: Path, rows: list[dict[str, float]]) -> None:
    """Write `history.csv` of one system."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "history.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file and the folder it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")


def write_run(
    run: Path,
    *,
    systems: tuple[str, ...] = ("vgg16",),
    finished: bool = True,
    created: str = "2026-01-01T00:00:00Z",
    **settings: Any,
) -> Path:
    """Write a run; an unfinished one has no record of its end, nor has its last system."""
    head = {"schema": "cxr-run/1", "config": {**CONFIG, **settings}, "created": created}
    write_json(run / "config.json", head)
    for system in systems:
        folder = run / "runs" / system
        write_history(folder, history_rows())
        if finished or system != systems[-1]:
            record = {
                "schema": "cxr-run/1",
                "best_epoch": 3,
                "chosen_epoch": 4,
                "chosen_by": f"loss on the {head['config']['validation']} films",
                "n_parameters": 598403,
                "fit_seconds": 8.0,
                "test": TEST,
            }
            write_json(folder / "run.json", record)
    if finished:
        write_json(run / "run.json", {**head, "systems": {}})
    return run


def age(folder: Path, now: float, seconds: float) -> None:
    """Make every file below a folder as old as asked."""
    for path in folder.rglob("*"):
        os.utime(path, (now - seconds, now - seconds))
