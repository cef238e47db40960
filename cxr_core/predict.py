"""From a film to a reading: five systems, their agreement, and what later questions need."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cxr_core.blas import one_blas_thread
from cxr_core.bundle import Bundle
from cxr_core.bundle_entry import MemberEntry
from cxr_core.engine import FeatureEngine
from cxr_core.engine.published import published_engine
from cxr_core.errors import SpecMismatchError
from cxr_core.explain.cam import DEFAULT_METHOD, Cam, explain, explain_classes
from cxr_core.heads import FloatArray, HeadSet, HeadSetState, softmax
from cxr_core.labels import CLASSES
from cxr_core.lungs import LungMask, LungSegmenter, lung_share
from cxr_core.preprocess import Prepared, PreprocessSpec, prepare, scale
from cxr_core.radiograph import Radiograph

if TYPE_CHECKING:
    from cxr_core.trust.model import TrustModel


@dataclass(frozen=True, eq=False)
class SystemReading:
    """What one system says of one film.

    Attributes:
        name: System name.
        logits: Shape (k,), float64, in class order.
        probs: Shape (k,), float64, summing to 1; calibrated where `temperature` is given.
        label: Class of the highest probability, which calibration does not change.
        temperature: What the logits are divided by before the softmax; `None` for 1, uncalibrated.
    """

    name: str
    logits: npt.NDArray[np.float64]
    probs: npt.NDArray[np.float64]
    label: str
    temperature: float | None = None

    @property
    def raw_probs(self) -> npt.NDArray[np.float64]:
        """Probabilities before calibration, shape (k,), float64."""
        return np.asarray(softmax(self.logits), np.float64)

    def uncalibrated(self) -> SystemReading:
        """Return the same reading with the probabilities before calibration."""
        return replace(self, probs=self.raw_probs, temperature=None)


@dataclass(frozen=True)
class Trust:
    """Reasons to believe a reading or not; what was not measured says so instead of passing.

    Attributes:
        ood_score: Distance from the training films, or `None` where the gate was not run.
        ood_threshold: Distance from which a film is refused, or `None`.
        ood_verdict: `passed`, `refused` or `not_run`.
        agreement: Share of the systems that name the commonest label; `None` under two systems.
        prediction_set: Classes that cannot be excluded, by the lead system; `None` where no set was
            calibrated. May be empty: no class is like the calibration films.
        set_level: Share of films whose class the set is made to hold, or `None`.
        lung_share: System to the share of its positive map inside the lungs, for the class it names
            by the default method; empty if not measured, or no plausible lungs were found. Systems
            whose map has no positive mass are left out. Never a localisation.
    """

    ood_score: float | None = None
    ood_threshold: float | None = None
    ood_verdict: str = "not_run"
    agreement: float | None = None
    prediction_set: tuple[str, ...] | None = None
    set_level: float | None = None
    lung_share: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, eq=False)
class Answer:
    """What the systems say of one prepared film, and what later questions need.

    Attributes:
        systems: System name to its reading, in display order.
        features: Member name to feature map (h, w, c), float32, read-only.
        state: The heads' forward pass.
        trust: Reasons to believe it or not.
        timing_ms: Milliseconds by part: `engine`, `trust`.
    """

    systems: Mapping[str, SystemReading]
    features: Mapping[str, npt.NDArray[np.float32]]
    state: HeadSetState
    trust: Trust
    timing_ms: Mapping[str, float]

    @property
    def status(self) -> str:
        """`ok`, or `refused` where the film is unlike the training films."""
        return "refused" if self.trust.ood_verdict == "refused" else "ok"


@dataclass(frozen=True, eq=False)
class Reading:
    """All that is known of one film; later questions are answered from it without a network.

    Attributes:
        radiograph: The film.
        systems: System name to its reading, in display order.
        features: Member name to feature map (h, w, c), float32, read-only.
        state: The heads' forward pass.
        trust: Reasons to believe it or not.
        timing_ms: Milliseconds by part: `preprocess`, `engine`, `trust`, `total`, and `lungs` where
            looked for.
        status: `ok`, or `refused` where the film is unlike the training films.
        lungs: The lungs of the film, or `None` where nobody looked for them.
    """

    radiograph: Radiograph
    systems: Mapping[str, SystemReading]
    features: Mapping[str, npt.NDArray[np.float32]]
    state: HeadSetState
    trust: Trust
    timing_ms: Mapping[str, float]
    status: str = "ok"
    lungs: LungMask | None = None

    def uncalibrated(self) -> Reading:
        """Return the same reading with every system's probabilities before calibration."""
        systems = {name: system.uncalibrated() for name, system in self.systems.items()}
        return replace(self, systems=MappingProxyType(systems))


