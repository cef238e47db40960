"""What is mutated: one small file of each kind, and a bundle without its networks."""

from __future__ import annotations

import json
import shutil
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.uid import (
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from cxr_core.bundle import DEFAULT_BUNDLE, MANIFEST, Bundle, seal
from tests.io.dicom_files import PLAIN, big_endian, compressed, dataset, gradient, written

PACKED = (RLELossless, JPEGBaseline8Bit, JPEGLSLossless, JPEG2000Lossless)
VARIANT = "clean"


def pictures() -> dict[str, bytes]:
    """Every container of plain pictures, grey and colour, 8 and 16 bits."""
    grey = gradient((48, 40), bits=8)
    colour = np.dstack([grey, grey[::-1], grey[:, ::-1]])
    deep = gradient((48, 40), bits=16)
    exif = Image.Exif()
    exif[274], exif[271] = 6, "maker"
    palette = Image.fromarray(colour).quantize(16)
    return {
        "PNG": _saved(grey, "PNG", exif=exif),
        "PNG, 16 bits": _saved(deep, "PNG"),
        "PNG, palette": _saved(palette, "PNG", transparency=0),
        "JPEG": _saved(colour, "JPEG", exif=exif),
        "JPEG, progressive": _saved(grey, "JPEG", progressive=True),
        "JPEG, CMYK": _saved(Image.fromarray(colour).convert("CMYK"), "JPEG"),
        "TIFF, 16 bits": _saved(deep, "TIFF"),
        "TIFF, LZW": _saved(colour, "TIFF", compression="tiff_lzw"),
        "TIFF, deflate": _saved(grey, "TIFF", compression="tiff_adobe_deflate"),
        "TIFF, JPEG": _saved(colour, "TIFF", compression="jpeg"),
        "TIFF, fax": _saved(Image.fromarray(grey > 99), "TIFF", compression="group4"),
        "BMP": _saved(colour, "BMP"),
        "GIF": _saved(grey, "GIF", save_all=True, append_images=[Image.fromarray(255 - grey)]),
        "WebP": _saved(colour, "WebP", exif=exif),
        "WebP, lossless": _saved(colour, "WebP", lossless=True),
    }


def _saved(image: np.ndarray | Image.Image, container: str, **options: object) -> bytes:
    stream = BytesIO()
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    picture.save(stream, container, **options)
    return stream.getvalue()


def dicom_films() -> dict[str, bytes]:
    """A film in every encoding whose decoder runs in the reading process."""
    files = {f"DICOM, {syntax.name}": written(_film(12), syntax) for syntax in PLAIN}
    swapped = written(big_endian(_film(16)), ExplicitVRBigEndian)
    files["DICOM, big endian"] = swapped
    for syntax in PACKED:
        bits = 8 if syntax == JPEGBaseline8Bit else 12
        files[f"DICOM, {syntax.name}"] = compressed(_film(bits), syntax)
    files["DICOM, bare"] = written(_film(12), has_preamble=False, has_meta=False)
    return files


def _film(bits):
    ds = dataset(gradient((48, 40), bits=bits), bits=bits)
    ds.WindowCenter, ds.WindowWidth = [2 ** (bits - 1), 100], [2**bits, 50]
    ds.RescaleSlope, ds.RescaleIntercept = 1, -10
    ds.PatientOrientation = ["L", "F"]
    for number, keyword in enumerate(("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")):
        setattr(ds, keyword, f"2.25.{number + 1}")  # the same bytes in every run
    return ds


def archives() -> dict[str, bytes]:
    """Zip archives of pictures and DICOM: packed, stored, with folders and a comment."""
    entries = {
        "a/film.png": pictures()["PNG"],
        "a/film.dcm": dicom_films()["DICOM, bare"],
        "notes.txt": b"no film",
        "b/film.jpg": pictures()["JPEG"],
    }
    found = {}
    for title, method in (("deflated", zipfile.ZIP_DEFLATED), ("stored", zipfile.ZIP_STORED)):
        stream = BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            archive.comment = b"films"
            archive.mkdir("a")
            for name, data in entries.items():
                archive.writestr(name, data)
        found[f"zip, {title}"] = stream.getvalue()
    return found


def slim_bundle(folder: Path) -> list[str]:
    """Write the published bundle with one variant and without networks; return its paths."""
    published = Bundle.load(DEFAULT_BUNDLE)
    manifest = json.loads((published.folder / MANIFEST).read_bytes())
    for path in published.files:
        if path.startswith(("variants/", "backbones/")) and f"variants/{VARIANT}/" not in path:
            continue
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(published.folder / path, folder / path)
    variant = manifest["variants"][VARIANT]
    used = {member["backbone"] for member in variant["members"].values()}
    manifest["variants"] = {VARIANT: variant}
    manifest["default_variant"] = VARIANT
    manifest["backbones"] = {k: v for k, v in manifest["backbones"].items() if k in used}
    for path in published.files:
        if path.startswith("backbones/"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(b"no network" if path.endswith(".bin") else b"<net/>")
    kept = {key: value for key, value in manifest.items() if key not in ("schema", "classes")}
    del kept["files"]
    bundle = seal(folder, kept)
    for path in (variant["trust"], variant["map_checks"]):
        content = json.loads((folder / path).read_bytes())
        content["fitted_to"] = bundle.fingerprint(VARIANT)
        (folder / path).write_text(json.dumps(content), "utf-8")
    seal(folder, kept)
    return sorted(path for path in (*bundle.files, MANIFEST) if path.endswith((".json", "tensors")))
