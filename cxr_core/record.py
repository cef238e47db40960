"""Readings as JSON objects, schema `cxr-prediction/1`; the one place that knows its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cxr_core.errors import CxrError
from cxr_core.labels import CLASSES
from cxr_core.predict import Answer, Predictor, Reading, SystemReading, Trust
from cxr_core.preprocess import Prepared
from cxr_core.radiograph import Notice

SCHEMA: Final = "cxr-prediction/1"
TIMINGS: Final = ("read", "preprocess", "engine", "explain", "total")


def prediction_object(
    predictor: Predictor | None, results: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Wrap the results of several films.

    Args:
        predictor: The models that read them; `None` if they could not be loaded.
        results: Objects of `film_record` and `error_record`.

    Returns:
        The whole object of schema `cxr-prediction/1`. Each system of a result says by its
        `temperature` whether its probabilities are calibrated.
    """
    named = variant = precision = None
    if predictor is not None:
        bundle = predictor.bundle
        named = {"name": bundle.name, "version": bundle.version, "digest": bundle.digest}
        variant, precision = predictor.variant, predictor.precision
    return {
        "schema": SCHEMA,
        "bundle": named,
        "variant": variant,
        "precision": precision,
        "results": list(results),
    }


def film_record(
    file: str,
    reading: Reading,
    timing_ms: Mapping[str, float],
    *,
    error: CxrError | None = None,
) -> dict[str, Any]:
    """Return one film's reading.

    Args:
        file: The film's path as it was given.
        reading: Its reading.
        timing_ms: Milliseconds by part, keys of `TIMINGS`.
        error: What went wrong after the film was read, for example on writing its maps.

    Returns:
        One entry of `results`. A refused film keeps its systems and is marked by its status.
    """
    film = reading.radiograph
    return {
        **_reading_record(file, film.sha256, film.notices, reading.systems, reading.trust),
        "status": reading.status if error is None else "error",
        "error": None if error is None else error.to_dict(),
        "timing_ms": {part: round(timing_ms.get(part, 0.0), 3) for part in TIMINGS},
    }


def answer_record(file: str, prepared: Prepared, answer: Answer) -> dict[str, Any]:
    """Return the answer to one film of many.

    Args:
        file: What the film is called, for example its path below a folder.
        prepared: The film.
        answer: What the systems said of it.

    Returns:
        The same entry as `film_record`, without times: it is equal whenever the film is read.
    """
    return {
        **_reading_record(file, prepared.sha256, prepared.notices, answer.systems, answer.trust),
        "status": answer.status,
    }


def _reading_record(
    file: str,
    sha256: str,
    notices: Sequence[Notice],
    systems: Mapping[str, SystemReading],
    trust: Trust,
) -> dict[str, Any]:
    """Return what is the same however a film was read; status, error and times are filled in."""
    return {
        "file": file,
        "sha256": sha256,
        "status": None,
        "error": None,
        "warnings": [{"code": notice.code, "message": notice.message} for notice in notices],
        "systems": {
            name: {
                "probabilities": dict(zip(CLASSES, system.probs.tolist(), strict=True)),
                "label": system.label,
                "temperature": system.temperature,
                "raw_probabilities": dict(zip(CLASSES, system.raw_probs.tolist(), strict=True)),
            }
            for name, system in systems.items()
        },
        "trust": _trust_record(trust),
        "timing_ms": None,
    }


def error_record(file: str, error: CxrError, *, sha256: str | None = None) -> dict[str, Any]:
    """Return one film's error.

    Args:
        file: The film's path as it was given.
        error: What went wrong.
        sha256: Digest of its bytes, where they could be read.

    Returns:
        One entry of `results`.
    """
    return {
        "file": file,
        "sha256": sha256,
        "status": "error",
        "error": error.to_dict(),
        "warnings": [],
        "systems": {},
        "trust": None,
        "timing_ms": None,
    }


def _trust_record(trust: Trust) -> dict[str, Any]:
    """Return the trust notes; `null` stands for what was not measured."""
    return {
        "out_of_distribution": {
            "score": trust.ood_score,
            "threshold": trust.ood_threshold,
            "verdict": trust.ood_verdict,
        },
        "agreement": trust.agreement,
        "prediction_set": None if trust.prediction_set is None else list(trust.prediction_set),
        "prediction_set_level": trust.set_level,
        "lung_share": dict(trust.lung_share),
    }
