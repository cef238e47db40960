"""Reports of several files: a table first, a page each, and no file that stops the others."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import pytest

from cxr_core.batch import list_items
from cxr_core.batch.item import BytesItem
from cxr_core.report import FailedFilm, FilmPage, write_report
from cxr_core.report.page_reader import read_pages
from tests.io.dicom_files import dataset, gradient, written
from tests.io.dicom_planted import PLANTED, planted_film
from tests.report.conftest import NOW, png, reader, text

NAME = "Featherstonehaugh_Rosalind_8675309"
FAILED = FailedFilm("cut.png", "ab" * 32, "`data` must be a whole picture.", "Export it again.")


def test_a_table_comes_first_then_a_page_each(page, about):
    other = replace(page, name="other.png", sha256="cd" * 32, is_refused=True)
    data = write_report([page, FAILED, other], about, NOW)
    assert len(reader(data).pages) == 3
    table = text(data, 0)
    assert "3 files: 1 read, 1 refused by the gate, 1 in error" in table
    assert "cut.png abababab IN ERROR `data` must be a whole picture." in table
    assert "other.png cdcdcdcd REFUSED" in table
    best = max(page.scores[0].probs)
    assert f"{best:.3f}" in table
    assert "Page 1 of 3" in table
    assert "Page 3 of 3" in text(data, 2)
    assert "other.png" in text(data, 2)
    assert [found.title for found in reader(data).outline] == [
        "Table of all films",
        f"film.png, {page.sha256[:8]}",
        "other.png, cdcdcdcd",
    ]


def test_rows_lead_to_their_pages(page, about):
    pdf = reader(write_report([FAILED, page, page], about, NOW))
    links = [found.get_object()["/Dest"][0].idnum for found in pdf.pages[0]["/Annots"]]
    assert links == [pdf.pages[n].indirect_reference.idnum for n in (1, 2)]


@pytest.mark.parametrize("n", [2, 37, 38, 200])
def test_long_tables_go_on_and_every_film_is_in_it(about, n):
    failed = [replace(FAILED, name=f"file-{i:04}.png") for i in range(n)]
    data = write_report(failed, about, NOW)
    said = text(data)
    for i in range(n):
        assert said.count(f"file-{i:04}.png") == 1
    n_pages = len(reader(data).pages)
    assert said.count(f"of {n_pages} ") + said.endswith(f"of {n_pages}") >= n_pages


def test_one_file_in_error_is_a_table_of_one(about):
    data = write_report([FAILED], about, NOW)
    assert len(reader(data).pages) == 1
    assert "1 file: 0 read, 0 refused by the gate, 1 in error" in text(data)


def test_drawn_pages_are_counted(page, about):
    counted = []
    write_report([page, FAILED, page], about, NOW, on_page=counted.append)
    assert counted == [1, 2]


def items_of(tmp_path):
    """A picture, DICOM films named like a patient, damaged ones, and a file that is gone."""
    film = written(planted_film(gradient((96, 80), bits=12), ViewPosition="PA"))
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / "a picture.png").write_bytes(png())
    (folder / f"{NAME}.dcm").write_bytes(film)
    (folder / f"{NAME}-cut.dcm").write_bytes(film[:-5000])
    (folder / f"{NAME}-ct.dcm").write_bytes(written(planted_film(Modality="CT")))
    (folder / f"{NAME}-text.dcm").write_text("no film", "utf-8")
    with zipfile.ZipFile(folder / f"{NAME}.zip", "w") as archive:
        archive.writestr(f"{NAME}/{NAME}.dcm", film)
        archive.writestr(f"../{NAME}.dcm", film)
    items = list_items([folder, folder / f"{NAME}-gone.dcm"]).items
    broken = [BytesItem(f"{NAME}.dcm", b"DICM" * 40), BytesItem("cut.png", png((30, 30))[:40])]
    return [*items, *broken]


def test_nothing_planted_and_no_name_of_a_dicom_file_is_in_a_report(
    tmp_path, tiny_predictor, about
):
    items = items_of(tmp_path)
    pages = list(read_pages(tiny_predictor, items, about))
    assert len(pages) == len(items) == 10
    good = [found for found in pages if isinstance(found, FilmPage)]
    assert [found.name for found in good] == [None, None, "a picture.png"]
    data = write_report(pages, about, NOW)
    pdf = reader(data)
    said = text(data) + str(pdf.outline) + str(dict(pdf.metadata))
    said += " ".join(str(pdf.get_object(n)) for n in range(1, len(pdf.xref[0])))
    for word in PLANTED:
        assert word not in said, word
    assert "The file's name is left out: it may be a patient's." in said
    assert "7 in error" in said


def test_reading_stops_where_it_is_told_to(tiny_predictor, about):
    items = [BytesItem(f"{n}.png", png(seed=n)) for n in range(4)]
    asked = iter([False, False, True])
    done = list(read_pages(tiny_predictor, items, about, should_stop=lambda: next(asked)))
    assert [page.name for page in done] == ["0.png", "1.png"]


def test_a_dicom_film_in_a_single_report_has_no_name(tiny_predictor, about):
    data = written(dataset(gradient((96, 80), bits=12), bits=12))
    (page,) = read_pages(tiny_predictor, [BytesItem(f"{NAME}.dcm", data)], about)
    said = text(write_report([page], about, NOW))
    assert NAME not in said
    assert "DICOM, CR, 12 bits stored, Explicit VR Little Endian, 80 by 96 pixels." in said
