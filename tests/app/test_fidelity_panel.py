"""The checks of a map on the page: the button, the words, and what is kept."""

from __future__ import annotations

import pytest

import ui.model_cache
from cxr_core.explain.fidelity import (
    Curve,
    MapFidelity,
    OrderCheck,
    Randomisation,
    Repeatability,
    Road,
    Stage,
)
from tests.app.test_pages import text
from tests.tiny import write_tiny_bundle
from ui.fidelity_view import CAUTION, check_notes, check_rows, check_sentences

CURVE = Curve((0.0, 1.0), (1.0, 0.0), 0.5)
FOUND = MapFidelity(
    "vgg16",
    "COVID19",
    "hirescam",
    Randomisation(
        (Stage("logits", 0.4, 0.5, 0), Stage("dense_0", 0.1, 0.2, 0)), 10, None, None, ("heads",)
    ),
    OrderCheck(CURVE, CURVE, 20, 0.5, 0.1, 18, 20, ("ties",)),
    Road((0.1,), (0.2,), (0.6,), 0.4, ("ties",)),
    Repeatability(("2 px right", "noise"), (0.9, 0.7), 0.8, 0.7),
    ("of the map",),
)


def test_the_words_are_the_figures():
    said = "\n".join(check_sentences(FOUND))
    assert "correlation of 0.40 with itself, with the whole head random 0.10" in said
    assert "faster than **18 of 20** random orders" in said
    assert "faster than **20 of 20**" in said
    assert "Gap 0.40, above 0" in said
    assert "0.80 on average, 0.70 at least" in said
    assert check_notes(FOUND) == ["of the map", "ties"]


def test_the_table_has_every_figure():
    rows = {row["Check"]: row["Figure"] for row in check_rows(FOUND)}
    assert rows == {
        "Random from logits up": 0.4,
        "Random from dense_0 up": 0.1,
        "Deletion": 0.9,
        "Insertion": 1.0,
        "ROAD": 0.4,
        "2 px right": 0.9,
        "noise": 0.7,
    }


def test_checks_that_were_left_out_are_not_spoken_of():
    bare = MapFidelity("vgg16", "COVID19", "gradcam", None, None, None, None)
    assert check_rows(bare) == []
    assert check_sentences(bare) == []


@pytest.fixture
def page(app, tmp_path, monkeypatch):
    """The page Heatmaps with one sample, on a tiny bundle."""
    write_tiny_bundle(tmp_path / "bundle")
    monkeypatch.setenv(ui.model_cache.BUNDLE_VARIABLE, str(tmp_path / "bundle"))
    app.run().button(key="sample-s1.png").click().run()
    at = app.switch_page("pages/2_Heatmaps.py").run()
    assert not at.exception
    return at


def button(at, label):
    return next(each for each in at.button if each.label == label)


def test_a_map_is_checked_on_demand(page):
    assert CAUTION in text(page)
    assert "**Does the score follow it?**" not in text(page)
    button(page, "Check this map").click().run()
    assert not page.exception
    assert "**Does the score follow it?**" in text(page)
    assert "**Does it depend on what was learnt?**" in text(page)
    assert not any(each.label == "Stop" for each in page.button)
    page.run()
    assert "**Does the score follow it?**" in text(page)


def test_only_maps_of_a_class_alone_are_checked(page):
    page.segmented_control(key="against").set_value("NORMAL").run()
    assert not page.exception
    assert "Choose a map of a class alone above." in text(page)
