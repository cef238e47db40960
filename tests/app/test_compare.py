"""The page Compare: its table of films, ensembles that add up, other models beside these."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import ui.model_cache
from cxr_core.comparison import ensemble_parts
from cxr_core.errors import ArtifactIntegrityError, BundleChangedError
from cxr_core.labels import CLASSES, SYSTEMS
from cxr_core.predict import Trust
from tests.app.conftest import png
from tests.app.fakes import HEADS, STATE, FakePredictor
from tests.app.test_pages import text, viewers
from tests.tiny import write_tiny_bundle
from ui.compare_view import (
    BIAS,
    MEAN,
    TOTAL,
    beside_rows,
    matrix_rows,
    score_rows,
    strip_rows,
    strongest_sentence,
    waterfall,
)
from ui.components.beside_panel import FOLDER
from ui.components.waterfall import waterfall_figure
from ui.film_view import Score, Summary
from ui.reading_cache import Failure

PARTS = {name: ensemble_parts(HEADS, STATE, name) for name in HEADS.ensembles}
SCORES = (
    Score("densenet201", "COVID19", {"COVID19": 0.7, "NORMAL": 0.2, "PNEUMONIA": 0.1}),
    Score("vgg16", "NORMAL", {"COVID19": 0.1, "NORMAL": 0.5, "PNEUMONIA": 0.4}),
)


@pytest.fixture
def page(app, predictor):
    """The page with two samples."""
    app.run().pills[0].set_value(["s0.png", "s1.png"]).run()
    at = app.switch_page("pages/1_Compare.py").run()
    assert not at.exception
    return at


def test_the_empty_page_says_what_to_do(app, predictor):
    at = app.run().switch_page("pages/1_Compare.py").run()
    assert not at.exception
    assert "**No film yet.** Add films on the page *Read films*, or pick a sample here." in text(at)
    at.button(key="sample-s1.png").click().run()
    assert not at.exception
    assert len(viewers(at)) == 1


def test_a_table_of_films_and_the_first_one(page):
    assert [head.value for head in page.main.header][:2] == ["All films", "Sample 0"]
    strip = page.dataframe[0].value
    assert list(strip["Film"]) == ["Sample 0", "Sample 1"]
    assert strip["Largest distance"].between(0, 1).all()
    (given,) = viewers(page)
    assert given["label"] == "Sample 0"


def test_the_chosen_film_is_shown_here_and_on_other_pages(page):
    second = page.session_state["films"].films[1].digest
    page.session_state["chosen-film"] = second
    page.run()
    assert [given["label"] for given in viewers(page)] == ["Sample 1"]
    assert (
        page.switch_page("pages/2_Heatmaps.py").run().selectbox(key="film-choice").value == second
    )
    page.session_state["films"].remove(second)
    assert [given["label"] for given in viewers(page.run())] == ["Sample 0"]


def test_each_system_has_a_viewport_and_two_can_be_subtracted(page):
    (given,) = viewers(page)
    assert [panel["system"] for panel in given["panels"]] == list(SYSTEMS)
    for panel in given["panels"]:
        assert panel["class_name"] == max(panel["probs"], key=panel["probs"].get)
    page.segmented_control(key="compare-maps").set_value("NORMAL")
    page.selectbox(key="compare-difference").set_value("densenet201/vgg16").run()
    assert not page.exception
    (given,) = viewers(page)
    assert {panel["class_name"] for panel in given["panels"]} == {"NORMAL"}
    last = given["panels"][-1]
    assert last["title"] == "DenseNet201 minus VGG16: Normal"
    assert last["is_signed"]
    assert np.abs(last["map"]["grid"]).max() <= 2


def test_the_class_of_the_waterfalls_is_chosen(page):
    control = page.segmented_control(key="compare-class")
    assert control.value == "COVID19"
    control.set_value("PNEUMONIA").run()
    assert not page.exception
    assert strongest_sentence(PARTS["ensemble_dense"], "PNEUMONIA") in text(page)


def test_strip_rows_by_hand():
    shown = Summary(SCORES, Trust(prediction_set=("COVID19", "NORMAL")), refused=True)
    bad, row = strip_rows([("bad.png", Failure("broken", "mend it")), ("film", shown)])
    assert bad == {"Film": "bad.png", "Note": "could not be read"}
    assert row["Top classes"] == "COVID-19 1, Normal 1"
    assert row["Largest distance"] == pytest.approx(0.6)
    assert (row["Between"], row["On"]) == ("DenseNet201 and VGG16", "COVID-19")
    assert row["Smallest margin"] == pytest.approx(0.1)
    assert row["Note"] == "refused by the gate"
    assert row["Cannot be excluded"] == "COVID-19, Normal"


def test_score_rows_end_with_the_plain_mean():
    rows = score_rows(SCORES)
    assert [row["System"] for row in rows] == ["DenseNet201", "VGG16", MEAN]
    assert rows[-1]["COVID-19"] == pytest.approx(0.4)
    assert rows[-1]["Margin"] == pytest.approx(0.05)
    assert rows[-1]["Top class"] == "COVID-19"


def test_beside_rows_leave_out_what_is_not_there():
    rows = beside_rows(SCORES, SCORES[:1])
    assert [row["Difference"] for row in rows] == [0, 0, 0, None, None, None]
    assert rows[3]["In use"] == 0.1
    assert rows[3]["Beside"] is None


@pytest.mark.parametrize("name", list(PARTS))
@pytest.mark.parametrize("class_name", CLASSES)
def test_bars_add_up_to_the_score(name, class_name):
    bars = waterfall(PARTS[name], class_name)
    assert (bars[0].title, bars[-1].title) == (BIAS, TOTAL)
    assert len(bars) == (11 if name == "ensemble_probs" else 5)
    assert sum(bar.value for bar in bars[:-1]) == pytest.approx(bars[-1].value)
    drawn = waterfall_figure(bars).data[0]
    ends = np.array(drawn.base) + np.array(drawn.x)
    np.testing.assert_allclose(ends[:-2], drawn.base[1:-1])
    assert ends[-2] == pytest.approx(ends[-1])


def test_the_matrix_is_the_trained_one():
    rows = matrix_rows(PARTS["ensemble_probs"])
    assert len(rows) == 10
    kernel = HEADS.ensembles["ensemble_probs"].kernel
    assert rows[4]["Normal"] == pytest.approx(kernel[4, 1])
    assert rows[-1]["Probability that"] == BIAS


def test_another_bundle_stands_beside(page, tmp_path):
    write_tiny_bundle(tmp_path / "other")
    page.selectbox(key="compare-beside").set_value(FOLDER).run()
    assert not page.exception
    page.text_input(key="compare-beside-folder").set_value(str(tmp_path / "other")).run()
    assert not page.exception
    assert "Farthest apart: **" in text(page)
    page.text_input(key="compare-beside-folder").set_value(str(tmp_path / "nowhere")).run()
    assert not page.exception
    assert "These models could not be loaded\\." in text(page)


def test_bundles_are_named_by_option_or_variable(monkeypatch, tmp_path):
    monkeypatch.delenv(ui.model_cache.BUNDLE_VARIABLE, raising=False)
    monkeypatch.setattr("sys.argv", ["streamlit_app.py"])
    assert [folder.name for folder in ui.model_cache.bundle_folders()] == ["bundle"]
    monkeypatch.setenv(ui.model_cache.BUNDLE_VARIABLE, "one:two")
    assert [folder.name for folder in ui.model_cache.bundle_folders()] == ["one", "two"]
    monkeypatch.setattr("sys.argv", ["streamlit_app.py", "--bundle", "a", "--bundle", "b"])
    assert [folder.name for folder in ui.model_cache.bundle_folders()] == ["a", "b"]


def test_a_bundle_that_was_swapped_since_it_was_listed_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv(ui.model_cache.BUNDLE_VARIABLE, str(tmp_path))
    listed = ui.model_cache.Models(tmp_path, "a", "a (bundle)", "0" * 64)
    other = SimpleNamespace(bundle=SimpleNamespace(digest="1" * 64))
    monkeypatch.setattr(ui.model_cache, "_published", lambda _: other)
    with pytest.raises(BundleChangedError, match="the bundle that was listed"):
        ui.model_cache.load_beside(listed)


def test_bundles_that_are_named_push_out_none_that_is_configured(monkeypatch, tmp_path):
    monkeypatch.setenv(ui.model_cache.BUNDLE_VARIABLE, str(tmp_path / "own"))
    loaded = []

    def load(folder):
        loaded.append(Path(folder).name)
        return SimpleNamespace(bundle=SimpleNamespace(digest="a"), predictor={None: folder}.get)

    monkeypatch.setattr(ui.model_cache, "_loaded", load)
    for name in ("own", "a", "b", "c", "c", "own"):
        models = ui.model_cache.Models(tmp_path / name, None, name)
        assert ui.model_cache.load_beside(models) == str(tmp_path / name)
    assert loaded == ["own", "a", "b", "c"]


def test_other_variants_are_found_without_a_look_at_other_bundles(monkeypatch):
    def broken(folder):
        raise ArtifactIntegrityError("`bundle` must be whole.")

    monkeypatch.setattr(ui.model_cache, "_contents", broken)
    monkeypatch.setenv(ui.model_cache.BUNDLE_VARIABLE, "one:two")
    predictor = FakePredictor()
    predictor.variant = "seed"
    (found,) = ui.model_cache.variants_beside(predictor)
    assert (found.folder.name, found.variant, found.title) == ("one", "clean", "clean (fake 0.1)")


def test_a_broken_bundle_can_still_be_named(monkeypatch, tmp_path):
    def broken(folder):
        raise ArtifactIntegrityError("`bundle` must be whole.")

    monkeypatch.setattr(ui.model_cache, "_contents", broken)
    monkeypatch.setenv(ui.model_cache.BUNDLE_VARIABLE, "one:two")
    found = ui.model_cache.models_beside(FakePredictor())
    assert [(each.folder.name, each.title) for each in found] == [("two", "two")]


def test_an_unreadable_film_is_said(app, predictor):
    app.run().file_uploader[0].upload("broken.png", b"not a film")
    app.file_uploader[0].upload("good.png", png(3))
    at = app.run().switch_page("pages/1_Compare.py").run()
    assert not at.exception
    assert "This film could not be read\\." in text(at)
