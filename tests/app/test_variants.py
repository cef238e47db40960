"""A bundle's variants can be chosen; the choice holds on every page and shares the networks."""

from __future__ import annotations

import json

import pytest

from cxr_core.bundle import MANIFEST, seal
from cxr_core.predict import PublishedModels


@pytest.fixture
def two_variants(own_bundle_dir, monkeypatch):
    """The tiny bundle with its variant under two names."""
    manifest = json.loads((own_bundle_dir / MANIFEST).read_text("utf-8"))
    manifest["variants"]["other"] = {**manifest["variants"]["tiny"], "title": "Another recipe"}
    for key in ("schema", "classes", "files"):
        del manifest[key]
    (own_bundle_dir / MANIFEST).unlink()
    bundle = seal(own_bundle_dir, manifest)
    monkeypatch.setenv("CXR_BUNDLE", str(own_bundle_dir))
    return bundle


def test_the_choice_holds_on_every_page(app, two_variants):
    app.run()
    choice = app.sidebar.selectbox[0]
    assert (choice.label, choice.value, choice.options) == ("Trained by", "tiny", ["tiny", "other"])
    app = choice.select("other").run()
    assert "Variant: other" in " ".join(text.value for text in app.sidebar.markdown)
    app = app.switch_page("pages/8_Model_card.py").run()
    assert not app.exception
    assert app.sidebar.selectbox[0].value == "other"
    assert "Variant: other" in " ".join(text.value for text in app.sidebar.markdown)


def test_variants_share_their_networks(two_variants):
    published = PublishedModels(two_variants.folder)
    first, second = (published.predictor(name) for name in ("tiny", "other"))
    assert published.predictor("tiny") is first
    assert first.variant == "tiny"
    assert second.variant == "other"
    assert all(first._engines[name] is second._engines[name] for name in first._engines)


def test_a_variant_that_is_gone_counts_as_the_default(app, two_variants):
    app.session_state["variant"] = "gone"
    app.run()
    assert not app.exception
    assert app.sidebar.selectbox[0].value == "tiny"


def test_one_variant_offers_no_choice(app, tiny_bundle_dir, monkeypatch):
    monkeypatch.setenv("CXR_BUNDLE", str(tiny_bundle_dir))
    assert not app.run().sidebar.selectbox
