"""Maps of any heads on any film: complete, true slopes, linear where they say so, always finite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cxr_core.explain.cam import (
    METHODS,
    ablation_falls,
    eigencam,
    explain,
    explain_classes,
    explain_logits,
    logit_gradients,
    target_coefficients,
)
from cxr_core.heads import Dense, HeadSet, MemberHead, MemberState
from cxr_core.labels import CLASSES, MEMBERS, SYSTEMS
from tests.strategies import Case, bytes_of, cases, classes, feature_maps, seeds

SPECIFIC = tuple(name for name, method in METHODS.items() if method.is_class_specific)
LINEAR = ("gradcam", "hirescam", "ablationcam")
"""Methods whose map of a combination of scores is the combination of the maps."""

COMPLETE = (*MEMBERS, "ensemble_dense")
EYE = np.eye(3)
STEP = 1e-6
systems = st.sampled_from(SYSTEMS)
pairs = st.permutations(CLASSES).map(lambda order: order[:2])


def far_from_kinks(case: Case) -> None:
    """Leave out films on which a unit is within a step of its ReLU's kink."""
    for state in case.state.members.values():
        for values in state.pre_activations:
            assume(np.abs(values).min() > 1e-3)


def moved(case: Case, member: str, index: tuple[int, ...], step: float) -> dict:
    """The maps of the film with one cell of one channel moved."""
    changed = case.features[member].copy()
    changed[index] += step
    return {**case.features, member: changed}


def slopes(case: Case, system: str, member: str) -> np.ndarray:
    """Every derivative of the logits of a system by a member's map, by central differences."""
    shape = case.features[member].shape
    found = np.empty((*shape, 3))
    for index in np.ndindex(shape):
        above, below = (
            case.heads.forward(moved(case, member, index, step)).logits[system]
            for step in (STEP, -STEP)
        )
        found[index] = (above - below) / (2 * STEP)
    return found


def users(system: str) -> tuple[str, ...]:
    """Members that a system reads."""
    return (system,) if system in MEMBERS else MEMBERS


def black_film(head: MemberHead, state: MemberState) -> np.ndarray:
    """The last hidden layer of a black film while the units that were active stay so."""
    values = np.zeros(len(head.layers[0].kernel))
    for layer, pre_activation in zip(head.layers[:-1], state.pre_activations, strict=True):
        values = layer(values) * (pre_activation > 0)
    return values


def by_hand(method: str, cells: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """One map of one member from its slopes, shape (h, w, c), loop by loop."""
    height, width, channels = cells.shape
    found = np.zeros((height, width))
    places = list(np.ndindex(height, width))
    for c in range(channels):
        slope = [float(gradient[y, x, c]) for y, x in places]
        if method == "gradcam":
            weights = [sum(slope) / len(slope)] * len(slope)
        elif method == "hirescam":
            weights = slope
        elif method == "layercam":
            weights = [max(s, 0.0) for s in slope]
        else:
            total, weight = float(cells[..., c].sum()), 0.0
            for s in slope:
                below = 2 * s**2 + total * s**3 + 1e-6
                weight += s * (s**2 / below) if s > 0 and below > 0 else 0.0
            weights = [weight] * len(slope)
        for (y, x), weight in zip(places, weights, strict=True):
            found[y, x] += float(cells[y, x, c]) * weight
    return found


@given(cases(), systems)
def test_gradients_are_the_slopes_of_the_logits(case, system):
    far_from_kinks(case)
    gradients = logit_gradients(case.heads, case.state, system, EYE)
    assert tuple(gradients) == users(system)
    for member, gradient in gradients.items():
        expected = slopes(case, system, member).reshape(gradient.shape)
        scale = max(1.0, np.abs(gradient).max())
        np.testing.assert_allclose(gradient / scale, expected / scale, atol=2e-6)


@pytest.mark.parametrize("method", ["gradcam", "hirescam", "layercam", "gradcampp"])
@given(case=cases(), system=systems, class_name=classes)
def test_maps_are_their_formula_cell_by_cell(method, case, system, class_name):
    """From gradients that the test above compares with slopes; members' maps are added up."""
    heads, features = case.heads, case.features
    column = target_coefficients(class_name)[:, None]
    gradients = logit_gradients(heads, case.state, system, column)
    expected = sum(
        by_hand(method, features[name], gradient.reshape(features[name].shape))
        for name, gradient in gradients.items()
    )
    got = explain(heads, case.state, features, system, class_name, method=method).grid
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5 * (1 + np.abs(expected).max()))


