"""Random heads, repeatability and agreement of maps: cases whose answer is known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.errors import CancelledCheckError, NotApplicableError
from cxr_core.explain.cam import METHODS, Cam, explain
from cxr_core.explain.fidelity import (
    CHANGES,
    Change,
    agreement,
    order_check,
    random_heads,
    random_orders,
    randomisation,
    repeatability,
    road,
)
from cxr_core.explain.fidelity.stability import shift_back
from cxr_core.labels import SYSTEMS
from tests.explain.test_fidelity import SHAPE, sum_of
from tests.tiny import random_features
from tests.tiny import random_heads as tiny_heads

# Randomisation


@pytest.mark.parametrize(
    ("system", "names"),
    [
        ("densenet201", ("logits", "dense_0")),
        ("vgg16", ("logits", "dense_1", "dense_0")),
        (
            "ensemble_probs",
            ("ensemble", "members' logits", "members' dense -1", "members' dense -2"),
        ),
        ("ensemble_dense", ("ensemble", "members' dense -1", "members' dense -2")),
    ],
)
def test_the_cascade_goes_from_the_logits_down(system, names):
    heads = tiny_heads(np.random.default_rng(7))
    random = random_heads(heads, system, n_draws=2, seed=1)
    assert random.names == names
    sets = random.draw(0)
    assert len(sets) == len(names)
    if system in heads.members:
        trained, changed = heads.members[system].layers, sets[0].members[system].layers
        assert all(one is other for one, other in zip(trained[:-1], changed[:-1], strict=True))
        assert not np.array_equal(trained[-1].kernel, changed[-1].kernel)
        below = sets[1].members[system].layers
        assert below[-1] is changed[-1]  # a layer stays as it is further down the cascade
        assert below[-2] is not trained[-2]
        last = sets[-1].members[system].layers
        assert not any(one is other for one, other in zip(trained, last, strict=True))
    again = random_heads(heads, system, n_draws=2, seed=1)
    layer, same, other = (
        (drawn.ensembles.get(system) or drawn.members[system].layers[-1]).kernel
        for drawn in (sets[0], again.draw(0)[0], again.draw(1)[0])
    )
    np.testing.assert_array_equal(layer, same)
    assert not np.array_equal(layer, other)


@pytest.mark.parametrize("system", SYSTEMS)
def test_maps_with_a_class_change_and_eigencam_does_not(system):
    rng = np.random.default_rng(8)
    heads = tiny_heads(rng)
    features = random_features(rng, heads)
    before = {name: array.copy() for name, array in features.items()}
    random = random_heads(heads, system, n_draws=3)
    for method, entry in METHODS.items():
        state = heads.forward(features)
        grid = explain(heads, state, features, system, "NORMAL", method=method).grid
        found = randomisation(random, features, grid, "NORMAL", method=method, baseline=0.95)
        values = [(stage.spearman, stage.ssim) for stage in found.stages]
        if entry.is_class_specific:
            # LayerCAM and Grad-CAM++ take positive weights only: near 0.96 with random heads too
            assert all(rank < 0.999 for rank, _ in values), method
            assert found.passes == (min(s for _, s in values) < 0.95)
        else:  # Xplique's case of an explainer that does not look at the model
            assert np.array(values) == pytest.approx(1.0)
            assert found.passes is False
        assert all(np.isfinite(values).ravel())
    for name, array in features.items():
        np.testing.assert_array_equal(array, before[name])


def test_without_a_baseline_nothing_is_said_of_passing():
    rng = np.random.default_rng(9)
    heads = tiny_heads(rng)
    features = random_features(rng, heads)
    grid = explain(heads, heads.forward(features), features, "vgg16", "NORMAL").grid
    random = random_heads(heads, "vgg16", n_draws=1)
    found = randomisation(random, features, grid, "NORMAL", method="hirescam")
    assert found.passes is None
    assert any("nothing is said of passing" in note for note in found.notes)
    assert any("Only the heads were randomised" in note for note in found.notes)


def test_a_map_that_random_heads_leave_flat_counts_as_unlike():
    rng = np.random.default_rng(10)
    heads = tiny_heads(rng)
    dark = {name: np.zeros(head.feature_shape) for name, head in heads.members.items()}
    random = random_heads(heads, "vgg16", n_draws=2)
    found = randomisation(random, dark, np.eye(7), "NORMAL", method="gradcam")
    assert [stage.n_flat for stage in found.stages] == [2, 2, 2]
    assert [stage.spearman for stage in found.stages] == [0, 0, 0]


def test_wrong_random_heads():
    heads = tiny_heads(np.random.default_rng(11))
    with pytest.raises(NotApplicableError, match=r"`system` must be one of .*system='resnet50'"):
        random_heads(heads, "resnet50")
    with pytest.raises(ValueError, match=r"`n_draws` must be 1 or more\. Received: n_draws=0"):
        random_heads(heads, "vgg16", n_draws=0)


# Repeatability and agreement


def test_a_map_that_moves_with_the_film_is_repeatable():
    """The map is the film seen in cells; shifts of whole cells are undone exactly."""
    image = np.random.default_rng(12).random((28, 28)).astype(np.float32)

    def grid_of(film):
        return film.reshape(7, 4, 7, 4).mean(axis=(1, 3))

    changes = [Change(rows=1 / 7), Change(columns=-2 / 7), Change(rows=-1 / 7, columns=1 / 7)]
    found = repeatability(lambda c: grid_of(c.apply(image)), grid_of(image), changes=changes)
    assert found.spearman == pytest.approx([1.0, 1.0, 1.0])
    assert (found.mean, found.least) == (pytest.approx(1.0), pytest.approx(1.0))
    assert found.changes[0] == "shift +0.143, +0.000"


def test_a_map_that_ignores_the_shift_is_not_repeatable():
    grid = np.random.default_rng(13).normal(size=SHAPE)
    found = repeatability(lambda _: grid, grid, changes=[Change(rows=2 / 7)])
    assert abs(found.mean) < 0.5
    assert repeatability(lambda _: grid, grid, changes=[Change(noise=0.1)]).mean == 1.0


def test_a_part_of_a_cell_is_undone_by_interpolation():
    ramp = np.repeat(np.arange(7.0)[:, None], 7, axis=1)
    moved = ramp - 0.25  # a film shifted down by a quarter of a cell
    back, shown = shift_back(moved, Change(rows=1 / 28))
    assert shown == (slice(0, 6), slice(0, 7))
    np.testing.assert_allclose(back[shown], ramp[shown])


def test_changes_do_not_touch_the_film():
    image = np.random.default_rng(14).random((56, 42)).astype(np.float32)
    before = image.copy()
    for change in CHANGES:
        changed = change.apply(image)
        assert changed.shape == image.shape
        assert changed.dtype == np.float32
        assert 0 <= changed.min() <= changed.max() <= 1
        np.testing.assert_array_equal(changed, change.apply(image))
        assert (changed != image).any()
    np.testing.assert_array_equal(image, before)
    down = Change(rows=2 / 56).apply(image)
    np.testing.assert_array_equal(down[2:], image[:-2])
    np.testing.assert_array_equal(down[:2], image[[0, 0]])


def test_a_changed_film_whose_map_is_flat_counts_as_unlike():
    found = repeatability(lambda _: np.zeros(SHAPE), np.eye(7))
    assert found.mean == 0.0
    assert found.notes == ("Some maps of changed films were flat; they count as 0.",)
    with pytest.raises(ValueError, match=r"`changes` must hold at least one change"):
        repeatability(lambda _: np.eye(7), np.eye(7), changes=[])


def cam_of(grid, class_name="NORMAL"):
    return Cam("vgg16", class_name, "hirescam", np.asarray(grid, np.float32), 1.0)


def test_agreement_by_hand():
    grid = np.arange(49.0).reshape(SHAPE)
    found = agreement([cam_of(grid), cam_of(2 * grid), cam_of(-grid)])
    assert found.n_maps == 3
    assert found.spearman == pytest.approx((1 - 1 - 1) / 3)
    assert found.least == pytest.approx(-1.0)
    with pytest.raises(NotApplicableError, match=r"two or more maps\. Received: 1"):
        agreement([cam_of(grid)])
    with pytest.raises(NotApplicableError, match=r"one class and one size"):
        agreement([cam_of(grid), cam_of(grid, "COVID19")])


# Progress and cancel


def test_every_check_tells_its_progress_and_can_be_ended():
    rng = np.random.default_rng(15)
    heads = tiny_heads(rng)
    features = random_features(rng, heads)
    grid = rng.normal(size=SHAPE)
    score = sum_of(grid)
    orders = random_orders(score, SHAPE, n_orders=2)
    drawn = random_heads(heads, "vgg16", n_draws=2)
    cams = [cam_of(grid), cam_of(-grid), cam_of(grid.T)]
    checks = {
        20: lambda tell: random_orders(score, SHAPE, n_orders=4, on_step=tell),
        "order": lambda tell: order_check(score, grid, orders, on_step=tell),
        4: lambda tell: road(score, grid, on_step=tell),
        6: lambda tell: repeatability(lambda _: grid, grid, on_step=tell),
        3: lambda tell: agreement(cams, on_step=tell),
        "heads": lambda tell: randomisation(
            drawn, features, grid, "NORMAL", method="gradcam", on_step=tell
        ),
    }
    totals = {"order": 10, "heads": 6}
    for key, run in checks.items():
        total = totals.get(key, key)
        told = []
        run(lambda done, of, told=told: told.append((done, of)))
        assert told == [(done, total) for done in range(1, total + 1)]
        with pytest.raises(CancelledCheckError, match=rf"cancelled after 2 of {total} steps"):
            run(lambda done, _: done < 2)
