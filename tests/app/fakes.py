"""A predictor without networks: scores from the film's mean, maps worked out by hand."""

from __future__ import annotations

from types import MappingProxyType, SimpleNamespace

import numpy as np

from cxr_core.bundle import MemberEntry, VariantEntry
from cxr_core.errors import NotApplicableError
from cxr_core.evaluate.evaluation import evaluation_of
from cxr_core.evaluate.metrics import wilson
from cxr_core.explain.cam import METHODS, Cam
from cxr_core.labels import CLASSES, ENSEMBLES, MEMBERS, SYSTEMS, class_index
from cxr_core.predict import Answer, Reading, SystemReading, Trust
from cxr_core.preprocess import PreprocessSpec
from tests.evaluate.material import make_reads
from tests.tiny import random_features, random_heads

DIGEST = "ab" * 32
HEADS = random_heads(np.random.default_rng(0))
STATE = HEADS.forward(random_features(np.random.default_rng(1), HEADS))
"""Heads and one pass through them, the same for every film; the scores do not come from them."""


def fake_bundle():
    """Return an object with the attributes of a bundle that the pages use."""
    members = {
        name: MemberEntry(
            name=name,
            backbone=name,
            network=f"backbones/{name}.xml",
            feature_layer=f"{name}_last",
            feature_shape=(7, 7, 8),
            weights_origin="random numbers",
            compression="none",
            preprocess=PreprocessSpec(),
            pooling="average2",
        )
        for name in MEMBERS
    }
    variant = VariantEntry(
        name="clean",
        title="Clean",
        members=members,
        ensembles=ENSEMBLES,
        training={},
        heads_path="variants/clean/heads.safetensors",
        ensembles_path=None,
        evaluation_path=None,
    )
    return SimpleNamespace(
        name="fake",
        version="0.1",
        digest=DIGEST,
        created="2026-01-01T00:00:00Z",
        variants={"clean": variant},
        variant=lambda _name=None: variant,
        default_variant="clean",
        systems=SYSTEMS,
        members=members,
        files={"MODEL_CARD.md": ("cd" * 32, 10)},
        evaluation=lambda _name=None: EVALUATION,
        trust=lambda _name=None: None,
        read_sets=lambda _name=None: (),
        reads=lambda _title, _name=None: None,
        audit=lambda: None,
        gate_table=lambda: None,
        map_checks=lambda _name=None: None,
        dataset=lambda: None,
        tradeoff=lambda: None,
        card="# A card\n\nIntended use: tests.",
        data_card="",
        made_by={},
        read_json=lambda _path: None,
        fingerprint=lambda _name=None: {"variants/clean/heads.safetensors": "ef" * 32},
    )


def _measured(y_true, **n_called_covid19):
    """Return an evaluation of made-up films, with counts of calls that tests can pin."""
    reads = make_reads(y_true, systems=tuple(n_called_covid19))
    found = evaluation_of(reads, n_resamples=20)
    for name, n_hits in n_called_covid19.items():
        found["systems"][name]["called"]["COVID19"] = wilson(n_hits, len(y_true)).to_dict()
    return found


EVALUATION = {
    "sets": {
        "test": _measured([0, 1, 2] * 5, vgg16=5, ensemble_probs=5),
        "adults without COVID-19": _measured([1] * 20 + [2] * 40, vgg16=58, ensemble_probs=51),
    }
}
"""Figures of a bundle that were measured on two sets."""


class FakePredictor:
    """Stands in for `cxr_core.predict.Predictor`; counts how often a film was read."""

    def __init__(self, systems=SYSTEMS, verdict="not_run"):
        self.bundle = fake_bundle()
        self.variant = "clean"
        self.precision = "f32"
        self.systems = tuple(systems)
        self.verdict = verdict
        self.n_read = 0
        self.heads = HEADS
        self.trust_model = None
        self.precision = "f32"
        self.specs = (PreprocessSpec(),)

    def answer(self, prepared):
        """Return what `read` says, from a prepared film."""
        self.n_read += 1
        (batch,) = prepared.inputs.values()
        systems = self._systems(float(batch.mean()))
        return Answer(systems, {}, STATE, self._trust(systems), MappingProxyType({}))

    def read(self, radiograph):
        """Return a reading whose scores depend on the film's mean only."""
        self.n_read += 1
        systems = self._systems(float(radiograph.image.mean()))
        return Reading(
            radiograph=radiograph,
            systems=systems,
            features={},
            state=STATE,
            trust=self._trust(systems),
            timing_ms=MappingProxyType({"preprocess": 4.0, "engine": 210.0, "total": 216.0}),
            status="refused" if self.verdict == "refused" else "ok",
        )

    def _systems(self, mean):
        """Return the systems' readings of a film with this mean."""
        return {
            name: system_reading(name, [2.0 * mean, 1.0 - mean + 0.1 * i, 0.5])
            for i, name in enumerate(self.systems)
        }

    def explain_classes(self, reading, system, *, method):
        """Return one map a class."""
        return {name: self.explain(reading, system, name, method=method) for name in CLASSES}

    def explain(self, reading, system, class_name, *, method, against=None):
        """Return a smooth map; PNEUMONIA has no positive part, VGG16 no Ablation-CAM."""
        if method == "ablationcam" and system == "vgg16":
            msg = "`method` must apply to the system."
            raise NotApplicableError(msg)
        rows, columns = np.mgrid[0:7, 0:7]
        k = class_index(class_name)
        place = (2 + SYSTEMS.index(system), 1 + 2 * k)
        grid = np.exp(-((rows - place[0]) ** 2 + (columns - place[1]) ** 2) / 4.0) - 0.1
        grid = -np.abs(grid) if class_name == "PNEUMONIA" else grid * (1 + k)
        score = float(reading.systems[system].logits[k])
        if against is not None:
            score -= float(reading.systems[system].logits[class_index(against)])
        return Cam(
            system=system,
            class_name=class_name if METHODS[method].is_class_specific else None,
            method=method,
            grid=grid.astype(np.float32),
            score=score,
            bias=score - float(grid.sum()) if method == "hirescam" else None,
            notes=("A note of this map.",) if method == "gradcampp" else (),
        )

    def _trust(self, systems):
        """Return trust notes as a bundle without a gate gives them."""
        labels = [result.label for result in systems.values()]
        share = max(labels.count(name) for name in CLASSES) / len(labels)
        return Trust(ood_verdict=self.verdict, agreement=share if len(labels) > 1 else None)


def system_reading(name, logits):
    """Return a system's reading from its logits."""
    logits = np.array(logits)
    probs = np.exp(logits) / np.exp(logits).sum()
    return SystemReading(name, logits, probs, CLASSES[int(probs.argmax())])
