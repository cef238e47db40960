"""Fit what tells when to believe a bundle, and measure all of it: calibration, sets, gate, figures.

Temperatures, thresholds of prediction sets and the gate are fitted to films that no head and no
network saw: those that a variant's recipe kept apart for calibration. A recipe that kept none apart
(`seed`) borrows them from a *twin*: a run of the same recipe whose heads never saw such films. The
sets that are measured decide nothing.
"""

from __future__ import annotations

import json
import logging
import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cxr_core.audit.overlap import FILE as FINGERPRINTS
from cxr_core.bundle import AUDIT, DATASET, GATE, MANIFEST, Bundle, VariantEntry
from cxr_core.dataset import data_digest, scan, summarise
from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.evaluation import SCHEMA, evaluation_of
from cxr_core.evaluate.reads import FilmList, Reads
from cxr_core.explain.fidelity.published_checks import merge_checks
from cxr_core.trust.calibration import fit_temperature
from cxr_core.trust.conformal import fit_conformal
from cxr_core.trust.film_layout import film_layouts
from cxr_core.trust.gate_fit import fit_gate
from cxr_core.trust.model import TrustModel
from train.card import seal_with_cards
from train.evidence_films import Films, Source, film_set, find_source, is_fitted_to
from train.parts import CALIBRATION, FIT, VALIDATION
from train.run import environment

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Request:
    """What evidence is made from.

    Attributes:
        bundle: Folder of a published bundle; replaced as a whole.
        data: The training folder of its variants.
        cache: Folder of features, shared with training.
        sets: Title to labelled folder of films that are measured and decide nothing.
        twins: Variant to the run whose calibration films it borrows.
        extra: Films that variants with added films were given, or `None`.
        audit: `audit.json` to put into the bundle, or `None` to keep what is there.
        gate_table: `gate.json` to put into the bundle, or `None` to keep what is there.
        fingerprints: `fingerprints.safetensors` of `cxr_core inspect`, likewise.
        map_checks: Files of `explain-check --out`, each of one variant; none to keep what is there.
        n_resamples: Resamples of each interval.
        command: What was typed, stored with the bundle.
    """

    bundle: Path
    data: Path
    cache: Path
    sets: Mapping[str, Path]
    twins: Mapping[str, Path] = field(default_factory=dict)
    extra: Path | None = None
    audit: Path | None = None
    gate_table: Path | None = None
    fingerprints: Path | None = None
    map_checks: Sequence[Path] = ()
    n_resamples: int = 2000
    command: Sequence[str] = ()


def add_evidence(request: Request) -> Bundle:
    """Fit and measure every variant of a bundle, and write what was found into it.

    Args:
        request: What to use.

    Returns:
        The verified bundle, at the same place.

    Raises:
        TrainingDataError: If the training folder is not the one that the variants were trained on.
        ConfigError: If a variant kept no films for calibration and has no twin.
        SpecMismatchError: If a twin is of another recipe or other networks.
    """
    bundle = Bundle.load(request.bundle)
    dataset = scan(request.data)
    films = Films(bundle, request.cache)
    sets = {title: film_set(path, title) for title, path in request.sets.items()}
    found: dict[str, Found] = {}
    for name, variant in bundle.variants.items():
        LOG.info("%s: calibration and refusal", name)
        twin = request.twins.get(name)
        source = find_source(bundle, variant, dataset, twin=twin, extra=request.extra)
        found[name] = fit_trust(films, variant, source, request.data)
        for title, listed in sets.items():
            if not is_fitted_to(variant, listed, request.extra):
                heads = bundle.heads(name)
                found[name].reads[title] = films.read(variant, heads, listed.films, listed.folder)
    return write_evidence(bundle, found, summarise(dataset), request)


@dataclass(frozen=True, eq=False)
class Found:
    """What was found of one variant.

    Attributes:
        trust: Its trust model.
        reads: Title of a set to what its systems say of it.
    """

    trust: TrustModel
    reads: dict[str, Reads]


