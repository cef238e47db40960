"""What the manifest and the readings of a study hold, looked at before anything is built on them.

Both may come from anywhere, as a file that a reader opens: whatever is looked up later is here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from cxr_core.batch import Record
from cxr_core.errors import StudyChangedError, StudyError
from cxr_core.labels import CLASSES

SCHEMA: Final = "cxr-reader-study/1"
MANIFEST: Final = "study.json"
READINGS: Final = "readings.json"

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_VERDICTS: Final = ("passed", "refused", "not_run")
_MOST: Final = 1e300


def read_manifest(data: bytes) -> dict[str, Any]:
    """Parse a manifest and check its fields, those of the design apart.

    Args:
        data: The file's bytes.

    Returns:
        The manifest.

    Raises:
        StudyError: If it is none, or one of another version.
        StudyChangedError: If a field is missing or of another kind.
    """
    try:
        manifest = json.loads(data)
        schema = str(manifest["schema"])
    except (ValueError, KeyError, TypeError, RecursionError) as err:
        msg = f"`{MANIFEST}` must be the manifest of a reader study. Received: other content"
        raise StudyError(msg) from err
    if schema != SCHEMA:
        msg = f"`{MANIFEST}` must be of schema {SCHEMA}. Received: {schema[:40]!r}"
        raise StudyError(msg, hint="Open it with the version of the software that made it.")
    if not _is_manifest(manifest):
        msg = (
            f"`{MANIFEST}` must be the manifest of a reader study. "
            "Received: fields are missing or of another kind"
        )
        raise StudyChangedError(msg)
    return dict(manifest)


def read_records(data: bytes | None, digest: str) -> dict[str, Record]:
    """Parse the systems' readings and check what they hold.

    Args:
        data: The file's bytes; `None` where there is none.
        digest: SHA-256 that the manifest names.

    Returns:
        SHA-256 of a film to what the systems say of it.

    Raises:
        StudyChangedError: If it is another file, or does not hold readings of the same systems.
    """
    if data is None or hashlib.sha256(data).hexdigest() != digest:
        msg = f"`{READINGS}` must be the file that the study was made with. Received: another"
        raise StudyChangedError(msg)
    try:
        contents = json.loads(data)
    except (ValueError, RecursionError):
        contents = None
    if not isinstance(contents, dict) or not _are_readings(contents):
        msg = f"`{READINGS}` must hold what the systems say of each film. Received: other content"
        raise StudyChangedError(msg)
    return {film: Record(content) for film, content in contents.items()}


def can_be_shown(system: str, records: Mapping[str, Record], digests: Iterable[str]) -> bool:
    """Tell whether a system's reading of every film is there, so that it can be shown.

    Args:
        system: Name of the system.
        records: SHA-256 to what the systems say.
        digests: SHA-256 of the films.
    """
    return all(digest in records and system in records[digest].systems for digest in digests)


def _is_manifest(manifest: Mapping[str, Any]) -> bool:
    """Tell whether every field is there and of its kind."""
    films, models, source = (manifest.get(name) for name in ("films", "models", "source"))
    return (
        isinstance(manifest.get("design"), dict)
        and isinstance(manifest.get("created"), str)
        and isinstance(manifest.get("readings_sha256"), str)
        and isinstance(source, dict)
        and all(isinstance(value, str) for value in source.values())
        and isinstance(films, list)
        and bool(films)
        and all(map(_is_film, films))
        and len({film["sha256"] for film in films}) == len(films)
        and "models" in manifest
        and (models is None or _are_models(models))
    )


def _is_film(film: object) -> bool:
    """Tell whether an entry is a film of a study."""
    if not isinstance(film, dict) or not isinstance(film.get("sha256"), str):
        return False
    return bool(_DIGEST.fullmatch(film["sha256"])) and film.get("truth", "") in (None, *CLASSES)


def _are_models(models: object) -> bool:
    """Tell whether a field is what `cxr_core.batch.run.about_models` tells; more may be in it."""
    if not isinstance(models, dict) or not isinstance(models.get("bundle"), dict):
        return False
    bundle = models["bundle"]
    named = [models.get("variant"), models.get("precision")]
    named += [bundle.get(name) for name in ("name", "version", "digest")]
    values = [
        inner
        for value in models.values()
        for inner in (value.values() if isinstance(value, dict) else (value,))
    ]
    return (
        all(map(_is_line, named))
        and isinstance(models.get("calibrated", {}), dict)
        and all(map(_is_plain, values))
    )


def _are_readings(contents: Mapping[str, Any]) -> bool:
    """Tell whether contents of records have what a study looks up, all by the same systems."""
    whole = [content for content in contents.values() if _is_reading(content)]
    is_one_set = len({frozenset(content["systems"]) for content in whole}) <= 1
    return is_one_set and len(whole) == len(contents)


def _is_reading(content: object) -> bool:
    """Tell whether the content of a record has what a study looks up."""
    if not isinstance(content, dict) or not isinstance(content.get("systems"), dict):
        return False
    are_systems = all(_is_line(name) and _is_system(it) for name, it in content["systems"].items())
    trust = content.get("trust", ())
    return are_systems and (trust is None or _is_trust(trust))


def _is_system(entry: object) -> bool:
    """Tell whether an entry names a class and gives each one a number."""
    if not isinstance(entry, dict) or not isinstance(entry.get("probabilities"), dict):
        return False
    probs = entry["probabilities"]
    return entry.get("label") in CLASSES and all(_is_number(probs.get(name)) for name in CLASSES)


def _is_trust(trust: object) -> bool:
    """Tell whether an entry holds trust notes."""
    if not isinstance(trust, dict):
        return False
    gate, held = trust.get("out_of_distribution", {}), trust.get("prediction_set")
    numbers = (trust.get("agreement"), trust.get("prediction_set_level"))
    return (
        isinstance(gate, dict)
        and gate.get("verdict", "not_run") in _VERDICTS
        and (held is None or (isinstance(held, list) and all(name in CLASSES for name in held)))
        and all(value is None or _is_number(value) for value in numbers)
    )


def _is_line(value: object) -> bool:
    """Tell whether a value is text of one line that can be shown and written."""
    return isinstance(value, str) and value.isprintable()


def _is_plain(value: object) -> bool:
    """Tell whether a value can be written as JSON again, whatever it means."""
    return value is None or isinstance(value, str | int) or _is_number(value)


def _is_number(value: object) -> bool:
    """Tell whether a value is a finite number that a float can hold."""
    return isinstance(value, int | float) and abs(value) < _MOST
