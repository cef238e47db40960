"""`predict`: the readings of a few films, as lines for people or as one JSON object."""

from __future__ import annotations

import argparse
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from cxr_core.command.option import add_model_options, load_predictor
from cxr_core.command.terminal import OK, SOME_ERROR, WrongUsageError, print_json
from cxr_core.errors import CxrError
from cxr_core.explain.cam import DEFAULT_METHOD, METHODS
from cxr_core.film_name import film_stem
from cxr_core.io import read_path
from cxr_core.labels import CLASS_TITLES, CLASSES, system_title
from cxr_core.predict import Predictor, Reading
from cxr_core.record import error_record, film_record, prediction_object
from cxr_core.whole_file import write_whole


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="films: DICOM, PNG, JPEG, TIFF, BMP or WebP"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--explain",
        type=Path,
        metavar="DIR",
        help="folder for an overlay and the raw maps of each film",
    )
    add_model_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read films and print their readings; one film's error never stops the others.

    Args:
        arguments: `files`, `json`, `explain`, `bundle`, `variant`, `precision`.

    Returns:
        0 if every film was read, 1 if some file is in error.

    Raises:
        WrongUsageError: If the variant is unknown.
    """
    try:
        predictor = load_predictor(arguments, with_lungs=arguments.json)
    except WrongUsageError:
        raise
    except CxrError as err:  # no film can be read, and each of them says why
        _print(arguments, None, [error_record(file, err) for file in arguments.files])
        return SOME_ERROR
    results = [_read_one(predictor, file, arguments.explain) for file in arguments.files]
    _print(arguments, predictor, results)
    return SOME_ERROR if any(result["status"] == "error" for result in results) else OK


def _read_one(predictor: Predictor, file: str, explain_dir: Path | None) -> dict[str, Any]:
    """Read one film and, if asked, write its maps; return its record."""
    started = time.perf_counter()
    try:
        radiograph = read_path(file)
        read = time.perf_counter()
        reading = predictor.read(radiograph)
    except CxrError as err:
        return error_record(file, err)
    explained = time.perf_counter()
    failure = None
    try:
        if explain_dir is not None:
            _write_maps(predictor, reading, explain_dir)
    except CxrError as err:  # the maps are lost, the reading is not
        failure = err
    now = time.perf_counter()
    timing_ms = {
        **reading.timing_ms,
        "read": (read - started) * 1e3,
        "explain": (now - explained) * 1e3,
        "total": (now - started) * 1e3,
    }
    return film_record(file, reading, timing_ms, error=failure)


def _write_maps(predictor: Predictor, reading: Reading, folder: Path) -> None:
    """Write, for each system, an overlay of its top class and the raw maps of all classes."""
    from PIL import Image

    from cxr_core.explain.overlay import render

    film = reading.radiograph
    stem = film_stem(None if film.dicom is not None else film.name, film.sha256)
    hint = "Name another folder for --explain."
    for name, system in reading.systems.items():
        cam = predictor.explain(reading, name, system.label)
        picture, arrays = BytesIO(), BytesIO()
        Image.fromarray(render(film.image, cam)).save(picture, "PNG")
        grids: dict[str, Any] = {
            method: np.stack(
                [
                    cam.grid
                    for cam in predictor.explain_classes(reading, name, method=method).values()
                ][: None if entry.is_class_specific else 1]
            )
            for method, entry in METHODS.items()
        }
        np.savez_compressed(arrays, classes=np.array(CLASSES), **grids)
        file = f"{stem}.{name}.{DEFAULT_METHOD}.{system.label}.png"
        write_whole(folder / file, picture.getvalue(), hint=hint)
        write_whole(folder / f"{stem}.{name}.npz", arrays.getvalue(), hint=hint)


def _print(
    arguments: argparse.Namespace, predictor: Predictor | None, results: list[dict[str, Any]]
) -> None:
    """Print the readings as one JSON object or as lines for people."""
    if arguments.json:
        print_json(prediction_object(predictor, results))
        return
    for result in results:
        sys.stdout.write(f"{result['file']}\n")
        if result["error"] is not None:
            sys.stdout.write(f"  error: {result['error']['message']}\n")
            sys.stdout.write(f"  what to do: {result['error']['hint']}\n")
        if not result["systems"]:
            continue
        for warning in result["warnings"]:
            sys.stdout.write(f"  note: {warning['message']}\n")
        if result["status"] == "refused":
            sys.stdout.write(
                "  refused: the film is unlike those the models were trained on; do not believe "
                "these scores\n"
            )
        for name, system in result["systems"].items():
            shares = "  ".join(
                f"{CLASS_TITLES[label]} {probability:.3f}"
                for label, probability in system["probabilities"].items()
            )
            title = system_title(name)
            sys.stdout.write(f"  {title:<26}{shares}  -> {CLASS_TITLES[system['label']]}\n")
        sys.stdout.write(f"  {_trust_words(result)}\n")
        sys.stdout.write(f"  {result['timing_ms']['total']:.0f} ms. Research use only.\n")


def _trust_words(result: dict[str, Any]) -> str:
    """Say whether scores are calibrated, which classes remain, and what the gate did."""
    is_calibrated = all(system["temperature"] is not None for system in result["systems"].values())
    words = "Calibrated probabilities. " if is_calibrated else "Probabilities are not calibrated. "
    trust = result["trust"]
    if trust["prediction_set"] is not None:
        names = ", ".join(CLASS_TITLES[name] for name in trust["prediction_set"]) or "none"
        words += f"Classes that remain at {trust['prediction_set_level']:.0%}: {names}. "
    verdict = trust["out_of_distribution"]["verdict"].replace("_", " ")
    return f"{words}Refusal gate: {verdict}."
