"""Pillow's readers, called by container: header, pixels and tags, without warnings.

Not through `Image.open`: the container is known, and the limit on pixels is then ours alone,
whatever a program has set in `PIL.Image.MAX_IMAGE_PIXELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from io import BytesIO
from types import MappingProxyType
from typing import Any, Final

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from cxr_core.io.quiet import quiet as quiet_modules

_OPENERS: Final[Mapping[str, Callable[[BytesIO], ImageFile.ImageFile]]] = MappingProxyType(
    {
        "PNG": PngImagePlugin.PngImageFile,
        "JPEG": JpegImagePlugin.jpeg_factory,
        "TIFF": TiffImagePlugin.TiffImageFile,
        "BMP": BmpImagePlugin.BmpImageFile,
        "WebP": WebPImagePlugin.WebPImageFile,
        "GIF": GifImagePlugin.GifImageFile,
    }
)


def quiet() -> AbstractContextManager[None]:
    """Silence Pillow's own warnings."""
    return quiet_modules(r"PIL\.")


def open_header(data: bytes, container: str) -> ImageFile.ImageFile:
    """Read the header only."""
    with quiet():
        return _OPENERS[container](BytesIO(data))


def load(opened: ImageFile.ImageFile) -> None:
    """Decode the pixels; only TIFF reads tags, and so may warn, at this point."""
    if isinstance(opened, TiffImagePlugin.TiffImageFile):
        with quiet():
            opened.load()
    else:
        opened.load()


def tiff_tag(opened: ImageFile.ImageFile, tag: int, default: Any) -> Any:
    """Return a TIFF tag, or `default` for other containers; the first where it is a tuple."""
    if not isinstance(opened, TiffImagePlugin.TiffImageFile):
        return default
    with quiet():
        value = opened.tag_v2.get(tag, default)
    return value[0] if isinstance(value, tuple) and value else value
