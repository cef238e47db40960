"""Score a labelled folder through the serving path, film by film."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_core.evaluate.evaluation import calibrated_probs, evaluation_of
from cxr_core.evaluate.folder_reads import read_folder
from cxr_core.evaluate.resample import N_RESAMPLES

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle
    from cxr_core.predict import Predictor


def evaluate_folder(
    predictor: Predictor,
    folder: str | Path,
    *,
    n_resamples: int = N_RESAMPLES,
    on_film: Callable[[int], None] | None = None,
    on_system: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Read every labelled film of a folder and measure each system.

    Args:
        predictor: The variant to measure.
        folder: Holds one folder a class.
        n_resamples: Resamples of patients for the intervals.
        on_film: Called with the number of films done, after each film.
        on_system: Called with the number of measured and of all sets of probabilities.

    Returns:
        JSON-ready evaluation of schema `cxr-evaluation/2`. Files that could not be read are counted
        and listed by their path below the folder, and take no part in the figures.

    Raises:
        UnreadableImageError: If there is nothing to read.
        TrainingDataError: If a manifest is there but cannot be used.
    """
    reads = read_folder(predictor, folder, on_film=on_film)
    trust = predictor.trust_model
    return evaluation_of(
        reads,
        calibrated=None if trust is None else calibrated_probs(reads, trust.calibration),
        about=about(predictor),
        known=known_films(predictor.bundle, predictor.variant),
        n_resamples=n_resamples,
        on_system=on_system,
    )


def about(predictor: Predictor) -> dict[str, Any]:
    """Return what made the reads, for an evaluation.

    Args:
        predictor: The variant that read.

    Returns:
        Name and version of the bundle, variant and precision. No digest: an evaluation that is
        stored in a bundle is part of what the digest is of.
    """
    bundle = predictor.bundle
    return {
        "bundle": {"name": bundle.name, "version": bundle.version},
        "variant": predictor.variant,
        "precision": predictor.precision,
    }


def known_films(bundle: Bundle, variant: str) -> Mapping[str, int] | None:
    """Return how many films of each class a variant was fitted to.

    Args:
        bundle: The bundle.
        variant: Name of the variant.

    Returns:
        Class to number of films; `None` where the bundle does not tell.
    """
    parts: Mapping[str, Any] = bundle.variant(variant).training.get("data", {})
    counts: Mapping[str, int] | None = parts.get("n_by_part", {}).get("fit")
    return counts
