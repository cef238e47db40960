"""From finished runs to a bundle: files, figures through the serving path, model card, hashes."""

from __future__ import annotations

import hashlib
import json
import logging
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.bundle import DATASET, MANIFEST, TRADEOFF, Bundle, seal
from cxr_core.dataset import data_digest
from cxr_core.engine.openvino import OpenVinoEngine
from cxr_core.errors import ConfigError, SpecMismatchError
from cxr_core.evaluate.bootstrap import N_RESAMPLES
from cxr_core.evaluate.evaluation import SCHEMA
from cxr_core.evaluate.folder import evaluate_folder
from cxr_core.labels import ENSEMBLES
from cxr_core.predict import Predictor
from cxr_core.whole_file import replace_folder, write_whole, writing
from train.card import seal_with_cards
from train.export import backbone_digest
from train.material import ADDED
from train.parts import scan_extra
from train.run import FILMS_SUFFIX, environment, network_path, read_record, system_folder

LOG = logging.getLogger(__name__)
TEST_SET: Final = "test"
TOLERANCE: Final = 1e-3
"""Most that the published bundle may differ from its run in test accuracy and macro AUROC."""


@writing("bundle")
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
        manifest = _assemble(records, folder, name=name, version=version, default=default)
        if tradeoff is not None:
            _copy(tradeoff, folder / TRADEOFF)
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
        replace_folder(folder, out)
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


def _assemble(
    records: Mapping[str, tuple[Path, Mapping[str, Any]]],
    folder: Path,
    *,
    name: str,
    version: str,
    default: str,
) -> dict[str, Any]:
    """Copy the runs' files into the bundle's layout; return the manifest without hashes."""
    backbones: dict[str, Any] = {}
    keys: dict[tuple[str, str], str] = {}
    variants = {}
    for variant, (run, record) in records.items():
        used = {
            system: _add_backbone(run, variant, result, folder, backbones, keys)
            for system, result in record["systems"].items()
            if "backbone" in result
        }
        variants[variant] = _add_variant(variant, run, record, folder, used)
    default_run = records[default][0]
    if (default_run / DATASET).is_file():
        _copy(default_run / DATASET, folder / DATASET)
    return {
        "name": name,
        "version": version,
        "created": max(record["created"] for _, record in records.values()),
        "default_variant": default,
        "backbones": backbones,
        "variants": variants,
    }


def _add_backbone(
    run: Path,
    variant: str,
    result: Mapping[str, Any],
    folder: Path,
    backbones: dict[str, Any],
    keys: dict[tuple[str, str], str],
) -> str:
    """Copy a network unless it is there already; return its key in the manifest."""
    backbone = result["backbone"]
    source = network_path(run, backbone)
    identity = (backbone, backbone_digest(source))
    if identity in keys:
        return keys[identity]
    key = backbone if backbone not in backbones else f"{backbone}-{variant}"
    keys[identity] = key
    network = f"backbones/{key}.xml"
    for suffix in (".xml", ".bin"):
        _copy(source.with_suffix(suffix), (folder / network).with_suffix(suffix))
    kept = (
        "feature_layer",
        "feature_shape",
        "weights_origin",
        "compression",
        "public_scaling",
        "is_own",
    )
    entry = {"network": network, **{name: result[name] for name in kept}}
    if key != backbone:
        entry["architecture"] = backbone
    if source.with_suffix(FILMS_SUFFIX).is_file():
        entry["films"] = f"backbones/{key}{FILMS_SUFFIX}"
        _copy(source.with_suffix(FILMS_SUFFIX), folder / entry["films"])
    backbones[key] = entry
    return key


def _add_variant(
    variant: str,
    run: Path,
    record: Mapping[str, Any],
    folder: Path,
    backbones: Mapping[str, str],
) -> dict[str, Any]:
    """Copy one run's heads, ensembles and curves; return its part of the manifest."""
    from safetensors.numpy import load_file, save

    target = folder / "variants" / variant
    arrays: dict[str, dict[str, Any]] = {"heads": {}, "ensembles": {}}
    members = {}
    for system, result in record["systems"].items():
        for file in ("history.csv", "run.json"):
            _copy(system_folder(run, system) / file, target / "runs" / system / file)
        stored = load_file(system_folder(run, system) / "head.safetensors")
        kind = "ensembles" if system in ENSEMBLES else "heads"
        arrays[kind].update({f"{system}/{key}": _halved(array) for key, array in stored.items()})
        if kind == "heads":
            members[system] = {
                "backbone": backbones[system],
                "preprocess": result["preprocess"],
                "pooling": result["pooling"],
            }
    entry: dict[str, Any] = {
        "title": record["config"]["title"],
        "members": members,
        "ensembles": [name for name in ENSEMBLES if name in record["systems"]],
        "heads": f"variants/{variant}/heads.safetensors",
        "training": training_facts(record),
    }
    write_whole(target / "heads.safetensors", save(arrays["heads"]))
    if arrays["ensembles"]:
        write_whole(target / "ensembles.safetensors", save(arrays["ensembles"]))
        entry["ensembles_file"] = f"variants/{variant}/ensembles.safetensors"
        entry["ensemble_members"] = list(members)
    return entry


def training_facts(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a bundle tells of a run, besides what lies in the folders of its systems.

    Args:
        record: The run's record, schema `cxr-run/1`.

    Returns:
        JSON-ready part `training` of a variant's entry in the manifest.
    """
    config = record["config"]
    baselines = {
        name: {key: found[key] for key in ("weights", "weights_chosen_on", "test")}
        for name, found in record["baselines"].items()
    }
    return {
        "preset": config["preset"],
        "seed": config["seed"],
        "created": record["created"],
        "command": record["command"],
        "config": config,
        "data": record["data"],
        "sets": record["sets"],
        "baselines": baselines,
        "environment": record["environment"],
    }


def _halved(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float16] | npt.NDArray[np.float32]:
    """Return the same values in half precision if that has all of them."""
    half = array.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), array) else array


def _copy(source: Path, target: Path) -> None:
    """Copy one file of the run, or say which one is missing."""
    try:
        data = source.read_bytes()
    except OSError as err:
        msg = f"`{source}` must be in the run. Received: {err.strerror}"
        raise SpecMismatchError(msg, hint="Finish the run with `python -m train` first.") from err
    write_whole(target, data)


class _SharedEngine:
    """Runs each input once, for variants that share a network and a preprocessing."""

    def __init__(self, engine: OpenVinoEngine) -> None:
        self._engine = engine
        self._known: dict[bytes, npt.NDArray[np.float32]] = {}

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape (height, width, 3) of one input."""
        return self._engine.input_shape

    @property
    def feature_shape(self) -> tuple[int, int, int]:
        """Shape (h, w, c) of one film's feature map."""
        return self._engine.feature_shape

    def run(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
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
