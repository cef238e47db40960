"""What each command of the command line does; `__main__` only parses."""

from __future__ import annotations

import argparse
import json
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from cxr_core.bundle import Bundle
from cxr_core.errors import (
    CxrError,
    NotApplicableError,
    SpecMismatchError,
)
from cxr_core.explain.cam import DEFAULT_METHOD, METHODS
from cxr_core.io import read_path
from cxr_core.labels import CLASS_TITLES, CLASSES, SYSTEM_TITLES
from cxr_core.lungs import DEFAULT_LUNGS, LungSegmenter
from cxr_core.predict import Predictor, Reading
from cxr_core.record import error_record, film_record, prediction_object
from cxr_core.terminal import make_room, say_error, write_json
from cxr_core.whole_file import write_whole

OK, SOME_ERROR, WRONG_USAGE = 0, 1, 2


def predict(arguments: argparse.Namespace) -> int:
    """Read films and print their readings; one film's error never stops the others.

    Args:
        arguments: `files`, `json`, `explain`, `bundle`, `variant`, `precision`.

    Returns:
        0 if every film was read, 1 if some file is in error, 2 if the variant is unknown.
    """
    try:
        bundle = Bundle.load(arguments.bundle)
        variant = known_variant(bundle, arguments.variant)
        lungs = LungSegmenter.load() if arguments.json and DEFAULT_LUNGS.is_dir() else None
        predictor = Predictor(bundle, variant=variant, precision=arguments.precision, lungs=lungs)
    except UnknownVariantError as err:
        say_error(err)
        return WRONG_USAGE
    except CxrError as err:  # no film can be read, and each of them says why
        _print_results(arguments, None, [error_record(file, err) for file in arguments.files])
        return SOME_ERROR
    results = [_read_one(predictor, file, arguments.explain) for file in arguments.files]
    _print_results(arguments, predictor, results)
    return SOME_ERROR if any(result["status"] == "error" for result in results) else OK


def evaluate(arguments: argparse.Namespace) -> int:
    """Measure the systems on a labelled folder and write the evaluation.

    Args:
        arguments: `folder`, `out`, `resamples`, `bundle`, `variant`, `precision`.

    Returns:
        0 if every film was read, 1 if some file or the bundle is in error, 2 for wrong usage.
    """
    from cxr_core.evaluate.folder import evaluate_folder
    from cxr_core.evaluate.read_folder import labelled_paths
    from cxr_core.evaluate.table import table_lines

    if not make_room(arguments.out):  # said now, not after a quarter of an hour
        return SOME_ERROR
    try:
        bundle = Bundle.load(arguments.bundle)
        variant = known_variant(bundle, arguments.variant)
        predictor = Predictor(bundle, variant=variant, precision=arguments.precision)
        n_films = sum(1 for _ in labelled_paths(arguments.folder))
        evaluation = evaluate_folder(
            predictor,
            arguments.folder,
            n_resamples=arguments.resamples,
            on_film=lambda n_done: _report_progress(n_done, n_films),
            on_system=lambda n_done, n_all: _report_measured(n_done, n_all),
        )
    except UnknownVariantError as err:
        say_error(err)
        return WRONG_USAGE
    except CxrError as err:
        say_error(err)
        return SOME_ERROR
    evaluation["bundle"]["digest"] = bundle.digest
    if not write_json(arguments.out, evaluation):
        return SOME_ERROR
    for entry in evaluation["unreadable"]:
        sys.stderr.write(f"not measured: {entry['file']}: {entry['message']}\n")
    sys.stdout.write("\n".join(table_lines(evaluation)) + "\n")
    return SOME_ERROR if evaluation["unreadable"] else OK


def explain_check(arguments: argparse.Namespace) -> int:
    """Put the maps of a folder's films to the checks, write the figures and print them as tables.

    Args:
        arguments: `folder`, `out`, `bundle`, `variant`, `precision`, `systems`, `methods`,
            `checks`, `n`, `orders`, `seed`.

    Returns:
        0 if every film was checked, 1 if some film or the bundle is in error, 2 for wrong usage.
    """
    from cxr_core.explain.fidelity.check import Settings
    from cxr_core.explain.fidelity.folder import Plan, check_folder
    from cxr_core.explain.fidelity.table import table_lines

    started = time.perf_counter()

    def tell(n_done: int, n_films: int) -> None:
        elapsed_s = time.perf_counter() - started
        sys.stderr.write(f"{n_done} of {n_films} films checked, {elapsed_s:.0f} s\n")

    if not make_room(arguments.out):  # said now, not after a quarter of an hour
        return SOME_ERROR
    try:
        bundle = Bundle.load(arguments.bundle)
        variant = known_variant(bundle, arguments.variant)
        predictor = Predictor(bundle, variant=variant, precision=arguments.precision)
        plan = Plan(
            tuple(arguments.systems or predictor.systems),
            tuple(arguments.methods),
            tuple(arguments.checks),
            arguments.n,
            Settings(n_orders=arguments.orders, seed=arguments.seed),
        )
        checked = check_folder(predictor, arguments.folder, plan, on_film=tell)
    except (UnknownVariantError, NotApplicableError) as err:
        say_error(err)
        return WRONG_USAGE
    except CxrError as err:
        say_error(err)
        return SOME_ERROR
    if not write_json(arguments.out, checked):
        return SOME_ERROR
    for entry in checked["unreadable"]:
        sys.stderr.write(f"not checked: {entry['file']}: {entry['message']}\n")
    sys.stdout.write("\n".join(table_lines(checked)) + "\n")
    return SOME_ERROR if checked["unreadable"] else OK


