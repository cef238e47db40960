"""The report of one film: its numbers, its one page, its fonts, and what it never says."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from cxr_core.bundle import Bundle
from cxr_core.errors import NotApplicableError
from cxr_core.labels import CLASS_TITLES, SYSTEM_TITLES
from cxr_core.predict import Predictor, Trust
from cxr_core.radiograph import Notice
from cxr_core.report import About, film_page, film_report, write_report
from cxr_core.report.content import LungFacts
from cxr_core.report.sentence import RESEARCH_USE
from tests.report.conftest import NOW, png, reader, temperature, text
from tests.tiny import write_tiny_bundle

ROOT = Path(__file__).resolve().parents[2]


def one(page, about):
    """The PDF of one film; fails unless it is one page."""
    data = write_report([page], about, NOW)
    assert len(reader(data).pages) == 1
    return data


def test_the_numbers_of_the_reading_are_on_the_page(tiny_predictor, read):
    reading = read()
    said = text(film_report(tiny_predictor, reading, created=NOW))
    for system in reading.systems.values():
        assert SYSTEM_TITLES[system.name] in said
        for value in system.probs:
            assert f"{value:.3f}" in said
    assert reading.radiograph.sha256 in said
    assert tiny_predictor.bundle.digest in said
    assert "tiny 0.0.1, variant tiny, f32, raw probabilities" in said
    assert "film.png" in said
    assert "PNG, 260 by 300 pixels." in said
    assert said.count(RESEARCH_USE) == 2
    assert "Created 2026-11-25 20:15 UTC" in said
    command = "report FILE --out report.pdf --variant tiny --precision f32 --system densenet201"
    assert command in said


def test_what_was_checked_is_on_the_page(page, about):
    said = text(one(page, about))
    assert "Passed: the film is enough like the training films" in said
    assert "Distance from the training films 2.47, limit 4.32." in said
    assert "Normal, Pneumonia. Made to hold the right class of 90%" in said
    label, n = page.votes
    assert f"{CLASS_TITLES[label]} by {n}" in said or f"All {n} systems" in said
    assert "Calibrated on 416 films of 227 patients (COVID-19 16, Normal 108" in said
    assert said.count(" 1.25") == len(page.scores)
    assert (
        "Of 60 adults without COVID-19, these models call COVID-19: VGG16 58 (89% to 99%)" in said
    )
    assert "REFUSED" not in said


def test_a_refused_film_is_marked_in_more_than_one_place(page, about):
    refused = replace(page, is_refused=True, trust=Trust(9.0, 4.0, "refused", 0.6, (), 0.9))
    said = text(one(refused, about))
    assert "REFUSED: DO NOT BELIEVE THE SCORES ON THIS PAGE" in said
    assert "Scores of the systems on a refused film: do not believe them" in said
    assert "Refused: the film is unlike those the models were trained on." in said
    assert "No class at all" in said


def test_models_without_a_trust_model_say_what_is_missing(tiny_predictor, read):
    said = text(film_report(tiny_predictor, read(), created=NOW))
    assert "Raw probabilities, not calibrated: these models have no calibration." in said
    assert "Not run: nothing checked whether this film is like those" in said
    assert "Not worked out: these models have no calibrated set of classes." in said
    assert "Not measured: this bundle does not tell how often films without COVID-19" in said
    assert "Map in the lungs Not measured." in said


def test_raw_scores_are_said_to_be_raw(tiny_predictor, read, about):
    raw = replace(about, provenance=replace(about.provenance, probabilities="raw"))
    said = text(one(film_page(tiny_predictor, read(), raw), raw))
    assert "Raw probabilities, not calibrated: as asked for." in said
    assert "--system densenet201 --raw" in said


def test_systems_that_calibration_does_not_help_are_named(page, about):
    kept = {**about.calibration, "vgg16": temperature(1.0, note="It does not help.")}
    del kept["efficientnetb7"]
    said = text(one(page, replace(about, calibration=kept)))
    assert "Left at 1 because no other helps: VGG16." in said
    assert "Not calibrated: EfficientNetB7." in said
    assert "twin" not in said
    twin = text(one(page, replace(about, is_twin=True)))
    assert "The temperatures are borrowed from a twin" in twin


def test_shares_of_maps_in_the_lungs(page, about):
    trust = replace(page.trust, lung_share={"vgg16": 0.41, "densenet201": 0.2})
    said = text(one(replace(page, trust=trust, lungs=LungFacts(0.33)), about))
    assert "VGG16 41%, DenseNet201 20%; a map that is the same everywhere has 33%" in said
    assert "Less than such a map: DenseNet201." in said
    notes = (Notice("one_lung", "One lung was found."),)
    said = text(one(replace(page, lungs=LungFacts(0.1, notes)), about))
    assert "Not measured. One lung was found." in said


@pytest.mark.parametrize(
    "shape", [(2100, 1500), (900, 2200), (40, 3000), (3000, 40), (12, 12), (1, 400), (500, 1)]
)
def test_films_of_every_shape_take_one_page(tiny_predictor, read, about, shape):
    page = film_page(tiny_predictor, read(png(shape)), about)
    said = text(one(page, about))
    assert f"{shape[1]:,} by {shape[0]:,} pixels" in said
    assert RESEARCH_USE in said


def test_many_notices_take_one_page_and_the_others_are_counted(page, about):
    notices = tuple(Notice(f"n{i}", f"Notice {i} is " + "long " * 60) for i in range(30))
    serious = Notice("lateral_view", "This is a lateral view.")
    said = text(one(replace(page, is_refused=True, notices=(*notices, serious)), about))
    assert "About this film, before anything else This is a lateral view." in said
    assert "more notices have no room here" in said
    assert said.index("lateral view") < said.index("Scores of the systems")


@pytest.mark.parametrize(
    ("name", "shown", "n"),
    [
        ("Ελληνικά Кириллица Łódź.png", "Ελληνικά Кириллица Łódź.png", 0),
        ("患者.png", "□□.png", 2),
        ("a\nb\u202e\ud800{nb}.png", "a□b□□{nb}.png", 3),
        ("name " * 80 + ".png", "name name name", 0),
        ("x" * 400 + ".png", "xxxx…xxxx", 0),
    ],
)
def test_names_of_every_kind(page, about, name, shown, n):
    said = text(one(replace(page, name=name), about))
    if "…" in shown:
        assert "x…x" in said
    else:
        assert shown in said
    assert (f"{n} characters of the name, not in this report's fonts" in said) == (n > 0)


def test_a_decomposed_name_is_composed(page, about):
    assert "Zoë.png" in text(one(replace(page, name="Zoe\u0308.png"), about))


def test_fewer_systems(tmp_path, read):
    write_tiny_bundle(tmp_path / "one", members=("vgg16",), ensembles=False)
    predictor = Predictor(Bundle.load(tmp_path / "one"))
    data = film_report(predictor, predictor.read(read().radiograph), created=NOW)
    assert len(reader(data).pages) == 1
    said = text(data)
    assert "There is nothing to agree with." in said
    assert "DenseNet201" not in said


def test_a_map_that_does_not_apply_leaves_the_page(tiny_predictor, read, about, monkeypatch):
    def fails(self, *_args, **_options):
        msg = "`method` must apply to the system."
        raise NotApplicableError(msg)

    reading = read()
    monkeypatch.setattr(Predictor, "explain", fails)
    page = film_page(tiny_predictor, reading, about)
    assert page.map is None
    assert "must apply to the system. Choose another system" in text(one(page, about))


def test_the_map_is_of_the_system_that_was_asked_for(tiny_predictor, read):
    data = film_report(tiny_predictor, read(), created=NOW, system="ensemble_dense")
    assert "What moved the score of Ensemble of dense layers for" in text(data)
    with pytest.raises(NotApplicableError, match=r"`system` must be one of .*Received: system='x'"):
        film_report(tiny_predictor, read(), created=NOW, system="x")


def test_fonts_are_embedded_and_are_ours(page, about):
    fonts = reader(one(page, about)).pages[0]["/Resources"]["/Font"].values()
    names = set()
    for font in fonts:
        descriptor = font["/DescendantFonts"][0]["/FontDescriptor"]
        assert len(descriptor["/FontFile2"].get_data()) > 5000
        names.add(font["/BaseFont"].split("+")[1])
    assert names == {"ReadingRoomSans", "ReadingRoomSansBold"}


def test_metadata_language_and_alternative_texts(page, about):
    pdf = reader(one(page, about))
    assert dict(pdf.metadata)["/Title"] == "Chest film report"
    assert set(pdf.metadata) == {"/Title", "/Creator", "/CreationDate"}
    assert pdf.trailer["/Root"]["/Lang"] == "en-GB"
    assert pdf.trailer["/Root"]["/ViewerPreferences"]["/DisplayDocTitle"] is not False
    elements = pdf.trailer["/Root"]["/StructTreeRoot"]["/K"][0]["/K"]
    told = [str(e.get_object()["/Alt"]) for e in elements if "/Alt" in e.get_object()]
    assert told[0] == "The film, 260 by 300 pixels, in grey."
    assert told[1].startswith("The film under the map of DenseNet201 for ")
    assert len(pdf.pages[0].images) == 3


def test_the_same_date_gives_the_same_bytes(tiny_predictor, read, about, monkeypatch):
    page = film_page(tiny_predictor, read(), about)
    first = write_report([page], about, NOW)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert write_report([film_page(tiny_predictor, read(), about)], about, NOW) == first
    assert write_report([page], about, NOW + timedelta(minutes=1)) != first


def test_nothing_is_changed(tiny_predictor, read):
    reading = read()
    before = {name: system.probs.copy() for name, system in reading.systems.items()}
    image = reading.radiograph.image.copy()
    film_report(tiny_predictor, reading, created=NOW, is_raw=True)
    assert np.array_equal(reading.radiograph.image, image)
    for name, probs in before.items():
        assert np.array_equal(reading.systems[name].probs, probs)


def test_a_report_takes_less_than_a_second_and_a_half(tiny_predictor, read):
    reading = read(png((2400, 2000)))
    started = time.process_time()
    film_report(tiny_predictor, reading, created=NOW)
    assert time.process_time() - started < 1.5


def test_arguments_that_cannot_be(page, about):
    with pytest.raises(ValueError, match=r"`pages` must hold at least one film\. Received: none"):
        write_report([], about, NOW)
    with pytest.raises(ValueError, match=r"`created` must have a time zone"):
        write_report([page], about, datetime(2026, 1, 1))


def test_the_published_caution_is_the_evaluations(predictor_of_fakes):
    (caution,) = About.of(predictor_of_fakes).cautions
    assert caution.n_films == 60
    assert {name: found["n_hits"] for name, found in caution.called.items()} == {
        "vgg16": 58,
        "ensemble_probs": 51,
    }


@pytest.fixture
def predictor_of_fakes():
    from tests.app.fakes import FakePredictor

    return FakePredictor()


def test_fpdf2_is_loaded_when_a_report_is_written_and_not_before():
    script = "import cxr_core.report, cxr_core.__main__, sys; print('fpdf' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "False\n"
