"""What the numbers of a report come from, and what speaks against believing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxr_core import __version__
from cxr_core.bundle.caution import Caution, cautions
from cxr_core.errors import NotApplicableError
from cxr_core.provenance import RAW, Provenance

if TYPE_CHECKING:
    from cxr_core.predict import Predictor
    from cxr_core.trust.calibration import Temperature


@dataclass(frozen=True)
class About:
    """The models of a report and what was measured of them.

    Attributes:
        provenance: Bundle, variant, precision, and whether probabilities are calibrated.
        system: System whose map is drawn on the film.
        calibration: System name to its temperature, of systems that could be calibrated.
        cautions: What the bundle measured against believing it.
        is_twin: Whether the temperatures were fitted to other heads of the same recipe, because the
            published ones had seen the calibration films.
        software: Version of this software.
    """

    provenance: Provenance
    system: str
    calibration: Mapping[str, Temperature]
    cautions: tuple[Caution, ...]
    is_twin: bool = False
    software: str = __version__

    @classmethod
    def of(cls, predictor: Predictor, *, system: str | None = None, is_raw: bool = False) -> About:
        """Return what a predictor's numbers come from.

        Args:
            predictor: The models that read.
            system: Whose map is drawn; the first system if `None`, as in the dashboard.
            is_raw: Whether probabilities before calibration are reported.

        Returns:
            What is told of the models.

        Raises:
            NotApplicableError: If the variant has no such system.
        """
        system = predictor.systems[0] if system is None else system
        if system not in predictor.systems:
            msg = f"`system` must be one of {predictor.systems}. Received: system={system!r}"
            raise NotApplicableError(msg, hint="Choose one of the systems that the message lists.")
        trust = predictor.trust_model
        return cls(
            provenance=Provenance.of(predictor, is_raw=is_raw),
            system=system,
            calibration={} if trust is None else trust.calibration,
            cautions=cautions(predictor.bundle, predictor.variant),
            is_twin=trust is not None and bool(trust.about.get("is_twin")),
        )

    @property
    def is_raw(self) -> bool:
        """Whether probabilities are reported as they were before calibration."""
        return self.provenance.probabilities == RAW

    @property
    def command(self) -> str:
        """The command that gives the same numbers; FILE stands for the film, which is not named."""
        found = self.provenance
        words = (
            f"python -m cxr_core report FILE --out report.pdf --variant {found.variant} "
            f"--precision {found.precision} --system {self.system}"
        )
        return f"{words} --raw" if self.is_raw and self.calibration else words