def fit_trust(films: Films, variant: VariantEntry, source: Source, data: Path) -> Found:
    """Fit temperatures, prediction sets and the gate of one variant.

    Args:
        films: Reads films.
        variant: The variant.
        source: Its calibration films and the heads that never saw them.
        data: The training folder.

    Returns:
        The trust model, and the reads of the calibration films.

    Notes:
        A twin lends its temperatures and no prediction sets: with the limits of its twin, coverage
        by the published heads of `seed` left the exact band in four of 30 cases
        (`python -m benchmarks.calibration`).
    """
    parts = source.parts
    calibration = films.read(variant, source.heads, parts.films[CALIBRATION], data)
    groups = np.array(parts.groups(parts.films[CALIBRATION]), np.int64)
    _, numbers = np.unique(groups, return_inverse=True)
    calibration = replace(calibration, films=replace(calibration.films, patient=numbers))
    temperatures, sets, without = {}, {}, {}
    for system, logits in calibration.logits.items():
        truth, patients = calibration.y_true, calibration.patient
        try:
            temperatures[system] = fit_temperature(logits, truth, patients=patients)
        except NotApplicableError as err:  # the scores stay as they are, and the bundle says why
            without[system] = str(err)
        if not source.is_twin:  # a promise for other heads' scores is none: see Notes
            sets[system] = fit_conformal(calibration.probs(system), truth)
    unseen = [CALIBRATION, *([VALIDATION] if source.validation == "carved" else [])]
    held = [film for part in unseen for film in parts.films[part]]
    fitted = parts.films[FIT]
    layouts = tuple(film_layouts([film.path for film in part]) for part in (fitted, held))
    gate = fit_gate(
        films.read(variant, source.heads, fitted, data),
        films.read(variant, source.heads, held, data),
        lead=TrustModel.lead(variant.systems),
        layouts=(layouts[0], layouts[1]),
    )
    about = {
        "n": len(calibration),
        "n_by_class": calibration.films.n_by_class,
        "n_patients": calibration.films.n_patients,
        "digest": data_digest(parts.films[CALIBRATION]),
        "heads": "a twin's, fitted without these films" if source.is_twin else "its own",
        "is_twin": source.is_twin,
        "gate_films": len(held),
        "not_calibrated": without,
    }
    return Found(TrustModel(temperatures, sets, gate, about), {CALIBRATION: calibration})


def write_evidence(
    bundle: Bundle, found: Mapping[str, Found], summary: Mapping[str, Any], request: Request
) -> Bundle:
    """Write what was found into a copy of the bundle, and put that in its place.

    Args:
        bundle: The bundle.
        found: Variant name to what was found of it.
        summary: What is told of the training folder, for `dataset.json`.
        request: The audit, the gate's table and the checks of maps, if there are any.

    Returns:
        The verified bundle, at the same place.
    """
    manifest = json.loads((bundle.folder / MANIFEST).read_bytes())
    kept = {key: value for key, value in manifest.items() if key not in ("schema", "classes")}
    del kept["files"]
    with tempfile.TemporaryDirectory(dir=bundle.folder.parent, prefix=".publish-") as temporary:
        folder = Path(temporary) / "bundle"
        shutil.copytree(bundle.folder, folder)
        given = {
            AUDIT: request.audit,
            GATE: request.gate_table,
            FINGERPRINTS: request.fingerprints,
        }
        for name, source in given.items():
            if source is not None:
                shutil.copyfile(source, folder / name)
        shutil.rmtree(folder / "reads", ignore_errors=True)
        for name, own in found.items():
            evaluation = evaluate_variant(bundle, name, own, request.n_resamples)
            kept["variants"][name] |= _write_variant(folder, bundle, name, own, evaluation)
        kept["variants"] = _with_map_checks(kept["variants"], folder, bundle, request.map_checks)
        (folder / DATASET).write_text(json.dumps(summary, indent=1) + "\n", "utf-8")
        made = {"command": shlex.join(request.command), "environment": environment()}
        kept["made_by"] = {**kept.get("made_by", {}), "evidence": made}
        seal_with_cards(folder, kept)
        shutil.rmtree(bundle.folder)
        shutil.move(folder, bundle.folder)
    return Bundle.load(bundle.folder)


