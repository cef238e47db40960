"""What the systems say of one film as a Comprehensive SR, template 1500 (Measurement Report).

First a measurement group for the film: the verdict of the refusal gate, agreement, classes that
cannot be excluded. Then one for each system with a probability for each class. No group has a
finding: a probability of 0.01 must not stand in a list of findings.

References:
    DICOM PS3.16, TID 1500, 1501, 300, 4019, 1002, 1004, 1600; PS3.3 A.35.3 and C.17.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cxr_core import APP_TITLE
from cxr_core.dicom_out import code
from cxr_core.dicom_out.device import MANUFACTURER, RESEARCH_USE, Device
from cxr_core.dicom_out.study import new_uid
from cxr_core.labels import CLASSES, SYSTEMS, system_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from highdicom.sr import (
        AlgorithmIdentification,
        CodedConcept,
        ComprehensiveSR,
        ContentItem,
        Measurement,
        MeasurementsAndQualitativeEvaluations,
        QualitativeEvaluation,
    )
    from pydicom.dataset import Dataset

    from cxr_core.dicom_out.code import Code
    from cxr_core.predict import Reading, SystemReading, Trust

SERIES_NUMBER: Final = 9902
SERIES_TITLE: Final = "Probabilities by classifiers, research use only"
COMMENT: Final = (
    f"{RESEARCH_USE} Normal means neither of the other two classes, never that the film is clear. "
    "A high probability may come from the source of the film, not from disease."
)
FILM: Final = "Film"
"""Tracking identifier of the group that is about all systems; the others carry a system's name."""


def structured_report(reference: Dataset, reading: Reading, device: Device) -> ComprehensiveSR:
    """Return what the systems say of a film.

    Args:
        reference: The film it is about, from `cxr_core.dicom_out.study`.
        reading: What the systems say; its probabilities are written as they are, calibrated or not,
            and each says which.
        device: The models that said it.

    Returns:
        A new object in the study of the film, in a series of its own. It is UNVERIFIED and
        PRELIMINARY; it is COMPLETE where all five systems were read and the refusal gate was run,
        else PARTIAL.

    Notes:
        Call it inside `cxr_core.dicom_out.export.silent`: highdicom's log names UIDs.
    """
    from highdicom.sr import ComprehensiveSR

    return ComprehensiveSR(
        evidence=[reference],
        content=_content(reference, reading, device)[0],
        series_instance_uid=new_uid(),
        series_number=SERIES_NUMBER,
        series_description=SERIES_TITLE,
        sop_instance_uid=new_uid(),
        instance_number=1,
        is_complete=is_complete(reading),
        is_final=False,
        is_verified=False,
        coding_schemes=[_scheme()],
        **device.equipment(),
    )


def is_complete(reading: Reading) -> bool:
    """Tell whether a report holds all that it is meant to hold.

    Args:
        reading: What the systems say.

    Returns:
        True where all five systems were read and the gate was run, whatever it said.
    """
    return set(SYSTEMS) <= set(reading.systems) and reading.trust.ood_verdict != "not_run"


def _content(reference: Dataset, reading: Reading, device: Device) -> Any:
    """Return the tree: who observed, which image, a group for the film, one for each system."""
    from highdicom.sr import (
        DeviceObserverIdentifyingAttributes,
        MeasurementReport,
        ObservationContext,
        ObserverContext,
    )
    from pydicom.sr.codedict import codes

    observer = DeviceObserverIdentifyingAttributes(
        uid=device.uid,
        name=APP_TITLE,
        manufacturer_name=MANUFACTURER,
        model_name=f"{device.models}, variant {device.variant}",
        serial_number=device.digest,
    )
    groups = [_system_group(reference, system, device) for system in reading.systems.values()]
    return MeasurementReport(
        observation_context=ObservationContext(
            observer_device_context=ObserverContext(codes.DCM.Device, observer)
        ),
        procedure_reported=_concept(code.RADIOGRAPHY),
        imaging_measurements=[_film_group(reference, reading, device), *groups],
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=[_in_library(reference)],
    )


def _in_library(reference: Dataset) -> Dataset:
    """Return the film as the image library is to describe it (TID 1602, 1603).

    For projection radiographs highdicom wants orientation and spacing, which many films lack: those
    are described by their size alone.
    """
    from pydicom.dataset import Dataset

    described = Dataset()
    described.update(reference)
    has_all = len(reference.get("PatientOrientation") or ()) == 2 and reference.get(
        "ImagerPixelSpacing"
    )
    if not has_all:
        described.Modality = ""
    return described


def _system_group(
    reference: Dataset, system: SystemReading, device: Device
) -> MeasurementsAndQualitativeEvaluations:
    """Return one system's probabilities and the class with the highest."""
    said = "not calibrated" if system.temperature is None else f"temperature {system.temperature}"
    return _group(
        reference,
        system_title(system.name),
        _algorithm(system_title(system.name), device, said),
        [
            _probability(name, float(probability), is_calibrated=system.temperature is not None)
            for name, probability in zip(CLASSES, system.probs, strict=True)
        ],
        [_evaluation(code.HIGHEST, code.CLASS_OF[system.label])],
    )


