"""From an opened picture to its channels at full depth."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

import numpy as np
from PIL import Image, ImageFile

from cxr_core.io import codec, grey
from cxr_core.radiograph import Notice

_SAMPLE_FORMAT: Final = 339  # TIFF tag
_TO_MODE: Final = MappingProxyType(
    {
        "1": "L",
        "La": "LA",
        "PA": "RGBA",
        "RGBa": "RGBA",
        "RGBX": "RGB",
        "CMYK": "RGB",
        "YCbCr": "RGB",
        "HSV": "RGB",
    }
)
_LOW_BYTES: Final = MappingProxyType(
    {
        "RGB;16B": "RGB;16L",
        "RGB;16L": "RGB;16B",
        "RGB;16N": "RGB;16B",
        "RGBX;16B": "RGBX;16L",
        "RGBX;16L": "RGBX;16B",
        "RGBX;16N": "RGBX;16B",
        "RGBA;16B": "RGBA;16L",
        "RGBA;16L": "RGBA;16B",
        "RGBA;16N": "RGBA;16B",
    }
)
"""Pillow keeps the high byte of 16-bit colour; the other byte order makes it keep the low one."""


def planes_of(
    opened: ImageFile.ImageFile, data: bytes, container: str
) -> tuple[list[grey.Pixels], grey.Pixels | None, list[Notice]]:
    """Decode into one or three channels and, where there is one, the alpha channel."""
    raw_mode = _raw_mode(opened)
    low = _low_bytes(raw_mode, data, container)
    notices = _mode_notices(opened.mode)
    if low is None and ";16" in raw_mode and not opened.mode.startswith("I"):
        message = "The file has 16 bits per channel, of which the upper 8 were read."
        notices.append(Notice("depth_reduced", message))
    codec.load(opened)
    image = _simplify(opened)
    planes = [_as_array(band, opened) for band in _bands(image)]
    if low is not None:
        planes = _join_bytes(planes, low)
    alpha = planes.pop() if len(planes) in (2, 4) else _key_alpha(planes, image)
    return planes, alpha, notices


def _mode_notices(mode: str) -> list[Notice]:
    """Tell about modes in which depth or colour was lost before the file was written."""
    if mode == "1":
        return [Notice("one_bit", "The file holds only black and white, without any greys.")]
    if mode == "CMYK":
        return [Notice("cmyk", "The film is stored for printing (CMYK); it was converted.")]
    return []


def _simplify(image: Image.Image) -> Image.Image:
    """Convert to one of L, LA, RGB, RGBA, I;16 and its kin, I, F."""
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode == "LAB":
        return image.getchannel("L")
    return image.convert(_TO_MODE[image.mode]) if image.mode in _TO_MODE else image


def _as_array(band: Image.Image, opened: ImageFile.ImageFile) -> grey.Pixels:
    """Return one channel as uint8, uint16 or float32 in native byte order."""
    values: grey.Pixels = np.asarray(band)
    if values.dtype.kind == "i":
        is_unsigned = codec.tiff_tag(opened, _SAMPLE_FORMAT, 1) == 1
        return grey.from_integers(values.view(np.uint32) if is_unsigned else values)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _bands(image: Image.Image) -> Iterator[Image.Image]:
    """Yield the channels one by one, so that only one is held twice."""
    n_bands = len(image.getbands())
    for index in range(n_bands):
        yield image.getchannel(index) if n_bands > 1 else image


def _key_alpha(planes: list[grey.Pixels], image: Image.Image) -> grey.Pixels | None:
    """Turn a transparent grey or colour (PNG tRNS) into an alpha channel."""
    key = image.info.get("transparency")
    keys = key if isinstance(key, tuple) else (key,)
    if len(keys) != len(planes) or not all(isinstance(value, int) for value in keys):
        return None
    is_clear = np.all([plane == value for plane, value in zip(planes, keys, strict=True)], axis=0)
    full = np.iinfo(planes[0].dtype).max
    return np.where(is_clear, 0, full).astype(planes[0].dtype)


def _low_bytes(raw_mode: str, data: bytes, container: str) -> list[grey.Pixels] | None:
    """Decode the low bytes of 16-bit colour, which Pillow's 8-bit channels leave out."""
    if raw_mode == "LA;16B":  # the same four bytes a pixel as 8-bit RGBA
        planes = _decode_as(data, container, "RGBA")
        return [planes[1], planes[1], planes[1], planes[3]]
    if raw_mode not in _LOW_BYTES:
        return None
    return _decode_as(data, container, _LOW_BYTES[raw_mode])


def _raw_mode(opened: ImageFile.ImageFile) -> str:
    """Return Pillow's word for the stored channels, or an empty string."""
    args = opened.tile[0].args if opened.tile else ""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _decode_as(data: bytes, container: str, raw_mode: str) -> list[grey.Pixels]:
    """Decode once more, reading the stored channels in another way."""
    opened = codec.open_header(data, container)
    for index, tile in enumerate(opened.tile):
        args = (raw_mode, *tile.args[1:]) if isinstance(tile.args, tuple) else raw_mode
        opened.tile[index] = tile._replace(args=args)
    codec.load(opened)
    return [np.asarray(band) for band in _bands(opened)]


def _join_bytes(high: list[grey.Pixels], low: list[grey.Pixels]) -> list[grey.Pixels]:
    """Join the high and low bytes of each channel."""
    return [
        (top.astype(np.uint16) << np.uint16(8)) | bottom
        for top, bottom in zip(high, low, strict=True)
    ]
