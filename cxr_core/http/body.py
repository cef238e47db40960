"""From the body of a request to films in memory: bounded while it comes, never written to disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Final

from cxr_core.http.error import (
    BadRequestError,
    BodyTooLargeError,
    UnsupportedBodyError,
    UploadTimeoutError,
)
from cxr_core.http.settings import Settings

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks
    from starlette.datastructures import Headers
    from starlette.requests import Request

MULTIPART: Final = "multipart/form-data"
RAW_TYPES: Final = (
    "application/octet-stream",
    "application/dicom",
    "image/png",
    "image/jpeg",
    "image/tiff",
    "image/bmp",
    "image/webp",
    "image/gif",
)
RAW_NAME: Final = "film"
"""What a film without a file name is called in the answer."""

_MAX_NAME: Final = 255
_MAX_FIELDS: Final = 8
_MAX_FIELD_BYTES: Final = 256


@dataclass(frozen=True)
class SentFilm:
    """One film of a request.

    Attributes:
        name: File name as sent, without folders; it goes back to the client and nowhere else.
        data: Its bytes.
    """

    name: str
    data: bytes


@dataclass(frozen=True)
class Body:
    """What a request brings.

    Attributes:
        films: In the order of the body; at least one.
        fields: Form fields that are no files.
    """

    films: tuple[SentFilm, ...]
    fields: Mapping[str, str] = field(default_factory=dict)


def expected_bytes(headers: Headers, settings: Settings) -> int:
    """Return how many bytes the body may take; refuse it before a byte of it is read.

    Args:
        headers: Of the request.
        settings: The bounds.

    Returns:
        The length that the header states, else the bound for bodies of that type.

    Raises:
        UnsupportedBodyError: If the type is not read, or the body is packed.
        BodyTooLargeError: If the stated length is over the bound.
        BadRequestError: If the stated length is no number, or 0.
    """
    bound = _bound(headers, settings)
    stated = headers.get("content-length")
    if stated is None:
        return bound
    if not (stated.isascii() and stated.isdecimal()):
        msg = "`Content-Length` must be a number."
        raise BadRequestError(msg)
    n_bytes = int(stated)
    if n_bytes > bound:
        raise _too_long(bound)
    if n_bytes == 0:
        msg = "The body must hold a film. Received: an empty body"
        raise BadRequestError(msg)
    return n_bytes


async def read_body(request: Request, settings: Settings) -> Body:
    """Read the body of a request that `expected_bytes` let pass.

    Args:
        request: The request; nothing of it was read yet.
        settings: The bounds.

    Returns:
        Its films and fields.

    Raises:
        BodyTooLargeError: If the body, a film or their number is over its bound.
        BadRequestError: If the body is damaged, cut off, or has no film.
        UploadTimeoutError: If it does not come in time.
    """
    chunks = _bounded(request.stream(), _bound(request.headers, settings))
    try:
        async with asyncio.timeout(settings.upload_s):
            if _type(request.headers) == MULTIPART:
                return await _multipart(request.headers, chunks, settings)
            content = bytearray()  # a list of tiny chunks would take many times their bytes
            async for chunk in chunks:
                content += chunk
    except TimeoutError as err:
        msg = f"The body must come within {settings.upload_s:.0f} seconds."
        raise UploadTimeoutError(msg) from err
    if not content:
        msg = "The body must hold a film. Received: an empty body"
        raise BadRequestError(msg)
    return Body((SentFilm(RAW_NAME, bytes(content)),))


def _type(headers: Headers) -> str:
    """Return the content type without parameters; bytes where there is none."""
    return headers.get("content-type", RAW_TYPES[0]).partition(";")[0].strip().lower()


def _bound(headers: Headers, settings: Settings) -> int:
    """Return the longest body of this type, or refuse the type."""
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        msg = "`Content-Encoding` must be left out: packed bodies are not read."
        raise UnsupportedBodyError(msg)
    kind = _type(headers)
    if kind == MULTIPART:
        return settings.max_body_bytes
    if kind in RAW_TYPES:
        return settings.limits.max_bytes
    msg = f"`Content-Type` must be {MULTIPART} or that of one film."
    raise UnsupportedBodyError(msg)


def _too_long(bound: int) -> BodyTooLargeError:
    """Return the error for a body over its bound."""
    return BodyTooLargeError(f"The body must have at most {bound:,} bytes.")


async def _bounded(chunks: AsyncIterator[bytes], bound: int) -> AsyncIterator[bytes]:
    """Pass chunks on until there are too many bytes."""
    n_bytes = 0
    async for chunk in chunks:
        n_bytes += len(chunk)
        if n_bytes > bound:
            raise _too_long(bound)
        if chunk:
            yield chunk


async def _multipart(headers: Headers, chunks: AsyncIterator[bytes], settings: Settings) -> Body:
    """Take a form apart, chunk by chunk."""
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    _, options = parse_options_header(headers["content-type"])
    parts = _Parts(settings)
    try:
        parser = MultipartParser(options.get(b"boundary", b""), parts.callbacks)
        async for chunk in chunks:
            parser.write(chunk)
        parser.finalize()
    except (FormParserError, ValueError) as err:
        msg = "The body must be multipart/form-data as its header says. Received: something else"
        raise BadRequestError(msg) from err
    return parts.body()


class _Parts:
    """Collects the parts of a form in memory, as the parser calls."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._films: list[SentFilm] = []
        self._fields: dict[str, str] = {}
        self._header: list[bytes] = []
        self._value: list[bytes] = []
        self._disposition = b""
        self._content = bytearray()
        self._file_name: str | None = None
        self._field_name = ""
        self._is_complete = False
        self.callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.append(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.append(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_content,
            "on_part_data": self._take,
            "on_part_end": self._end,
            "on_end": self._complete,
        }

    def body(self) -> Body:
        """Return all parts, or say that there are not all of them."""
        if not self._is_complete:
            msg = "The body must end with its boundary. Received: a body that was cut off"
            raise BadRequestError(msg)
        if not self._films:
            msg = "The body must hold a part with a file name: a film. Received: none"
            raise BadRequestError(msg)
        return Body(tuple(self._films), self._fields)

    def _begin(self) -> None:
        self._disposition = b""
        self._content = bytearray()

    def _end_header(self) -> None:
        if b"".join(self._header).strip().lower() == b"content-disposition":
            self._disposition = b"".join(self._value)
        self._header, self._value = [], []

    def _begin_content(self) -> None:
        """Read the names of the part, and count it."""
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(self._disposition)
        file_name = options.get(b"filename")
        self._file_name = None if file_name is None else file_name.decode("utf-8", "replace")
        self._field_name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._file_name is not None and len(self._films) >= self._settings.max_films:
            msg = f"A request may hold {self._settings.max_films} films."
            raise BodyTooLargeError(msg)
        if self._file_name is None and len(self._fields) >= _MAX_FIELDS:
            msg = f"A request may hold {_MAX_FIELDS} fields that are no files."
            raise BadRequestError(msg)

    def _take(self, data: bytes, start: int, end: int) -> None:
        """Keep content; a film that is too long ends here, before the rest of it comes."""
        self._content += data[start:end]
        n_bytes = len(self._content)
        if self._file_name is None and n_bytes > _MAX_FIELD_BYTES:
            msg = f"A field that is no file may have {_MAX_FIELD_BYTES} bytes."
            raise BadRequestError(msg)
        if n_bytes > self._settings.limits.max_bytes:
            msg = f"A film must have at most {self._settings.limits.max_bytes:,} bytes."
            raise BodyTooLargeError(msg)

    def _end(self) -> None:
        content, self._content = bytes(self._content), bytearray()
        if self._file_name is not None:
            self._films.append(SentFilm(_shown_name(self._file_name), content))
        elif self._field_name in self._fields:
            msg = "A field must be given once."
            raise BadRequestError(msg)
        else:
            self._fields[self._field_name] = content.decode("utf-8", "replace")

    def _complete(self) -> None:
        self._is_complete = True


def _shown_name(name: str) -> str:
    """Drop folders and what cannot be printed from a file name."""
    base = PureWindowsPath(name).name
    return "".join(c for c in base if c.isprintable())[:_MAX_NAME] or RAW_NAME
