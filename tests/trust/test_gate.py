"""The refusal gate: limits by class, subsets of members, storage, and what it refuses to judge."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.evaluate.reads import Reads
from cxr_core.labels import CLASSES
from cxr_core.trust.gate import Gate
from cxr_core.trust.gate_fit import LEFT_OUT, fit_gate
from tests.trust.gate_reads import far, films

LAYOUT = np.random.default_rng(3).normal(0, 1, (600, 36)).astype(np.float32)


@pytest.fixture(scope="module")
def gate():
    """A gate of the usual members."""
    return fit_gate(films((150, 150, 150)), films((40, 60, 120), seed=1))


def one(reads, row=0):
    """Return what a forward pass of one film gives."""
    return [
        {name: a[row] for name, a in kind.items()}
        for kind in (reads.pooled, reads.hidden, reads.logits)
    ]


def test_far_films_are_refused_and_chest_films_pass(gate):
    new = gate.of_reads(films((100, 100, 100), seed=2))
    for k in range(3):
        assert new.is_refused[new.called == k].mean() <= 0.05
    assert gate.of_reads(far()).is_refused.all()
    assert set(gate.of_reads(far()).verdicts) == {"refused"}
    np.testing.assert_array_equal(new.ratio > 1, new.is_refused)


def test_a_score_is_the_geometric_mean_of_the_spaces(gate):
    reads = films((2, 2, 2), seed=3)
    distances = [
        space.distance(reads.pooled[key.removeprefix("pooled/")])
        for key, space in gate.spaces.items()
    ]
    expected = np.exp(np.mean(np.log(distances), axis=0))
    np.testing.assert_allclose(gate.of_reads(reads).score, expected)


def test_the_limit_is_that_of_the_class_the_lead_names(gate):
    found = gate.of_reads(films((3, 2, 1), seed=4))
    expected = [gate.limits[CLASSES[k]].value for k in (0, 0, 0, 1, 1, 2)]
    np.testing.assert_array_equal(found.limit, expected)
    assert {name: limit.n for name, limit in gate.limits.items()} == {
        "COVID19": 40,
        "NORMAL": 60,
        "PNEUMONIA": 120,
    }


def test_one_film_is_judged_as_among_many(gate):
    reads = films((5, 5, 5), seed=6)
    many = gate.of_reads(reads)
    for row in range(0, 15, 4):
        judged = gate.judge(*one(reads, row))
        assert judged.score == pytest.approx(many.score[row], rel=1e-12)
        assert judged.threshold == many.limit[row]
        assert judged.verdict == many.verdicts[row]


def test_a_noisy_member_is_left_out_unless_it_is_the_only_one(gate):
    assert list(gate.spaces) == ["pooled/densenet201", "pooled/vgg16"]
    alone = {"members": LEFT_OUT, "systems": LEFT_OUT}
    lone = fit_gate(films((60, 60, 60), **alone), films((20, 20, 20), seed=1, **alone))
    assert list(lone.spaces) == ["pooled/efficientnetb7"]
    assert lone.lead == "efficientnetb7"
    assert lone.of_reads(far(**alone)).is_refused.all()


def test_members_that_the_gate_does_not_use_are_not_looked_at(gate):
    pooled, _, logits = one(films((1, 0, 0)))
    del pooled["efficientnetb7"]
    assert gate.judge(pooled, {}, {"ensemble_dense": logits["ensemble_dense"]}).verdict == "passed"


@pytest.mark.parametrize("n", [0, 1, 9])
def test_a_class_of_too_few_unseen_films_is_not_judged(n):
    gate = fit_gate(films((60, 60, 60)), films((n, 30, 30), seed=1))
    assert gate.limits["COVID19"].value is None
    found = gate.of_reads(films((2, 2, 0), seed=2))
    assert found.verdicts[:2] == ("not_run", "not_run")
    assert "not_run" not in found.verdicts[2:]
    judged = gate.judge(*one(films((1, 0, 0))))
    assert (judged.threshold, judged.verdict) == (None, "not_run")
    assert np.isfinite(judged.score)


def test_a_class_without_reference_films_is_far_from_all():
    gate = fit_gate(films((0, 60, 60)), films((20, 30, 30), seed=1))
    assert gate.limits["COVID19"].value > 2 * gate.limits["NORMAL"].value


def test_constant_features_give_a_finite_verdict():
    reference, unseen = films((20, 20, 20)), films((12, 12, 12), seed=1)
    flat = [
        Reads(r.films, r.logits, r.hidden, {m: np.ones_like(a) for m, a in r.pooled.items()})
        for r in (reference, unseen)
    ]
    gate = fit_gate(*flat)
    assert set(gate.of_reads(flat[1]).verdicts) == {"passed"}
    found = gate.of_reads(unseen)
    assert np.isfinite(found.score).all()
    assert found.is_refused.all()


def test_hidden_layers_and_the_layout_are_spaces_too():
    reference, unseen = films((150, 150, 150)), films((40, 40, 40), seed=1)
    gate = fit_gate(
        reference, unseen, spaces=["hidden/vgg16"], layouts=(LAYOUT[:450], LAYOUT[450:570])
    )
    assert list(gate.spaces) == ["hidden/vgg16", "layout"]
    assert gate.needs_layout
    pooled, hidden, logits = one(unseen)
    assert gate.judge({}, hidden, logits, LAYOUT[0]).verdict == "passed"
    assert gate.judge({}, hidden, logits, np.full(36, 9.0)).verdict == "refused"
    with pytest.raises(SpecMismatchError, match="The gate needs layout"):
        gate.judge(pooled, hidden, logits)


def test_a_stored_gate_judges_bit_for_bit_alike():
    reads = films((150, 150, 150))
    gate = fit_gate(reads, films((40, 60, 9), seed=1), layouts=(LAYOUT[:450], LAYOUT[:109]))
    again = Gate.from_arrays(gate.arrays(), json.loads(json.dumps(gate.to_dict())))
    before, after = (g.of_reads(reads, LAYOUT[:450]) for g in (gate, again))
    np.testing.assert_array_equal(before.score, after.score)
    np.testing.assert_array_equal(before.limit, after.limit)
    assert again.limits == gate.limits


def test_a_damaged_gate_does_not_load(gate):
    arrays, meta = gate.arrays(), gate.to_dict()
    with pytest.raises(SpecMismatchError, match=r"schema cxr-gate-model/1\. Received: other"):
        Gate.from_arrays(arrays, {**meta, "schema": "other"})
    with pytest.raises(SpecMismatchError, match="every field"):
        Gate.from_arrays(arrays, {k: v for k, v in meta.items() if k != "lead"})
    del arrays["gate/pooled/vgg16/axes"]
    with pytest.raises(SpecMismatchError, match="every array"):
        Gate.from_arrays(arrays, meta)


def test_what_does_not_fit_is_refused(gate):
    pooled, hidden, logits = one(films((1, 0, 0)))
    with pytest.raises(SpecMismatchError, match="needs pooled/vgg16"):
        gate.judge({"densenet201": pooled["densenet201"]}, hidden, logits)
    with pytest.raises(SpecMismatchError, match=r"pooled/vgg16 must have shape \(n, 16\)"):
        gate.judge({**pooled, "vgg16": pooled["vgg16"][:5]}, hidden, logits)
    with pytest.raises(SpecMismatchError, match="needs ensemble_dense"):
        gate.judge(pooled, hidden, {"vgg16": logits["vgg16"]})
    two = np.stack([logits["ensemble_dense"]] * 2)
    with pytest.raises(SpecMismatchError, match=r"of the same films\. Received: 1 rows and 2"):
        gate.score(pooled, hidden, {"ensemble_dense": two})
    with pytest.raises(SpecMismatchError, match=r"same films. Received: \[1, 2\] rows"):
        gate.score({**pooled, "vgg16": np.stack([pooled["vgg16"]] * 2)}, hidden, logits)


def test_values_that_are_no_numbers_are_refused(gate):
    pooled, hidden, logits = one(films((1, 0, 0)))
    for bad in (np.nan, np.inf):
        with pytest.raises(NotApplicableError, match="`features` must be finite"):
            gate.judge({**pooled, "vgg16": np.full(16, bad, np.float32)}, hidden, logits)
        with pytest.raises(NotApplicableError, match="`logits` must be finite"):
            gate.judge(pooled, hidden, {"ensemble_dense": np.array([0.0, bad, 0])})


def test_reads_without_features_cannot_fit_a_gate():
    reads = films((5, 5, 5))
    with pytest.raises(NotApplicableError, match="must have pooled features"):
        fit_gate(Reads(reads.films, reads.logits), reads)


def test_fitting_and_judging_change_nothing():
    reference, unseen = films((30, 30, 30)), films((12, 12, 12), seed=1)
    for reads in (reference, unseen):
        for kind in (reads.pooled, reads.hidden, reads.logits):
            for array in kind.values():
                array.flags.writeable = False
    fit_gate(reference, unseen).of_reads(unseen)
