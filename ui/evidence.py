"""The labelled films that the evidence pages speak of: what the bundle read, or a reader's folder.

Everything is found by strings (bundle digest, variant, set), never by an array. What comes from a
reader's folder stays in that reader's session.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from cxr_core.array import Float64Array
from cxr_core.evaluate.evaluation import SCHEMA, calibrated_probs, evaluation_of
from cxr_core.evaluate.folder_evaluation import about, known_films
from ui.model_cache import models_key

if TYPE_CHECKING:
    from pathlib import Path

    from cxr_core.bundle import Bundle
    from cxr_core.evaluate.reads import FilmList, Reads
    from cxr_core.predict import Predictor
    from cxr_core.trust.model import TrustModel

CALIBRATION_SET: Final = "calibration"
"""Films that calibrated, and so judge nothing."""

BLIND: Final = ", each read by models that never saw its patient"
"""What `python -m train publish` adds to the title of a set that was read by cross-validation."""

MAX_SETS: Final = 16
_OWN_KEY: Final = "evidence-own"

Probs = Mapping[str, Float64Array]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of one set of labelled films.

    Attributes:
        key: Words that name bundle, variant and films; caches go by it.
        title: Words on screen.
        reads: What the systems say of each film; `None` where only figures were stored.
        calibrated: System to calibrated probabilities; empty without calibration.
        evaluation: The figures; keys of the first schema only where no reads are known.
        is_own: True for a folder of the reader's.
    """

    key: str
    title: str
    reads: Reads | None
    calibrated: Probs
    evaluation: Mapping[str, Any]
    is_own: bool = False

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems, in display order."""
        return tuple(self.evaluation["systems"])

    def probs(self, *, is_raw: bool) -> dict[str, Float64Array]:
        """Return each system's probabilities; raw ones where a system has no others.

        Args:
            is_raw: True for those before calibration.

        Returns:
            System name to shape (n, 3); empty where no reads are known.
        """
        if self.reads is None:
            return {}
        return {
            name: self.reads.probs(name)
            if is_raw or name not in self.calibrated
            else self.calibrated[name]
            for name in self.reads.systems
        }


def read_sets(bundle: Bundle, variant: str) -> tuple[str, ...]:
    """Return the titles of the sets that judge a variant.

    Args:
        bundle: The bundle in use.
        variant: Name of the variant.

    Returns:
        Sets with figures or reads, in the bundle's order, without those that calibrated. A set
        that was read by cross-validation stands for the plain reading of the same films, which
        the models know.
    """
    stored = tuple((bundle.evaluation(variant) or {"sets": {}})["sets"])
    others = tuple(
        name
        for name in bundle.read_sets(variant)
        if name not in (*stored, CALIBRATION_SET) and name + BLIND not in stored
    )
    return stored + others


def reads_of(bundle: Bundle, variant: str, title: str) -> Reads | None:
    """Return what a variant says of a set; `None` where that is not published.

    Args:
        bundle: The bundle in use.
        variant: Name of the variant.
        title: Name of the set.

    Raises:
        SpecMismatchError: If what is stored contradicts itself.
    """
    return _reads(bundle.digest, variant, title, bundle)


@st.cache_resource(show_spinner=False, max_entries=MAX_SETS)
def _reads(digest: str, variant: str, title: str, _bundle: Bundle) -> Reads | None:  # noqa: ARG001
    """Load reads once; the bundle is not part of the cache key, its digest is."""
    return _bundle.reads(title, variant)


def calibrated_of(trust: TrustModel | None, reads: Reads | None) -> Probs:
    """Return calibrated probabilities of the systems that have a calibration.

    Args:
        trust: The variant's trust model, or `None`.
        reads: What the systems say of a set, or `None`.

    Returns:
        System name to probabilities, shape (n, 3); empty where one of both is missing.
    """
    if trust is None or reads is None:
        return {}
    return calibrated_probs(reads, trust.calibration)


def kept_apart(predictor: Predictor) -> tuple[Reads, Probs] | None:
    """Return what the models say of the films that were kept apart to choose thresholds on.

    Args:
        predictor: The models in use.

    Returns:
        Reads and calibrated probabilities, or `None` where the bundle holds none.

    Raises:
        SpecMismatchError: If what is stored contradicts itself.
    """
    reads = reads_of(predictor.bundle, predictor.variant, CALIBRATION_SET)
    return None if reads is None else (reads, calibrated_of(predictor.trust_model, reads))


def evidence_of(predictor: Predictor, title: str) -> Evidence:
    """Return what is known of one of the bundle's sets.

    Args:
        predictor: The models in use.
        title: One of `read_sets`.

    Returns:
        The evidence. Figures of an earlier schema are measured again where reads are known.

    Raises:
        SpecMismatchError: If what is stored contradicts itself.
    """
    bundle, variant = predictor.bundle, predictor.variant
    key = f"{models_key(predictor)}/{title}"
    stored = (bundle.evaluation(variant) or {"sets": {}})["sets"].get(title)
    reads = reads_of(bundle, variant, title)
    calibrated = calibrated_of(predictor.trust_model, reads)
    is_whole = stored is not None and stored.get("schema") == SCHEMA
    if reads is not None and not is_whole:
        stored = _measured(key, predictor, reads, calibrated)
    return Evidence(key, title, reads, calibrated, stored or {"systems": {}})


def own_evidence(predictor: Predictor, title: str, reads: Reads) -> Evidence:
    """Measure a folder that the reader named.

    Args:
        predictor: The models that read it.
        title: Words for it.
        reads: What they said.

    Returns:
        The evidence.
    """
    key = f"{models_key(predictor)}/own/{_told_digest(reads.films)}"
    calibrated = calibrated_of(predictor.trust_model, reads)
    evaluation = _measured(key, predictor, reads, calibrated)
    return Evidence(key, title, reads, calibrated, evaluation, is_own=True)


def _told_digest(films: FilmList) -> str:
    """Return one digest of all that is told of films, since patients and groups decide figures."""
    told = {**films.to_dict(), "unreadable": films.unreadable}
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


@st.cache_resource(scope="session", show_spinner="Measuring …", max_entries=MAX_SETS)
def _measured(
    key: str,  # noqa: ARG001
    _predictor: Predictor,
    _reads: Reads,
    _calibrated: Probs,
) -> dict[str, Any]:
    """Measure reads once; the key names bundle, variant and films."""
    made_by = about(_predictor)
    made_by["bundle"]["digest"] = _predictor.bundle.digest
    return evaluation_of(
        _reads,
        calibrated=_calibrated or None,
        about=made_by,
        known=known_films(_predictor.bundle, _predictor.variant),
    )


def keep_own(predictor: Predictor, folder: Path, reads: Reads) -> None:
    """Keep what was read of the reader's folder for this session, in place of an earlier one.

    Args:
        predictor: The models that read it.
        folder: The folder.
        reads: What they said.
    """
    models = (predictor.bundle.digest, predictor.variant)
    st.session_state[_OWN_KEY] = (models, folder, reads)


def kept_own(predictor: Predictor) -> tuple[str, Reads] | None:
    """Return the title and reads of the folder that this session had read by these models.

    Args:
        predictor: The models in use.

    Returns:
        Both, or `None` where nothing was read, or by other models.
    """
    held = st.session_state.get(_OWN_KEY)
    if held is None or held[0] != (predictor.bundle.digest, predictor.variant):
        return None
    return held[1].name or str(held[1]), held[2]


def own_folder() -> Path | None:
    """Return the folder that this session had read, or `None`."""
    held = st.session_state.get(_OWN_KEY)
    return None if held is None else held[1]


def drop_own() -> None:
    """Forget what was read of the reader's folder."""
    st.session_state.pop(_OWN_KEY, None)