def evaluate_variant(bundle: Bundle, variant: str, own: Found, n_resamples: int) -> dict[str, Any]:
    """Measure one variant on every set that it read, raw and calibrated.

    Args:
        bundle: The bundle before; sets that only it measured, as by cross-validation, are kept.
        variant: Name of the variant.
        own: What was found of it.
        n_resamples: Resamples of each interval.

    Returns:
        The content of `evaluation.json`.
    """
    sets = dict((bundle.evaluation(variant) or {"sets": {}})["sets"])
    for title, reads in own.reads.items():
        if title == CALIBRATION:
            continue
        LOG.info("%s: figures on %s", variant, title)
        calibrated = {name: own.trust.probs(name, logits) for name, logits in reads.logits.items()}
        about = {
            "bundle": {"name": bundle.name, "version": bundle.version},
            "variant": variant,
            "precision": "f32",
        }
        known = bundle.variant(variant).training["data"]["n_by_part"][FIT]
        sets[title] = evaluation_of(
            reads, calibrated=calibrated, about=about, known=known, n_resamples=n_resamples
        )
    return {"schema": SCHEMA, "sets": sets}


def _write_variant(
    folder: Path, bundle: Bundle, variant: str, own: Found, evaluation: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the files of one variant; return what its part of the manifest says of them."""
    from safetensors.numpy import save

    start = f"variants/{variant}"
    content, arrays = own.trust.to_parts(bundle.fingerprint(variant))
    _write_json(folder / start / "trust.json", content)
    (folder / start / "trust.safetensors").write_bytes(save(arrays))
    _write_json(folder / start / "evaluation.json", _short(evaluation))
    logits = {
        f"{title}/{system}": np.ascontiguousarray(values, np.float32)
        for title, reads in own.reads.items()
        for system, values in reads.logits.items()
    }
    (folder / start / "reads.safetensors").write_bytes(save(logits))
    return {
        "trust": f"{start}/trust.json",
        "evaluation": f"{start}/evaluation.json",
        "reads": f"{start}/reads.safetensors",
        "read_sets": {
            title: _write_films(folder, title, variant, reads.films)
            for title, reads in own.reads.items()
        },
    }


def _with_map_checks(
    variants: Mapping[str, Any], folder: Path, bundle: Bundle, files: Sequence[Path]
) -> dict[str, Any]:
    """Write what checks of maps found; return the manifest's variants with it."""
    checked = [json.loads(path.read_text("utf-8")) for path in files]
    result = {name: dict(entry) for name, entry in variants.items()}
    for name in dict.fromkeys(str(each.get("variant")) for each in checked):
        own = [each for each in checked if each.get("variant") == name]
        path = f"variants/{name}/map_checks.json"
        merged = merge_checks(own, fitted_to=bundle.fingerprint(name))
        _write_json(folder / path, merged)
        result[name]["map_checks"] = path
    return result


def _write_films(folder: Path, title: str, variant: str, films: FilmList) -> str:
    """Write the films of a set, once for all variants that read the same ones; return the path."""
    words = "".join(c if c.isalnum() else " " for c in title).lower().split()
    text = json.dumps(films.to_dict()) + "\n"
    path = f"reads/{'-'.join(words)}.json"
    if (folder / path).is_file() and (folder / path).read_text("utf-8") != text:
        path = f"reads/{'-'.join([*words, variant])}.json"
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_text(text, "utf-8")
    return path


def _short(value: Any) -> Any:
    """Return figures with six significant digits, more than any screen or interval can use."""
    if isinstance(value, Mapping):
        return {key: _short(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_short(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write an object."""
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
