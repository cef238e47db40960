"""Bytes or files in, `Radiograph` out: sniffing, limits and decoding."""

from cxr_core.io.file import read, read_path
from cxr_core.io.limit import LIMITS, Limits

__all__ = ["LIMITS", "Limits", "read", "read_path"]
