"""The curve of recall against false calls, as a figure and as a table."""

from __future__ import annotations

import pytest

from ui.components.tradeoff import tradeoff_figure, tradeoff_rows


def share(value: float, n: int) -> dict:
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": n, "n_hits": value * n}


def row(weight: float, seed: int, called: float, recall: float) -> dict:
    figures = {
        "accuracy": share(0.9, 100),
        "recall_COVID19": share(recall, 85),
        "adults_called_COVID19": share(called, 60),
    }
    return {"weight": weight, "seed": seed, "systems": {"vgg16": figures, "densenet201": figures}}


TRADEOFF = {
    "schema": "cxr-tradeoff/1",
    "rows": [row(0, 0, 0.9, 0.95), row(0, 1, 0.8, 0.93), row(10, 0, 0.5, 0.8)],
}


def test_points_are_means_over_seeds():
    line = tradeoff_figure(TRADEOFF).data[0]
    assert line.name == "VGG16"
    assert list(line.x) == pytest.approx([0.85, 0.5])
    assert list(line.y) == pytest.approx([0.94, 0.8])
    assert list(line.text) == ["0", "10"]
    assert list(line.error_x.array) == pytest.approx([0.15, 0.1])


def test_the_table_has_every_seed():
    rows = tradeoff_rows(TRADEOFF)
    assert len(rows) == 6
    assert rows[2]["Seed"] == 1
    assert rows[2]["COVID-19 recall"] == 0.93


def test_the_card_shows_the_curve_where_it_was_measured(app, predictor):
    page = app.run().switch_page("pages/8_Model_card.py").run()
    assert "Disease or source?" not in [header.value for header in page.header]
    predictor.bundle.tradeoff = lambda: TRADEOFF
    page = page.run()
    assert not page.exception
    assert "Disease or source?" in [header.value for header in page.header]
