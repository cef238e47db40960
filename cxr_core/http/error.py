"""What can be wrong with a request, each with its HTTP status; films have their own errors."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from cxr_core.errors import CxrError, ImageTooLargeError, UnreadableImageError
from cxr_core.io.sniff import sniff

SCHEMA: Final = "cxr-error/1"
CONTENT_TOO_LARGE, UNSUPPORTED, UNPROCESSABLE = 413, 415, 422


class RequestError(CxrError):
    """The request cannot be served.

    Attributes:
        status: HTTP status.
        headers: Sent with the answer.
    """

    status: ClassVar[int] = 400
    headers: ClassVar[dict[str, str]] = {}
    default_hint = "Compare the request with docs/http.md."


class BadRequestError(RequestError):
    """The request is not well-formed, or has no film in it."""


class UnauthorisedError(RequestError):
    """No token, or a wrong one."""

    status = 401
    headers = {"WWW-Authenticate": 'Bearer realm="cxr"'}
    default_hint = "Send the header `Authorization: Bearer` with the token of this server."


class ForbiddenError(RequestError):
    """A page of another site sent the request."""

    status = 403
    default_hint = "Call this interface from a program, or set a token and use a proxy of your own."


class UnknownPathError(RequestError):
    """There is nothing at this address."""

    status = 404
    default_hint = "The addresses are /healthz, /readyz, /api/predict and /api/openapi.json."


class WrongMethodError(RequestError):
    """The address takes another method."""

    status = 405


class UploadTimeoutError(RequestError):
    """The body did not come in time."""

    status = 408
    default_hint = "Send smaller requests, or one film at a time."


class BodyTooLargeError(RequestError):
    """The body, or the number of films in it, is over the limit; the rest of it was not read."""

    status = CONTENT_TOO_LARGE
    default_hint = "Send fewer or smaller films at a time; `score` reads whole folders."


class UnsupportedBodyError(RequestError):
    """The body is of a type that is not read."""

    status = UNSUPPORTED
    default_hint = (
        "Send multipart/form-data, or the bytes of one film as application/octet-stream, "
        "application/dicom or image/png, image/jpeg, image/tiff, image/bmp, image/webp."
    )


class UnknownOptionError(RequestError):
    """An option has a value that this server does not know."""

    status = UNPROCESSABLE


class TooManyRequestsError(RequestError):
    """This client has too many requests under way."""

    status = 429
    headers = {"Retry-After": "2"}
    default_hint = "Wait for some of your requests to end, then send the next."


class BusyError(RequestError):
    """The server has as many requests as it takes."""

    status = 503
    headers = {"Retry-After": "5"}
    default_hint = "Try again in a few seconds."


class NotReadyError(BusyError):
    """The models are not loaded yet, or could not be loaded."""


class OffError(RequestError):
    """The interface is switched off in this process."""

    status = 404
    default_hint = "Set CXR_API_TOKEN where the server starts, or start `python -m cxr_core serve`."


class InternalError(RequestError):
    """Something is wrong with this server; it does not say what."""

    status = 500
    default_hint = "Try again; if it stays, tell whoever runs this server the time of the request."


def error_object(error: CxrError) -> dict[str, Any]:
    """Return the body of an answer to a request that was not served.

    Args:
        error: What is wrong.

    Returns:
        An object of schema `cxr-error/1`.
    """
    return {"schema": SCHEMA, "error": error.to_dict()}


def film_status(error: CxrError, data: bytes) -> int:
    """Return the HTTP status that stands for a film which could not be read.

    Args:
        error: Why not.
        data: Its bytes.

    Returns:
        413 too large, 415 no picture and no DICOM by content, 422 damaged or not a film.
    """
    if isinstance(error, ImageTooLargeError):
        return CONTENT_TOO_LARGE
    if isinstance(error, UnreadableImageError) and sniff(data) is None:
        return UNSUPPORTED
    return UNPROCESSABLE
