"""The pages as a reader meets them: empty, with films, with a bad film, without a bundle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ui.model_cache
from cxr_core.errors import ArtifactIntegrityError, UnreadableImageError
from cxr_core.labels import CLASS_NOTES, CLASSES, SYSTEMS
from tests.app.conftest import png
from tests.app.fakes import FakePredictor
from ui.words import GATE_NOT_RUN, GATE_REFUSED, HEATMAP_CAPTION

ROOT = Path(__file__).resolve().parents[2]
PAGES = [f"pages/{path.name}" for path in sorted((ROOT / "pages").glob("*.py"))]

BANNER = "**Research use only.** Not a medical device. Not for diagnosis, treatment or reassurance."
WHERE = (
    "Films stay in the memory of the computer that runs this page. They are never written to disk "
    "and never sent elsewhere, and they are dropped when the session ends or with the button "
    "**Clear my films**."
)


def text(at):
    """All Markdown and plain text of a page."""
    return "\n".join([*(m.value for m in at.markdown), *(t.value for t in at.text)])


def viewers(at):
    """What every film viewer of the page was given."""
    return [json.loads(node.proto.json)[0] for node in at.get("bidi_component")]


def upload(at, *files):
    """Give files to the uploader and run the page."""
    for name, data in files:
        at.file_uploader[0].upload(name, data)
    at.run()
    assert not at.exception
    return at


def film_names(at):
    """The films in page order."""
    return [heading.value for heading in at.main.header]


def test_what_was_measured_against_belief_is_said_before_any_score(app, predictor):
    app.run()
    assert [warning.value for warning in app.warning] == [
        "**Measured:** of 60 adults without COVID-19, called COVID-19 by VGG16 **58** (89% to "
        "99%), Ensemble of probabilities **51** (74% to 92%); 95% intervals. A high score may be "
        "the source of the film, not disease."
    ]


def test_empty_state_says_what_to_do(app, predictor):
    app.run()
    assert not app.exception
    assert "**No film yet.** Upload one or more frontal chest films, or pick a sample." in text(app)
    assert not viewers(app)
    assert [button.label for button in app.button] == [
        "Read all samples",
        "Sample 0",
        "Sample 1",
        "Sample 2",
    ]


@pytest.mark.parametrize("page", [None, *PAGES])
def test_every_page_launches_with_banner_and_bundle(app, predictor, page):
    app.run()
    if page is not None:
        app.switch_page(page).run()
    assert not app.exception
    assert app.info[0].value == BANNER
    sidebar = "\n".join(m.value for m in app.sidebar.markdown)
    assert WHERE in sidebar
    assert "fake 0\\.1" in sidebar
    assert "Variant: clean" in sidebar
    assert "abababababab" in sidebar


def test_a_sample_becomes_a_card_with_probabilities(app, predictor):
    app.run().button(key="sample-s1.png").click().run()
    assert not app.exception
    assert film_names(app) == ["Sample 1"]
    assert any("SYNTHETIC" in m.value for m in app.markdown)
    (given,) = viewers(app)
    assert [score["system"] for score in given["scores"]] == list(SYSTEMS)
    for score in given["scores"]:
        assert sum(score["probs"].values()) == pytest.approx(1.0)
        assert max(score["probs"], key=score["probs"].get) == score["label"]
    assert [about["note"] for about in given["classes"]] == [CLASS_NOTES[c] for c in CLASSES]
    assert (given["film"]["bits"], given["film"]["width"], given["film"]["height"]) == (8, 40, 32)
    assert GATE_NOT_RUN in text(app)
    assert "of the systems name the same class." in text(app)
    assert HEATMAP_CAPTION in text(app)
    assert "(networks 210 ms, heatmaps" in text(app)


def test_an_export_carries_what_made_it(app, predictor):
    app.run().button(key="sample-s1.png").click().run()
    (given,) = viewers(app)
    assert given["provenance"] == (
        "fake 0.1 \N{MIDDLE DOT} digest abababababababab \N{MIDDLE DOT} variant clean "
        "\N{MIDDLE DOT} f32 \N{MIDDLE DOT} raw probabilities"
    )
    app.switch_page("pages/1_Compare.py").run()
    app.switch_page("pages/2_Heatmaps.py").run()
    assert {view["provenance"] for view in viewers(app)} == {given["provenance"]}


def test_all_samples_are_read_once_each(app, predictor):
    app.run()
    app.button[0].click().run()
    assert film_names(app) == ["Sample 0", "Sample 1", "Sample 2"]
    app.run()
    assert predictor.n_read == 3


def test_a_sample_can_be_unpicked(app, predictor):
    app.run().button[0].click().run()
    app.pills(key="samples").set_value(["s2.png"]).run()
    assert film_names(app) == ["Sample 2"]


def test_a_bad_file_does_not_stop_the_good_one(app, predictor):
    upload(app.run(), ("notes.png", b"not a picture"), ("film.png", png(5)))
    assert film_names(app) == ["notes\\.png", "film\\.png"]
    assert len(viewers(app)) == 1
    assert "**This film could not be read\\.**" in text(app)
    assert "Received: name='notes.png'" in text(app)
    hint = UnreadableImageError.default_hint.replace(".", "\\.")
    assert f"**What to do:** {hint}" in text(app)


def test_equal_names_are_told_apart(app, predictor):
    upload(app.run(), ("film.png", png(5)), ("film.png", png(6)))
    assert film_names(app) == ["film\\.png", "film\\.png \\(2\\)"]
    assert len(viewers(app)) == 2


def test_the_same_file_twice_counts_once(app, predictor):
    upload(app.run(), ("a.png", png(5)), ("b.png", png(5)))
    assert film_names(app) == ["a\\.png"]
    note = "“b\\.png” holds the same bytes as “a\\.png”; it is counted once\\."
    assert note in text(app)


def test_films_and_readings_survive_a_change_of_page(app, predictor):
    upload(app.run(), ("film.png", png(5)))
    app.switch_page(PAGES[0]).run()
    app.switch_page("streamlit_app.py").run()
    assert film_names(app) == ["film\\.png"]
    assert predictor.n_read == 1


def test_uploads_from_before_a_change_of_page_stay_when_more_are_added(app, predictor):
    upload(app.run(), ("a.png", png(5)))
    app.switch_page(PAGES[0]).run()
    app.switch_page("streamlit_app.py").run()
    assert not app.file_uploader[0].value
    upload(app, ("b.png", png(6)))
    assert film_names(app) == ["a\\.png", "b\\.png"]


def test_a_file_taken_out_of_the_uploader_leaves_the_page(app, predictor):
    upload(app.run(), ("a.png", png(5)), ("b.png", png(6)))
    kept = app.file_uploader[0].value[1:]
    files = [(file.name, file.getvalue(), "image/png") for file in kept]
    app.file_uploader[0].set_value(files).run()
    assert film_names(app) == ["b\\.png"]


def test_clear_drops_films_readings_and_uploads(app, predictor):
    upload(app.run(), ("film.png", png(5)))
    app.pills(key="samples").set_value(["s0.png"]).run()
    assert len(film_names(app)) == 2
    next(button for button in app.button if button.label == "Clear my films").click().run()
    assert not app.exception
    assert not film_names(app)
    assert not app.file_uploader[0].value
    assert app.file_uploader[0].key == "uploader-1"
    assert app.pills(key="samples").value == []
    upload(app, ("film.png", png(5)))
    assert predictor.n_read == 3


def test_one_film_can_be_removed(app, predictor):
    upload(app.run(), ("a.png", png(5)), ("b.png", png(6)))
    next(button for button in app.button if button.label == "Remove").click().run()
    assert film_names(app) == ["b\\.png"]


def test_names_are_shown_as_text_not_as_markup(app, predictor):
    upload(app.run(), ("**a** [b](http:c) <i>.png", png(5)))
    assert film_names(app) == ["\\*\\*a\\*\\* \\[b\\]\\(http\\:c\\) \\<i\\>\\.png"]


def test_a_long_name_is_shortened_in_the_middle(app, predictor):
    upload(app.run(), (f"{'x' * 200}0123456789.png", png(5)))
    (name,) = film_names(app)
    assert len(name) < 80
    assert name.endswith("0123456789\\.png")


def test_more_than_a_screenful_is_paged(app, predictor):
    upload(app.run(), *((f"{i}.png", png(i)) for i in range(14)))
    assert len(viewers(app)) == 12
    assert predictor.n_read == 12


def test_a_refused_film_is_marked_and_still_shown(app, monkeypatch):
    monkeypatch.setattr(ui.model_cache, "load", lambda: FakePredictor(verdict="refused"))
    app.run().button(key="sample-s0.png").click().run()
    assert app.warning[-1].value == GATE_REFUSED
    assert len(viewers(app)) == 1


@pytest.mark.parametrize("page", [None, *PAGES])
def test_a_missing_bundle_is_a_message_with_a_hint(app, monkeypatch, tmp_path, page):
    monkeypatch.setenv("CXR_BUNDLE", str(tmp_path))
    app.run()
    if page is not None:
        app.switch_page(page).run()
    assert not app.exception
    assert app.info[0].value == BANNER
    assert "**The published models could not be loaded\\.**" in text(app)
    assert "bundle.json" in text(app)
    hint = ArtifactIntegrityError.default_hint.replace(".", "\\.")
    assert f"**What to do:** {hint}" in text(app)
    assert str(tmp_path) not in text(app)


def test_an_altered_bundle_is_refused_by_file_name(app, monkeypatch, own_bundle_dir):
    path = own_bundle_dir / "MODEL_CARD.md"
    path.write_text(path.read_text("utf-8") + "better than it was", "utf-8")
    monkeypatch.setenv("CXR_BUNDLE", str(own_bundle_dir))
    app.run()
    assert not app.exception
    assert "MODEL_CARD.md: the file must be the one that was published." in text(app)


def test_a_real_bundle_reads_a_sample(app, monkeypatch, tiny_bundle_dir):
    monkeypatch.setenv("CXR_BUNDLE", str(tiny_bundle_dir))
    app.run().button(key="sample-s1.png").click().run()
    assert not app.exception
    (given,) = viewers(app)
    assert [score["system"] for score in given["scores"]] == list(SYSTEMS)
    app.switch_page("pages/8_Model_card.py").run()
    assert not app.exception
    assert "Random weights for tests." in text(app)


def open_tab(app, name):
    """Open the page of cards at one of its tabs."""
    app.run().switch_page("pages/8_Model_card.py").run()
    app.session_state["show"] = name
    app.run()
    assert not app.exception


def test_the_model_card_names_every_network(app, predictor):
    app.run().switch_page("pages/8_Model_card.py").run()
    assert "Intended use: tests." in text(app)
    open_tab(app, "Bundle")
    facts, networks = (table.value for table in app.table)
    assert list(app.dataframe[0].value["SHA-256"]) == ["cd" * 32]
    assert "Ensemble of dense layers" in facts.to_string()
    assert app.code[0].value == "ab" * 32
    assert list(networks)[1:] == ["DenseNet201", "EfficientNetB7", "VGG16"]
    rows = networks.set_index("")
    assert set(rows.loc["Weights"]) == {"random numbers"}
    assert set(rows.loc["Scaling"]) == {"unit"}


def test_two_hundred_films_are_paged_and_read_once(app, predictor):
    """The strip of Compare needs all films; pixels and maps are kept of a bounded number."""
    films = app.run().session_state  # the shelf is made on the first run
    shelf = films["films"]
    for i in range(200):
        shelf.add(f"film-{i}.png", png(i % 100, (40 + i // 100, 32)))
    at = app.switch_page("pages/1_Compare.py").run(timeout=60)
    assert not at.exception
    assert len(at.dataframe[0].value) == 200
    n_read = predictor.n_read
    at.run(timeout=60)
    assert predictor.n_read == n_read
    at.switch_page("streamlit_app.py").run(timeout=60)
    assert "**200 films**" in text(at)
