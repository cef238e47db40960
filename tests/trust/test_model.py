"""The trust model as it is stored: the same answers before and after, for its own models only."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load, save

from cxr_core.errors import NotApplicableError, SpecMismatchError
from cxr_core.evaluate.reads import FilmList, Reads
from cxr_core.trust.calibration import fit_temperature
from cxr_core.trust.conformal import fit_conformal
from cxr_core.trust.film_layout import film_layout
from cxr_core.trust.gate_fit import fit_gate
from cxr_core.trust.model import TrustModel

FITTED_TO = {"heads": "ab"}
SYSTEMS = ("densenet201", "vgg16", "ensemble_dense")


def reads(n, seed):
    """Films whose features tell the class a little."""
    rng = np.random.default_rng(seed)
    y_true = np.arange(n) % 3
    films = FilmList(tuple(f"{seed}-{i}" for i in range(n)), y_true, np.arange(n), "none")
    logits = {name: np.eye(3)[y_true] * 2 + rng.normal(size=(n, 3)) for name in SYSTEMS}
    pooled = {
        name: np.abs(rng.normal(size=(n, width)) + y_true[:, None]).astype(np.float32)
        for name, width in (("densenet201", 90), ("vgg16", 70))
    }
    return Reads(films, logits, {}, pooled)


@pytest.fixture(scope="module")
def model():
    """A trust model fitted to made-up films."""
    calibration = reads(150, 1)
    rng = np.random.default_rng(5)
    layouts = tuple(rng.normal(size=(n, 36)).astype(np.float32) for n in (200, 150))
    return TrustModel(
        {n: fit_temperature(v, calibration.y_true) for n, v in calibration.logits.items()},
        {n: fit_conformal(calibration.probs(n), calibration.y_true) for n in SYSTEMS},
        fit_gate(reads(200, 2), calibration, layouts=layouts),
        {"n": 150},
    )


def test_what_was_stored_answers_alike(model):
    """Also for arrays that are views of others, which safetensors would store in disorder."""
    content, arrays = model.to_parts(FITTED_TO)
    again = TrustModel.from_parts(
        json.loads(json.dumps(content)), load(save(arrays)), fitted_to=FITTED_TO
    )
    films = reads(40, 3)
    layout = film_layout(np.random.default_rng(0).random((64, 48), np.float32))
    for i in range(len(films)):
        parts = (
            {name: rows[i] for name, rows in films.pooled.items()},
            {},
            {name: rows[i] for name, rows in films.logits.items()},
            layout,
        )
        found, expected = again.judge(*parts), model.judge(*parts)
        assert found.verdict == expected.verdict
        assert found.threshold == expected.threshold
        assert found.score == pytest.approx(expected.score, rel=1e-6)
    for name in SYSTEMS:
        np.testing.assert_array_equal(
            again.probs(name, films.logits[name]), model.probs(name, films.logits[name])
        )
        for row in films.probs(name):
            assert again.prediction_set(name, row) == model.prediction_set(name, row)


def test_other_models_are_refused_by_name(model):
    content, arrays = model.to_parts(FITTED_TO)
    with pytest.raises(SpecMismatchError, match=r"must be fitted to the models they judge.*heads"):
        TrustModel.from_parts(content, arrays, fitted_to={"heads": "cd"})


@pytest.mark.parametrize("field", ["schema", "fitted_to", "calibration", "conformal", "gate"])
def test_a_missing_field_is_refused(model, field):
    content, arrays = model.to_parts(FITTED_TO)
    del content[field]
    with pytest.raises(SpecMismatchError, match="must have every field"):
        TrustModel.from_parts(content, arrays, fitted_to=FITTED_TO)


def test_without_parts_nothing_is_claimed():
    bare = TrustModel({}, {}, None)
    logits = np.array([1.0, 0.0, 0.0])
    np.testing.assert_allclose(bare.probs("vgg16", logits).sum(), 1)
    assert bare.prediction_set("vgg16", logits) is None
    with pytest.raises(NotApplicableError, match="without one"):
        bare.judge({}, {}, {}, np.zeros(36, np.float32))


def test_the_lead_system():
    assert TrustModel.lead(SYSTEMS) == "ensemble_dense"
    assert TrustModel.lead(("vgg16", "ensemble_probs")) == "ensemble_probs"
    assert TrustModel.lead(("densenet201", "vgg16")) == "vgg16"
