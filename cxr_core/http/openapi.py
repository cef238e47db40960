"""The interface in OpenAPI 3.1, made from the names that the code uses."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from cxr_core import APP_TITLE, __version__
from cxr_core.engine.openvino import PRECISIONS
from cxr_core.explain.cam import DEFAULT_METHOD, METHODS
from cxr_core.http import error
from cxr_core.http.body import MULTIPART, RAW_TYPES
from cxr_core.labels import CLASSES, SYSTEMS
from cxr_core.record import SCHEMA, TIMINGS

_NUMBER: Final = {"type": "number"}
_TEXT: Final = {"type": "string"}
_BYTES: Final = {"type": "string", "format": "binary"}
_ERRORS: Final[tuple[type[error.RequestError], ...]] = (
    error.BadRequestError,
    error.UnauthorisedError,
    error.ForbiddenError,
    error.UploadTimeoutError,
    error.TooManyRequestsError,
    error.InternalError,
    error.BusyError,
)
_FILM_ERRORS: Final = {
    error.CONTENT_TOO_LARGE: "The body, a film or its number of pixels is over the limit.",
    error.UNSUPPORTED: "The body, or every film in it, is of a kind that is not read.",
    error.UNPROCESSABLE: "No film could be read: damaged, or not a film; or an unknown option.",
}


@cache
def description() -> dict[str, Any]:
    """Return the description of the interface; never change it.

    Returns:
        An OpenAPI document, JSON-ready.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": APP_TITLE,
            "version": __version__,
            "description": "Five classifiers of chest films side by side. Research use only: not a "
            "medical device, not for diagnosis, treatment or reassurance.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/healthz": {"get": _state("The process lives.", "health", {200: "It does."})},
            "/readyz": {
                "get": _state(
                    "Films can be read: the bundle is verified, its networks are compiled.",
                    "readiness",
                    {200: "They can.", 503: "Not yet, or the models could not be loaded."},
                )
            },
            "/api/predict": {"post": _predict()},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "State": _state_schema(),
                "Prediction": _prediction_schema(),
                "Result": _result_schema(),
                "System": _system_schema(),
                "Map": _map_schema(),
                "Error": _error_schema(),
                "Problem": _object(
                    {"schema": {"const": error.SCHEMA}, "error": _reference("Error")}
                ),
            },
        },
    }


def _predict() -> dict[str, Any]:
    """Describe `POST /api/predict`."""
    options = {
        "variant": {**_TEXT, "description": "Set of heads; the bundle's default if left out."},
        "precision": {**_TEXT, "enum": list(PRECISIONS), "default": PRECISIONS[0]},
        "explain": {
            **_TEXT,
            "description": f"`true` for {DEFAULT_METHOD}, or methods separated by commas: "
            f"{', '.join(METHODS)}.",
        },
    }
    films = {"file": {"type": "array", "items": _BYTES, "description": "Films."}}
    form = {"type": "object", "properties": {**films, **options}, "required": ["file"]}
    content = {MULTIPART: {"schema": form}, **{kind: {"schema": _BYTES} for kind in RAW_TYPES}}
    responses: dict[str, Any] = {
        "200": _answer("Some film was read; `status` of each result says which.", "Prediction")
    }
    for kind in _ERRORS:
        responses[str(kind.status)] = _answer(kind.__doc__ or "", "Problem")
    for status, words in _FILM_ERRORS.items():
        responses[str(status)] = _answer(words, "Prediction", "Problem")
    return {
        "operationId": "predict",
        "summary": "Read films with every system.",
        "security": [{"token": []}, {}],
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in options.items()
        ],
        "requestBody": {"required": True, "content": content},
        "responses": dict(sorted(responses.items())),
    }


def _state(summary: str, name: str, answers: dict[int, str]) -> dict[str, Any]:
    """Describe one of the two states."""
    responses = {str(status): _answer(words, "State") for status, words in answers.items()}
    return {"operationId": name, "summary": summary, "responses": responses}


