"""Bytes or files in, `Radiograph` out: sniffing, limits and decoding."""

from cxr_core.io.file import read, read_bytes, read_path
from cxr_core.io.limit import ARCHIVE_LIMITS, LIMITS, ArchiveLimits, Limits

__all__ = [
    "ARCHIVE_LIMITS",
    "LIMITS",
    "ArchiveLimits",
    "Limits",
    "read",
    "read_bytes",
    "read_path",
]
