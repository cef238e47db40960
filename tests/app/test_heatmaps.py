"""The page Heatmaps: what is chosen, what is drawn, what is said, and links that carry it."""

from __future__ import annotations

import pytest

from cxr_core.labels import SYSTEMS
from tests.app.test_pages import text, viewers
from ui.components.heatmap_panel import NOTHING_CHOSEN
from ui.components.viewer import MAX_PANELS


@pytest.fixture
def page(app, predictor):
    """The page with one sample."""
    app.run().button(key="sample-s1.png").click().run()
    at = app.switch_page("pages/2_Heatmaps.py").run()
    assert not at.exception
    return at


def test_the_empty_page_says_what_to_do(app, predictor):
    at = app.run().switch_page("pages/2_Heatmaps.py").run()
    assert not at.exception
    assert "**No film yet.** Add films on the page *Read films*, or pick a sample here." in text(at)


def test_every_system_with_the_top_class_to_begin_with(page):
    (given,) = viewers(page)
    assert [panel["system"] for panel in given["panels"]] == list(SYSTEMS)
    assert {panel["method"] for panel in given["panels"]} == {"hirescam"}
    assert text(page).count("together the score of") == len(SYSTEMS)


def test_systems_classes_and_methods_multiply(page):
    page.pills(key="system").set_value(["vgg16"])
    page.pills(key="class").set_value(["COVID19", "NORMAL"])
    page.pills(key="method").set_value(["gradcam", "eigencam"]).run()
    assert not page.exception
    (given,) = viewers(page)
    shown = [(panel["method"], panel["class_name"]) for panel in given["panels"]]
    assert shown == [("gradcam", "COVID19"), ("gradcam", "NORMAL"), ("eigencam", "")]
    assert "**Eigen-CAM is not about a class:**" in text(page)


def test_one_class_against_another(page):
    page.pills(key="class").set_value(["COVID19", "NORMAL"])
    page.segmented_control(key="against").set_value("NORMAL").run()
    assert not page.exception
    (given,) = viewers(page)
    assert len(given["panels"]) == len(SYSTEMS)
    assert all("COVID-19 against Normal" in panel["title"] for panel in given["panels"])


def test_a_map_that_does_not_apply_says_why(page):
    page.pills(key="system").set_value(["vgg16"])
    page.pills(key="method").set_value(["ablationcam"]).run()
    (given,) = viewers(page)
    assert given["panels"][0]["map"]["missing"].startswith("`method` must apply to the system.")


def test_nothing_chosen_and_too_much(page):
    page.pills(key="system").set_value([]).run()
    assert NOTHING_CHOSEN in text(page)
    assert not viewers(page)
    page.pills(key="system").set_value(list(SYSTEMS))
    page.pills(key="class").set_value(["COVID19", "NORMAL", "PNEUMONIA"]).run()
    assert f"15 maps are chosen; the first {MAX_PANELS} are shown." in text(page)
    assert len(viewers(page)[0]["panels"]) == MAX_PANELS


def test_a_link_carries_the_choice(app, predictor):
    app.run().button(key="sample-s1.png").click().run()
    at = app.switch_page("pages/2_Heatmaps.py")
    at.query_params["system"] = ["VGG16"]
    at.query_params["method"] = ["Grad-CAM"]
    at.run()
    assert not at.exception
    (given,) = viewers(at)
    assert [(p["system"], p["method"]) for p in given["panels"]] == [("vgg16", "gradcam")]
