"""Several sets of heads on one film: a network that two sets share is run once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from cxr_core.array import Float32Array, Float64Array
from cxr_core.blas import one_blas_thread
from cxr_core.evaluate.reads import Collector
from cxr_core.preprocess import resize

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle
    from cxr_core.predict import Predictor

Features = Mapping[str, Float32Array]
"""Member name to feature map (h, w, c)."""


class SystemsReader:
    """Reads films with one or more variants; not to be shared between threads.

    Args:
        predictors: Variant to predictor, all of one bundle.
    """

    def __init__(self, predictors: Mapping[str, Predictor]) -> None:
        self.predictors = dict(predictors)

    @classmethod
    def load(
        cls, bundle: Bundle, variants: tuple[str, ...], *, precision: str = "f32"
    ) -> SystemsReader:
        """Load variants of a bundle; each network once.

        Args:
            bundle: A verified bundle.
            variants: Their names.
            precision: `f32` or `bf16`.

        Returns:
            The reader.

        Raises:
            SpecMismatchError: If a variant is not known.
            ArtifactIntegrityError: If a network cannot be read.
        """
        from cxr_core.engine.openvino import load_engines
        from cxr_core.predict import Predictor

        members = {variant: bundle.variant(variant).members for variant in variants}
        networks = [member.network for own in members.values() for member in own.values()]
        engines = load_engines(bundle.folder, networks, precision=precision)
        return cls(
            {
                variant: Predictor(
                    bundle,
                    variant=variant,
                    precision=precision,
                    engines={name: engines[member.network] for name, member in own.items()},
                )
                for variant, own in members.items()
            }
        )

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants."""
        return tuple(self.predictors)

    def collectors(self) -> dict[str, Collector]:
        """Return an empty table of reads for each variant."""
        return {name: Collector(own.heads) for name, own in self.predictors.items()}

    def features(self, image: Float32Array) -> dict[str, Features]:
        """Run every network that a variant needs, once for each way to prepare the film.

        Args:
            image: Shape (h, w), float32 in [0, 1].

        Returns:
            Variant to member to feature map, as `Predictor.features` gives them.
        """
        maps: dict[object, Float32Array] = {}
        found: dict[str, Features] = {}
        for variant, predictor in self.predictors.items():
            own = {}
            for name, member in predictor.members.items():
                key = (member.network, member.preprocess)
                if key not in maps:
                    maps[key] = predictor.run_member(name, resize(image, member.preprocess))
                own[name] = maps[key]
            found[variant] = own
        return found

    def logits(self, image: Float32Array) -> dict[str, dict[str, Float64Array]]:
        """Return what every system says of a film.

        Args:
            image: Shape (h, w), float32 in [0, 1].

        Returns:
            Variant to system to logits, shape (3,).
        """
        features = self.features(image)
        with one_blas_thread():
            return {
                variant: {
                    name: np.asarray(own, np.float64)
                    for name, own in predictor.heads.forward(features[variant]).logits.items()
                }
                for variant, predictor in self.predictors.items()
            }
