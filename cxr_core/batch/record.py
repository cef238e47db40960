"""One film of many: an entry of `cxr-prediction/1` without times, so equal whenever it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cxr_core.errors import CxrError
from cxr_core.labels import CLASSES
from cxr_core.record import answer_record, error_record

if TYPE_CHECKING:
    from cxr_core.predict import Answer
    from cxr_core.preprocess import Prepared


@dataclass(frozen=True)
class Record:
    """What is known of one file.

    Attributes:
        content: Entry of `results` of schema `cxr-prediction/1`; never change it.
    """

    content: Mapping[str, Any]

    @classmethod
    def from_answer(cls, file: str, prepared: Prepared, answer: Answer) -> Record:
        """Build the record of a film that was read."""
        return cls(answer_record(file, prepared, answer))

    @classmethod
    def from_error(cls, file: str, error: CxrError, *, sha256: str | None = None) -> Record:
        """Build the record of a file that could not be read."""
        return cls(error_record(file, error, sha256=sha256))

    @property
    def file(self) -> str:
        """What the file is called: as it was named, or its path below the folder or archive."""
        return str(self.content["file"])

    @property
    def sha256(self) -> str | None:
        """Hex digest of the bytes; `None` where they could not be read."""
        digest: str | None = self.content["sha256"]
        return digest

    @property
    def status(self) -> str:
        """`ok`, `refused` or `error`."""
        return str(self.content["status"])

    @property
    def error(self) -> Mapping[str, str] | None:
        """`type`, `message` and `hint` of what went wrong, or `None`."""
        error: Mapping[str, str] | None = self.content["error"]
        return error

    @property
    def warnings(self) -> tuple[str, ...]:
        """Codes of what was changed or looked unusual on reading."""
        return tuple(warning["code"] for warning in self.content["warnings"])

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems that read the film; empty for a file in error."""
        return tuple(self.content["systems"])

    @property
    def trust(self) -> Mapping[str, Any]:
        """Trust notes as in `cxr-prediction/1`; empty for a file in error."""
        trust: Mapping[str, Any] | None = self.content["trust"]
        return trust or {}

    def label(self, system: str) -> str | None:
        """Return the class that a system names, or `None` where it read nothing."""
        entry = self.content["systems"].get(system)
        return None if entry is None else str(entry["label"])

    def probs(self, system: str, *, is_raw: bool = False) -> tuple[float, ...] | None:
        """Return a system's probabilities in class order.

        Args:
            system: System name.
            is_raw: Whether those before calibration are meant.

        Returns:
            One number a class, or `None` where the system read nothing.
        """
        entry = self.content["systems"].get(system)
        if entry is None:
            return None
        by_class = entry["raw_probabilities" if is_raw else "probabilities"]
        return tuple(by_class[name] for name in CLASSES)

    def renamed(self, file: str) -> Record:
        """Return the same record for another file of the same bytes."""
        return Record({**self.content, "file": file})
