"""The codes of a report: standard ones where they say what is meant, and a scheme of our own.

Standard codes that were left aside, and why: (111047, DCM, "Probability of cancer") is of cancer;
(111012, DCM, "Certainty of Finding") is of a finding that a device has marked, in percent; (122157,
DCM, "Probability") alone does not say of what, and three of it in one group would be told apart by
a modifier only, which readers that keep name and value drop. So each class has a name of its own
here, and the standard codes stand beside it as modifiers. There is no standard code for the class
NORMAL: it means neither of the other two, never a film without findings.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple


class Code(NamedTuple):
    """A coded concept: value, scheme and meaning, at most 16, 16 and 64 characters."""

    value: str
    scheme: str
    meaning: str


SCHEME: Final = "99CXRROOM"
"""Designator of our own scheme; 99 marks private ones (PS3.16, chapter 8)."""

SCHEME_VERSION: Final = "1"
SCHEME_UID: Final = "2.25.188408278843202964503780402374410650166"


def _own(value: str, meaning: str) -> Code:
    """Return a code of our own scheme."""
    return Code(value, SCHEME, meaning)


PROBABILITY_OF: Final = MappingProxyType(
    {
        "COVID19": _own("P-COVID19", "Probability of the class COVID-19"),
        "NORMAL": _own("P-NORMAL", "Probability of the class Normal"),
        "PNEUMONIA": _own("P-PNEUMONIA", "Probability of the class Pneumonia"),
    }
)
"""Class name to the name of its probability."""

CLASS_OF: Final = MappingProxyType(
    {
        "COVID19": Code("840539006", "SCT", "COVID-19"),
        "NORMAL": _own("NORMAL", "Neither of the other two classes"),
        "PNEUMONIA": Code("233604007", "SCT", "Pneumonia"),
    }
)
"""Class name to what the class is named after; it says nothing of a patient by itself."""

CLASS: Final = _own("CLASS", "Class of the classifier")
HIGHEST: Final = _own("HIGHEST", "Class with the highest probability")
CALIBRATED: Final = _own("CALIBRATED", "Softmax after temperature scaling")
RAW: Final = _own("RAW", "Softmax, not calibrated")

GATE: Final = _own("GATE", "Refusal gate: is the film like the training films")
GATE_VERDICT: Final = MappingProxyType(
    {
        "passed": _own("GATE-PASSED", "Passed: like the training films"),
        "refused": _own("GATE-REFUSED", "Refused: unlike them, do not believe the scores"),
        "not_run": _own("GATE-NOT-RUN", "Not run"),
    }
)
"""Verdict of `cxr_core.predict.Trust` to its code."""

GATE_DISTANCE: Final = _own("GATE-DISTANCE", "Distance from the training films")
GATE_LIMIT: Final = _own("GATE-LIMIT", "Distance from which a film is refused")
AGREEMENT: Final = _own("AGREEMENT", "Share of the systems that name the commonest class")
REMAINS: Final = _own("REMAINS", "Class that cannot be excluded")
NONE_REMAINS: Final = _own("NONE", "No class: like none of the three")
SET_LEVEL: Final = _own("SET-LEVEL", "Share of films whose class remains, by design")

QUANTITY: Final = Code("246205007", "SCT", "Quantity")
PROBABILITY: Final = Code("122157", "DCM", "Probability")
METHOD: Final = Code("370129005", "SCT", "Measurement Method")
COMMENT: Final = Code("121106", "DCM", "Comment")
NO_UNITS: Final = Code("1", "UCUM", "no units")
RADIOGRAPHY: Final = Code("168537006", "SCT", "Plain radiography")
SOURCE_IMAGE: Final = Code("121322", "DCM", "Source image for image processing operation")

OWN_CODES: Final = (
    *PROBABILITY_OF.values(),
    *(code for code in CLASS_OF.values() if code.scheme == SCHEME),
    *(CLASS, HIGHEST, CALIBRATED, RAW, GATE, *GATE_VERDICT.values(), GATE_DISTANCE, GATE_LIMIT),
    *(AGREEMENT, REMAINS, NONE_REMAINS, SET_LEVEL),
)
"""All codes of our own scheme; `docs/dicom-out.md` lists them."""
