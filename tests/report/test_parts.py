"""Fonts, lines of text, pictures and outlines of maps."""

from __future__ import annotations

import hashlib
import io
import string

import numpy as np
import pytest
from fontTools.ttLib import TTFont

from cxr_core.errors import ArtifactIntegrityError
from cxr_core.explain.cam import Cam
from cxr_core.report import sheet as sheet_module
from cxr_core.report.picture import MAX_SIDE_PX, grey_picture, map_picture, outline
from cxr_core.report.sheet import FONTS, REPLACEMENT, Sheet, Style
from tests.report.conftest import NOW

BODY = Style(8)


@pytest.fixture
def sheet():
    with Sheet("Test", NOW) as found:
        yield found


def test_the_fonts_are_small_and_know_the_same_characters():
    paths = sorted(FONTS.glob("*.ttf"))
    assert [path.name for path in paths] == ["report-bold.ttf", "report-regular.ttf"]
    assert sum(path.stat().st_size for path in paths) < 200_000
    known = []
    for path in paths:
        font = TTFont(io.BytesIO(path.read_bytes()))
        known.append(set(font.getBestCmap()))
        assert "Source" not in str(font["name"].getDebugName(1))
        assert "Adobe" in font["name"].getDebugName(0)
        assert "Open Font License" in font["name"].getDebugName(13)
        widths = {font["hmtx"][font.getBestCmap()[ord(digit)]][0] for digit in string.digits}
        assert len(widths) == 1  # numbers below each other stand in columns
    assert known[0] == known[1]
    for wanted in f"{string.printable[:95]}éßŁőαΩжЯ…\N{EN DASH}\N{MINUS SIGN}·{REPLACEMENT}":
        assert ord(wanted) in known[0], wanted


def test_the_licence_is_there():
    words = (FONTS / "LICENSE.txt").read_text("utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in words
    assert "Reserved Font Name 'Source'" in words


def test_the_script_says_where_the_fonts_are_from():
    from tools import subset_fonts

    assert len(bytes.fromhex(subset_fonts.SOURCE_SHA256)) == hashlib.sha256().digest_size


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_font_that_is_missing_or_damaged_is_named(tmp_path, monkeypatch, damage):
    for path in FONTS.glob("*.ttf"):
        data = path.read_bytes()
        if damage == "cut" or "bold" not in path.name:
            (tmp_path / path.name).write_bytes(data[:90] if damage == "cut" else data)
    monkeypatch.setattr(sheet_module, "FONTS", tmp_path)
    with pytest.raises(ArtifactIntegrityError, match=r"assets/fonts/report-\w+\.ttf: the file"):
        Sheet("Test", NOW)


def test_lines_fit_and_lose_nothing(sheet):
    words = "The quick brown fox " * 12 + "x" * 300
    lines = sheet.wrap(words, 40, BODY)
    assert all(sheet.width_of(line, BODY) <= 40 for line in lines)
    assert "".join(lines).replace(" ", "") == words.replace(" ", "")
    assert sheet.wrap("", 40, BODY) == [""]


def test_a_long_line_loses_its_middle(sheet):
    cut = sheet.cut("start " + "middle " * 40 + "end.png", 40, BODY)
    assert sheet.width_of(cut, BODY) <= 40
    assert cut.startswith("start")
    assert cut.endswith("end.png")
    assert "…" in cut
    assert sheet.cut("short", 40, BODY) == "short"


def test_what_cannot_be_shown_is_replaced_and_counted(sheet):
    assert sheet.legible("a漢b") == (f"a{REPLACEMENT}b", 1)
    assert sheet.legible("a\x00\u202e\ud800") == (f"a{REPLACEMENT * 3}", 3)
    assert sheet.legible("e\u0301") == ("é", 0)


def test_the_outline_of_a_map_worked_by_hand():
    grid = np.zeros((2, 2), np.float32)
    grid[0, 0], grid[0, 1] = 2.0, 0.9
    assert outline(grid) == (
        (0.0, 0.0, 0.5, 0.0),
        (0.0, 0.5, 0.5, 0.5),
        (0.0, 0.0, 0.0, 0.5),
        (0.5, 0.0, 0.5, 0.5),
    )
    assert outline(np.zeros((3, 3), np.float32)) == ()
    assert outline(-np.ones((3, 3), np.float32)) == ()
    assert len(outline(np.ones((3, 3), np.float32))) == 12


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((3000, 2000), (667, 1000)),
        ((100, 100), (448, 448)),
        ((600, 500), (500, 600)),
        ((2, 4000), (1000, 1)),
        ((40, 400), (1000, 100)),
    ],
)
def test_pictures_are_neither_large_nor_tiny(shape, size):
    picture = grey_picture(np.full(shape, 0.5, np.float32))
    assert picture.size == size
    assert max(picture.size) <= MAX_SIDE_PX
    assert set(np.unique(np.asarray(picture))) == {128}


def test_a_flat_map_is_a_picture_without_outline():
    film = grey_picture(np.full((300, 200), 0.5, np.float32))
    cam = Cam("vgg16", "NORMAL", "hirescam", np.zeros((7, 7), np.float32), 0.5, notes=("Flat.",))
    found = map_picture(film, cam)
    assert (found.peak, found.outline, found.notes) == (0.0, (), ("Flat.",))
    assert found.jpeg[:3] == b"\xff\xd8\xff"
