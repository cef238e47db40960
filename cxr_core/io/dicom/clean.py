"""Take out of a DICOM film what tells whose it is: PS3.15's basic profile, and more.

What is kept is decided by `policy.passing_value`; everything else is emptied where the standard
wants the element, and dropped where it does not. Pixels stay as they are, but for comments inside
a codestream and for overlays in unused bits.
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cxr_core import __version__
from cxr_core.io.dicom import codestream, policy, view
from cxr_core.io.dicom.accept import SECONDARY_CAPTURE
from cxr_core.io.dicom.film import read_dicom
from cxr_core.io.dicom.frame import NATIVE
from cxr_core.io.dicom.header import (
    EXPLICIT_LITTLE,
    MAX_ITEMS,
    MAX_SEQUENCE_BYTES,
    OVERLAY_GROUPS,
    Header,
    errors,
    quiet,
)
from cxr_core.io.dicom.layout import Layout
from cxr_core.io.dicom.opening import damaged, parse
from cxr_core.io.limit import LIMITS, Limits
from cxr_core.radiograph import Notice

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

METHOD: Final = f"PS3.15 basic profile; text, private dropped; cxr_core {__version__}"
"""DeidentificationMethod (0012,0063); at most 64 characters."""

TYPE_2: Final = (  # PS3.3 C.7.1.1, C.7.2.1, C.7.3.1, C.7.6.1: there, but may be empty
    *("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID"),
    *("PatientBirthDate", "PatientSex", "SeriesNumber", "InstanceNumber", "PatientOrientation"),
)
TABLE_SEQUENCES: Final = ("ModalityLUTSequence", "VOILUTSequence")
BYTES: Final = (
    *("LUTData", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData"),
    *("BluePaletteColorLookupTableData",),
)
"""Bytes that pass: without them the values of the film have no meaning."""

_UID_KEYWORDS: Final = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_ITEM: Final = 0xFFFEE000


@dataclass
class Pseudonyms:
    """What old identifiers became in one run; forgotten with it.

    Attributes:
        uids: Old to new UID, so that films of a study stay together.
        patients: Old identifier of a patient to the new one, so that nobody is in two sets.
    """

    uids: dict[str, str] = field(default_factory=dict, repr=False)
    patients: dict[str, str] = field(default_factory=dict, repr=False)

    def uid(self, old: str) -> str:
        """Return the new UID for an old one; random, without a trace of the old."""
        from pydicom.uid import generate_uid

        return self.uids.setdefault(old, str(generate_uid(prefix=None)))

    def patient(self, old: str) -> str:
        """Return the new identifier of a patient; random for a patient without one."""
        fresh = f"P{secrets.token_hex(6).upper()}"
        return self.patients.setdefault(old, fresh) if old else fresh


@dataclass(frozen=True, eq=False)
class Cleaned:
    """A film without identifiers.

    Attributes:
        data: The new DICOM file.
        uid: Its new SOP instance UID, a name for the file.
        n_removed: Elements that were dropped or replaced.
        notices: What a person has to check, for example writing in the picture.
    """

    data: bytes = field(repr=False)
    uid: str
    n_removed: int
    notices: tuple[Notice, ...]


def clean(data: bytes, names: Pseudonyms, *, name: str, limits: Limits = LIMITS) -> Cleaned:
    """Return a copy of a film without identifiers.

    Args:
        data: The whole file; a film that `cxr_core.io.read` reads.
        names: What the identifiers of this run became; added to.
        name: File name for messages.
        limits: As for reading.

    Returns:
        The new file. PatientIdentityRemoved is YES, but NO where the file says that text is
        burned into the picture: the standard means the pixels too.

    Raises:
        UnreadableImageError: If the file is damaged.
        ImageTooLargeError: As for reading.
        UnsupportedDicomError: If it is no film, or dicom-anonymizer is not installed.

    References:
        DICOM PS3.15 E.1 and table E.1-1; PS3.3 C.12.1.1.1 for (0012,0062) to (0012,0064).
    """
    film = read_dicom(data, name=name, limits=limits)  # also proves that it can be read at all
    header = parse(data, None, name=name, limits=limits)
    try:
        with quiet():
            layout = Layout.of(header, name, limits)
            kept, n_removed = _kept(header, names)
            is_burned_in = bool(view.is_burned_in(header))
            kept.PixelData = _pixels(header, layout)
            kept["PixelData"].is_undefined_length = header.transfer_syntax not in NATIVE
            _sign(kept, is_removed=not is_burned_in)
            written = _written(kept, header.transfer_syntax)
    except errors():
        raise damaged(data, name) from None
    notices = tuple(n for n in film.notices if n.code in ("burned_in", "border_text"))
    if not notices and "BurnedInAnnotation" not in kept:
        message = "The file does not say whether text is burned into the picture; look at it."
        notices = (Notice("burned_in_unknown", message),)
    return Cleaned(written, str(kept.SOPInstanceUID), n_removed, notices)


def _kept(header: Header, names: Pseudonyms) -> tuple[Dataset, int]:
    """Copy what passes, empty what must be there, replace UIDs and the patient."""
    from pydicom.dataset import Dataset

    old: Any = header.dataset
    kept = Dataset()
    n_removed = 0
    for tag in sorted(old.keys()):
        if not _copy(header, tag, kept, names) and tag != 0x7FE00010:
            n_removed += 1
    for keyword in TYPE_2:
        if keyword not in kept:
            setattr(kept, keyword, None)
    for keyword in _UID_KEYWORDS:
        if keyword not in kept:
            setattr(kept, keyword, names.uid(f"none {secrets.token_hex(8)}"))
    patient = names.patient(header.text("PatientID") or header.text("PatientName"))
    kept.PatientID = patient
    kept.PatientName = patient
    return kept, n_removed


def _copy(header: Header, tag: Any, kept: Dataset, names: Pseudonyms) -> bool:
    """Copy one element if it passes; tell whether it came over as it was."""
    from pydicom.dataelem import DataElement

    raw = header.dataset.get_item(tag)
    if tag.is_private or (isinstance(raw.value, bytes) and len(raw.value) > MAX_SEQUENCE_BYTES):
        return False
    element = header.dataset[tag]
    if element.keyword in TABLE_SEQUENCES:
        kept.add(DataElement(tag, "SQ", [_table(item) for item in element.value[:MAX_ITEMS]]))
        return True
    if element.keyword in BYTES:
        kept.add(element)
        return True
    if str(element.VR) == "UI" and not element.is_empty and tag.group > 2:
        return _copy_uid(element, kept, names)
    passing = policy.passing_value(element)
    if passing is None:
        return False
    value = passing if element.keyword == "Manufacturer" else element.value
    kept.add(DataElement(tag, element.VR, value))
    return bool(value == element.value)


def _copy_uid(element: Any, kept: Dataset, names: Pseudonyms) -> bool:
    """Keep UIDs of the standard, replace all others."""
    from pydicom.dataelem import DataElement

    passing = policy.passing_value(element)
    many = [element.value] if isinstance(element.value, str) else list(element.value)
    new = many if passing is not None else [names.uid(str(uid)) for uid in many]
    kept.add(DataElement(element.tag, "UI", new[0] if len(new) == 1 else new))
    return passing is not None


def _table(item: Dataset) -> Dataset:
    """Copy a lookup table without its explanation."""
    from pydicom.dataset import Dataset

    table = Dataset()
    for keyword in ("LUTDescriptor", "LUTData"):
        if keyword in item:
            table.add(item[keyword])
    return table


def _pixels(header: Header, layout: Layout) -> bytes:
    """Return the pixels as they are, without comments in codestreams or overlays in unused bits."""
    data = header.data("PixelData")
    if header.transfer_syntax not in NATIVE:
        return _without_comments(data)
    has_overlay = any((group, 0x0102) in header.dataset for group in OVERLAY_GROUPS)
    if not has_overlay or not layout.is_grey or layout.stored == layout.allocated:
        return data
    order = "<" if header.is_little_endian else ">"
    values = np.frombuffer(data, f"{order}u{layout.allocated // 8}")
    mask = ((1 << layout.stored) - 1) << (layout.high_bit + 1 - layout.stored)
    cleared: bytes = (values & np.asarray(mask, values.dtype)).astype(values.dtype).tobytes()
    return cleared


def _without_comments(data: bytes) -> bytes:
    """Blank free text in every fragment that begins a codestream; lengths stay the same."""
    blanked = bytearray(data)
    at = 0
    while at + 8 <= len(data):
        group, number, length = struct.unpack_from("<HHI", data, at)
        if group << 16 | number != _ITEM:
            break
        start = at + 8
        for first, last in codestream.comments(data[start : start + length]):
            end = min(start + last, start + length)
            blanked[start + first : end] = bytes(max(end - start - first, 0))
        at = start + length
    return bytes(blanked)


def _sign(kept: Dataset, *, is_removed: bool) -> None:
    """State what was done (PS3.3 C.12.1.1.1)."""
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "113100", "DCM"
    code.CodeMeaning = "Basic Application Confidentiality Profile"
    kept.PatientIdentityRemoved = "YES" if is_removed else "NO"
    kept.DeidentificationMethod = METHOD
    kept.DeidentificationMethodCodeSequence = [code]
    kept.LongitudinalTemporalInformationModified = "REMOVED"


def _written(kept: Dataset, transfer_syntax: str) -> bytes:
    """Return the file, with an empty preamble and a file meta information of our own."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    kept.file_meta = FileMetaDataset()
    kept.file_meta.TransferSyntaxUID = UID(transfer_syntax or EXPLICIT_LITTLE)
    kept.file_meta.MediaStorageSOPClassUID = kept.get("SOPClassUID", UID(SECONDARY_CAPTURE))
    kept.file_meta.MediaStorageSOPInstanceUID = kept.SOPInstanceUID
    stream = BytesIO()
    pydicom.dcmwrite(stream, kept, enforce_file_format=True)
    return stream.getvalue()
