"""`Predictor`: one variant of a bundle, ready to read films and to explain what it read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from cxr_core.array import Float32Array
from cxr_core.blas import one_blas_thread
from cxr_core.bundle import Bundle, MemberEntry
from cxr_core.engine import FeatureEngine
from cxr_core.engine.openvino import load_engines
from cxr_core.errors import SpecMismatchError
from cxr_core.explain.cam import DEFAULT_METHOD, Cam, explain, explain_classes
from cxr_core.heads import HeadSet
from cxr_core.lungs import LungSegmenter, lung_share
from cxr_core.predict.judge import judge_film, read_system
from cxr_core.predict.reading import Answer, Reading
from cxr_core.preprocess import Prepared, PreprocessSpec, prepare, scale
from cxr_core.radiograph import Radiograph

if TYPE_CHECKING:
    from cxr_core.trust.model import TrustModel


class Predictor:
    """One variant of a bundle, ready to read films; safe to share between threads.

    Args:
        bundle: A verified bundle.
        variant: Its name; the bundle's default if `None`.
        precision: `f32` or `bf16`, see `OpenVinoEngine`.
        engines: Member name to engine, instead of the published networks (tests, GPUs).
        lungs: Finds the lungs of each film, for `Trust.lung_share`; `None` leaves that out.
        n_threads: Threads of each published network for one film, see `OpenVinoEngine`.
        weights_on_disk: For processes that stay, see `OpenVinoEngine`.

    Raises:
        SpecMismatchError: If the variant is unknown, an engine's map has another shape than the
            heads expect, or the trust model was fitted to other networks or heads.
        ArtifactIntegrityError: If a network cannot be read.
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
        weights_on_disk: bool = False,
    ) -> None:
        entry = bundle.variant(variant)
        self.bundle = bundle
        self.variant = entry.name
        self.precision = precision
        self._members = entry.members
        self._heads = bundle.heads(entry.name)
        self._trust = bundle.trust(entry.name)
        self._lungs = lungs
        networks = {name: member.network for name, member in entry.members.items()}
        if engines is None:
            loaded = load_engines(
                bundle.folder,
                networks.values(),
                precision=precision,
                n_threads=n_threads,
                weights_on_disk=weights_on_disk,
            )
            engines = {name: loaded[path] for name, path in networks.items()}
        self._engines = engines
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

    def run_member(self, name: str, image: Float32Array) -> Float32Array:
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
        features: Float32Array = self._engines[name].run(batch)[0]
        features.flags.writeable = False
        return features

    def features(self, radiograph: Radiograph) -> dict[str, Float32Array]:
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
            name: read_system(name, state.logits[name], self._trust) for name in self.systems
        }
        begun = time.perf_counter()
        trust = judge_film(systems, features, state, prepared.layout, self._trust)
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

    def _run(self, prepared: Prepared) -> dict[str, Float32Array]:
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


def _check_engine(name: str, member: MemberEntry, engine: FeatureEngine) -> None:
    """Refuse an engine whose feature map the head cannot take."""
    if engine.feature_shape != member.feature_shape:
        msg = (
            f"{name}: the network's map must have shape {member.feature_shape}. "
            f"Received: {engine.feature_shape}"
        )
        raise SpecMismatchError(msg)