@given(cases(), st.sampled_from(COMPLETE), classes, st.data())
def test_hirescam_and_the_biases_of_active_units_are_the_score(case, system, class_name, data):
    against = data.draw(st.sampled_from([None, *(c for c in CLASSES if c != class_name)]))
    heads, state, features = case.heads, case.state, case.features
    cam = explain(heads, state, features, system, class_name, against=against)
    wanted = target_coefficients(class_name, against)
    of_hidden = heads.hidden_gradients(state, system)
    own = heads.members[system].layers[-1] if system in MEMBERS else heads.ensembles[system]
    constant = own.bias @ wanted + sum(
        black_film(heads.members[name], state.members[name]) @ columns @ wanted
        for name, columns in of_hidden.items()
    )
    size = 1 + float(np.abs(cam.grid).sum())
    assert cam.score == pytest.approx(float(state.logits[system] @ wanted), abs=1e-9)
    assert cam.grid.sum(dtype=np.float64) + constant == pytest.approx(cam.score, abs=1e-6 * size)
    assert cam.bias == pytest.approx(constant, abs=1e-9 * size)


@pytest.mark.parametrize("method", LINEAR)
@given(case=cases(), system=systems, pair=pairs)
def test_the_map_of_a_difference_is_the_difference_of_the_maps(method, case, system, pair):
    heads, state, features = case.heads, case.state, case.features
    first, second = pair

    def grid(name, against=None):
        cam = explain(heads, state, features, system, name, method=method, against=against)
        return cam.grid.astype(np.float64)

    size = 1e-5 * (1 + np.abs(grid(first)).max() + np.abs(grid(second)).max())
    forth, back = grid(first, second), grid(second, first)
    np.testing.assert_allclose(forth, -back, atol=size)
    np.testing.assert_allclose(forth, grid(first) - grid(second), atol=size)


@given(cases(), systems, classes)
def test_layercam_for_and_against_are_hirescam_together(case, system, class_name):
    column = target_coefficients(class_name)[:, None]
    given_ = (case.heads, case.state, case.features, system)
    positive, negative = (
        explain_logits(*given_, sign * column, method="layercam") for sign in (1, -1)
    )
    whole = explain_logits(*given_, column, method="hirescam")
    np.testing.assert_allclose(positive - negative, whole, atol=1e-9 * (1 + np.abs(whole).max()))


@pytest.mark.parametrize(
    ("method", "power"), [("gradcam", 1), ("hirescam", 1), ("layercam", 1), ("ablationcam", 2)]
)
@given(case=cases(bias=False), system=st.sampled_from(COMPLETE), factor=st.floats(0.01, 100))
def test_without_biases_a_film_twice_as_strong_has_a_map_twice_as_strong(
    method, power, case, system, factor
):
    """Of Ablation-CAM the weights grow too."""
    stronger = {name: factor * values for name, values in case.features.items()}
    maps = [
        explain_logits(case.heads, case.heads.forward(f), f, system, EYE, method=method)
        for f in (case.features, stronger)
    ]
    size = 1 + np.abs(maps[0]).max()
    np.testing.assert_allclose(maps[1] / factor**power, maps[0], atol=1e-9 * size)


@given(cases(), systems)
def test_ablation_is_what_happens_when_a_channel_is_set_to_zero(case, system):
    heads, state, features = case.heads, case.state, case.features
    falls = ablation_falls(heads, state, system, features, EYE)
    assert tuple(falls) == users(system)
    for name, fall in falls.items():
        for channel in range(features[name].shape[2]):
            without = features[name].copy()
            without[..., channel] = 0
            logits = heads.forward({**features, name: without}).logits[system]
            expected = state.logits[system] - logits
            np.testing.assert_allclose(
                fall[channel], expected, atol=1e-9 * (1 + np.abs(fall).max())
            )


