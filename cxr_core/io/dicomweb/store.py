"""What a server says of an object that it was given (STOW-RS, PS3.18 clause 10.5)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cxr_core.io.dicomweb.search import text_of

if TYPE_CHECKING:
    from cxr_core.io.dicomweb.transport import Reply

REASONS: Final = MappingProxyType(
    {
        0x0110: "an error while it was processed",
        0x0111: "the server has an object of this number already",
        0x0117: "its number is not valid",
        0x0122: "the server takes no objects of this kind",
        0x0124: "this account may not store it",
        0xA700: "the server has no room",
        0xA900: "its content does not fit its kind",
        0xC000: "the server does not understand it",
        0xC122: "the server does not take its transfer syntax",
        0xC409: "its study or patient contradicts what the server has",
    }
)
"""Failure reasons of PS3.18 table I.2-2 and of PS3.4 annex B, in words."""

_FAILED, _REFERENCED, _OTHER = "00081198", "00081199", "0008119A"
_UID, _REASON, _WARNING = "00081155", "00081197", "00081196"
_UNKNOWN: Final = "the server's answer does not name it: look whether it is there"


@dataclass(frozen=True)
class Stored:
    """What became of one object.

    Attributes:
        is_stored: Whether the server says that it has it.
        words: Why it has not, or what it changed, in words of ours; empty where all is well.
    """

    is_stored: bool
    words: str = ""


def outcome_of(reply: Reply, uid: str) -> Stored:
    """Look an object up in the server's answer.

    Args:
        reply: The answer to storing it alone.
        uid: Its SOP Instance UID.

    Returns:
        Stored only where the answer names it as stored; a status alone is not believed.
    """
    if "json" not in reply.content_type.lower():
        return Stored(is_stored=False, words=_UNKNOWN)
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        return Stored(is_stored=False, words=_UNKNOWN)
    entry = answer[0] if isinstance(answer, list) and answer else answer
    if not isinstance(entry, dict):
        return Stored(is_stored=False, words=_UNKNOWN)
    for item in _items(entry, _FAILED):
        if text_of(item, _UID) == uid or reply.status >= 400:
            return Stored(is_stored=False, words=_reason(text_of(item, _REASON)))
    for item in _items(entry, _OTHER):  # objects that the server could not tell apart
        return Stored(is_stored=False, words=_reason(text_of(item, _REASON)))
    for item in _items(entry, _REFERENCED):
        if text_of(item, _UID) == uid and reply.status < 300:
            changed = "the server changed some of its elements" if text_of(item, _WARNING) else ""
            return Stored(is_stored=True, words=changed)
    return Stored(is_stored=False, words=_UNKNOWN)


def _items(entry: dict[str, Any], tag: str) -> list[Any]:
    """Return the items of a sequence that are objects."""
    element = entry.get(tag)
    value = element.get("Value") if isinstance(element, dict) else None
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]


def _reason(text: str) -> str:
    """Put a failure reason into words."""
    code = int(text) if text.isdecimal() and len(text) < 6 else -1
    if code in REASONS:
        return REASONS[code]
    if code >> 8 == 0xA9:
        return REASONS[0xA900]
    if code >> 12 == 0xC:
        return REASONS[0xC000]
    return f"the server's reason has the number {code}" if code >= 0 else "no reason given"
