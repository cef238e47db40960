"""From finished runs to a bundle: files, figures through the serving path, model card, hashes."""

from __future__ import annotations

import hashlib
import json
import logging
import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cxr_core.array import Float32Array
from cxr_core.bundle import MANIFEST, TRADEOFF, Bundle, seal
from cxr_core.dataset import data_digest
from cxr_core.engine.openvino import OpenVinoEngine
from cxr_core.errors import ConfigError, SpecMismatchError
from cxr_core.evaluate.bootstrap import N_RESAMPLES
from cxr_core.evaluate.evaluation import SCHEMA
from cxr_core.evaluate.folder_evaluation import evaluate_folder
from cxr_core.predict import Predictor
from train.assemble import assemble, copy_file
from train.card import seal_with_cards
from train.material import ADDED
from train.parts import scan_extra
from train.run import environment, read_record

LOG = logging.getLogger(__name__)
TEST_SET: Final = "test"
TOLERANCE: Final = 1e-3
"""Most that the published bundle may differ from its run in test accuracy and macro AUROC."""


def publish(
    runs: Sequence[Path],
    out: Path,
    *,
    name: str,
    version: str,
    evaluate: Mapping[str, Path],
    default: str | None = None,
    tradeoff: Path | None = None,
    command: Sequence[str] = (),
) -> Bundle:
    """Write a bundle and measure it as a user would meet it.

    Args:
        runs: Folders of finished runs, one a variant. Networks that several of them have are
            stored once.
        out: The bundle's folder; replaced as a whole if it is a bundle or empty.
        name: Name of the set of models.
        version: Version of the set of models.
        evaluate: Set name to labelled folder. A set named `test` must give the runs' figures.
        default: Variant used unless another is asked for; that of the first run if `None`.
        tradeoff: What `python -m benchmarks.added_films` has written, shown with the card.
        command: What was typed, printed in the card.

    Returns:
        The verified bundle at `out`.

    Raises:
        SpecMismatchError: If a run is not finished, or the bundle does not give the runs' figures.
        ConfigError: If `out` holds something else than a bundle, or a variant is named twice.
    """
    if out.exists() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        msg = f"`--out` must be a new folder or an earlier bundle. Received: {out}"
        raise ConfigError(msg, hint="Name another folder, so that nothing of yours is replaced.")
    records = _read_runs(runs)
    default = default or next(iter(records))
    if default not in records:
        msg = f"`--default` must be one of {sorted(records)}. Received: {default!r}"
        raise ConfigError(msg, hint="Name the preset of one of the runs.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".publish-") as temporary:
        folder = Path(temporary) / "bundle"
        manifest = assemble(records, folder, name=name, version=version, default=default)
        if tradeoff is not None:
            copy_file(tradeoff, folder / TRADEOFF)
        manifest["made_by"] = {
            "publish": {"command": shlex.join(command), "environment": environment()}
        }
        figures = _measure(seal(folder, manifest), records, evaluate)
        for variant, sets in figures.items():
            if sets:
                path = f"variants/{variant}/evaluation.json"
                content = {"schema": SCHEMA, "sets": sets}
                (folder / path).write_text(json.dumps(content, indent=1) + "\n", "utf-8")
                manifest["variants"][variant]["evaluation"] = path
        seal_with_cards(folder, manifest)
        if out.exists():
            shutil.rmtree(out)
        shutil.move(folder, out)
    return Bundle.load(out)


def _read_runs(runs: Sequence[Path]) -> dict[str, tuple[Path, dict[str, Any]]]:
    """Return variant name to run folder and record."""
    records: dict[str, tuple[Path, dict[str, Any]]] = {}
    for run in runs:
        record = read_record(run / "run.json")
        variant = record["config"]["preset"]
        if variant in records:
            msg = f"`RUN` must be of different presets. Received: {variant} twice"
            raise ConfigError(msg, hint="Publish one run of each preset.")
        records[variant] = (run, record)
    return records


class _SharedEngine:
    """Runs each input once, for variants that share a network and a preprocessing."""

    def __init__(self, engine: OpenVinoEngine) -> None:
        self._engine = engine
        self._known: dict[bytes, Float32Array] = {}

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape (height, width, 3) of one input."""
        return self._engine.input_shape

    @property
    def feature_shape(self) -> tuple[int, int, int]:
        """Shape (h, w, c) of one film's feature map."""
        return self._engine.feature_shape

    def run(self, batch: Float32Array) -> Float32Array:
        """Run the network, or return what the same batch gave before."""
        key = hashlib.sha256(batch.tobytes()).digest()
        if key not in self._known:
            self._known[key] = self._engine.run(batch)
        return self._known[key]


def _measure(
    bundle: Bundle,
    records: Mapping[str, tuple[Path, Mapping[str, Any]]],
    evaluate: Mapping[str, Path],
) -> dict[str, dict[str, Any]]:
    """Read every set with every variant through the serving path; check against the runs."""
    figures: dict[str, dict[str, Any]] = {variant: {} for variant in records}
    for title, path in evaluate.items():
        engines = {
            entry.network: _SharedEngine(OpenVinoEngine(bundle.folder / entry.network))
            for entry in bundle.backbones.values()
        }
        for variant, (_, record) in records.items():
            if _is_added(record, path):
                figures[variant][f"{title}, each read by models that never saw its patient"] = (
                    _blind_figures(record, bundle, variant)
                )
                continue
            LOG.info("measuring %s on %s", variant, title)
            members = bundle.variant(variant).members
            predictor = Predictor(
                bundle,
                variant=variant,
                engines={name: engines[member.network] for name, member in members.items()},
            )
            figures[variant][title] = evaluate_folder(predictor, path, on_film=_report(title))
            if title == TEST_SET:
                _check_against_run(record, figures[variant][title])
    return figures


def _is_added(record: Mapping[str, Any], folder: Path) -> bool:
    """Tell whether a set is what the run added to its training films."""
    added = record["sets"].get(ADDED)
    return bool(added) and added["digest"] == data_digest(scan_extra(folder, ADDED).films)


def _blind_figures(record: Mapping[str, Any], bundle: Bundle, variant: str) -> dict[str, Any]:
    """Return the run's cross-validated figures in the form of an evaluation."""
    blind = {system: result["blind"] for system, result in record["systems"].items()}
    confusion = next(iter(blind.values()))["confusion"]
    return {
        "schema": SCHEMA,
        "bundle": {"name": bundle.name, "version": bundle.version},
        "variant": variant,
        "precision": "f32",
        "interval": (
            "counts: Wilson, 95 %, films counted as independent; figures: percentiles of "
            f"{N_RESAMPLES:,} resamples of whole patients, 95 %"
        ),
        "cross_validated": record["config"]["folds"],
        "n_films": record["sets"][ADDED]["n"],
        "n_patients": record["sets"][ADDED]["n_patients"],
        "n_by_class": {label: sum(row.values()) for label, row in confusion.items()},
        "unreadable": [],
        "systems": blind,
        "baselines": {},
    }


def _report(title: str) -> Any:
    """Return a callback that logs how far a measurement is."""

    def report(n_done: int) -> None:
        if n_done % 200 == 0:
            LOG.info("%s: %d films read", title, n_done)

    return report


def _check_against_run(record: Mapping[str, Any], measured: Mapping[str, Any]) -> None:
    """Refuse a bundle that does not give the run's figures on the test films."""
    for system, result in record["systems"].items():
        pairs = {
            "accuracy": ("accuracy", result["test"]["accuracy"]["value"]),
            "macro AUROC": ("macro_auroc", result["test"]["figures"]["macro_auroc"]["value"]),
        }
        for title, (key, expected) in pairs.items():
            found = measured["systems"][system]["figures"][key]["value"]
            if found is None or abs(found - expected) > TOLERANCE:
                msg = (
                    f"{system}: the bundle must give the run's test {title} {expected:.4f}. "
                    f"Received: {found}"
                )
                hint = "Measure on the folder the run was trained with, or train again."
                raise SpecMismatchError(msg, hint=hint)
