"""`reader-study summarise`: what readers answered, beside the systems."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from cxr_core.command.terminal import OK, print_lines
from cxr_core.labels import system_title
from cxr_core.reader_study.design import CONDITIONS
from cxr_core.reader_study.measure import figure_words
from cxr_core.reader_study.shelf import FolderShelf
from cxr_core.reader_study.study import Study
from cxr_core.reader_study.table import answers_csv, statistics_json
from cxr_core.whole_file import write_whole


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    text = "write all answers and the statistics"
    action = actions.add_parser("summarise", help=text, description=f"{text.capitalize()}.")
    action.add_argument("folder", type=Path, metavar="FOLDER", help="folder of the study")
    action.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="for answers.csv, statistics.json"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write every answer and the statistics of a study.

    Args:
        arguments: `folder` of the study, and `out`, a folder.

    Returns:
        0.

    Raises:
        CxrError: If the study cannot be read or nothing can be written.
    """
    study = Study(FolderShelf(arguments.folder))
    table, figures = answers_csv(study), statistics_json(study)
    write_whole(arguments.out / "answers.csv", table)
    write_whole(arguments.out / "statistics.json", figures)
    print_lines(_lines(json.loads(figures)))
    sys.stdout.write(f"Answers and statistics: {arguments.out}. Research use only.\n")
    return OK


def _lines(found: dict[str, Any]) -> list[str]:
    """Return the table that is printed."""
    n_films, n_readers = found["n_films"], len(found["readers"])
    lines = [f"Films: {n_films:,}. Readers: {n_readers:,}. Intervals: 95%."]
    for reader, own in found["readers"].items():
        lines.append(f"{reader}: {own['n_done']} of {own['n_tasks']} answers")
        for condition in CONDITIONS:
            if own[condition]["n"]:
                accuracy = figure_words(own[condition]["accuracy"])
                time_s = figure_words(own[condition]["time_s"], digits=1)
                lines.append(f"  {condition}: right {accuracy}; median seconds {time_s}")
        if own["switching"]["n"]:
            lines.append(f"  changed once aided: {figure_words(own['switching']['changed'])}")
    for condition in CONDITIONS:
        agreement = found["agreement"][condition]
        lines += [
            f"kappa {condition}, {pair['a']} and {pair['b']}: {figure_words(pair['kappa'])}"
            for pair in agreement["between_readers"]
            if pair["kappa"]["n"]
        ]
        if agreement["all_readers"]["n_readers"] > 2:
            words = figure_words(agreement["all_readers"])
            lines.append(f"Fleiss's kappa {condition}, all readers: {words}")
    for system, own in found["systems"].items():
        lines.append(f"{system_title(system)}: right {figure_words(own['accuracy'])}")
    return lines
