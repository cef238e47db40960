"""What is searched for on a server: checked, written as DICOM asks, and matched again."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

from cxr_core.errors import CxrError

if TYPE_CHECKING:
    from cxr_core.io.dicomweb.search import Study

MODALITIES: Final = ("CR", "DX")
"""What chest films are searched by: computed and digital radiography."""

MAX_STUDIES: Final = 500
"""Studies that one search may bring."""

UID: Final = re.compile(r"[0-9][0-9.]{0,63}")
DATE: Final = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)", re.ASCII)

_MAX_TEXT: Final = 64  # PS3.5 table 6.2-1: LO and SH have no more
_ESCAPED: Final = re.compile(r"[^A-Za-z0-9._~*?-]")


class QueryError(CxrError):
    """What is searched for is not written as DICOM asks."""

    default_hint = "Write dates as 2024-01-31, and numbers as the server has them."


@dataclass(frozen=True)
class Query:
    """What to search for; empty parts match everything.

    Attributes:
        date_from: First study date, `YYYYMMDD` or `YYYY-MM-DD`.
        date_to: Last study date.
        modalities: One of `MODALITIES`, or both.
        patient_id: Patient ID as the server has it; `*` and `?` stand for any letters.
        accession: Accession number, likewise.
        study_uid: Study Instance UID.
        limit: Largest number of studies.

    Raises:
        QueryError: If a part is not written as DICOM asks; its value is not repeated.
    """

    date_from: str = field(default="", repr=False)
    date_to: str = field(default="", repr=False)
    modalities: tuple[str, ...] = MODALITIES
    patient_id: str = field(default="", repr=False)
    accession: str = field(default="", repr=False)
    study_uid: str = field(default="", repr=False)
    limit: int = 50

    def __post_init__(self) -> None:
        """Check every part."""
        for name in ("date_from", "date_to"):
            object.__setattr__(self, name, _date(getattr(self, name), name))
        if self.date_from and self.date_to and self.date_from > self.date_to:
            msg = "`date_from` must not be after `date_to`. It is"
            raise QueryError(msg)
        if not self.modalities or set(self.modalities) - set(MODALITIES):
            msg = f"`modalities` must be some of {MODALITIES}. Received: others or none"
            raise QueryError(msg)
        for name in ("patient_id", "accession"):
            text = getattr(self, name).strip()
            if len(text) > _MAX_TEXT or not text.isprintable() or "\\" in text:
                msg = f"`{name}` must be one line of at most {_MAX_TEXT} letters. It is not"
                raise QueryError(msg)
            object.__setattr__(self, name, text)
        if self.study_uid and not UID.fullmatch(self.study_uid):
            raise QueryError("`study_uid` must be numbers with dots between. It is not")
        if not 1 <= self.limit <= MAX_STUDIES:
            msg = f"`limit` must be from 1 to {MAX_STUDIES}. Received: {self.limit}"
            raise QueryError(msg)

    def filters(self) -> dict[str, str]:
        """Return the search without the modality, for QIDO-RS (PS3.18 clause 8.3.4).

        Letters that an address must escape are searched as `?`, which matches any letter: some
        servers, Orthanc's DICOMweb 1.7 among them, look for the escaped text. `matches` does the
        rest.
        """
        dates = f"{self.date_from}-{self.date_to}"
        if self.date_from == self.date_to:
            dates = self.date_from
        parts = {
            "StudyDate": dates,
            "PatientID": _ESCAPED.sub("?", self.patient_id),
            "AccessionNumber": _ESCAPED.sub("?", self.accession),
            "StudyInstanceUID": self.study_uid,
        }
        return {keyword: text for keyword, text in parts.items() if text}

    def matches(self, study: Study) -> bool:
        """Tell whether a study is what was asked for; what the server does not tell is believed.

        Args:
            study: From the server's answer.

        Returns:
            False for another patient or number: some servers ignore what they cannot search by.
        """
        return (
            _is_like(study.patient_id, self.patient_id)
            and _is_like(study.accession, self.accession)
            and study.uid == (self.study_uid or study.uid)
            and not (study.modalities and not set(study.modalities) & set(self.modalities))
        )


def _is_like(text: str, asked: str) -> bool:
    """Match as DICOM does (PS3.4 C.2.2.2.4), whatever the case; no text is believed."""
    if not text or not asked:
        return True
    pattern = re.escape(asked).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(pattern, text, re.IGNORECASE) is not None


def _date(text: str, name: str) -> str:
    """Return a date as DICOM writes it."""
    text = text.strip()
    if not text:
        return ""
    found = DATE.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        return date(*map(int, found.groups())).strftime("%Y%m%d")
    except ValueError:
        msg = f"`{name}` must be a date, as 2024-01-31. It is not"
        raise QueryError(msg) from None