def inspect(arguments: argparse.Namespace) -> int:
    """Print class balance, weights, patients, duplicates and leaks of a labelled folder.

    Args:
        arguments: `folder`, `json`; with `audit` or `fingerprints` see `cxr_core.audit.command`.

    Returns:
        0, or 1 if some film cannot be read or the folder cannot be used. Leaks are no error.
    """
    if arguments.audit is not None or arguments.fingerprints is not None:
        from cxr_core.audit.command import audit

        return audit(arguments)
    from cxr_core.dataset import scan
    from cxr_core.inspection import inspection_lines, inspection_object

    try:
        dataset = scan(arguments.folder, on_film=lambda n_done, _: _report_progress(n_done))
    except CxrError as err:
        say_error(err)
        return SOME_ERROR
    if arguments.json:
        json.dump(inspection_object(dataset), sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        sys.stdout.write("\n".join(inspection_lines(dataset)) + "\n")
    return SOME_ERROR if dataset.unreadable else OK


def bundle_info(arguments: argparse.Namespace) -> int:
    """Print what a bundle holds.

    Args:
        arguments: `folder`.

    Returns:
        0, or 1 if the bundle cannot be loaded.
    """
    try:
        bundle = Bundle.load(arguments.folder)
    except CxrError as err:
        say_error(err)
        return SOME_ERROR
    lines = [
        f"{bundle.name} {bundle.version}, created {bundle.created}",
        f"digest {bundle.digest}",
        f"{len(bundle.files)} files, {sum(size for _, size in bundle.files.values()) / 1e6:.1f} MB",
    ]
    for variant in bundle.variants.values():
        is_default = " (default)" if variant.name == bundle.default_variant else ""
        lines.append(f"variant {variant.name}{is_default}: {', '.join(variant.systems)}")
        for member in variant.members.values():
            spec = member.preprocess
            lines.append(
                f"  {member.name}: {member.backbone} at {spec.height_px} by {spec.width_px} px, "
                f"scaling {spec.scaling}, weights {member.weights_origin}, {member.compression}"
            )
    sys.stdout.write("\n".join(lines) + "\n")
    return OK


def bundle_verify(arguments: argparse.Namespace) -> int:
    """Check every file of a bundle against its hash.

    Args:
        arguments: `folder`.

    Returns:
        0 if all agree, 1 if not.
    """
    try:
        bundle = Bundle.load(arguments.folder)
    except CxrError as err:
        say_error(err)
        return SOME_ERROR
    sys.stdout.write(f"{len(bundle.files)} files agree with {bundle.name} {bundle.version}\n")
    return OK


class UnknownVariantError(SpecMismatchError):
    """The variant that the user named is not in the bundle."""


def known_variant(bundle: Bundle, name: str | None) -> str:
    """Return the variant's name, or tell a wrong name from a broken bundle.

    Args:
        bundle: The bundle.
        name: Name of a variant; the default if `None`.

    Returns:
        The name.

    Raises:
        UnknownVariantError: If the bundle has no such variant.
    """
    try:
        return bundle.variant(name).name
    except SpecMismatchError as err:
        raise UnknownVariantError(str(err), hint=err.hint) from err


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
    # names of DICOM files often are patients' names or numbers
    stem = "dicom" if film.dicom is not None else Path(film.name).stem
    stem = f"{stem}-{film.sha256[:8]}"
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


def _print_results(
    arguments: argparse.Namespace, predictor: Predictor | None, results: list[dict[str, Any]]
) -> None:
    """Print the readings as one JSON object or as lines for people."""
    if arguments.json:
        json.dump(prediction_object(predictor, results), sys.stdout, indent=1)
        sys.stdout.write("\n")
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
            title = SYSTEM_TITLES.get(name, name)
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


def _report_progress(n_done: int, n_films: int | None = None) -> None:
    """Say every hundred films, and at the last, how far the reading is."""
    if n_done % 100 == 0 or n_done == n_films:
        of = "" if n_films is None else f" of {n_films:,}"
        sys.stderr.write(f"{n_done:,}{of} films read\n")


def _report_measured(n_done: int, n_all: int) -> None:
    """Say how many systems and baselines have their intervals."""
    sys.stderr.write(f"intervals: {n_done} of {n_all}\n")
