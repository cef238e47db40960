"""A film with a name or number in every element that PS3.15 lists, and in many others."""

from __future__ import annotations

from dicomanonymizer.dicomfields_selector import dicom_anonymization_database_selector
from pydicom import config
from pydicom.datadict import dictionary_VR, keyword_dict
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from tests.io.dicom_files import dataset, gradient

NAME, FIRST = "Featherstonehaugh", "Rosalind"
NUMBER, DATE, TIME = "8675309", "19470613", "031415"
UID = "1.2.826.0.1.3680043.2.8675309.1"
PLANTED = (NAME, FIRST, FIRST.upper(), NUMBER, DATE, TIME, "947Y")
"""Texts that must be nowhere."""

VALUES = {
    **dict.fromkeys(("LO", "LT", "SH", "ST", "UC", "UT"), f"{FIRST} {NUMBER}"),
    "PN": f"{NAME}^{FIRST}",
    "DA": DATE,
    "TM": TIME,
    "DT": DATE + TIME,
    "AS": "947Y",
    "UI": UID,
    "IS": NUMBER,
    "DS": NUMBER,
    "AE": FIRST.upper(),
    "CS": FIRST.upper(),
    "UR": f"http://{FIRST}/{NUMBER}",
    "US": 8675,
    "SS": 8675,
    "UL": 8675309,
    "SL": 8675309,
    "FD": 8675309.0,
    "FL": 8675309.0,
    "OB": NAME.encode() + b" ",
    "OW": NAME.encode() + b" ",
    "UN": NAME.encode() + b" ",
    "OF": b"Rosa" * 2,
    "SV": 8675309,
    "UV": 8675309,
}
TEXT = ("LO", "LT", "SH", "ST", "UC", "UT", "PN", "UR", "AE", "CS", "DA", "TM", "DT", "AS", "UI")
KEPT = {"SOPClassUID", "Modality", "PhotometricInterpretation", "SpecificCharacterSet", "PixelData"}


def profile_tags():
    """Single elements that the profile lists."""
    tags = dicom_anonymization_database_selector("dicomfields_2026c")["ALL_TAGS"]
    return sorted({Tag(*tag) for tag in tags if len(tag) == 2})


def planted_film(pixels=None, **elements):
    """The film; `elements` replace what was planted."""
    ds = dataset(gradient((96, 80), bits=12) if pixels is None else pixels, bits=12)
    old = config.settings.writing_validation_mode
    config.settings.writing_validation_mode = config.IGNORE
    try:
        for tag in profile_tags():
            _plant(ds, tag)
        for keyword in keyword_dict:
            tag = Tag(keyword)
            if tag.group > 2 and dictionary_VR(tag) in TEXT and keyword not in KEPT:
                _plant(ds, tag)
    finally:
        config.settings.writing_validation_mode = old
    block = ds.private_block(0x0011, NAME, create=True)
    block.add_new(1, "LO", f"{FIRST} {NUMBER}")
    block.add_new(2, "UN", NAME.encode() + b" ")
    ds.add_new(0x60000010, "US", 96)
    ds.add_new(0x60003000, "OW", NAME.encode() + b" ")
    ds.add_new(0x60004000, "LT", NAME)
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def _plant(ds, tag):
    """Plant something in one element, in an item of a sequence too."""
    try:
        vr = dictionary_VR(tag).split(" or ")[0]
    except KeyError:
        return
    if tag.group in (0, 2) or (tag in ds and tag.group == 0x0028):
        return
    if vr == "SQ":
        item = Dataset()
        item.PatientName = f"{NAME}^{FIRST}"
        item.PatientID = NUMBER
        item.ReferencedSOPInstanceUID = UID
        ds.add_new(tag, "SQ", [item])
    elif vr in VALUES:
        ds.add_new(tag, vr, VALUES[vr])
