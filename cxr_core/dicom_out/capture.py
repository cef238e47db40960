"""Secondary Captures: a film with a map drawn on it, and a film that was no DICOM object yet.

References:
    DICOM PS3.3 A.8.1 (Secondary Capture Image IOD), C.8.6 and C.7.6.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from cxr_core.array import ByteArray
from cxr_core.dicom_out import code
from cxr_core.dicom_out.device import RESEARCH_USE, Device
from cxr_core.dicom_out.study import new_uid
from cxr_core.explain.overlay import caption
from cxr_core.io.dicom.view import CHEST

if TYPE_CHECKING:
    from highdicom.sc import SCImage
    from pydicom.dataset import Dataset

    from cxr_core.explain.cam import Cam
    from cxr_core.radiograph import Radiograph

OVERLAY_SERIES: Final = 9901
OVERLAY_TITLE: Final = "Films with heatmaps, research use only"
FILM_SERIES: Final = 9900
FILM_TITLE: Final = "Film, written by research software"
_WORKSTATION: Final = "WSD"
_LOSSY: Final = (
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)
_JPEG_METHOD: Final = "ISO_10918_1"


def overlay_capture(
    reference: Dataset,
    picture: ByteArray,
    cam: Cam,
    device: Device,
    *,
    series_uid: str,
    number: int,
) -> SCImage:
    """Return a picture with a map on it as an object of the film's study.

    Args:
        reference: The film: patient, study and UIDs (`cxr_core.dicom_out.study`).
        picture: Shape (h, w, 3), uint8 RGB.
        cam: The map in it.
        device: The models that made it.
        series_uid: Series that it belongs to.
        number: Its number in the series, from 1.

    Returns:
        A new Secondary Capture that names the film as its source.
    """
    capture = _capture(
        reference,
        picture,
        "RGB",
        device,
        series_instance_uid=series_uid,
        series_number=OVERLAY_SERIES,
        series_description=OVERLAY_TITLE,
        instance_number=number,
    )
    capture.ImageComments = f"{caption(cam)}. {RESEARCH_USE}"
    capture.DerivationDescription = (
        f"{caption(cam)}; models {device.models}, digest {device.digest}, variant {device.variant}"
    )
    capture.SourceImageSequence = [_source_item(reference)]
    return capture


def film_capture(reference: Dataset, radiograph: Radiograph, device: Device) -> SCImage:
    """Return a film as an object of its own, for the others to refer to.

    Args:
        reference: Patient and study, and the UIDs that the film is to have.
        radiograph: The film. It is written as the networks saw it, bright = dense, in 8 bits where
            it was stored in 8, else in 16, with a window over the whole range.
        device: The software that writes it.

    Returns:
        A new Secondary Capture with the UIDs of `reference`.
    """
    pixels, top = _grey(radiograph)
    capture = _capture(
        reference,
        pixels,
        "MONOCHROME2",
        device,
        series_instance_uid=reference.SeriesInstanceUID,
        series_number=FILM_SERIES,
        series_description=FILM_TITLE,
        sop_instance_uid=reference.SOPInstanceUID,
        instance_number=1,
    )
    capture.WindowCenter, capture.WindowWidth = (top + 1) / 2, top + 1
    if radiograph.source_format == "JPEG":
        capture.LossyImageCompression = "01"
        capture.LossyImageCompressionMethod = _JPEG_METHOD
    return capture


def _grey(radiograph: Radiograph) -> tuple[npt.NDArray[Any], int]:
    """Return a film as whole numbers, and the number for white."""
    top, dtype = (255, np.uint8) if radiograph.pixels.dtype == np.uint8 else (65535, np.uint16)
    return np.rint(radiograph.image.astype(np.float64) * top).astype(dtype), top


def _capture(
    reference: Dataset, pixels: npt.NDArray[Any], photometric: str, device: Device, **named: Any
) -> SCImage:
    """Return a Secondary Capture in the study of a film, not yet with its patient."""
    from highdicom.sc import SCImage

    named.setdefault("sop_instance_uid", new_uid())
    capture = SCImage(
        pixel_array=pixels,
        photometric_interpretation=photometric,
        bits_allocated=8 * pixels.dtype.itemsize,
        coordinate_system="PATIENT",
        study_instance_uid=reference.StudyInstanceUID,
        patient_orientation=("L", "F"),  # highdicom wants one; the film's own follows
        **device.equipment(),
        **named,
    )
    capture.PatientOrientation = reference.get("PatientOrientation")
    if _is_paired(reference):
        capture.Laterality = reference.get("Laterality")
    capture.ConversionType = _WORKSTATION
    for keyword in ("BurnedInAnnotation", "BodyPartExamined", *_LOSSY):
        if keyword in reference:
            setattr(capture, keyword, reference.get(keyword))
    return capture


def _is_paired(reference: Dataset) -> bool:
    """Tell whether the side has to be told (PS3.3 C.7.3.1): not of a chest, there is one."""
    return not str(reference.get("BodyPartExamined", "")).startswith(CHEST)


def _source_item(reference: Dataset) -> Dataset:
    """Name the film that a picture was made from (PS3.3 C.12.4)."""
    from highdicom.sr import CodedConcept
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID = reference.SOPClassUID
    item.ReferencedSOPInstanceUID = reference.SOPInstanceUID
    if int(reference.get("NumberOfFrames") or 1) > 1:
        item.ReferencedFrameNumber = 1
    item.PurposeOfReferenceCodeSequence = [CodedConcept(*code.SOURCE_IMAGE)]
    return item
