"""Decode one frame with GDCM in a process of its own; run as a script.

GDCM ends the whole process on some damaged JPEG Lossless streams (12 of 2,000 mutated frames), so
it must not share one with the dashboard. The frame comes on standard input, its pixels leave on
standard output; nothing is written to disk, no memory image either.
"""

from __future__ import annotations

import sys
from typing import Any

NOT_INSTALLED = 3
REFUSED = 4


def main() -> int:
    """Decode; the arguments are rows, columns, samples, bits allocated, bits, syntax, colours."""
    _write_no_memory_image()
    try:
        import gdcm
    except ImportError:
        return NOT_INSTALLED
    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    rows, columns, samples, allocated, bits = map(int, sys.argv[1:6])
    image = _image(gdcm, sys.stdin.buffer.read(), rows, columns)
    colours = gdcm.PhotometricInterpretation.GetPIType(sys.argv[7])
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(colours))
    if samples > 1:
        image.SetPlanarConfiguration(0)
    syntax = gdcm.TransferSyntax.GetTSType(sys.argv[6])
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    image.SetPixelFormat(gdcm.PixelFormat(samples, allocated, bits, bits - 1, 0))
    pixels = image.GetBuffer()
    if not isinstance(pixels, str):
        return REFUSED
    raw = pixels.encode("utf-8", "surrogateescape")  # GDCM gives a char* as text
    if len(raw) != rows * columns * samples * allocated // 8:
        return REFUSED
    sys.stdout.buffer.write(raw)
    return 0


def _image(gdcm: Any, frame: bytes, rows: int, columns: int) -> Any:
    """Wrap the frame as GDCM wants it."""
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    return image


def _write_no_memory_image() -> None:
    """Forbid core files: an abort would leave the film on disk."""
    try:
        import resource
    except ImportError:  # Windows writes none
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main())
