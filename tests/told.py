"""A bundle that tells everything a card can say, with figures made up and small enough to check."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from cxr_core.bundle import Bundle, seal
from cxr_core.labels import CLASSES, SYSTEMS
from tests.tiny import CHANNELS, tiny_manifest, write_tiny_bundle

COUNTS = {"COVID19": 4, "NORMAL": 6, "PNEUMONIA": 10}
CONFUSION = {
    "COVID19": {"COVID19": 3, "NORMAL": 0, "PNEUMONIA": 1},
    "NORMAL": {"COVID19": 0, "NORMAL": 5, "PNEUMONIA": 1},
    "PNEUMONIA": {"COVID19": 0, "NORMAL": 2, "PNEUMONIA": 8},
}
COMMAND = "python -m train --preset tiny --data Data --out tiny"
ENVIRONMENT = {
    "python": "3.11.7",
    "machine": "x86_64",
    "packages": {"numpy": "2.4.6"},
    "revision": "0123abc",
}


def share(n_hits, n):
    """A share with an interval of a tenth on each side."""
    if not n:
        return {"value": None, "low": None, "high": None, "n_hits": 0, "n": 0, "reason": "no film"}
    value = n_hits / n
    ends = {"low": max(0.0, value - 0.1), "high": min(1.0, value + 0.1)}
    return {"value": value, **ends, "n_hits": n_hits, "n": n}


def figure(value):
    """A figure with an interval of a hundredth on each side."""
    return {"value": value, "low": value - 0.01, "high": value + 0.01}


def system_figures(*, log_loss=0.5):
    """Figures of all classes together and recall of each."""
    names = {"accuracy": 0.8, "macro_auroc": 0.9, "log_loss": log_loss, "brier": 0.25}
    recalls = {f"recall_{name}": 0.75 for name in CLASSES}
    return {"n": 20, "n_patients": 11, **{k: figure(v) for k, v in {**names, **recalls}.items()}}


def system_result(*, calibrated=True):
    """What one system makes of the test films."""
    called = {c: sum(row[c] for row in CONFUSION.values()) for c in CLASSES}
    found = {
        "n": 20,
        "recall": {c: share(CONFUSION[c][c], COUNTS[c]) for c in CLASSES},
        "precision": {c: share(CONFUSION[c][c], called[c]) for c in CLASSES},
        "called": {c: share(called[c], 20) for c in CLASSES},
        "confusion": CONFUSION,
        "figures": system_figures(),
    }
    return {**found, "calibrated": system_figures(log_loss=0.4)} if calibrated else found


def group(word, n):
    """One group of test films."""
    told = {"accuracy": share(n - 1, n), "false_COVID19": share(1, n)}
    return {
        "group": word,
        "n": n,
        "n_patients": n // 2,
        "systems": dict.fromkeys(SYSTEMS, told),
    }


def evaluation():
    """Test films, and adults without COVID-19 of whom all but one are called COVID-19."""
    about = {
        "bundle": {"name": "told", "version": "1.2"},
        "variant": "tiny",
        "precision": "f32",
        "interval": "counts: Wilson; figures: 2,000 resamples",
        "n_resamples": 2000,
        "seed": 0,
        "patients_from": "manifest",
        "unreadable": [],
    }
    test = {
        **about,
        "films_digest": "f1" * 32,
        "n_films": 20,
        "n_patients": 11,
        "n_by_class": COUNTS,
        "systems": {name: system_result() for name in SYSTEMS},
        "baselines": {"mean": system_result(calibrated=False)},
        "learning_free": {"known_from": "training films", "majority": system_result()},
        "subgroups": {
            "groups": {"source": [group("hospital", 12), group("", 8)]},
            "not_stated": ["view", "age_band"],
        },
    }
    adults = {
        **about,
        "films_digest": "f2" * 32,
        "n_films": 10,
        "n_patients": 7,
        "n_by_class": {"COVID19": 0, "NORMAL": 4, "PNEUMONIA": 6},
        "systems": {name: adult_result() for name in SYSTEMS},
        "baselines": {},
    }
    return {"schema": "cxr-evaluation/2", "sets": {"test": test, "adults without COVID-19": adults}}


def adult_result():
    """What one system makes of adults without COVID-19."""
    return {
        "n": 10,
        "called": {"COVID19": share(9, 10), "NORMAL": share(1, 10), "PNEUMONIA": share(0, 10)},
        "confusion": {
            "COVID19": dict.fromkeys(CLASSES, 0),
            "NORMAL": {"COVID19": 3, "NORMAL": 1, "PNEUMONIA": 0},
            "PNEUMONIA": {"COVID19": 6, "NORMAL": 0, "PNEUMONIA": 0},
        },
        "figures": system_figures(),
    }


def training():
    """What the manifest tells of the run."""
    config = {
        "preset": "tiny",
        "seed": 5,
        "split_seed": 6,
        "defects": ["class and source go together"],
        "class_weights": "inverse",
        "validation": "carved",
        "epochs": 3,
    }
    parts = {"fit": {"COVID19": 12, "NORMAL": 20, "PNEUMONIA": 30}, "test": COUNTS}
    weighted = {"weights": {"vgg16": 1.0}, "weights_chosen_on": "test", "test": system_result()}
    return {
        "preset": "tiny",
        "seed": 5,
        "created": "2026-01-01T00:00:00Z",
        "command": COMMAND,
        "config": config,
        "data": {
            "digest": "d1" * 32,
            "n_unreadable": 1,
            "n_by_part": parts,
            "n_patients_by_part": {"fit": 40, "test": 11},
            "n_leaks": 3,
            "n_dropped": 2,
            "patients_from": "manifest",
        },
        "sets": {"adults": {"n": 10, "n_patients": 7, "n_of_patients_in": {"train": 1}}},
        "baselines": {"weighted_mean": weighted},
        "environment": ENVIRONMENT,
    }


def dataset():
    """What is told of all films; one source is not known to anybody."""
    row = dict(zip(CLASSES, (16, 0, 0), strict=True))
    rest = dict(zip(CLASSES, (0, 26, 40), strict=True))
    return {
        "schema": "cxr-dataset/1",
        "digest": "d1" * 32,
        "n_films": 82,
        "n_unreadable": 1,
        "n_by_split": {"train": {"COVID19": 12, "NORMAL": 20, "PNEUMONIA": 30}, "test": COUNTS},
        "n_by_source": {"kermany-2018": rest, "basement|archive": row},
        "n_by_split_and_source": {
            "train": {"kermany-2018": rest, "basement|archive": row},
            "test": {"kermany-2018": rest},
        },
        "n_by_subtype": {"virus": rest, "not stated": row},
        "n_by_view": {"PA": row, "not stated": rest},
        "n_by_source_and_license": {
            "kermany-2018": {"CC BY 4.0": 66},
            "basement|archive": {"not stated": 16},
        },
        "sizes": {
            "n_distinct": 1,
            "common": [{"width_px": 224, "height_px": 224, "n": 82}],
        },
        "intensity": {"mean_by_class": {"COVID19": 0.5, "NORMAL": 0.4, "PNEUMONIA": 0.45}},
        "patients_from": "manifest",
        "n_patients_all": 51,
        "n_patients": {"train": 40, "test": 11},
        "n_without_patient": {"train": 2, "test": 0},
        "n_duplicates": {"copy": 1, "near_duplicate": 2, "two_classes": 0},
        "n_leaks": {"patient": 0, "copy": 0, "near_duplicate": 3},
    }


def trust():
    """What calibration was fitted to."""
    temperature = {
        "value": 1.5,
        "n": 40,
        "log_loss_before": 0.5,
        "log_loss_held_out": 0.41,
        "note": "",
    }
    conformal = {
        "thresholds": {"0.95": {"COVID19": None, "NORMAL": 0.2, "PNEUMONIA": 0.1}},
        "n_by_class": {"COVID19": 5, "NORMAL": 15, "PNEUMONIA": 20},
    }
    return {
        "about": {
            "n": 40,
            "n_patients": 30,
            "digest": "c1" * 32,
            "heads": "its own",
            "not_calibrated": {"densenet201": "Too few films."},
        },
        "calibration": dict.fromkeys(SYSTEMS[1:], temperature),
        "conformal": dict.fromkeys(SYSTEMS, conformal),
        "gate": None,
    }


GATE_OF_TINY = {
    "sets": [
        {"title": "Normal", "kind": "test", "refused": share(1, 6), "auroc": None},
        {"title": "Photographs", "kind": "far", "refused": share(39, 40), "auroc": 0.9987},
    ],
    "far": {"n_sets": 1, "refused": share(39, 40)},
    "adults": {
        "n": 10,
        "n_refused": 1,
        "n_passed_called_COVID19": 8,
        "system": "ensemble_dense",
    },
    "interval": "Wilson, 95 %.",
    "command": "python -m benchmarks.gate",
}

GATE = {
    "schema": "cxr-gate/1",
    "bundle": {"name": "told", "version": "1.2", "digest": "b" * 64},
    "variants": {"tiny": GATE_OF_TINY},
}


AUDIT = {
    "interval": "2,000 resamples",
    "data": {"digest": "d1" * 32, "n_judged": 20, "n_judged_patients": 11},
    "majority": {
        "n": 20,
        **{n: figure(0.5) for n in ("accuracy", "balanced_accuracy", "macro_auroc")},
    },
    "cues": {
        "file_size": {
            "title": "file size",
            "n": 20,
            "accuracy": figure(0.875),
            "balanced_accuracy": figure(0.7),
            "macro_auroc": {"value": 0.873, "low": None, "high": None},
        },
        "lungs_removed": {"title": "lungs removed", "reason": "No film with plausible lungs."},
    },
    "variants": {
        "tiny": {
            "systems": {
                "vgg16": {
                    "n": 20,
                    **{n: figure(0.8) for n in ("accuracy", "balanced_accuracy", "macro_auroc")},
                }
            }
        }
    },
}


def write_told_bundle(folder: Path, *, audit=None) -> Bundle:
    """Write the tiny bundle with all that can be told of it, but without cards."""
    write_tiny_bundle(folder)
    (folder / "bundle.json").unlink()
    (folder / "MODEL_CARD.md").unlink()
    variant = folder / "variants" / "tiny"
    write_json(variant / "evaluation.json", evaluation())
    write_json(variant / "trust.json", trust())
    save_file({"gate": np.zeros(1, np.float32)}, variant / "trust.safetensors")
    write_json(folder / "dataset.json", dataset())
    write_json(folder / "gate.json", GATE)
    if audit is not None:
        write_json(folder / "audit.json", audit)
    for number, system in enumerate(SYSTEMS):
        record = {
            "n_parameters": 100 + number,
            "n_epochs": 3,
            "chosen_epoch": 2,
            "chosen_by": "loss on the test films",
            "test": {"n": 20},
        }
        if system.startswith("ensemble"):
            gain = {"value": -0.1, "low": -0.2, "high": None}
            record |= {"n_fitted": 62, "fitted_to": "train", "against_mean": {"accuracy": gain}}
        write_json(variant / "runs" / system / "run.json", record)
    return seal(folder, told_manifest())


def told_manifest() -> dict:
    """Return the manifest of the bundle, without hashes."""
    manifest = tiny_manifest(tuple(CHANNELS), ensembles=True)
    manifest["variants"]["tiny"] |= {
        "training": training(),
        "evaluation": "variants/tiny/evaluation.json",
        "trust": "variants/tiny/trust.json",
    }
    made_by = {"publish": {"command": "python -m train publish tiny", "environment": ENVIRONMENT}}
    return {**manifest, "name": "told", "version": "1.2", "made_by": made_by}


def write_json(path: Path, content: object) -> None:
    """Write an object."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")
