"""From a finished run to a bundle: files, figures through the serving path, model card, hashes."""

from __future__ import annotations

import json
import logging
import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cxr_core.bundle import CARD, MANIFEST, Bundle, seal
from cxr_core.errors import ConfigError, SpecMismatchError
from cxr_core.evaluate.folder import SCHEMA, evaluate_folder
from cxr_core.predict import Predictor
from train.card import write_card
from train.run import network_path, read_record, system_folder

LOG = logging.getLogger(__name__)
TEST_SET: Final = "test"
ACCURACY_TOLERANCE: Final = 1e-3


def publish(
    run: Path,
    out: Path,
    *,
    name: str,
    version: str,
    evaluate: Mapping[str, Path],
    command: Sequence[str] = (),
) -> Bundle:
    """Write a bundle and measure it as a user would meet it.

    Args:
        run: Folder of a finished run.
        out: The bundle's folder; replaced as a whole if it is a bundle or empty.
        name: Name of the set of models.
        version: Version of the set of models.
        evaluate: Set name to labelled folder. A set named `test` must give the run's accuracy.
        command: What was typed, printed in the card.

    Returns:
        The verified bundle at `out`.

    Raises:
        SpecMismatchError: If the run is not finished, or the bundle does not give its figures.
        ConfigError: If `out` holds something else than a bundle.
    """
    if out.exists() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        msg = f"`--out` must be a new folder or an earlier bundle. Received: {out}"
        raise ConfigError(msg, hint="Name another folder, so that nothing of yours is replaced.")
    record = read_record(run / "run.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".publish-") as temporary:
        folder = Path(temporary) / "bundle"
        manifest = _assemble(run, record, folder, name=name, version=version)
        predictor = Predictor(seal(folder, manifest))
        figures = {title: _measured(predictor, title, path) for title, path in evaluate.items()}
        _check_against_run(record, figures)
        variant = record["config"]["preset"]
        if figures:
            evaluation_path = f"variants/{variant}/evaluation.json"
            _write_evaluation(folder / evaluation_path, figures)
            manifest["variants"][variant]["evaluation"] = evaluation_path
        card = write_card(name, version, record, figures, command=shlex.join(command))
        (folder / CARD).write_text(card, "utf-8")
        seal(folder, manifest)
        if out.exists():
            shutil.rmtree(out)
        shutil.move(folder, out)
    return Bundle.load(out)


def _assemble(
    run: Path, record: Mapping[str, Any], folder: Path, *, name: str, version: str
) -> dict[str, Any]:
    """Copy the run's files into the bundle's layout; return the manifest without hashes."""
    from safetensors.numpy import load_file, save_file

    variant = record["config"]["preset"]
    variant_folder = folder / "variants" / variant
    arrays, backbones, members = {}, {}, {}
    for system, result in record["systems"].items():
        backbone = result["backbone"]
        network = f"backbones/{backbone}.xml"
        for suffix in (".xml", ".bin"):
            source = network_path(run, backbone).with_suffix(suffix)
            _copy(source, (folder / network).with_suffix(suffix))
        for file in ("history.csv", "run.json"):
            _copy(system_folder(run, system) / file, variant_folder / "runs" / system / file)
        head = load_file(system_folder(run, system) / "head.safetensors")
        arrays.update({f"{system}/{key}": array for key, array in head.items()})
        backbones[backbone] = {
            "network": network,
            **{
                key: result[key]
                for key in ("feature_layer", "feature_shape", "weights_origin", "compression")
            },
        }
        members[system] = {
            "backbone": backbone,
            "preprocess": result["preprocess"],
            "pooling": result["pooling"],
        }
    save_file(arrays, variant_folder / "heads.safetensors")
    return {
        "name": name,
        "version": version,
        "created": record["created"],
        "default_variant": variant,
        "backbones": backbones,
        "variants": {
            variant: {
                "title": record["config"]["title"],
                "members": members,
                "ensembles": [],
                "heads": f"variants/{variant}/heads.safetensors",
                "training": {
                    "preset": variant,
                    "seed": record["config"]["seed"],
                    "data": record["data"],
                    "environment": record["environment"],
                },
            }
        },
    }


def _copy(source: Path, target: Path) -> None:
    """Copy one file of the run, or say which one is missing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, target)
    except OSError as err:
        msg = f"`{source}` must be in the run. Received: {err.strerror}"
        raise SpecMismatchError(msg, hint="Finish the run with `python -m train` first.") from err


def _measured(predictor: Predictor, title: str, folder: Path) -> dict[str, Any]:
    """Measure the bundle on one set and report how far it is."""
    LOG.info("measuring on %s", title)

    def report(n_done: int) -> None:
        if n_done % 200 == 0:
            LOG.info("%s: %d films read", title, n_done)

    return evaluate_folder(predictor, folder, on_film=report)


def _write_evaluation(path: Path, figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the figures of all sets as one JSON file."""
    path.write_text(json.dumps({"schema": SCHEMA, "sets": figures}, indent=1) + "\n", "utf-8")


def _check_against_run(record: Mapping[str, Any], figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a bundle that does not give the run's accuracy on the test films."""
    if TEST_SET not in figures:
        return
    for system, result in record["systems"].items():
        expected = result["test"]["accuracy"]["value"]
        measured = figures[TEST_SET]["systems"][system]["accuracy"]["value"]
        if measured is None or abs(measured - expected) > ACCURACY_TOLERANCE:
            msg = (
                f"{system}: the bundle must give the run's test accuracy {expected:.4f}. "
                f"Received: {measured}"
            )
            hint = "Measure on the folder the run was trained with, or train again."
            raise SpecMismatchError(msg, hint=hint)