def _answer(words: str, *schemas: str) -> dict[str, Any]:
    """Describe one answer."""
    references = [_reference(name) for name in schemas]
    schema = references[0] if len(references) == 1 else {"oneOf": references}
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def _reference(name: str) -> dict[str, str]:
    """Point to a schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """Describe an object with these fields and no others."""
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Allow `null` too: not measured, or not there."""
    return {"anyOf": [schema, {"type": "null"}]}


def _map_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Describe an object whose names are open."""
    return {"type": "object", "additionalProperties": schema}


def _state_schema() -> dict[str, Any]:
    """Describe the state of the server."""
    return _object(
        {
            "status": {"enum": ["ok", "loading", "failed"]},
            "version": _TEXT,
            "ready": {"type": "boolean"},
            "bundle": _nullable(_bundle_schema()),
            "variants": {"type": "array", "items": _TEXT},
        }
    )


def _bundle_schema() -> dict[str, Any]:
    """Describe the name of a bundle."""
    return _object({"name": _TEXT, "version": _TEXT, "digest": _TEXT})


def _prediction_schema() -> dict[str, Any]:
    """Describe the answer, the object of `predict --json`."""
    return _object(
        {
            "schema": {"const": SCHEMA},
            "bundle": _bundle_schema(),
            "variant": _TEXT,
            "precision": {"enum": list(PRECISIONS)},
            "results": {"type": "array", "items": _reference("Result")},
        }
    )


def _result_schema() -> dict[str, Any]:
    """Describe one film."""
    notice = _object({"code": _TEXT, "message": _TEXT})
    return _object(
        {
            "file": _TEXT,
            "sha256": _nullable(_TEXT),
            "status": {"enum": ["ok", "refused", "error"]},
            "error": _nullable(_reference("Error")),
            "warnings": {"type": "array", "items": notice},
            "systems": {
                "type": "object",
                "propertyNames": {"enum": list(SYSTEMS)},
                "additionalProperties": _reference("System"),
            },
            "trust": _nullable(_trust_schema()),
            "timing_ms": _nullable(_object(dict.fromkeys(TIMINGS, _NUMBER))),
            "maps": _map_of(_map_of(_map_of(_reference("Map")))),
        },
        optional=("maps",),
    )


def _system_schema() -> dict[str, Any]:
    """Describe what one system says."""
    probabilities = _object({name: {**_NUMBER, "minimum": 0, "maximum": 1} for name in CLASSES})
    return _object(
        {
            "probabilities": probabilities,
            "label": {"enum": list(CLASSES)},
            "temperature": _nullable(_NUMBER),
            "raw_probabilities": probabilities,
        }
    )


def _trust_schema() -> dict[str, Any]:
    """Describe the reasons to believe a film's scores or not."""
    verdict = {"enum": ["passed", "refused", "not_run"]}
    gate = {"score": _nullable(_NUMBER), "threshold": _nullable(_NUMBER), "verdict": verdict}
    classes = {"type": "array", "items": {"enum": list(CLASSES)}}
    return _object(
        {
            "out_of_distribution": _object(gate),
            "agreement": _nullable(_NUMBER),
            "prediction_set": _nullable(classes),
            "prediction_set_level": _nullable(_NUMBER),
            "lung_share": _map_of(_NUMBER),
        }
    )


def _map_schema() -> dict[str, Any]:
    """Describe one map."""
    grid = {
        "type": "array",
        "items": {"type": "array", "items": _NUMBER},
        "description": "Rows from the top of the film, raw and signed.",
    }
    notes = {"type": "array", "items": _TEXT}
    return _object({"grid": grid, "score": _NUMBER, "bias": _nullable(_NUMBER), "notes": notes})


def _error_schema() -> dict[str, Any]:
    """Describe an error."""
    return _object({"type": _TEXT, "message": _TEXT, "hint": _TEXT})
