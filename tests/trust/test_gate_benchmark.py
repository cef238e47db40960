"""The gate's benchmark: scores against scikit-learn, far pictures, and the table they end in."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from benchmarks import far_chest, far_pictures
from benchmarks.far_pictures import CHOICE, FINAL
from benchmarks.gate_reads import Seen, join, load, save
from benchmarks.gate_scores import Chest, compare, energy, nearest, told_apart
from benchmarks.gate_table import lines, refusal_table
from cxr_core.trust.gate_fit import fit_gate
from tests.trust.gate_reads import far, films


def seen(reads, seed=0):
    """Return reads with a layout that tells nothing."""
    rng = np.random.default_rng(seed)
    return Seen(reads, rng.normal(0, 1, (len(reads), 36)).astype(np.float32))


REFERENCE = seen(films((80, 80, 80)))
UNSEEN = seen(films((20, 30, 40), seed=1), 1)
FAR = {"a": ("Far ones", seen(far(), 2)), "b": ("Others", seen(far(seed=9), 3))}


@pytest.mark.parametrize("k", [1, 5, 30])
def test_neighbours_are_those_of_scikit_learn(k):
    rng = np.random.default_rng(0)
    bank, rows = rng.normal(0, 1, (50, 6)), rng.normal(0, 2, (20, 6))
    distances, _ = NearestNeighbors(n_neighbors=k).fit(bank).kneighbors(rows)
    np.testing.assert_allclose(nearest(rows, bank, k), distances[:, -1])


def test_energy_is_minus_the_log_of_summed_exponentials():
    logits = np.array([[1.0, 2, 3], [1000, 0, 0]])
    expected = [-np.log(np.exp([1.0, 2, 3]).sum()), -1000]
    np.testing.assert_allclose(energy(logits), expected)


def test_told_apart_counts_pairs():
    assert told_apart(np.array([2.0, 0.5, np.inf]), np.array([1.0, 0.0])) == pytest.approx(5 / 6)


def test_candidates_are_compared_best_first():
    rows = compare(Chest(REFERENCE, UNSEEN, "ensemble_dense"), FAR)
    areas = [row["auroc"] for row in rows]
    assert areas == sorted(areas, reverse=True)
    kinds = {row["kind"] for row in rows}
    for kind in ("Mahalanobis", "Relative Mahalanobis", "Nearest neighbour, best k"):
        assert {f"{kind}, pooled features", f"{kind}, 64-unit layer"} <= kinds
    assert {"Energy", "The gate", "The gate without layout"} <= kinds
    titles = [row["title"] for row in rows]
    assert len(set(titles)) == len(titles)
    gate = next(row for row in rows if row["kind"] == "The gate without layout")
    assert gate["auroc"] > 0.99
    assert gate["refused"]["n"] == 40


def test_the_refusal_table_goes_through_json_to_markdown():
    gate = fit_gate(REFERENCE.reads, UNSEEN.reads, layouts=(REFERENCE.layout, UNSEEN.layout))
    bare = fit_gate(REFERENCE.reads, UNSEEN.reads)
    test, adults = seen(films((30, 30, 30), seed=5), 5), seen(films((0, 5, 5), seed=6), 6)
    for name, logits in test.reads.logits.items():
        if name == gate.lead:
            logits[:4] = logits[:4, ::-1]  # four COVID-19 films are called something else
    kinds = {"near": {}, "far": FAR, "other": {}}
    table = refusal_table(gate, kinds, test, adults, without_layout=bare)
    table["cost_ms"] = 0.1
    table = json.loads(json.dumps(table, allow_nan=False))
    assert [(row["kind"], row["n"]) for row in table["sets"]] == [
        *[("test", 30)] * 3,
        ("near", 10),
        *[("far", 20)] * 2,
    ]
    assert table["far"]["n"] == 40
    assert table["far"]["refused"]["n_hits"] == sum(
        row["refused"]["n_hits"] for row in table["sets"] if row["kind"] == "far"
    )
    assert table["adults"]["n_passed_called_COVID19"] == 0
    scores = gate.of_reads(test.reads, test.layout)
    is_misread = scores.called != test.reads.y_true
    assert is_misread.any()
    n_misread = sum(row["n"] for row in table["misread"].values())
    n_refused = sum(row["n_refused"] for row in table["misread"].values())
    assert (n_misread, n_refused) == (is_misread.sum(), (is_misread & scores.is_refused).sum())
    found = lines(table)
    assert "| **all 2 far sets** | 40 |" in found[-3]
    assert sum(line.startswith("| Test films") for line in found) == 3


def test_both_halves_of_the_pictures_are_seeded_and_share_none():
    digests = {}
    for half in (CHOICE, FINAL):
        found = {key: pictures for key, _, pictures in far_pictures.pictures(half)}
        digests[half] = {p.tobytes() for pictures in found.values() for p in pictures}
        assert all(p.dtype == np.uint8 for pictures in found.values() for p in pictures)
        again = far_pictures.drawn("noise", half)
        for one, other in zip(found["noise"], again, strict=True):
            np.testing.assert_array_equal(one, other)
    assert not digests[CHOICE] & digests[FINAL]
    assert len(digests[FINAL]) > 300


def test_changed_chest_films_are_what_they_say(tmp_path):
    film = np.arange(40 * 30, dtype=np.uint8).reshape(40, 30)
    path = tmp_path / "film.png"
    Image.fromarray(film).save(path)
    found = {key: p[0] for key, _, p in far_chest.changed([path], far_chest.FAR)}
    np.testing.assert_array_equal(found["inverted"], 255 - film)
    np.testing.assert_array_equal(found["turned_180"], film[::-1, ::-1])
    np.testing.assert_array_equal(found["upside_down"], film[::-1])
    assert found["turned_90"].shape == (30, 40)
    assert found["half"].shape == (40, 15)
    assert found["cropped"].shape == (8, 6)
    assert found["squeezed"].shape == film.shape
    assert not found["squeezed"][:, :9].any()
    near = {key: p[0] for key, _, p in far_chest.changed([path], far_chest.NEAR)}
    np.testing.assert_array_equal(near["mirrored"], film[:, ::-1])


def test_what_was_seen_is_kept_and_joined(tmp_path):
    save(UNSEEN, tmp_path / "deep" / "set.npz")
    again = load(tmp_path / "deep" / "set.npz")
    np.testing.assert_array_equal(again.layout, UNSEEN.layout)
    np.testing.assert_array_equal(again.reads.pooled["vgg16"], UNSEEN.reads.pooled["vgg16"])
    both = join(REFERENCE, again)
    assert len(both) == len(REFERENCE) + len(UNSEEN)
    assert both.reads.films.n_patients == len(both)
    np.testing.assert_array_equal(both.layout[-1], UNSEEN.layout[-1])
