"""Reports on the pages: of one film in its card, of many from the worklist."""

from __future__ import annotations

import pytest

import cxr_core.report
import ui.components.report_export as export
import ui.components.worklist_reports as reports
import ui.report_job
from cxr_core.batch.item import BytesItem
from cxr_core.labels import SYSTEMS
from tests.app.conftest import png
from tests.app.test_dicom_page import PLANTED, film
from tests.app.test_pages import upload
from tests.app.test_worklist import (
    at_once,
    button,
    folder,
    page,
    read_folder,
)
from tests.app.test_worklist import text as words
from tests.report.conftest import reader, text
from ui.report_job import Reports

__all__ = ["at_once", "folder", "page"]  # fixtures of the worklist


@pytest.fixture
def offered(monkeypatch):
    """Collect what download buttons would bring, by their label."""
    given = {}
    for module in (export, reports):
        monkeypatch.setattr(
            module.st,
            "download_button",
            lambda label, data, **options: given.update({label: (data, options)}),
        )
    return given


def test_a_film_card_offers_a_report_that_is_made_on_the_click(app, predictor, offered):
    upload(app.run(), ("chest.png", png(3)))
    n_read = predictor.n_read
    data, options = offered[export.BUTTON]
    assert predictor.n_read == n_read
    pdf = data()
    assert predictor.n_read == n_read + 1
    assert options["mime"] == "application/pdf"
    assert options["file_name"].startswith("film-report-")
    assert options["on_click"] == "ignore"
    assert len(reader(pdf).pages) == 1
    assert "chest.png" in text(pdf)
    assert "What moved the score of DenseNet201" in text(pdf)


def test_the_reader_chooses_whose_map(app, predictor, offered):
    upload(app.run(), ("chest.png", png(3)))
    (choice,) = [found for found in app.selectbox if found.label == "Map in the report"]
    choice.set_value(SYSTEMS[2]).run()
    assert not app.exception
    assert "What moved the score of VGG16" in text(offered[export.BUTTON][0]())


def test_nothing_of_a_dicom_film_is_in_its_report(app, predictor, offered):
    upload(app.run(), ("Featherstonehaugh.dcm", film()))
    data, options = offered[export.BUTTON]
    said = text(data()) + str(options)
    assert not [word for word in PLANTED if word in said]


def test_a_sample_is_said_to_be_drawn(app, predictor, offered):
    app.run()
    app.pills(key="samples").set_value(["s0.png"]).run()
    assert "no person was imaged" in text(offered[export.BUTTON][0]())


def test_reports_of_a_worklist(page, folder, at_once, offered):
    read_folder(page, folder)
    button(page, reports.WRITE).click().run()
    assert not page.exception
    (label,) = [found for found in offered if found.startswith("PDF with")]
    assert label == "PDF with 7 films, maps of Ensemble of dense layers"
    pdf = offered[label][0]()
    assert len(reader(pdf).pages) == 6
    table = text(pdf, 0)
    assert "7 files: 5 read, 0 refused by the gate, 2 in error" in table
    assert "film-3.png" in table


def test_filters_choose_what_is_reported(page, folder, at_once, offered):
    read_folder(page, folder)
    page.button_group(key="worklist-status").set_value(["error"]).run()
    button(page, reports.WRITE).click().run()
    assert "PDF with 2 films, maps of Ensemble of dense layers" in offered


def test_one_pdf_holds_only_so_many(page, folder, at_once, offered, monkeypatch):
    monkeypatch.setattr(ui.report_job, "MAX_REPORTS", 3)
    read_folder(page, folder)
    button(page, reports.WRITE).click().run()
    assert "PDF with 3 films, maps of Ensemble of dense layers" in offered
    assert reports.LEFT_OUT in words(page)


def test_cancelled_reports_leave_nothing(tiny_predictor):
    items = [BytesItem(f"{n}.png", png(n)) for n in range(3)]
    task = Reports(tiny_predictor, items, "vgg16", is_raw=True)
    task.cancel()
    task._run()
    assert (task.data, task.failure, task.progress.n_done) == (None, None, 0)


def test_reports_are_cancelled_while_they_are_drawn(tiny_predictor, monkeypatch):
    items = [BytesItem(f"{n}.png", png(n)) for n in range(3)]
    task = Reports(tiny_predictor, items, "vgg16", is_raw=False)
    write = cxr_core.report.write_report

    def cancelled(*arguments, **options):
        task.cancel()
        return write(*arguments, **options)

    monkeypatch.setattr(cxr_core.report, "write_report", cancelled)
    task._run()
    assert (task.data, task.failure, task.progress.n_done) == (None, None, 3)


def test_reports_that_fail_say_why(page, folder, at_once, offered, tmp_path, monkeypatch):
    import cxr_core.report.sheet as sheet

    monkeypatch.setattr(sheet, "FONTS", tmp_path)
    read_folder(page, folder)
    button(page, reports.WRITE).click().run()
    assert "The reports were not written to the end\\." in words(page)
    assert "assets/fonts/report-regular.ttf" in words(page)
