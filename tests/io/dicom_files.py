"""DICOM films written in the test, so that every element of them is known."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    generate_uid,
)

PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)
JPEG_LOSSLESS = UID("1.2.840.10008.1.2.4.70")


def gradient(shape=(96, 80), bits=12):
    """A film without any symmetry whose values span the bits."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    film = rows * 1.7 + columns * 0.9
    film[: shape[0] // 5, : shape[1] // 3] = film.max()
    film = film / film.max() * ((1 << bits) - 1)
    return np.rint(film).astype(np.uint8 if bits <= 8 else np.uint16)


def dataset(pixels, bits=None, **elements):
    """A CR film of those stored values, with no window; elements of value `None` are left out."""
    pixels = np.asarray(pixels)
    itemsize = pixels.dtype.itemsize
    ds = Dataset()
    ds.SOPClassUID = ComputedRadiographyImageStorage
    ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID = generate_uid()
    ds.SeriesInstanceUID = generate_uid()
    ds.Modality = "CR"
    ds.PatientName, ds.PatientID = "Doe^Jane", "4711"
    ds.SamplesPerPixel = pixels.shape[2] if pixels.ndim == 3 else 1
    ds.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.BitsAllocated = 8 * itemsize
    ds.BitsStored = bits or 8 * itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    data = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OW"
    for keyword, value in elements.items():
        if value is not None:
            setattr(ds, keyword, value)
        elif keyword in ds:
            delattr(ds, keyword)
    return ds


def written(ds, syntax=ExplicitVRLittleEndian, *, has_preamble=True, has_meta=True):
    """The bytes of a file."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", ComputedRadiographyImageStorage)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", generate_uid())
    if has_meta and has_preamble:
        stream = BytesIO()
        pydicom.dcmwrite(stream, ds, enforce_file_format=True)
        return stream.getvalue()
    meta = ds.file_meta
    stream = BytesIO()
    if not has_meta:
        del ds.file_meta
    pydicom.dcmwrite(
        stream,
        ds,
        implicit_vr=syntax.is_implicit_VR,
        little_endian=syntax.is_little_endian,
        enforce_file_format=False,
    )
    ds.file_meta = meta
    data = stream.getvalue()
    return data.removeprefix(bytes(128) + b"DICM")


def big_endian(ds):
    """The same film with its pixels in the other byte order, to be written as big endian."""
    # of 8 bits as OW, pairs of bytes are swapped
    ds.PixelData = np.frombuffer(ds.PixelData, "<u2").byteswap().tobytes()
    return ds


def compressed(ds, syntax, **options):
    """The file with its pixels encoded by pydicom's plugins, Pillow or GDCM."""
    if syntax == JPEGBaseline8Bit:
        return with_frame(ds, jpeg(pixels_of(ds)), syntax)
    if syntax == JPEG_LOSSLESS:
        return jpeg_lossless(written(ds))
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.compress(syntax, generate_instance_uid=False, **options)
    return written(ds, syntax)


def with_frame(ds, frame, syntax):
    """The file with one frame that is encoded already."""
    ds.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return written(ds, syntax)


def jpeg(pixels, **options):
    """Baseline JPEG bytes at the best quality."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=100, subsampling=0, **options)
    return stream.getvalue()


def pixels_of(ds):
    """Stored values of a film in little endian."""
    dtype = {(8, 0): "u1", (16, 0): "<u2", (16, 1): "<i2", (8, 1): "i1"}
    shape = (ds.Rows, ds.Columns, ds.SamplesPerPixel)[: 2 + (ds.SamplesPerPixel > 1)]
    kind = dtype[ds.BitsAllocated, ds.PixelRepresentation]
    n_values = int(np.prod(shape))
    return np.frombuffer(ds.PixelData, kind, n_values).reshape(shape)


_ENCODER = """
import sys, tempfile, os, gdcm
folder = sys.argv[1]
source, target = os.path.join(folder, "in.dcm"), os.path.join(folder, "out.dcm")
reader = gdcm.ImageReader()
reader.SetFileName(source)
assert reader.Read()
change = gdcm.ImageChangeTransferSyntax()
change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
change.SetInput(reader.GetImage())
assert change.Change()
writer = gdcm.ImageWriter()
writer.SetFileName(target)
writer.SetFile(reader.GetFile())
writer.SetImage(change.GetOutput())
assert writer.Write()
"""


def jpeg_lossless(data):
    """The same file as JPEG Lossless, encoded by GDCM in a process of its own."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "in.dcm").write_bytes(data)
        subprocess.run([sys.executable, "-I", "-c", _ENCODER, name], check=True)
        return (Path(name) / "out.dcm").read_bytes()
