"""The report, read back by highdicom: numbers, flags, who observed, what it is about."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from highdicom.sr import ComprehensiveSR, srread
from pydicom.uid import ComprehensiveSRStorage

from cxr_core.dicom_out import code
from cxr_core.dicom_out.device import Device
from cxr_core.dicom_out.structured_report import COMMENT, is_complete
from cxr_core.labels import CLASSES, SYSTEMS, system_title
from cxr_core.provenance import Provenance
from tests.io.dicom_files import dataset, gradient, written

FILM = written(dataset(gradient(), bits=12))
NAMES = {value.value: name for name, value in code.PROBABILITY_OF.items()}


def groups(found):
    """Measurement groups by title."""
    report = srread(BytesIO(found.files[-1].data))
    assert isinstance(report, ComprehensiveSR)
    read = report.content.get_image_measurement_groups()
    return {group.tracking_identifier: group for group in read}


def items(dataset_, *, within=()):
    """Every content item below a node, as (name, item)."""
    for item in dataset_.get("ContentSequence", within):
        yield item.ConceptNameCodeSequence[0], item
        yield from items(item)


def coded(found, of):
    """Values of all coded answers with a name."""
    return [
        item.ConceptCodeSequence[0].CodeValue
        for name, item in items(found.report)
        if name.CodeValue == of.value
    ]


def numbers(found, of):
    """Values of all numbers with a name."""
    return [
        float(item.MeasuredValueSequence[0].NumericValue)
        for name, item in items(found.report)
        if name.CodeValue == of.value
    ]


def unchanged(reading):
    """The reading as it is: raw, no gate."""
    return reading


def calibrated(reading):
    """The same reading as if it had been calibrated, gated, and had a set."""
    systems = {
        name: replace(system, temperature=1.5, probs=np.array([0.5, 0.3, 0.2]))
        for name, system in reading.systems.items()
    }
    trust = replace(
        reading.trust,
        ood_score=3.25,
        ood_threshold=4.5,
        ood_verdict="passed",
        prediction_set=("COVID19", "NORMAL"),
        set_level=0.9,
    )
    return replace(reading, systems=systems, trust=trust)


def test_every_system_has_its_three_probabilities(exported):
    found = exported(FILM)
    read = groups(found)
    assert list(read) == ["Film", *map(system_title, SYSTEMS)]
    for name, system in found.reading.systems.items():
        measured = {m.name.value: m for m in read[system_title(name)].get_measurements()}
        assert {NAMES[value] for value in measured} == set(CLASSES)
        for value, measurement in measured.items():
            expected = system.probs[CLASSES.index(NAMES[value])]
            assert measurement.value == expected
            stored = measurement[0].MeasuredValueSequence[0].NumericValue
            assert float(stored) == pytest.approx(expected, abs=1e-13)
            assert measurement.unit.value == "1"
        said = read[system_title(name)].get_qualitative_evaluations()
        assert said[0].value.value == code.CLASS_OF[system.label].value


@pytest.mark.parametrize(
    ("change", "method", "words"),
    [(unchanged, code.RAW, "not calibrated"), (calibrated, code.CALIBRATED, "temperature 1.5")],
)
def test_a_probability_says_what_it_is(exported, change, method, words):
    found = exported(FILM, change=change)
    group = groups(found)["VGG16"]
    for measurement in group.get_measurements():
        class_name = NAMES[measurement.name.value]
        modifiers = [
            (item.ConceptNameCodeSequence[0].CodeValue, item.ConceptCodeSequence[0].CodeValue)
            for item in measurement[0].ContentSequence
        ]
        assert modifiers == [
            (code.QUANTITY.value, code.PROBABILITY.value),
            (code.CLASS.value, code.CLASS_OF[class_name].value),
            (code.METHOD.value, method.value),
        ]
        assert measurement.method.value == method.value
    texts = [item.TextValue for _, item in items(found.report) if "TextValue" in item]
    assert words in texts


def test_it_is_unverified_preliminary_and_partial_without_a_gate(exported):
    report = exported(FILM).report
    assert report.SOPClassUID == ComprehensiveSRStorage
    assert (report.Modality, report.VerificationFlag) == ("SR", "UNVERIFIED")
    assert (report.PreliminaryFlag, report.CompletionFlag) == ("PRELIMINARY", "PARTIAL")
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert "VerifyingObserverSequence" not in report


@pytest.mark.parametrize(
    ("verdict", "systems", "expected"),
    [
        ("passed", SYSTEMS, True),
        ("refused", SYSTEMS, True),
        ("not_run", SYSTEMS, False),
        ("passed", SYSTEMS[:3], False),
    ],
)
def test_complete_means_five_systems_and_a_gate(
    tiny_predictor, exported, verdict, systems, expected
):
    reading = exported(FILM).reading
    read = {name: reading.systems[name] for name in systems}
    changed = replace(reading, systems=read, trust=replace(reading.trust, ood_verdict=verdict))
    assert is_complete(changed) is expected


def test_gate_agreement_and_set(exported):
    found = exported(FILM, change=calibrated)
    assert found.report.CompletionFlag == "COMPLETE"
    assert coded(found, code.GATE) == ["GATE-PASSED"]
    assert coded(found, code.REMAINS) == ["840539006", "NORMAL"]
    assert numbers(found, code.GATE_DISTANCE) == [3.25]
    assert numbers(found, code.GATE_LIMIT) == [4.5]
    assert numbers(found, code.SET_LEVEL) == [0.9]
    assert numbers(found, code.AGREEMENT) == [pytest.approx(found.reading.trust.agreement)]


def test_a_refused_film_says_so_before_any_probability(exported):
    def refuse(reading):
        trust = replace(reading.trust, ood_verdict="refused", prediction_set=())
        return replace(reading, trust=trust, status="refused")

    found = exported(FILM, change=refuse)
    assert coded(found, code.GATE) == ["GATE-REFUSED"]
    assert coded(found, code.REMAINS) == [code.NONE_REMAINS.value]
    names = [name.CodeValue for name, _ in items(found.report)]
    assert names.index(code.GATE.value) < names.index("P-COVID19")


def test_what_was_not_measured_is_not_written(exported):
    found = exported(FILM)
    assert coded(found, code.GATE) == ["GATE-NOT-RUN"]
    assert coded(found, code.REMAINS) == []
    assert numbers(found, code.GATE_DISTANCE) == numbers(found, code.SET_LEVEL) == []


def test_no_class_stands_as_a_finding(exported):
    names = {name.CodeValue for name, _ in items(exported(FILM, change=calibrated).report)}
    assert not names & {"121071", "111047", "111012"}


def test_the_comment_travels_with_the_numbers(exported):
    texts = [item.TextValue for _, item in items(exported(FILM).report) if "TextValue" in item]
    assert texts.count(COMMENT) == 1
    assert COMMENT.startswith("Research use only.")
    assert "never that the film is clear" in COMMENT


def test_the_device_is_the_models(exported, tiny_predictor):
    found = exported(FILM)
    report = srread(BytesIO(found.files[-1].data))
    (context,) = report.content.get_observer_contexts()
    observer = context.observer_identifying_attributes
    digest = tiny_predictor.bundle.digest
    assert (observer.name, observer.serial_number) == ("CXR Reading Room", digest)
    assert observer.model_name == "tiny 0.0.1, variant tiny"
    assert observer.uid == Device.of(Provenance.of(tiny_predictor)).uid
    equipment = (report.ManufacturerModelName, report.DeviceSerialNumber)
    assert equipment == ("CXR Reading Room", digest)
    assert "models tiny 0.0.1" in report.SoftwareVersions
    texts = {item.TextValue for _, item in items(report) if "TextValue" in item}
    assert {f"bundle digest {digest}", "variant tiny", "f32"} <= texts


def test_the_device_uid_is_of_the_models_alone():
    one = Provenance("b", "1", "ab" * 32, "clean", "f32", "raw")
    assert Device.of(one).uid == Device.of(replace(one, probabilities="calibrated")).uid
    assert Device.of(one).uid != Device.of(replace(one, variant="seed")).uid
    assert Device.of(one).uid.startswith("2.25.")


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"PatientOrientation": ["L", "F"], "ImagerPixelSpacing": [0.143, 0.143]},
        {"PatientOrientation": "L", "ImagerPixelSpacing": [0.143, 0.143]},
        {"PatientOrientation": ["L", "F"]},
    ],
)
def test_it_is_about_the_film(exported, elements):
    film = dataset(gradient(), bits=12, **elements)
    found = exported(written(film))
    referred = {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for _, item in items(found.report)
        if "ReferencedSOPSequence" in item
    }
    assert referred == {film.SOPInstanceUID}
    (study,) = found.report.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    assert (study.StudyInstanceUID, series.SeriesInstanceUID) == (
        film.StudyInstanceUID,
        film.SeriesInstanceUID,
    )
    assert numbers(found, code.Code("110910", "DCM", "Pixel Data Rows")) == [96.0]
    meanings = {name.CodeMeaning for name, _ in items(found.report)}
    assert ("Horizontal Pixel Spacing" in meanings) is (
        len(elements) == 2 and len(elements["PatientOrientation"]) == 2
    )


def test_of_several_frames_the_first_is_named(exported):
    frames = dataset(gradient(), bits=12, NumberOfFrames=2)
    frames.PixelData = frames.PixelData * 2
    frames.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7.3"
    found = exported(written(frames))
    (group_image,) = groups(found)["VGG16"].source_images
    assert group_image.referenced_frame_numbers == [1]
    assert found.overlays[0].SourceImageSequence[0].ReferencedFrameNumber == 1


def test_our_codes_fit_and_are_documented(exported):
    listed = (Path(__file__).parents[2] / "docs" / "dicom-out.md").read_text("utf-8")
    values = [each.value for each in code.OWN_CODES]
    assert len(set(values)) == len(values)
    for each in code.OWN_CODES:
        assert len(each.value) <= 16
        assert len(each.meaning) <= 64
        assert f"`{each.value}`" in listed
        assert each.meaning in listed
    assert code.SCHEME_UID in listed
    (scheme,) = exported(FILM).report.CodingSchemeIdentificationSequence
    assert (scheme.CodingSchemeDesignator, scheme.CodingSchemeUID) == (code.SCHEME, code.SCHEME_UID)
