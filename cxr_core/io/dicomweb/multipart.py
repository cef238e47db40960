"""Messages of several parts (RFC 2046, `multipart/related`), taken apart strictly.

A film that was cut off on its way must not be read in part, so a message without its last boundary
is refused, which more lenient readers do not do.
"""

from __future__ import annotations

import secrets
from email.message import Message
from typing import Final

from cxr_core.io.dicomweb.error import ServerReplyError

DICOM_TYPE: Final = "application/dicom"
_MAX_HEADER_BYTES: Final = 8192
_MAX_BOUNDARY: Final = 70  # RFC 2046 clause 5.1.1
_END: Final = b"\r\n\r\n"


def dicom_parts(content_type: str, body: bytes) -> list[bytes]:
    """Return the DICOM files of a reply.

    Args:
        content_type: The reply's Content-Type.
        body: All of it.

    Returns:
        One for each part; the body itself where it is not wrapped (PS3.18 clause 8.7.5 allows
        that for one instance).

    Raises:
        ServerReplyError: If it is of another type, damaged or cut off.
    """
    header = Message()
    header["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    kind = header.get_content_type()
    if kind == DICOM_TYPE:
        return [body]
    boundary = header.get_boundary()
    if kind != "multipart/related" or not boundary or len(boundary) > _MAX_BOUNDARY:
        msg = "The server must answer with DICOM files. Received: another kind of content"
        raise ServerReplyError(msg)
    places = _split(body, boundary.encode("latin-1", "replace"))
    return [_content(body, start, end) for start, end in places]


def wrapped(data: bytes) -> tuple[str, bytes]:
    """Wrap one DICOM file for storing.

    Args:
        data: The file.

    Returns:
        Content-Type and body.
    """
    boundary = secrets.token_hex(16)
    while boundary.encode() in data:  # once in the age of the universe
        boundary = secrets.token_hex(16)
    head = f"--{boundary}\r\nContent-Type: {DICOM_TYPE}\r\n\r\n".encode()
    kind = f'multipart/related; type="{DICOM_TYPE}"; boundary={boundary}'
    return kind, head + data + f"\r\n--{boundary}--\r\n".encode()


def _split(body: bytes, boundary: bytes) -> list[tuple[int, int]]:
    """Return where the parts with their headers lie; the last boundary must be there."""
    mark = b"--" + boundary
    if body.startswith(mark):
        place = len(mark)
    else:
        before = body.find(b"\r\n" + mark)  # a preamble is allowed, and ignored
        if before < 0:
            raise _broken("no boundary")
        place = before + 2 + len(mark)
    parts = []
    while not body.startswith(b"--", place):
        start = body.find(b"\r\n", place, place + _MAX_HEADER_BYTES)
        if start < 0 or body[place:start].strip(b" \t"):
            raise _broken("a boundary that is none")
        end = body.find(b"\r\n" + mark, start)
        if end < 0:
            raise _broken("no end; it was cut off")
        parts.append((start, max(end, start + 2)))
        place = end + 2 + len(mark)
    if not parts:
        raise _broken("no part")
    return parts


def _content(body: bytes, start: int, end: int) -> bytes:
    """Return a part without its headers; it begins with a line end."""
    middle = body.find(_END, start, min(end, start + _MAX_HEADER_BYTES))
    if middle < 0:
        raise _broken("a part without an end of its headers")
    content = body[middle + len(_END) : end]
    for line in body[start:middle].split(b"\r\n"):
        name, _, value = line.partition(b":")
        length = value.strip()
        is_length = name.strip().lower() == b"content-length"
        if is_length and (not length.isdigit() or int(length) != len(content)):
            raise _broken("a part of another length than it says")
    return content


def _broken(what: str) -> ServerReplyError:
    """Say how a message is damaged."""
    msg = f"The server's answer must be whole. Received: a message with {what}"
    return ServerReplyError(msg, hint="Try again; if it stays, look into the server's log.")