class Predictor:
    """One variant of a bundle, ready to read films; safe to share between threads.

    Args:
        bundle: A verified bundle.
        variant: Its name; the bundle's default if `None`.
        precision: `f32` or `bf16`, see `OpenVinoEngine`.
        engines: Member name to engine, instead of the published networks (tests, GPUs).
        lungs: Finds the lungs of each film, for `Trust.lung_share`; `None` leaves that out.
        n_threads: Threads of each published network for one film, see `OpenVinoEngine`.

    Raises:
        SpecMismatchError: If the variant is unknown, an engine's map has another shape than the
            heads expect, or the trust model was fitted to other networks or heads.
        ArtifactIntegrityError: If a network cannot be read, or a file was changed since the bundle
            was loaded.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        variant: str | None = None,
        precision: str = "f32",
        engines: Mapping[str, FeatureEngine] | None = None,
        lungs: LungSegmenter | None = None,
        n_threads: int | None = None,
    ) -> None:
        entry = bundle.variant(variant)
        self.bundle = bundle
        self.variant = entry.name
        self.precision = precision
        self._members = entry.members
        self._heads = bundle.heads(entry.name)
        self._trust = bundle.trust(entry.name)
        self._lungs = lungs
        self._engines = engines or _load_engines(bundle, entry.members, precision, n_threads)
        for name, member in entry.members.items():
            _check_engine(name, member, self._engines[name])

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems, in display order: members, then ensembles."""
        return self._heads.systems

    @property
    def heads(self) -> HeadSet:
        """The heads that all readings go through; never change them."""
        return self._heads

    @property
    def trust_model(self) -> TrustModel | None:
        """What calibrates, bounds and refuses its readings; `None` where the variant has none."""
        return self._trust

    @property
    def members(self) -> Mapping[str, MemberEntry]:
        """The networks of the variant, by name."""
        return self._members

    @property
    def specs(self) -> tuple[PreprocessSpec, ...]:
        """What films are prepared by, each distinct spec once, in the order of the members."""
        return tuple(dict.fromkeys(member.preprocess for member in self._members.values()))

    def run_member(self, name: str, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Run one backbone on a film that has the network's size already.

        Args:
            name: One of `members`.
            image: Shape (`height_px`, `width_px`) of the member's spec, float32 in [0, 1], as
                `cxr_core.preprocess.resize` returns it; scaling is done here.

        Returns:
            The feature map (h, w, c), float32, read-only.

        Raises:
            SpecMismatchError: If the variant has no such member.
            ValueError: If the image has another size.
        """
        if name not in self._members:
            msg = f"`name` must be one of {tuple(self._members)}. Received: name={name!r}"
            raise SpecMismatchError(msg)
        batch = scale(image, self._members[name].preprocess)[None]
        features: npt.NDArray[np.float32] = self._engines[name].run(batch)[0]
        features.flags.writeable = False
        return features

    def features(self, radiograph: Radiograph) -> dict[str, npt.NDArray[np.float32]]:
        """Run the backbones alone.

        Args:
            radiograph: The film.

        Returns:
            Member name to feature map (h, w, c), float32, read-only.
        """
        return self._run(prepare(radiograph, self.specs))

    def read(self, radiograph: Radiograph) -> Reading:
        """Read one film with every system.

        Args:
            radiograph: The film.

        Returns:
            The reading.
        """
        started = time.perf_counter()
        prepared = prepare(radiograph, self.specs)
        timing = {"preprocess": (time.perf_counter() - started) * 1e3}
        answer = self.answer(prepared)
        timing.update(answer.timing_ms)
        reading = Reading(
            radiograph,
            answer.systems,
            answer.features,
            answer.state,
            answer.trust,
            MappingProxyType(timing),
            status=answer.status,
        )
        if self._lungs is not None:
            reading = self._with_lungs(reading, self._lungs, timing)
        timing["total"] = (time.perf_counter() - started) * 1e3
        return reading

    def answer(self, prepared: Prepared) -> Answer:
        """Run networks, heads and trust model on a film that was decoded and prepared elsewhere.

        Args:
            prepared: From `cxr_core.preprocess.prepare` with `specs`.

        Returns:
            The answer; `read` gives the same numbers.

        Raises:
            ValueError: If the film was not prepared for one of the members.
        """
        started = time.perf_counter()
        features = self._run(prepared)
        timing = {"engine": (time.perf_counter() - started) * 1e3}
        with one_blas_thread():
            state = self._heads.forward(features)
        systems = {
            name: _system_reading(name, state.logits[name], self._trust) for name in self.systems
        }
        begun = time.perf_counter()
        trust = _trust(systems, features, state, prepared.layout, self._trust)
        timing["trust"] = (time.perf_counter() - begun) * 1e3
        return Answer(systems, features, state, trust, MappingProxyType(timing))

    def explain(
        self,
        reading: Reading,
        system: str,
        class_name: str,
        *,
        method: str = DEFAULT_METHOD,
        against: str | None = None,
    ) -> Cam:
        """Explain one score of a reading; no network is run.

        Args:
            reading: A reading of this predictor.
            system: One of `systems`.
            class_name: Class whose logit is explained.
            method: Key of `cxr_core.explain.cam.METHODS`.
            against: If given, the difference to this class's logit is explained.

        Returns:
            The raw map.

        Raises:
            NotApplicableError: If the variant has no such system.
            ValueError: If the class or the method is unknown.
        """
        with one_blas_thread():
            return explain(
                self._heads,
                reading.state,
                reading.features,
                system,
                class_name,
                method=method,
                against=against,
            )

    def explain_classes(
        self, reading: Reading, system: str, *, method: str = DEFAULT_METHOD
    ) -> dict[str, Cam]:
        """Explain all classes of one system at once, faster than one by one.

        Args:
            reading: A reading of this predictor.
            system: One of `systems`.
            method: Key of `cxr_core.explain.cam.METHODS`.

        Returns:
            Class name to map; a method without a class gives the same grid for each.

        Raises:
            NotApplicableError: If the variant has no such system.
            ValueError: If the method is unknown.
        """
        with one_blas_thread():
            return explain_classes(
                self._heads, reading.state, reading.features, system, method=method
            )

    def _with_lungs(
        self, reading: Reading, segmenter: LungSegmenter, timing_ms: dict[str, float]
    ) -> Reading:
        """Find the lungs and the share of each system's map in them, for the class it names."""
        started = time.perf_counter()
        lungs = segmenter.segment(reading.radiograph)
        shares = {}
        if lungs.is_plausible:
            for name, system in reading.systems.items():
                share = lung_share(self.explain(reading, name, system.label).grid, lungs).share
                if share is not None:
                    shares[name] = share
        timing_ms["lungs"] = (time.perf_counter() - started) * 1e3
        trust = replace(reading.trust, lung_share=MappingProxyType(shares))
        return replace(reading, trust=trust, lungs=lungs)

    def _run(self, prepared: Prepared) -> dict[str, npt.NDArray[np.float32]]:
        """Run every backbone."""
        features = {}
        for name, member in self._members.items():
            if member.preprocess not in prepared.inputs:
                msg = (
                    f"`prepared` must hold the input of {name}. "
                    f"Received: inputs for {list(prepared.inputs)}"
                )
                raise ValueError(msg)
            features[name] = self._engines[name].run(prepared.inputs[member.preprocess])[0]
            features[name].flags.writeable = False
        return features


def _load_engines(
    bundle: Bundle, members: Mapping[str, MemberEntry], precision: str, n_threads: int | None
) -> dict[str, FeatureEngine]:
    """Compile the members' networks, all at once: one alone does not keep two cores busy."""

    def load(member: MemberEntry) -> FeatureEngine:
        return published_engine(bundle, member.network, precision=precision, n_threads=n_threads)

    with ThreadPoolExecutor(len(members)) as pool:
        return dict(zip(members, pool.map(load, members.values()), strict=True))


def _check_engine(name: str, member: MemberEntry, engine: FeatureEngine) -> None:
    """Refuse an engine whose feature map the head cannot take."""
    if engine.feature_shape != member.feature_shape:
        msg = (
            f"{name}: the network's map must have shape {member.feature_shape}. "
            f"Received: {engine.feature_shape}"
        )
        raise SpecMismatchError(msg)


def _system_reading(name: str, raw_logits: FloatArray, model: TrustModel | None) -> SystemReading:
    """Turn logits into probabilities in float64, so that they sum to 1 on paper too."""
    logits = np.asarray(raw_logits, np.float64)
    probs = np.asarray(softmax(logits), np.float64)
    label = CLASSES[int(probs.argmax())]
    if model is None or name not in model.calibration:
        return SystemReading(name, logits, probs, label)
    temperature = model.calibration[name].value
    return SystemReading(name, logits, model.probs(name, logits), label, temperature)


def _trust(
    systems: Mapping[str, SystemReading],
    features: Mapping[str, npt.NDArray[np.float32]],
    state: HeadSetState,
    layout: npt.NDArray[np.float32],
    model: TrustModel | None,
) -> Trust:
    """Put together what is known of believing a reading."""
    trust = Trust(agreement=_agreement(systems))
    if model is None:
        return trust
    lead = systems[model.lead(tuple(systems))]
    found = model.prediction_set(lead.name, lead.raw_probs)
    if found is not None:
        trust = replace(trust, prediction_set=found, set_level=model.set_level)
    if model.gate is not None:
        judged = model.judge(
            {name: array.mean(axis=(0, 1)) for name, array in features.items()},
            {name: member.hidden for name, member in state.members.items()},
            {name: system.logits for name, system in systems.items()},
            layout,
        )
        trust = replace(
            trust,
            ood_score=judged.score,
            ood_threshold=judged.threshold,
            ood_verdict=judged.verdict,
        )
    return trust


def _agreement(systems: Mapping[str, SystemReading]) -> float | None:
    """Return the share of the systems that name the commonest label."""
    if len(systems) < 2:
        return None
    counts = Counter(system.label for system in systems.values())
    return max(counts.values()) / len(systems)
