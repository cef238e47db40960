"""The published models and the readings, each behind one Streamlit cache.

The models are shared by all sessions and never changed. Readings belong to one session and are
found by the SHA-256 of the film's bytes, never by an array: Streamlit hashes large arrays from a
sample and may return another film's result.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core import io
from cxr_core.errors import CxrError
from ui.film_view import FilmView, Summary, film_view, summary_of
from ui.header_view import HeaderView, header_view
from ui.state import Film

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle
    from cxr_core.lungs import LungSegmenter
    from cxr_core.predict import Predictor, Reading
    from cxr_core.published import PublishedModels

BUNDLE_VARIABLE: Final = "CXR_BUNDLE"
"""Environment variable with the folders of other bundles than the one in the repository."""

MAX_BUNDLES: Final = 3
"""Bundles kept in memory; each holds its networks, about half a gigabyte with all five systems."""

MAX_READINGS: Final = 4
"""Full readings kept per session; each holds a film at full depth and its feature maps."""

MAX_VIEWS: Final = 48
"""Films with pixels and maps kept per session, 2.2 MB each at most; others are read again."""

MAX_SUMMARIES: Final = 1000
"""Scores kept per session, about a kilobyte each: every film by every variant."""


_VARIANT_KEY: Final = "variant"
_RAW_KEY: Final = "raw-probabilities"
_SUMMARIES_KEY: Final = "summaries"


@dataclass(frozen=True)
class Failure:
    """Why a film could not be read, in words for the page.

    Attributes:
        message: What is wrong.
        hint: What to do about it.
    """

    message: str
    hint: str


def bundle_folders() -> tuple[Path, ...]:
    """Return the folders of the bundles, the one in use first.

    They are named by `--bundle` after `streamlit run streamlit_app.py --`, once for each; else by
    `CXR_BUNDLE`, separated as in `PATH`; else it is the repository's own.
    """
    from cxr_core.bundle import DEFAULT_BUNDLE

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--bundle", action="append", default=[], type=Path)
    named = parser.parse_known_args(sys.argv[1:])[0].bundle
    if not named:
        variable = os.environ.get(BUNDLE_VARIABLE, "")
        named = [Path(text) for text in variable.split(os.pathsep) if text]
    return tuple(named) or (DEFAULT_BUNDLE,)


@dataclass(frozen=True)
class Models:
    """A bundle and one of its variants, which a reader may put beside those in use.

    Attributes:
        folder: The bundle's folder.
        variant: Name of the variant; `None` for the bundle's default.
        title: Words for both.
    """

    folder: Path
    variant: str | None
    title: str


def models_beside(predictor: Predictor) -> tuple[Models, ...]:
    """Return what can be put beside the models in use: other variants and other bundles.

    Args:
        predictor: The predictor from `load`.

    Returns:
        Other variants of the same bundle, then every variant of the other bundles; a bundle that
        cannot be loaded is left out here and says why when it is named on the page.
    """
    own, *others = bundle_folders()
    bundle = predictor.bundle
    found = [
        Models(own, name, f"{name} ({bundle.name} {bundle.version})")
        for name in bundle.variants
        if name != predictor.variant
    ]
    for folder in others:
        try:
            other = _published(str(folder)).bundle
        except CxrError:
            found.append(Models(folder, None, folder.name))
            continue
        words = f"{other.name} {other.version}, {folder.name}"
        found += [Models(folder, name, f"{name} ({words})") for name in other.variants]
    return tuple(found)


def load_beside(models: Models) -> Predictor:
    """Return the predictor of models beside those in use.

    Args:
        models: From `models_beside`, or a folder that the reader named.

    Returns:
        The predictor, shared by all sessions.

    Raises:
        CxrError: If the bundle is missing, altered or does not fit this version.
    """
    return _published(str(models.folder)).predictor(models.variant)


def load() -> Predictor:
    """Return the predictor of the configured bundle and of the variant this session chose.

    Raises:
        CxrError: If the bundle is missing, altered or does not fit this version.
    """
    models = published()
    return models.predictor(chosen_variant(models.bundle))


def chosen_variant(bundle: Bundle) -> str:
    """Return the name of the variant that this session chose, or of the bundle's default.

    Args:
        bundle: The bundle in use.
    """
    chosen = st.session_state.get(_VARIANT_KEY)
    if isinstance(chosen, str) and chosen in bundle.variants:
        return chosen
    return bundle.default_variant


def choose_variant(name: str) -> None:
    """Use another variant of the bundle in this session from the next run on.

    Args:
        name: Name of the variant; one that the bundle does not have counts as its default.
    """
    st.session_state[_VARIANT_KEY] = name


def shows_raw() -> bool:
    """Return whether this session shows probabilities before calibration."""
    return bool(st.session_state.get(_RAW_KEY, False))


def choose_raw(is_raw: bool) -> None:
    """Show probabilities before or after calibration in this session from the next run on.

    Args:
        is_raw: True for before.
    """
    st.session_state[_RAW_KEY] = is_raw


@st.cache_resource(show_spinner=False)
def lungs() -> LungSegmenter | None:
    """Load the network that finds the lungs; none where the repository has none."""
    from cxr_core.lungs import DEFAULT_LUNGS, LungSegmenter

    return LungSegmenter.load() if DEFAULT_LUNGS.is_dir() else None


def published() -> PublishedModels:
    """Return the configured bundle with its networks, which all sessions share.

    Raises:
        CxrError: If the bundle is missing, altered or does not fit this version.
    """
    return _published(str(bundle_folders()[0]))


@st.cache_resource(show_spinner="Loading the published models …", max_entries=MAX_BUNDLES)
def _published(folder: str) -> PublishedModels:
    """Verify and load a bundle; an error is not cached, so a repaired bundle loads at once."""
    from cxr_core.published import PublishedModels

    models = PublishedModels(folder, lungs=lungs())
    models.predictor()
    return models


def reading(film: Film, predictor: Predictor) -> Reading:
    """Read one film with every system, or return what this session read before.

    Args:
        film: The film; found again by its digest.
        predictor: The predictor from `load`.

    Returns:
        The reading, shared by later calls; never change it. Its probabilities are those that the
        session has chosen to see, calibrated or not.

    Raises:
        CxrError: If the film cannot be decoded.
    """
    found = _reading(film.digest, _models_key(predictor), film, predictor)
    return found.uncalibrated() if shows_raw() else found


@st.cache_resource(scope="session", show_spinner=False, max_entries=MAX_READINGS)
def _reading(digest: str, models: str, _film: Film, _predictor: Predictor) -> Reading:  # noqa: ARG001
    """Decode and read; the underscore arguments are not part of the cache key."""
    return _predictor.read(io.read(_film.data, name=_film.name))


def view(film: Film, predictor: Predictor) -> FilmView | Failure:
    """Return what the page shows of one film: small, and kept for every film of the session.

    Args:
        film: The film.
        predictor: The predictor from `load`.

    Returns:
        The film's view, or the reason why there is none.
    """
    found = _view(film.digest, _models_key(predictor), film, predictor)
    return found.uncalibrated() if shows_raw() and isinstance(found, FilmView) else found


@st.cache_resource(scope="session", show_spinner=False, max_entries=MAX_VIEWS)
def _view(
    digest: str,
    models: str,
    _film: Film,
    _predictor: Predictor,
) -> FilmView | Failure:
    """Read a film and prepare its heatmaps; a film that cannot be read is remembered as such."""
    try:
        result = _reading(digest, models, _film, _predictor)
    except CxrError as err:
        return Failure(str(err), err.hint)
    _summaries()[digest, models] = summary_of(result)
    start = time.perf_counter()
    shown = film_view(result, _predictor.explain_classes)
    return shown.with_timing("heatmaps", (time.perf_counter() - start) * 1000.0)


def header(film: Film) -> HeaderView | Failure:
    """Return the header of a DICOM film, identifiers masked.

    Args:
        film: The film; found again by its digest.

    Returns:
        The header, or the reason why it cannot be listed.
    """
    return _header(film.digest, film)


@st.cache_resource(scope="session", show_spinner=False, max_entries=MAX_READINGS)
def _header(digest: str, _film: Film) -> HeaderView | Failure:  # noqa: ARG001
    """List a header; the digest alone is the key."""
    try:
        return header_view(_film.data)
    except CxrError as err:
        return Failure(str(err), err.hint)


def summary(film: Film, predictor: Predictor) -> Summary | Failure:
    """Return what tables of many films show of one: its scores, without pixels or maps.

    Args:
        film: The film.
        predictor: The predictor from `load`.

    Returns:
        The summary, kept for every film of the session, or the reason why there is none.
    """
    key = (film.digest, _models_key(predictor))
    known = _summaries()
    if key not in known:
        try:
            known[key] = summary_of(_reading(*key, film, predictor))
        except CxrError as err:
            known[key] = Failure(str(err), err.hint)
        while len(known) > MAX_SUMMARIES:
            known.pop(next(iter(known)))
    found = known[key]
    return found.uncalibrated() if shows_raw() and isinstance(found, Summary) else found


def _summaries() -> dict[tuple[str, str], Summary | Failure]:
    """Return this session's summaries by film and models."""
    held: dict[tuple[str, str], Summary | Failure] = st.session_state.setdefault(_SUMMARIES_KEY, {})
    return held


def forget() -> None:
    """Drop every reading of this session."""
    _reading.clear()
    _view.clear()
    _header.clear()
    _summaries().clear()


def _models_key(predictor: Predictor) -> str:
    """Return what, besides the film, decides a reading."""
    return f"{predictor.bundle.digest}/{predictor.variant}"
