"""A DICOM file to the same `Radiograph` that a picture gives."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from cxr_core.errors import ImageTooLargeError
from cxr_core.io import grey
from cxr_core.io.dicom import accept, view
from cxr_core.io.dicom.border_text import has_border_text
from cxr_core.io.dicom.frame import read_frame, syntax_words
from cxr_core.io.dicom.header import Header, errors, quiet
from cxr_core.io.dicom.layout import COLOURS, PALETTE, Layout, refusal
from cxr_core.io.dicom.opening import damaged, open_header
from cxr_core.io.dicom.tone import Tone, tone_of
from cxr_core.io.limit import Limits
from cxr_core.io.sniff import DICOM
from cxr_core.radiograph import DicomFacts, Notice, Radiograph


def read_dicom(data: bytes, *, name: str, limits: Limits) -> Radiograph:
    """Read one film from the bytes of a DICOM file.

    What the networks see is what a viewer shows: the film through the first table or window of the
    file, its polarity respected (`Radiograph.image`). A picture exported from such a viewer reads
    like the file it came from. `Radiograph.pixels` keeps the values at full depth.

    Args:
        data: The whole file, with or without preamble.
        name: File name for messages and display, without folders.
        limits: Largest film that is decoded.

    Returns:
        The film, its first frame; nothing that tells whose it is.

    Raises:
        ImageTooLargeError: If the header declares too many pixels, or memory does not suffice.
        UnsupportedDicomError: If the object is no film, or its pixels are of a kind not read.
        UnreadableImageError: If the file is damaged.
    """
    header = open_header(data, name=name, limits=limits)
    try:
        return _film(header, data, name, limits)
    except MemoryError as err:
        msg = f"`data` must hold a film that fits into memory. Received: name={name!r}"
        raise ImageTooLargeError(msg) from err
    except errors():
        raise damaged(data, name) from None  # messages of codecs may quote the file


def _film(header: Header, data: bytes, name: str, limits: Limits) -> Radiograph:
    """Check, decode, bring to its scale, and look at it."""
    with quiet():
        notices = accept.check_kind(header, name)
        if "FloatPixelData" in header or "DoubleFloatPixelData" in header:
            raise refusal("pixels that are fractions (a map of values, not a film)", name)
        if "PixelData" not in header:
            if accept.promises_picture(header):
                msg = "no pixels"
                raise ValueError(msg)
            raise accept.no_picture(header, name)
        layout = Layout.of(header, name, limits)
        notices += view.view_notices(header) + view.polarity_notices(header, layout)
        notices += view.picture_notices(header, layout)
        is_inverted = layout.is_grey and view.is_inverted(header, layout)
        is_burned_in = view.is_burned_in(header)
    stored, bits = read_frame(header, layout, name)
    with quiet():
        if layout.is_grey:
            tone = tone_of(header, layout, stored, bits, is_inverted=is_inverted)
        else:
            tone = _from_colours(header, layout, stored, bits)
        facts = DicomFacts(
            modality=header.word("Modality"),  # a known one, or it would have been refused
            view=view.view_of(header),
            bits_stored=bits,
            transfer_syntax=syntax_words(header.transfer_syntax),
            photometric=layout.photometric,
            is_rescaled=tone.is_rescaled,
        )
    tone.pixels.flags.writeable = False
    film = Radiograph(
        pixels=tone.pixels,
        black=tone.black,
        white=tone.white,
        is_inverted=is_inverted,
        name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        source_format=DICOM,
        notices=(*notices, *tone.notices, *grey.look(tone.pixels)),
        windows=tone.windows,
        dicom=facts,
    )
    return _with_text_notice(film, is_burned_in=is_burned_in)


def _from_colours(header: Header, layout: Layout, stored: npt.NDArray[Any], bits: int) -> Tone:
    """Reduce colours to brightness, as for a picture (see `grey.merge`)."""
    if layout.photometric == PALETTE:
        from pydicom.pixels.processing import apply_color_lut

        stored = apply_color_lut(stored, header.dataset)
        bits = 8 * stored.dtype.itemsize
    elif layout.photometric not in COLOURS:
        msg = "no colours"
        raise ValueError(msg)
    dtype = np.uint8 if bits <= 8 else np.uint16
    planes = [np.ascontiguousarray(stored[..., channel], dtype) for channel in range(3)]
    merged, notices = grey.merge(planes)
    return Tone(merged, 0.0, float((1 << bits) - 1), (), tuple(notices))


def _with_text_notice(film: Radiograph, *, is_burned_in: bool | None) -> Radiograph:
    """Tell of writing in the picture, which no header tells a name from."""
    if is_burned_in:
        message = "The file says that text is burned into the picture; it may name the patient."
        code = "burned_in"
    elif has_border_text(film.image):
        message = "Something at the border of the film looks like writing; it may name the patient."
        code = "border_text"
    else:
        return film
    from dataclasses import replace

    return replace(film, notices=(*film.notices, Notice(code, message)))