@given(cases(), st.sampled_from(["ensemble_probs", "ensemble_dense"]), st.sampled_from(LINEAR))
def test_an_ensemble_that_reads_one_member_has_a_map_of_that_member(case, system, method):
    """Rows of the other members set to zero: their channels must not show."""
    layer = case.heads.ensembles[system]
    kernel = layer.kernel.copy()
    kernel[layer.kernel.shape[0] // 3 :] = 0
    kernel[3 if system == "ensemble_probs" else 5 :] = 0  # densenet201 is first, 5 units wide
    heads = HeadSet(case.heads.members, {system: Dense(kernel, layer.bias)})
    others = {name: np.zeros_like(values) for name, values in case.features.items()}
    alone = {**others, "densenet201": case.features["densenet201"]}
    got = explain_logits(
        heads, heads.forward(case.features), case.features, system, EYE, method=method
    )
    expected = explain_logits(heads, heads.forward(alone), alone, system, EYE, method=method)
    np.testing.assert_allclose(got, expected, atol=1e-9 * (1 + np.abs(expected).max()))


@pytest.mark.parametrize("method", METHODS)
@given(case=cases(np.float32), system=systems)
def test_every_map_is_finite_signed_single_precision_and_changes_nothing(method, case, system):
    heads, state, features = case.heads, case.state, case.features
    arrays = [*features.values(), *state.logits.values()]
    for head in heads.members.values():
        arrays += [part for layer in head.layers for part in (layer.kernel, layer.bias)]
    before = bytes_of(*arrays)
    cams = explain_classes(heads, state, features, system, method=method)
    assert bytes_of(*arrays) == before
    assert tuple(cams) == CLASSES
    for name, cam in cams.items():
        assert np.isfinite(cam.grid).all()
        assert cam.grid.dtype == np.float32
        assert cam.grid.shape == next(iter(features.values())).shape[:2]
        assert any("flat" in note for note in cam.notes) == (not cam.grid.any())
        one = explain(heads, state, features, system, name, method=method)
        size = 1e-4 * (1 + np.abs(cam.grid).max())
        np.testing.assert_allclose(one.grid, cam.grid, atol=size)


@pytest.mark.parametrize("method", SPECIFIC)
@given(case=cases(), system=systems)
def test_a_black_map_has_a_flat_heatmap(method, case, system):
    features = {name: np.zeros_like(values) for name, values in case.features.items()}
    state = case.heads.forward(features)
    maps = explain_logits(case.heads, state, features, system, EYE, method=method)
    assert not maps.any()


@given(cases(), seeds, st.floats(0.1, 10))
def test_eigencam_is_the_first_component_whatever_the_order_and_level_of_channels(
    case, seed, factor
):
    features = case.features["vgg16"]
    cells = features.reshape(-1, features.shape[2])
    centred = cells - cells.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    assume(values[0] > 1e-6 and values[1] < 0.95 * values[0])
    got = eigencam([features])
    expected = (left[:, 0] * values[0]).reshape(got.shape)
    expected *= np.sign(expected.flat[np.abs(expected).argmax()])
    biggest = np.sort(np.abs(expected.ravel()))
    assume(biggest[-1] - biggest[-2] > 1e-3 * biggest[-1])  # else the sign is anybody's
    np.testing.assert_allclose(got, expected, atol=1e-5 * biggest[-1])
    rng = np.random.default_rng(seed)
    changed = factor * (features[..., rng.permutation(features.shape[2])] + rng.normal())
    np.testing.assert_allclose(eigencam([changed]), factor * got, atol=1e-4 * factor * biggest[-1])


@given(cases(), st.data())
def test_a_member_sees_its_own_film_only(case, data):
    others = data.draw(feature_maps(case.heads))
    mixed = {**others, "vgg16": case.features["vgg16"]}
    for method in SPECIFIC:
        maps = [
            explain_logits(case.heads, case.heads.forward(f), f, "vgg16", EYE, method=method)
            for f in (case.features, mixed)
        ]
        assert bytes_of(maps[0]) == bytes_of(maps[1])
