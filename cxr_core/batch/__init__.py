"""Many films: an iterator of records over files, folders and zip archives; tables; resume."""

from cxr_core.batch.item import BytesItem, Item, Listing, list_items
from cxr_core.batch.loader import MemoryStore, Store
from cxr_core.batch.progress import Progress
from cxr_core.batch.record import Record
from cxr_core.batch.scorer import score, score_items

__all__ = [
    "BytesItem",
    "Item",
    "Listing",
    "MemoryStore",
    "Progress",
    "Record",
    "Store",
    "list_items",
    "score",
    "score_items",
]