def _film_group(
    reference: Dataset, reading: Reading, device: Device
) -> MeasurementsAndQualitativeEvaluations:
    """Return what is known of believing the scores, and the sentence that must not be missed."""
    trust = reading.trust
    figures = {
        code.GATE_DISTANCE: trust.ood_score,
        code.GATE_LIMIT: trust.ood_threshold,
        code.AGREEMENT: trust.agreement,
        code.SET_LEVEL: trust.set_level,
    }
    evaluations = [_evaluation(code.GATE, code.GATE_VERDICT[trust.ood_verdict])]
    evaluations += [_evaluation(code.REMAINS, value) for value in _remaining(trust)]
    group = _group(
        reference,
        FILM,
        _algorithm(APP_TITLE, device),
        [_measurement(name, value) for name, value in figures.items() if value is not None],
        evaluations,
    )
    group[0].ContentSequence.append(_comment())
    return group


def _remaining(trust: Trust) -> tuple[Code, ...]:
    """Return the classes that cannot be excluded; nothing where no set was calibrated."""
    if trust.prediction_set is None:
        return ()
    return tuple(code.CLASS_OF[name] for name in trust.prediction_set) or (code.NONE_REMAINS,)


def _group(
    reference: Dataset,
    title: str,
    algorithm: AlgorithmIdentification,
    measurements: Sequence[Measurement],
    evaluations: Sequence[QualitativeEvaluation],
) -> MeasurementsAndQualitativeEvaluations:
    """Return a measurement group on the whole film (TID 1501)."""
    from highdicom.sr import (
        MeasurementsAndQualitativeEvaluations,
        SourceImageForMeasurementGroup,
        TrackingIdentifier,
    )

    frames = [1] if int(reference.get("NumberOfFrames") or 1) > 1 else None
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=new_uid(), identifier=title),
        algorithm_id=algorithm,
        measurements=measurements,
        qualitative_evaluations=evaluations,
        source_images=[
            SourceImageForMeasurementGroup(
                reference.SOPClassUID, reference.SOPInstanceUID, referenced_frame_numbers=frames
            )
        ],
    )


def _algorithm(name: str, device: Device, *more: str) -> AlgorithmIdentification:
    """Return what computed a group (TID 4019)."""
    from highdicom.sr import AlgorithmIdentification

    parameters = [f"bundle digest {device.digest}", f"variant {device.variant}", device.precision]
    return AlgorithmIdentification(
        name=name, version=device.models, parameters=[*parameters, *more]
    )


def _probability(class_name: str, probability: float, *, is_calibrated: bool) -> Measurement:
    """Return one probability, with what it is, of which class, and how it was come by (TID 300)."""
    method = code.CALIBRATED if is_calibrated else code.RAW
    return _measurement(
        code.PROBABILITY_OF[class_name],
        probability,
        (
            (code.QUANTITY, code.PROBABILITY),
            (code.CLASS, code.CLASS_OF[class_name]),
            (code.METHOD, method),
        ),
    )


def _measurement(
    name: Code, value: float, modifiers: Sequence[tuple[Code, Code]] = ()
) -> Measurement:
    """Return a number without a unit, its modifiers in the order of the template."""
    from highdicom.sr import (
        CodeContentItem,
        ContentSequence,
        Measurement,
        RelationshipTypeValues,
    )

    measurement = Measurement(name=_concept(name), value=float(value), unit=_concept(code.NO_UNITS))
    items: list[ContentItem] = [
        CodeContentItem(
            name=_concept(kind),
            value=_concept(of),
            relationship_type=RelationshipTypeValues.HAS_CONCEPT_MOD,
        )
        for kind, of in modifiers
    ]
    if items:
        measurement[0].ContentSequence = ContentSequence(items)
    return measurement


def _evaluation(name: Code, value: Code) -> QualitativeEvaluation:
    """Return a coded answer."""
    from highdicom.sr import QualitativeEvaluation

    return QualitativeEvaluation(name=_concept(name), value=_concept(value))


def _comment() -> ContentItem:
    """Return what has to be read with the numbers."""
    from highdicom.sr import RelationshipTypeValues, TextContentItem

    return TextContentItem(
        name=_concept(code.COMMENT),
        value=COMMENT,
        relationship_type=RelationshipTypeValues.CONTAINS,
    )


def _concept(of: Code) -> CodedConcept:
    """Return a code as highdicom writes it."""
    from highdicom.sr import CodedConcept

    return CodedConcept(of.value, of.scheme, of.meaning)


def _scheme() -> Any:
    """Say what our own coding scheme is (PS3.3 C.12.1.1, Coding Scheme Identification Sequence)."""
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    item = CodingSchemeIdentificationItem(
        designator=code.SCHEME, name=APP_TITLE, version=code.SCHEME_VERSION
    )
    item.CodingSchemeUID = code.SCHEME_UID
    return item
