"""What a DICOM header says about how to look at a film: projection, polarity, text in the picture.

The file's own words are compared, never passed on: a series description can hold a name.
"""

from __future__ import annotations

import re
from typing import Final

from cxr_core.io.dicom.header import OVERLAY_GROUPS, Header
from cxr_core.io.dicom.layout import Layout
from cxr_core.radiograph import Notice

FRONTAL_VIEWS: Final = ("PA", "AP", "LLD", "RLD")
"""Terms of ViewPosition (0018,5101) for a frontal beam; the last two are lying on one side."""

LATERAL_VIEWS: Final = ("LL", "RL", "LLO", "RLO", "LAT", "LATERAL", "LPO", "RPO", "LAO", "RAO")
"""Terms for a lateral or an oblique beam; LAT and LATERAL are common though no terms."""

CHEST: Final = ("CHEST", "THORAX", "LUNG", "RIB", "HEART")
"""Beginnings of BodyPartExamined (0018,0015) that fit a chest film."""

_FRONTAL_CODES: Final = frozenset(  # CID 4010 "DX View", SNOMED CT and the older SNOMED RT
    ("399348003", "272479007", "399033003", "R-10206", "R-10214", "R-40888", "R-10202")
)
_LATERAL_CODES: Final = frozenset(
    (
        *("399198007", "399173006", "399067008", "399182000", "399184004", "399236003"),
        *("399038007", "399006002", "399135007", "399356000"),
        *("R-10232", "R-10236", "R-102CD", "R-102C1", "R-10238", "R-10234"),
        *("R-10210", "R-10212", "R-10220", "R-40985"),
    )
)
_LATERAL_WORDS: Final = re.compile(
    r"(?<![A-Z])(LAT|LATERAL|LATERALE|LATERALIS|LL|SEITLICH|SEITL|PROFIL|PERFIL|OBLIQUE)(?![A-Z])"
)
_FRONTAL_WORDS: Final = re.compile(
    r"(?<![A-Z])(PA|AP|P\.A|A\.P|FRONTAL|FRONT|POSTEROANTERIOR|ANTEROPOSTERIOR|FACE)(?![A-Z])"
)
_TEXTS: Final = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")


def is_inverted(header: Header, layout: Layout) -> bool:
    """Tell whether low values are dense.

    Args:
        header: The opened file; call inside `header.quiet`.
        layout: Its layout.

    Returns:
        True for MONOCHROME1 and for PresentationLUTShape INVERSE. A file with both states the same
        inversion twice, as the standard asks (PS3.3 C.8.11.3.1), so it is made once.
    """
    return layout.photometric == "MONOCHROME1" or header.word("PresentationLUTShape") == "INVERSE"


def polarity_notices(header: Header, layout: Layout) -> list[Notice]:
    """Tell of inverted films, and of files that contradict themselves."""
    if not layout.is_grey:
        return []
    shape = header.word("PresentationLUTShape")
    is_first = layout.photometric == "MONOCHROME1"
    contradicts = (is_first and shape == "IDENTITY") or (not is_first and shape == "INVERSE")
    if contradicts:
        message = (
            f"The file says both {layout.photometric} and PresentationLUTShape {shape}, which "
            "exclude each other; it was read as inverted. Air should look dark: check that it does."
        )
        return [Notice("polarity_conflict", message)]
    if is_inverted(header, layout):
        message = "The file stores white as zero (MONOCHROME1); its polarity was respected."
        return [Notice("min_is_white", message)]
    return []


def view_of(header: Header) -> str | None:
    """Return ViewPosition where it is a term, else `None`."""
    view = header.word("ViewPosition")
    return view if view in (*FRONTAL_VIEWS, *LATERAL_VIEWS) else None


def view_notices(header: Header) -> list[Notice]:
    """Tell of lateral views, other parts of the body, and films that do not lie as seen."""
    notices = []
    if _is_lateral(header):
        message = (
            "The file says that this is a lateral or oblique view. The systems know frontal films "
            "only: do not use their scores."
        )
        notices.append(Notice("lateral_view", message))
    part = header.word("BodyPartExamined")
    if part and not part.startswith(CHEST):
        message = (
            "The file says that this film shows another part of the body than the chest. The "
            "systems know chest films only: do not use their scores."
        )
        notices.append(Notice("other_body_part", message))
    return notices + _orientation_notices(header)


def picture_notices(header: Header, layout: Layout) -> list[Notice]:
    """Tell what was left out of the picture, or lost before it was written."""
    notices = []
    if layout.n_frames > 1:
        message = f"The file holds {layout.n_frames:,} frames; only the first was read."
        notices.append(Notice("multi_frame", message))
    if any(_has_overlay(header, group) for group in OVERLAY_GROUPS):
        message = "The file has graphics laid over the film; they were left out."
        notices.append(Notice("overlay_ignored", message))
    if header.word("PresentationIntentType") == "FOR PROCESSING":
        message = (
            "The film is meant for further processing, not for viewing; it will look unlike the "
            "films that the systems know."
        )
        notices.append(Notice("for_processing", message))
    if header.word("LossyImageCompression") == "01":
        ratios = header.numbers("LossyImageCompressionRatio")
        times = f" about {max(ratios):.0f} times" if ratios and max(ratios) >= 1.5 else ""
        message = f"The film was compressed{times} with losses before it was stored."
        notices.append(Notice("lossy", message))
    aspect = header.numbers("PixelAspectRatio")
    if len(aspect) == 2 and min(aspect) > 0 and aspect[0] != aspect[1]:
        message = "The pixels of the film are not square; it is shown and read as if they were."
        notices.append(Notice("pixel_aspect", message))
    return notices


def is_burned_in(header: Header) -> bool | None:
    """Return what BurnedInAnnotation (0028,0301) says; `None` where it says nothing."""
    return {"YES": True, "NO": False}.get(header.word("BurnedInAnnotation") or "")


def _is_lateral(header: Header) -> bool:
    """Ask the view position, then its code, the direction of rows, and last the file's words."""
    view = header.word("ViewPosition")
    if view in LATERAL_VIEWS or view in FRONTAL_VIEWS:
        return view in LATERAL_VIEWS
    codes = {item.text("CodeValue") for item in header.items("ViewCodeSequence")}
    if codes & (_FRONTAL_CODES | _LATERAL_CODES):
        return not codes & _FRONTAL_CODES
    rows = next(iter(header.words("PatientOrientation")), "")
    if rows:
        return rows[0] in "AP"
    text = " ".join(header.text(keyword) for keyword in _TEXTS).upper().replace("_", " ")
    return bool(_LATERAL_WORDS.search(text)) and not _FRONTAL_WORDS.search(text)


def _orientation_notices(header: Header) -> list[Notice]:
    """Compare PatientOrientation (0020,0020) with the usual one: left at the right, feet below."""
    directions = header.words("PatientOrientation")
    if len(directions) != 2 or not all(directions):
        return []
    across, down = directions[0][0], directions[1][0]
    if across in "HF":
        message = "The file says that the film lies on its side; it is shown and read as stored."
        return [Notice("turned", message)]
    notices = []
    if across == "R":
        message = (
            "The file says that the film is mirrored: the patient's right is at the right. It is "
            "shown and read as stored."
        )
        notices.append(Notice("mirrored", message))
    if down == "H":
        message = "The file says that the film is upside down; it is shown and read as stored."
        notices.append(Notice("upside_down", message))
    return notices


def _has_overlay(header: Header, group: int) -> bool:
    """Tell whether an overlay plane has bits, of its own or in unused bits of the pixels."""
    return (group, 0x3000) in header.dataset or (group, 0x0102) in header.dataset
