"""Changes to a film that no radiologist would call a change of the disease, in growing steps.

Each is a pure function of an image and a level. What a system does along the levels is its curve.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from cxr_core.array import Float32Array, Float64Array
from cxr_core.audit.change import (
    add_noise,
    blacken_border,
    brighten,
    compress,
    crop,
    paste_marker,
    rotate,
    soften,
    stretch_contrast,
)
from cxr_core.explain.fidelity.step import OnStep, Steps
from cxr_core.heads import softmax
from cxr_core.radiograph import Radiograph

if TYPE_CHECKING:
    from cxr_core.audit.systems_reader import SystemsReader


@dataclass(frozen=True)
class Probe:
    """One kind of change, with its levels.

    Attributes:
        name: Key in files.
        title: Words on screen.
        axis: What a level is, with its unit.
        explanation: One plain sentence for a radiologist.
        levels: Levels that are tried, rising, `unchanged` among them.
        unchanged: Level at which the film stays as it is.
        change: From an image, shape (h, w), float32 in [0, 1], and a level to a new image.
        is_percent: True if levels are shares, to be written as per cent.
    """

    name: str
    title: str
    axis: str
    explanation: str
    levels: tuple[float, ...]
    unchanged: float
    change: Callable[[Float32Array, float], Float32Array]
    is_percent: bool = True

    def apply(self, image: Float32Array, level: float) -> Float32Array:
        """Change a film.

        Args:
            image: Shape (h, w), float32 in [0, 1]; not changed.
            level: Any of `levels`, or between.

        Returns:
            A new array, float32 in [0, 1]; equal to the film at `unchanged`.
        """
        if level == self.unchanged:
            return image.copy()
        changed = np.clip(self.change(image, level), 0.0, 1.0)
        return np.ascontiguousarray(changed, np.float32)


@dataclass(frozen=True, eq=False)
class ProbeCurve:
    """What the systems say along the levels of one probe.

    Attributes:
        name: Name of the probe.
        levels: Its levels.
        logits: System to logits, shape (n_levels, 3).
    """

    name: str
    levels: tuple[float, ...]
    logits: Mapping[str, Float64Array]

    def probs(self, system: str, *, temperature: float = 1.0) -> Float64Array:
        """Return probabilities along the levels.

        Args:
            system: One of `logits`.
            temperature: What logits are divided by; 1 leaves them uncalibrated.

        Returns:
            Shape (n_levels, 3).
        """
        return np.asarray(softmax(self.logits[system] / temperature), np.float64)

    def first_flip(self, system: str, unchanged: float) -> float | None:
        """Return the level nearest to the film as it is at which a system changes its answer.

        Args:
            system: One of `logits`.
            unchanged: Level of the film as it is.

        Returns:
            The level; `None` where the answer stays.
        """
        labels = self.logits[system].argmax(axis=1)
        start = self.levels.index(unchanged)
        flipped = [
            (abs(i - start), level)
            for i, level in enumerate(self.levels)
            if labels[i] != labels[start]
        ]
        return min(flipped)[1] if flipped else None


PROBES: Final = (
    Probe(
        "marker",
        "A letter R pasted in",
        "height of the letter, share of the film",
        "A side marker like those that some hospitals lay on the film.",
        (0.0, 0.05, 0.10, 0.15, 0.20),
        0.0,
        paste_marker,
    ),
    Probe(
        "border",
        "A black border",
        "width on each side",
        "A frame like those that scanned prints and journal figures have.",
        (0.0, 0.02, 0.05, 0.10, 0.15, 0.20),
        0.0,
        blacken_border,
    ),
    Probe(
        "crop",
        "Cut closer",
        "cut off each side",
        "The film cut closer to the lungs, as another technician might.",
        (0.0, 0.02, 0.05, 0.10, 0.15, 0.20),
        0.0,
        crop,
    ),
    Probe(
        "contrast",
        "Contrast",
        "contrast, 1 = as it is",
        "Less or more difference between dark and bright, as another window would give.",
        (0.5, 0.75, 1.0, 1.25, 1.5, 2.0),
        1.0,
        stretch_contrast,
        is_percent=False,
    ),
    Probe(
        "gamma",
        "Brightness",
        "gamma, 1 = as it is",
        "Darker or brighter shades between black and white (gamma): below 1 brighter, above 1 "
        "darker.",
        (0.5, 0.7, 1.0, 1.4, 2.0),
        1.0,
        brighten,
        is_percent=False,
    ),
    Probe(
        "jpeg",
        "JPEG compression",
        "JPEG quality, 100 = as it is",
        "The film saved ever smaller, as e-mail and web pages do.",
        (5.0, 15.0, 30.0, 60.0, 90.0, 100.0),
        100.0,
        compress,
        is_percent=False,
    ),
    Probe(
        "rotation",
        "Turned by some degrees",
        "degrees, counter-clockwise",
        "A patient or a cassette that lay askew.",
        (-20.0, -10.0, -5.0, 0.0, 5.0, 10.0, 20.0),
        0.0,
        rotate,
        is_percent=False,
    ),
    Probe(
        "blur",
        "Blur",
        "blur, share of the film's side",
        "Fine detail lost, as on a photograph of a screen.",
        (0.0, 0.0025, 0.005, 0.01, 0.02),
        0.0,
        soften,
    ),
    Probe(
        "noise",
        "Grain",
        "grain, share of the range from black to white",
        "Grain added, as on a film taken with less dose.",
        (0.0, 0.02, 0.05, 0.10, 0.20),
        0.0,
        add_noise,
    ),
)
"""The probes, in display order."""

PROBE_BY_NAME: Final = {probe.name: probe for probe in PROBES}


def probed(radiograph: Radiograph, probe: Probe, level: float) -> Radiograph:
    """Return a changed copy of a film.

    Args:
        radiograph: The film; not changed.
        probe: The change.
        level: Its level.

    Returns:
        A film of float32 pixels in [0, 1] with a digest of its own, so that no cache takes it for
        the other.
    """
    key = f"{radiograph.sha256}/{probe.name}/{level!r}"
    return replace(
        radiograph,
        pixels=probe.apply(radiograph.image, level),
        black=0.0,
        white=1.0,
        is_inverted=False,
        sha256=hashlib.sha256(key.encode()).hexdigest(),
    )


def n_changes(probes: Sequence[Probe]) -> int:
    """Return how many changed films some probes make, the unchanged one counted once."""
    return 1 + sum(len(probe.levels) - 1 for probe in probes)


def probe_film(
    reader: SystemsReader,
    image: Float32Array,
    *,
    probes: Sequence[Probe] = PROBES,
    on_step: OnStep | None = None,
) -> dict[str, tuple[ProbeCurve, ...]]:
    """Read a film and its changed copies.

    Args:
        reader: The variants.
        image: The film, shape (h, w), float32 in [0, 1].
        probes: The changes.
        on_step: Progress and cancel, one step a reading; `n_changes` in all.

    Returns:
        Variant to one curve a probe.

    Raises:
        CancelledCheckError: If the callback says so.
    """
    steps = Steps(n_changes(probes), on_step)
    whole = reader.logits(image)
    steps.advance()
    found: dict[str, list[ProbeCurve]] = {variant: [] for variant in reader.variants}
    for probe in probes:
        read = []
        for level in probe.levels:
            if level == probe.unchanged:
                read.append(whole)
                continue
            read.append(reader.logits(probe.apply(image, level)))
            steps.advance()
        for variant, curves in found.items():
            logits = {
                system: np.stack([each[variant][system] for each in read])
                for system in whole[variant]
            }
            curves.append(ProbeCurve(probe.name, probe.levels, logits))
    return {variant: tuple(curves) for variant, curves in found.items()}
