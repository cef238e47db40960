"""Fingerprints, groups and the split by patient, on cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from cxr_core.dataset import carve, fingerprint, join_groups, kermany_patient, near_duplicates
from cxr_core.errors import TrainingDataError


def film(seed: int, size: tuple[int, int] = (120, 140)) -> np.ndarray:
    """A smooth random film, shape (h, w), float32 in [0, 1]."""
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 8), np.uint8)
    smooth = Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC)
    return np.asarray(smooth, np.float32) / 255


def test_a_fingerprint_by_hand():
    rising = np.tile(np.arange(34, dtype=np.float32), (32, 1))
    assert fingerprint(rising).bits.all()
    assert not fingerprint(rising[:, ::-1]).bits.any()
    assert fingerprint(rising).bits.shape == (256,)
    assert np.linalg.norm(fingerprint(rising).thumbnail) == pytest.approx(1, abs=1e-5)
    assert fingerprint(rising).thumbnail.mean() == pytest.approx(0, abs=1e-6)


def test_a_flat_film_has_a_finite_fingerprint_and_no_double():
    flat = fingerprint(np.full((40, 30), 0.5, np.float32))
    assert np.isfinite(flat.thumbnail).all()
    assert near_duplicates([flat, flat]) == []


def test_the_image_is_not_changed():
    image = film(0)
    before = image.copy()
    fingerprint(image)
    np.testing.assert_array_equal(image, before)


def test_near_duplicates_are_scaled_brightened_and_noisy_copies_and_nothing_else():
    original = film(1)
    noise = np.random.default_rng(0).normal(0, 0.01, original.shape).astype(np.float32)
    smaller = Image.fromarray((original * 255).astype(np.uint8)).resize((70, 60))
    films = [
        original,
        film(2),
        original * 0.6 + 0.3,
        original + noise,
        np.asarray(smaller, np.float32),
        original[:, ::-1],
        1 - original,
    ]
    pairs = near_duplicates([fingerprint(f) for f in films])
    assert pairs == [(0, 2), (0, 3), (0, 4), (2, 3), (2, 4), (3, 4)]


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_films_have_no_pairs(count):
    assert near_duplicates([fingerprint(film(0))] * count) == []


@pytest.mark.parametrize(
    ("stem", "patient"),
    [
        ("person12_virus_46", "person12"),
        ("person12_bacteria_3", "person12"),
        ("IM-0115-0001", "IM-0115"),
        ("IM-0115-0001-0002", "IM-0115"),
        ("NORMAL2-IM-0529-0001", "NORMAL2-IM-0529"),
        ("person12", None),
        ("person12_covid_1", None),
        ("film-1", None),
        ("", None),
    ],
)
def test_patients_in_the_file_names_of_the_kermany_set(stem, patient):
    assert kermany_patient(stem) == patient


def test_groups_are_joined_through_keys_and_pairs():
    assert join_groups(["a", "b", "a", "c", "d"], []) == [0, 1, 0, 2, 3]
    assert join_groups(["a", "b", "a", "c", "d"], [(1, 2)]) == [0, 0, 0, 1, 2]
    assert join_groups(["a", "b", "c", "d"], [(2, 3), (0, 2), (1, 3)]) == [0, 0, 0, 0]
    assert join_groups([], []) == []


def numbered(n_films: int, films_per_group: int = 2):
    """Labels, groups and digests of many films."""
    labels = [
        ("COVID19", "NORMAL", "PNEUMONIA")[(i // films_per_group) % 3] for i in range(n_films)
    ]
    groups = [i // films_per_group for i in range(n_films)]
    return labels, groups, [f"{i:064x}" for i in range(n_films)]


def test_carve_splits_whole_groups_in_the_shares_that_were_asked_for():
    labels, groups, digests = numbered(300)
    parts = carve(labels, groups, digests, {"val": 0.1, "calibration": 0.2}, seed=0)
    for group in set(groups):
        assert len({p for p, g in zip(parts, groups, strict=True) if g == group}) == 1
    for label in set(labels):
        own = [p for p, name in zip(parts, labels, strict=True) if name == label]
        assert (own.count("val"), own.count("calibration"), own.count("fit")) == (10, 20, 70)


def test_carve_does_not_depend_on_the_order_of_films_or_the_numbers_of_groups():
    labels, groups, digests = numbered(120)
    parts = carve(labels, groups, digests, {"val": 0.2}, seed=3)
    order = np.random.default_rng(0).permutation(120)
    shuffled = carve(
        [labels[i] for i in order],
        [1000 - groups[i] for i in order],
        [digests[i] for i in order],
        {"val": 0.2},
        seed=3,
    )
    assert shuffled == [parts[i] for i in order]
    assert parts != carve(labels, groups, digests, {"val": 0.2}, seed=4)


def test_carve_gives_this_result_for_good():
    """Trained networks depend on which films were held out: the rule must never drift."""
    labels, groups, digests = numbered(24)
    parts = carve(labels, groups, digests, {"val": 0.25}, seed=0, rest="rest")
    assert [i for i in range(0, 24, 2) if parts[i] == "val"] == [8, 10, 18]


@pytest.mark.parametrize("shares", [{"val": 0.0}, {"val": -0.1}, {"val": 0.5, "test": 0.5}])
def test_carve_refuses_shares_that_leave_nothing(shares):
    with pytest.raises(ValueError, match=r"`shares` must be positive and sum to less than 1\. Rec"):
        carve(*numbered(12), shares, seed=0)


def test_carve_refuses_films_of_one_patient():
    with pytest.raises(TrainingDataError, match=r"at least two patients .* Received: 3 films of o"):
        carve(["NORMAL"] * 3, [7, 7, 7], ["a", "b", "c"], {"val": 0.5}, seed=0)


def test_carve_keeps_the_groups_it_is_told_to():
    labels, groups, digests = numbered(240)
    free = carve(labels, groups, digests, {"val": 0.1, "calibration": 0.2}, seed=0)
    kept = {group for group, part in zip(groups, free, strict=True) if part != "fit"}
    parts = carve(labels, groups, digests, {"val": 0.1, "calibration": 0.2}, seed=0, kept=kept)
    assert {p for p, g in zip(parts, groups, strict=True) if g in kept} == {"fit"}
    assert [parts.count(name) for name in ("val", "calibration")] == [24, 48]


def test_carve_shrinks_all_parts_alike_where_most_groups_are_kept():
    labels, groups, digests = numbered(240)
    left = {"COVID19": 12, "NORMAL": 24, "PNEUMONIA": 80}
    kept = set(groups)
    for label, n_films in left.items():
        own = [g for g, name in zip(groups, labels, strict=True) if name == label]
        kept -= set(own[:n_films])
    parts = carve(labels, groups, digests, {"val": 0.1, "calibration": 0.2}, seed=0, kept=kept)
    by_class = {
        label: [p for p, name in zip(parts, labels, strict=True) if name == label] for label in left
    }
    assert [by_class["COVID19"].count(p) for p in ("val", "calibration")] == [4, 8]
    assert [by_class["PNEUMONIA"].count(p) for p in ("val", "calibration")] == [8, 16]
