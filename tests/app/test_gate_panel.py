"""The refusal gate's section: its words, its figure and table, and what is missing or stale."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from cxr_core.errors import SpecMismatchError
from cxr_core.evaluate.metrics import wilson
from cxr_core.trust.gate_fit import fit_gate
from tests.trust.gate_reads import films
from ui.components.gate_panel import gate_figure
from ui.gate_view import (
    KIND_TITLES,
    NOT_MEASURED,
    STALE,
    STATES,
    auroc_text,
    candidate_rows,
    is_stale,
    limit_rows,
    set_rows,
    source_sentence,
    table_of,
)


def found_set(key, title, kind, n_refused, n, auroc=None):
    """Return one row of the refusal table."""
    refused = wilson(n_refused, n).to_dict()
    return {
        "key": key,
        "title": title,
        "kind": kind,
        "n": n,
        "refused": refused,
        "auroc": auroc,
        "refused_by_features": refused,
    }


TABLE = {
    "score": {"title": "Distance in pooled features", "words": "Some words.", "n_bytes": 9},
    "lead": "ensemble_dense",
    "thresholds": {
        "COVID19": {"value": 4.25, "n": 35, "rule": "a curve"},
        "NORMAL": {"value": 3.1, "n": 216, "rule": "in order"},
        "PNEUMONIA": {"value": None, "n": 3, "rule": "too few"},
    },
    "n_reference": 3470,
    "interval": "Wilson.",
    "command": "python -m benchmarks.gate",
    "cost_ms": 0.21,
    "sets": [
        found_set("COVID19", "Test films, COVID-19", "test", 3, 85),
        found_set("NORMAL", "Test films, Normal", "test", 6, 269),
        found_set("PNEUMONIA", "Test films, Pneumonia", "test", 8, 724),
        found_set("adults", "Adults without COVID-19", "near", 2, 60, 0.67),
        found_set("flat", "Flat greys", "far", 32, 32, 1.0),
        found_set("half", "Half of chest films", "far", 113, 120, 0.99761),
        found_set("synthetic", "Sample films", "other", 0, 12, 0.35),
        found_set("none", "Nothing there", "other", 0, 0),
    ],
    "far": {"n_sets": 2, "n": 152, "refused": wilson(145, 152).to_dict(), "auroc": 0.9992},
    "adults": {
        "n": 60,
        "n_refused": 2,
        "n_passed_called_COVID19": 47,
        "system": "ensemble_dense",
    },
    "candidates": [
        {
            "kind": "Energy",
            "title": "Energy; VGG16",
            "auroc": 0.71,
            "lowest": {"title": "Flat greys", "auroc": 0.4},
            "refused": wilson(30, 100).to_dict(),
            "unseen_refused": {},
        }
    ],
}
FOUND = json.loads(json.dumps({"schema": "cxr-gate/1", "variants": {"clean": TABLE}}))


def section(table):
    """A page with nothing but the section."""
    from ui.components.gate_panel import gate_section

    gate_section(table)


def shown(table):
    """Run the page."""
    at = AppTest.from_function(section, kwargs={"table": table}, default_timeout=60).run()
    assert not at.exception
    return at


def test_the_section_says_what_the_states_mean():
    at = shown(FOUND["variants"]["clean"])
    said = "\n".join(element.value for element in at.markdown)
    for line in STATES:
        assert line in said
    assert "never means that the reading is right" in said
    assert "never from test films" in said
    assert at.table[0].value["Refused"].tolist() == [
        "3 of 85 (3.5%, 1.2% to 9.9%)",
        "6 of 269 (2.2%, 1.0% to 4.8%)",
        "8 of 724 (1.1%, 0.6% to 2.2%)",
        "145 of 152 (95.4%, 90.8% to 97.8%)",
    ]
    assert len(at.dataframe) == 3
    assert [warning.value for warning in at.warning] == [source_sentence(TABLE)]


def test_the_gate_does_not_see_the_source_and_says_so():
    assert source_sentence(TABLE) == (
        "**The gate does not see the source of a film.** Of 60 films of adults without COVID-19, "
        "from the publications that the COVID-19 films come from, 58 passed, and 47 of those are "
        "called COVID-19 by Ensemble of dense layers. A film that passes can still be read by its "
        "source."
    )
    assert source_sentence({**TABLE, "adults": None}) is None


def test_nothing_measured_says_what_to_do():
    at = shown(None)
    assert [info.value for info in at.info] == [NOT_MEASURED]
    assert not at.table


def test_every_set_is_drawn_once_with_its_interval():
    figure = gate_figure(TABLE["sets"])
    assert [trace.name for trace in figure.data] == list(KIND_TITLES.values())
    far = next(trace for trace in figure.data if "should be refused" in trace.name)
    assert list(far.y) == ["Flat greys (n = 32)", "Half of chest films (n = 120)"]
    assert far.x[1] - far.error_x.arrayminus[1] == pytest.approx(wilson(113, 120).low)
    drawn = [name for trace in figure.data for name in trace.y]
    assert len(drawn) == 7
    assert figure.layout.yaxis.categoryarray == tuple(drawn)


def test_the_tables_have_every_number():
    rows = set_rows(TABLE["sets"])
    assert rows[5] == {
        "Set": "Half of chest films",
        "What is expected": "No upright frontal chest film: should be refused",
        "n": 120,
        "Refused (95% interval)": "113 of 120 (94.2%, 88.4% to 97.1%)",
        "Told from test films (AUROC)": "0.998",
    }
    assert rows[0]["Told from test films (AUROC)"] == "\N{EN DASH}"
    assert rows[7]["Refused (95% interval)"] == "no film"
    assert [row["Refused above"] for row in limit_rows(TABLE["thresholds"])] == [
        "4.25",
        "3.10",
        "no limit",
    ]
    assert candidate_rows(TABLE["candidates"])[0]["Far pictures refused"] == "30.0%"


def test_numbers_are_never_rounded_up_to_perfect():
    assert auroc_text(0.99961) == "0.9996"
    assert auroc_text(1.0) == "1.000"


def test_a_table_is_that_of_its_variant_and_schema():
    assert table_of(FOUND, "clean") == FOUND["variants"]["clean"]
    assert table_of(FOUND, "seed") is None
    assert table_of(None, "clean") is None
    with pytest.raises(SpecMismatchError, match=r"cxr-gate/1\. Received: other"):
        table_of({"schema": "other"}, "clean")


def test_a_table_of_other_limits_is_stale():
    gate = fit_gate(films((60, 60, 60)), films((30, 30, 30), seed=1))
    own = {**TABLE, "thresholds": {k: v.to_dict() for k, v in gate.limits.items()}}
    assert not is_stale(own, gate)
    assert not is_stale(own, None)
    assert is_stale(TABLE, gate)
    moved = {**gate.limits, "NORMAL": replace(gate.limits["NORMAL"], value=99.0)}
    assert is_stale(own, replace(gate, limits=moved))


def test_the_page_on_calibration_ends_with_the_gate(app, predictor):
    predictor.bundle.gate_table = lambda: FOUND
    at = app.run().switch_page("pages/4_Calibration.py").run()
    assert not at.exception
    assert [header.value for header in at.main.header][-1] == "Refusal gate"
    assert at.main.table
    gate = fit_gate(films((60, 60, 60)), films((30, 30, 30), seed=1))
    predictor.trust_model = SimpleNamespace(gate=gate, calibration={}, conformal={}, about={})
    at = at.run()
    assert not at.exception
    assert STALE in [warning.value for warning in at.warning]


def test_a_damaged_table_is_said_in_words(app, predictor):
    predictor.bundle.gate_table = lambda: {"schema": "other"}
    at = app.run().switch_page("pages/4_Calibration.py").run()
    assert not at.exception
    assert "unusable" in "".join(each.value for each in at.main.markdown)
    assert "cxr-gate/1. Received: other" in "".join(each.value for each in at.main.text)
