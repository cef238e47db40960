"""What made an object: software, models and digest, in the words that DICOM has for a device."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cxr_core import APP_TITLE, __version__

if TYPE_CHECKING:
    from cxr_core.provenance import Provenance

MANUFACTURER: Final = f"{APP_TITLE}, research software"
RESEARCH_USE: Final = "Research use only. Not a medical device. Not for diagnosis."

_LONG: Final = 64
_NAMESPACE: Final = uuid.UUID("8dbe4c5e-3a6f-4c5b-b8a5-2f6f34be4d76")


@dataclass(frozen=True)
class Device:
    """The software with one set of models, as General Equipment and as observer of a report.

    Attributes:
        uid: Of the device; the same for the same models, arithmetic and version of the software.
        models: Name and version of the bundle.
        digest: Digest of the bundle, 64 hex digits: the serial number.
        variant: Name of the variant.
        precision: Arithmetic of the networks.
    """

    uid: str
    models: str
    digest: str
    variant: str
    precision: str

    @classmethod
    def of(cls, provenance: Provenance) -> Device:
        """Return the device that made numbers of this provenance."""
        parts = (provenance.digest, provenance.variant, provenance.precision, __version__)
        uid = f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(parts)).int}"
        models = f"{provenance.bundle} {provenance.version}"
        return cls(uid, models, provenance.digest, provenance.variant, provenance.precision)

    def equipment(self) -> dict[str, Any]:
        """Return the arguments of highdicom's objects for the General Equipment module."""
        return {
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": APP_TITLE,
            "device_serial_number": self.digest[:_LONG],
            "software_versions": [
                f"cxr_core {__version__}"[:_LONG],
                f"models {self.models}"[:_LONG],
                f"variant {self.variant} {self.precision}"[:_LONG],
            ],
        }
