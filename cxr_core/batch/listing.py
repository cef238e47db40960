"""A listing in blocks that another machine can read: Arrow tables of places, and back to items."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from cxr_core import errors
from cxr_core.batch.item import BrokenItem, EntryItem, FileItem, Item
from cxr_core.batch.storage import StoredItem
from cxr_core.errors import ArchiveError, CxrError
from cxr_core.io.archive import Archive

_LISTING: Final = pa.schema(
    [
        ("position", pa.int64()),
        ("name", pa.string()),
        ("kind", pa.string()),
        ("place", pa.binary()),
        ("entry", pa.string()),
    ]
)


def listing_blocks(items: Sequence[Item], n_block: int) -> Iterator[pa.Table]:
    """Cut a listing into blocks that another machine can read.

    Args:
        items: From `list_items`.
        n_block: Films a block.

    Yields:
        Columns `position` (in the listing), `name`, `kind`, `place`, `entry`.

    Raises:
        TypeError: If an item lies in this process's memory.
    """
    for start in range(0, len(items), n_block):
        rows = [
            {"position": position, "name": item.name, **_place(item)}
            for position, item in enumerate(items[start : start + n_block], start)
        ]
        yield pa.Table.from_pylist(rows, _LISTING)


def _place(item: Item) -> dict[str, Any]:
    """Say where an item lies, in values."""
    if isinstance(item, FileItem):
        return {"kind": "file", "place": os.fsencode(item.path.absolute()), "entry": None}
    if isinstance(item, StoredItem):
        return {"kind": "stored", "place": item.store.encode(), "entry": item.path}
    if isinstance(item, EntryItem) and item.path is not None:
        entry = json.dumps([item.position, item.archive.entries[item.position].name])
        return {"kind": "entry", "place": os.fsencode(item.path.absolute()), "entry": entry}
    if isinstance(item, BrokenItem):
        error = {"message": str(item.error), "hint": item.error.hint}
        kind = type(item.error).__name__
        return {"kind": "broken", "place": kind.encode(), "entry": json.dumps(error)}
    msg = f"`items` must lie where every machine can read them. Received: {type(item).__name__}"
    raise TypeError(msg)


def listed_items(block: pa.Table) -> Iterator[tuple[int, Item]]:
    """Turn a block of a listing into items again.

    Args:
        block: From `listing_blocks`.

    Yields:
        Position and item. An archive is opened once, and closed when the next one begins.
    """
    archive: Archive | None = None
    opened: bytes | None = None
    try:
        for values in block.to_pylist():
            position, name, place = values["position"], values["name"], values["place"]
            if values["kind"] == "file":
                yield position, FileItem(name, Path(os.fsdecode(place)))
            elif values["kind"] == "stored":
                yield position, StoredItem(name, place.decode(), values["entry"])
            elif values["kind"] == "broken":
                kind: type[CxrError] = getattr(errors, place.decode())
                error = json.loads(values["entry"])
                yield position, BrokenItem(name, kind(error["message"], hint=error["hint"]))
            else:
                try:
                    if place != opened:
                        if archive is not None:
                            archive.close()
                        archive, opened = Archive.from_path(Path(os.fsdecode(place))), place
                    yield position, _entry_item(name, archive, json.loads(values["entry"]))
                except ArchiveError as err:
                    yield position, BrokenItem(name, err)
    finally:
        if archive is not None:
            archive.close()


def _entry_item(name: str, archive: Archive | None, entry: Sequence[Any]) -> Item:
    """Find an entry again, or say that the archive is another one by now."""
    position, expected = entry
    if archive is None or archive.entries[position:][:1] == ():
        found = None
    else:
        found = archive.entries[position].name
    if archive is None or found != expected:
        short = name.rsplit("/", 1)[-1]
        msg = f"An archive must not change while it is read. Received: name={short!r}, changed"
        raise ArchiveError(msg)
    return EntryItem(name, archive, position)
