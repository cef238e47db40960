"""Which models are to read, before they are loaded: what one machine tells the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_core import __version__
from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.errors import SpecMismatchError
from cxr_core.predict import Predictor

if TYPE_CHECKING:
    from cxr_core.preprocess import PreprocessSpec
    from cxr_core.trust.model import TrustModel


@dataclass(frozen=True)
class Plan:
    """The models of a run; small, and the same on every machine.

    Attributes:
        digest: Of the bundle; a machine that has another one refuses.
        variant: Its set of heads.
        precision: `f32` or `bf16`.
        n_threads: Threads that a network may use for one film.
        software: Version that the run was begun with; a machine with another one refuses.
        folder: Where the bundle lies on every machine; `None` for the one of the software there.
    """

    digest: str
    variant: str
    precision: str = "f32"
    n_threads: int | None = 1
    software: str = __version__
    folder: str | None = None

    def bundle(self) -> Bundle:
        """Load the bundle of this machine.

        Returns:
            The bundle, verified.

        Raises:
            ArtifactIntegrityError: If a file is missing or changed.
            SpecMismatchError: If it is another bundle, or the software another version.
        """
        if self.software != __version__:
            msg = f"Every machine must run version {self.software}. Received: {__version__} on one"
            raise SpecMismatchError(msg, hint="Install the same version on every machine.")
        bundle = Bundle.load(DEFAULT_BUNDLE if self.folder is None else Path(self.folder))
        if bundle.digest != self.digest:
            msg = (
                f"Every machine must have the bundle with digest {self.digest[:12]}. "
                f"Received: {bundle.digest[:12]} on one"
            )
            raise SpecMismatchError(msg, hint="Copy the same bundle folder to every machine.")
        return bundle

    def models(self) -> PlannedModels:
        """Load what is known of the models without the networks.

        Returns:
            What tables say of them.

        Raises:
            CxrError: As `bundle`.
        """
        bundle = self.bundle()
        return PlannedModels(bundle, self.variant, self.precision, bundle.trust(self.variant))


@dataclass(frozen=True, eq=False)
class PlannedModels:
    """What is known of models whose networks run elsewhere; a `cxr_core.batch.run.Models`."""

    bundle: Bundle
    variant: str
    precision: str
    trust_model: TrustModel | None

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems, in display order: members, then ensembles."""
        return self.bundle.variant(self.variant).systems

    @property
    def specs(self) -> tuple[PreprocessSpec, ...]:
        """What films are prepared by; as `Predictor.specs`."""
        members = self.bundle.variant(self.variant).members
        return tuple(dict.fromkeys(member.preprocess for member in members.values()))


Load = Callable[[Plan], Predictor]
"""How a machine loads the models of a plan."""


def load_predictor(plan: Plan) -> Predictor:
    """Load the published networks on the processor.

    Args:
        plan: The models.

    Returns:
        The predictor.

    Raises:
        CxrError: As `Plan.bundle`, or if a network cannot be read.
    """
    return Predictor(
        plan.bundle(),
        variant=plan.variant,
        precision=plan.precision,
        n_threads=plan.n_threads,
        weights_on_disk=True,
    )
