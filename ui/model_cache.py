"""The published models behind one Streamlit cache, and which of them a session uses.

They are shared by all sessions and never changed.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

from cxr_core.allocator import share_heaps, trim
from cxr_core.errors import BundleChangedError, CxrError

if TYPE_CHECKING:
    from cxr_core.bundle import Bundle
    from cxr_core.lungs import LungSegmenter
    from cxr_core.predict import Predictor, PublishedModels


BUNDLE_VARIABLE: Final = "CXR_BUNDLE"
"""Environment variable with the folders of other bundles than the one in the repository."""

MAX_BUNDLES: Final = 3
"""Bundles kept in memory; each holds its networks, about half a gigabyte with all five systems."""

MAX_NAMED: Final = 1
"""Other bundles kept in memory, of those whose folder somebody named on a page."""

_LOADING: Final = "Loading the published models …"
_VARIANT_KEY: Final = "variant"


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
        digest: Digest of the bundle when it was listed; `None` if it was not looked into.
    """

    folder: Path
    variant: str | None
    title: str
    digest: str | None = None


def variants_beside(predictor: Predictor) -> tuple[Models, ...]:
    """Return the other variants of the bundle in use; no other bundle is looked into.

    Args:
        predictor: The predictor from `load`.
    """
    own, bundle = bundle_folders()[0], predictor.bundle
    return tuple(
        Models(own, name, f"{name} ({bundle.name} {bundle.version})")
        for name in bundle.variants
        if name != predictor.variant
    )


def models_beside(predictor: Predictor) -> tuple[Models, ...]:
    """Return what can be put beside the models in use: other variants and other bundles.

    Args:
        predictor: The predictor from `load`.

    Returns:
        Other variants of the same bundle, then every variant of the other bundles; a bundle that
        cannot be loaded stands under its folder's name and says why when it is chosen.
    """
    found = list(variants_beside(predictor))
    for folder in bundle_folders()[1:]:
        try:
            contents = _contents(str(folder))
        except CxrError:
            found.append(Models(folder, None, folder.name))
            continue
        words = f"{contents.title}, {folder.name}"
        found += [
            Models(folder, name, f"{name} ({words})", contents.digest) for name in contents.variants
        ]
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
    is_configured = models.folder in bundle_folders()
    load_from = _published if is_configured else _published_elsewhere
    found = load_from(str(models.folder))
    if models.digest not in (None, found.bundle.digest):
        msg = f"`{models.folder.name}` must be the bundle that was listed. Received: another one"
        raise BundleChangedError(msg)
    return found.predictor(models.variant)


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


@st.cache_resource(show_spinner=False)
def lungs() -> LungSegmenter | None:
    """Load the network that finds the lungs; none where the repository has none."""
    from cxr_core.lungs import load_lungs

    return load_lungs()


def published() -> PublishedModels:
    """Return the configured bundle with its networks, which all sessions share.

    Raises:
        CxrError: If the bundle is missing, altered or does not fit this version.
    """
    return _published(str(bundle_folders()[0]))


@dataclass(frozen=True)
class _Contents:
    """What a bundle holds, as far as a choice shows it."""

    title: str
    variants: tuple[str, ...]
    digest: str


@st.cache_resource(show_spinner=False)
def _contents(folder: str) -> _Contents:
    """Verify a bundle without loading a network, and say what it holds."""
    from cxr_core.bundle import Bundle

    bundle = Bundle.load(folder)
    return _Contents(f"{bundle.name} {bundle.version}", tuple(bundle.variants), bundle.digest)


@st.cache_resource(show_spinner=_LOADING, max_entries=MAX_BUNDLES)
def _published(folder: str) -> PublishedModels:
    """Load a configured bundle; an error is not cached, so a repaired bundle loads at once."""
    return _loaded(folder)


@st.cache_resource(show_spinner=_LOADING, max_entries=MAX_NAMED)
def _published_elsewhere(folder: str) -> PublishedModels:
    """Load a bundle that somebody named; it pushes out none of those that all sessions use."""
    return _loaded(folder)


def _loaded(folder: str) -> PublishedModels:
    """Verify a bundle and load its networks."""
    from cxr_core.predict import PublishedModels

    share_heaps()
    models = PublishedModels(folder, lungs=lungs())
    models.predictor()
    trim()
    return models


def models_key(predictor: Predictor) -> str:
    """Return what, besides the film, decides a reading: bundle and variant.

    Args:
        predictor: The predictor from `load`.
    """
    return f"{predictor.bundle.digest}/{predictor.variant}"
