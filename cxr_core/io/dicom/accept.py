"""Which DICOM objects are read as a chest film, and what the others are called."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from cxr_core.errors import UnsupportedDicomError
from cxr_core.io.dicom.header import Header, uid_words
from cxr_core.radiograph import Notice

FILM_MODALITIES: Final = MappingProxyType(
    {
        "CR": "computed radiography",
        "DX": "digital radiography",
        "RG": "radiographic film",
        "RF": "radiofluoroscopy",
        "SC": "secondary capture",
    }
)
"""Modality (0028,0060) to words; chest films come from these."""

OTHER_MODALITIES: Final = MappingProxyType(
    {
        "OT": "an unnamed device",
        "XC": "a camera",
        "IO": "intra-oral radiography",
        "HC": "hard copy",
        "DF": "digital fluoroscopy",
        "XA": "X-ray angiography",
    }
)
"""Modalities that can carry a scanned or a photographed film; read, with a notice."""

REFUSED_MODALITIES: Final = MappingProxyType(
    {
        "CT": "a CT image",
        "MR": "an MR image",
        "US": "an ultrasound image",
        "NM": "a nuclear medicine image",
        "PT": "a PET image",
        "MG": "a mammogram",
        "PX": "a panoramic dental film",
        "BMD": "a bone densitometry image",
        "ES": "an endoscopic image",
        "GM": "a microscopic image",
        "SM": "a slide microscopy image",
        "OP": "an ophthalmic photograph",
        "OPT": "an optical coherence tomogram",
        "OCT": "an optical coherence tomogram",
        "IVUS": "an intravascular ultrasound image",
        "ECG": "an electrocardiogram",
        "SR": "a structured report",
        "PR": "a presentation state",
        "KO": "a list of key objects",
        "SEG": "a segmentation",
        "REG": "a registration",
        "DOC": "a document",
        "AU": "a sound recording",
        "RTIMAGE": "a radiotherapy image",
        "RTDOSE": "a radiotherapy dose",
        "RTPLAN": "a radiotherapy plan",
        "RTSTRUCT": "a radiotherapy structure set",
        "PLAN": "a plan",
        "SMR": "a stereometric relationship",
    }
)
"""Modalities that are no film, in words for the message."""

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
SECONDARY_CAPTURE: Final = f"{_STORAGE}7"
_FILM_CLASSES: Final = (  # PS3.4 B.5, UIDs below `_STORAGE`
    "1",  # Computed Radiography
    "1.1",  # Digital X-Ray, for presentation
    "1.1.1",  # Digital X-Ray, for processing
    "1.3",  # Digital Intra-Oral X-Ray, for presentation
    "1.3.1",  # Digital Intra-Oral X-Ray, for processing
    "7",  # Secondary Capture
    "7.1",  # Multi-frame single bit Secondary Capture
    "7.2",  # Multi-frame grayscale byte Secondary Capture
    "7.3",  # Multi-frame grayscale word Secondary Capture
    "7.4",  # Multi-frame true color Secondary Capture
    "12.1",  # X-Ray Angiographic
    "12.1.1",  # Enhanced XA
    "12.2",  # X-Ray Radiofluoroscopic
    "12.2.1",  # Enhanced XRF
    "77.1.4",  # VL photographic
)
_HINT: Final = "Choose the frontal chest film of the study (CR or DX)."


def check_kind(header: Header, name: str) -> list[Notice]:
    """Refuse what is no film, by name; tell of kinds that seldom are one.

    Args:
        header: The opened file.
        name: File name for the message.

    Returns:
        Notices; empty for CR, DX, RG, RF and SC.

    Raises:
        UnsupportedDicomError: If the modality or the class of the object is not that of a film.
    """
    modality = header.word("Modality") or ""
    if modality in REFUSED_MODALITIES:
        what = f"{REFUSED_MODALITIES[modality]} (modality {modality})"
        raise _refusal(what, name)
    sop_class = header.text("SOPClassUID")
    if sop_class and not _may_be_film_class(sop_class):
        raise _refusal(_class_words(sop_class), name)
    if modality in FILM_MODALITIES:
        return []
    if not modality:
        message = "The file does not say what kind of picture it is; it was read as a chest film."
        return [Notice("unknown_modality", message)]
    if modality not in OTHER_MODALITIES:
        raise _refusal("an object of a modality that is not known to hold films", name)
    message = (
        f"The picture comes from {OTHER_MODALITIES[modality]} (modality {modality}), which seldom "
        "makes chest films."
    )
    return [Notice("unusual_modality", message)]


def promises_picture(header: Header) -> bool:
    """Tell whether a file without pixels should have some, and so is cut short."""
    return is_film_class(header.text("SOPClassUID")) or "Rows" in header or not len(header.dataset)


def is_film_class(sop_class: str) -> bool:
    """Tell whether a UID is that of a standard class that can hold a film."""
    return sop_class.startswith(_STORAGE) and sop_class.removeprefix(_STORAGE) in _FILM_CLASSES


def no_picture(header: Header, name: str) -> UnsupportedDicomError:
    """Return the error for an object without pixels."""
    sop_class = header.text("SOPClassUID")
    what = _class_words(sop_class) if sop_class else "an object"
    return _refusal(f"{what} without a picture", name)


def _may_be_film_class(sop_class: str) -> bool:
    """Tell classes of films; a private class says nothing against the modality."""
    return not sop_class.startswith("1.2.840.10008.") or is_film_class(sop_class)


def _class_words(sop_class: str) -> str:
    """Return the registered name of a class; never the UID itself, which could be a private one."""
    words = uid_words(sop_class)
    return f"“{words}”" if words else "an object of an unknown class"


def _refusal(what: str, name: str) -> UnsupportedDicomError:
    """Return the error for an object that is no film."""
    msg = f"`data` must be a radiograph (CR, DX, RG, RF or SC). Received: name={name!r}, {what}"
    return UnsupportedDicomError(msg, hint=_HINT)
