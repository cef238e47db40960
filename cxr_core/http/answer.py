"""From a film that was sent to its entry in the answer; the same as `predict --json` prints."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from cxr_core import io
from cxr_core.errors import CxrError
from cxr_core.explain.cam import METHODS, Cam
from cxr_core.http.body import SentFilm
from cxr_core.http.error import film_status
from cxr_core.io import Limits
from cxr_core.predict import Predictor, Reading
from cxr_core.record import error_record, film_record

READ: Final = 200


def read_films(
    predictor: Predictor,
    films: Sequence[SentFilm],
    methods: Sequence[str],
    *,
    limits: Limits,
    networks: AbstractContextManager[object],
    should_stop: Callable[[], bool],
) -> tuple[list[dict[str, Any]], int]:
    """Read films one after the other; one film's error never stops the others.

    Args:
        predictor: The models.
        films: The films.
        methods: Which maps are wanted.
        limits: Largest film.
        networks: Held while the networks run: two films at once hinder each other.
        should_stop: Asked before each film; the rest is not read where nobody waits for it.

    Returns:
        The entries of `results`, and the HTTP status: 200 if some film was read, else that of the
        first one's error.
    """
    results, statuses = [], []
    for film in films:
        if should_stop():
            break
        result, status = _read_film(predictor, film, methods, limits, networks)
        results.append(result)
        statuses.append(status)
    return results, READ if READ in statuses or not statuses else statuses[0]


def _read_film(
    predictor: Predictor,
    film: SentFilm,
    methods: Sequence[str],
    limits: Limits,
    networks: AbstractContextManager[object],
) -> tuple[dict[str, Any], int]:
    """Read one film and make its maps."""
    started = time.perf_counter()
    try:
        radiograph = io.read(film.data, name=film.name, limits=limits)
        read = time.perf_counter()
        with networks:
            reading = predictor.read(radiograph)
    except CxrError as err:
        return error_record(film.name, err), film_status(err, film.data)
    explained = time.perf_counter()
    maps = _maps(predictor, reading, methods)
    now = time.perf_counter()
    timing_ms = {
        **reading.timing_ms,
        "read": (read - started) * 1e3,
        "explain": (now - explained) * 1e3,
        "total": (now - started) * 1e3,
    }
    record = film_record(film.name, reading, timing_ms)
    return ({**record, "maps": maps} if methods else record), READ


def _maps(predictor: Predictor, reading: Reading, methods: Sequence[str]) -> dict[str, Any]:
    """Return maps by system and method, one a class; under `any` where no class takes part."""
    maps: dict[str, Any] = {}
    for system in reading.systems:
        maps[system] = {}
        for method in methods:
            cams = predictor.explain_classes(reading, system, method=method)
            if not METHODS[method].is_class_specific:
                cams = {"any": next(iter(cams.values()))}
            maps[system][method] = {name: _cam(cam) for name, cam in cams.items()}
    return maps


def _cam(cam: Cam) -> dict[str, Any]:
    """Return one map: raw, signed, rows from the top of the film."""
    return {
        "grid": cam.grid.tolist(),
        "score": cam.score,
        "bias": cam.bias,
        "notes": list(cam.notes),
    }
