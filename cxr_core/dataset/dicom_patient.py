"""Who a DICOM film is of, by a word that is good for comparing and tells nothing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Final

from cxr_core.errors import CxrError
from cxr_core.io import LIMITS
from cxr_core.io.sniff import DICOM, sniff

DICOM_HEADERS: Final = "DICOM headers"
"""What told the patients, where this did."""

NOBODY: Final = frozenset(
    {"", "0", "NONE", "NULL", "N/A", "NA", "UNKNOWN", "ANON", "ANONYM", "ANONYMOUS", "ANONYMIZED"}
    | {"ANONYMISED", "REMOVED", "DEIDENTIFIED", "DE-IDENTIFIED", "PATIENT", "PATIENTID", "TEST"}
)
"""Patient IDs, in upper case, that stand for nobody: films that share one may be of anybody."""

_HEAD_BYTES: Final = 4096
_KEY: Final = secrets.token_bytes(32)


def dicom_patient(path: Path) -> str | None:
    """Return a word that is the same for films of one patient.

    Args:
        path: A file.

    Returns:
        A keyed digest (HMAC-SHA256, RFC 2104) of patient ID and issuer; the key is drawn anew by
        every process and never stored, so the word leads back to nobody. `None` where the file is
        not DICOM, cannot be read, or names nobody.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            if sniff(head) != DICOM:
                return None
            data = head + file.read(LIMITS.max_bytes)
    except OSError:
        return None
    return _patient(data)


def _patient(data: bytes) -> str | None:
    """Read two elements and nothing else."""
    from cxr_core.io.dicom.header import quiet
    from cxr_core.io.dicom.opening import load_pydicom, parse

    load_pydicom()
    from pydicom.tag import Tag

    keywords = ("PatientID", "IssuerOfPatientID")
    try:
        header = parse(data, [Tag(keyword) for keyword in keywords], name="film", limits=LIMITS)
    except CxrError:
        return None
    with quiet():
        number, issuer = (header.text(keyword).strip() for keyword in keywords)
    if number.upper() in NOBODY:
        return None
    return hmac.new(_KEY, f"{number}\n{issuer}".encode(), hashlib.sha256).hexdigest()[:32]
