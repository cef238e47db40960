"""The part of an audit that needs the systems: covers, sources, copies, probes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cxr_core.audit.covered import (
    WHOLE_FILM,
    covered_figures,
    read_covered,
    system_figures,
)
from cxr_core.audit.films import WHOLE, AuditFilms
from cxr_core.audit.leaks import listed
from cxr_core.audit.look import Looks
from cxr_core.audit.measure import called_shares
from cxr_core.audit.overlap_figures import match_films, overlap_counts, restricted_figures
from cxr_core.audit.plan import AuditSettings, Tools
from cxr_core.audit.probe_folder import draw, probe_films
from cxr_core.audit.source import joined, source_prediction
from cxr_core.audit.systems_reader import SystemsReader
from cxr_core.dataset.film import data_digest
from cxr_core.evaluate.reads import Reads
from cxr_core.explain.fidelity.step import OnStep

if TYPE_CHECKING:
    from cxr_core.bundle import VariantEntry

MAX_SOURCE_FILMS: Final = 600
"""Most films of a class that are read for its sources beside the judged ones."""


class SystemsPart:
    """What the systems make of the films of an audit.

    Args:
        tools: Lungs and fingerprints.
        reader: The systems.
        settings: How thorough.
        stage: From words to the callback of one part.
    """

    def __init__(
        self,
        tools: Tools,
        reader: SystemsReader,
        settings: AuditSettings,
        stage: Callable[[str], OnStep | None],
    ) -> None:
        self._tools = tools
        self._reader = reader
        self._settings = settings
        self._stage = stage

    def measure(self, looks: Looks, others: Looks | None) -> dict[str, Any]:
        """Return the parts of the audit that need the systems.

        Args:
            looks: The films.
            others: Films that are judged apart, or `None`.

        Returns:
            `bundle`, `n_read`, `overlap` and `variants`.

        Raises:
            CxrError: If a film cannot be read.
            CancelledCheckError: If the callback says so.
        """
        films = _drawn(looks.films, self._settings)
        by_cover = self._read("The systems read the films, whole and covered", films)
        elsewhere = None
        if others is not None:
            elsewhere = self._read("The systems read the other films", others.films)
        more = self._read_for_sources(looks, films)
        overlap, restricted = self._overlap(looks, films, by_cover)
        probed = self._probed(films)
        bundle = next(iter(self._reader.predictors.values())).bundle
        return {
            "bundle": {"name": bundle.name, "version": bundle.version},
            "n_read": len(films),
            "overlap": overlap,
            "variants": {
                variant: {
                    **self._of_variant(own, None if elsewhere is None else elsewhere[variant]),
                    "sources": self._sources(
                        own[WHOLE_FILM],
                        None if more is None else more[variant][WHOLE_FILM],
                        None if elsewhere is None else elsewhere[variant][WHOLE_FILM],
                    ),
                    "was_fitted_to_others": was_fitted_to_others(
                        bundle.variant(self._reader.predictors[variant].variant)
                    ),
                    "restricted": restricted.get(variant),
                    "probes": probed.get(variant),
                }
                for variant, own in by_cover.items()
            },
        }

    def _read(self, words: str, films: AuditFilms) -> dict[str, dict[str, Reads]]:
        """Read films whole and covered."""
        return read_covered(
            self._reader, films, lungs=self._tools.lungs, on_step=self._stage(words)
        )

    def _of_variant(
        self, own: Mapping[str, Reads], elsewhere: Mapping[str, Reads] | None
    ) -> dict[str, Any]:
        """Measure one variant on both sets of films."""
        n_resamples = self._settings.n_resamples
        return {
            "systems": system_figures(own[WHOLE_FILM], n_resamples=n_resamples),
            "covered": covered_figures(own, n_resamples=n_resamples),
            "external": None
            if elsewhere is None
            else {
                condition: {
                    name: called_shares(reads.films, reads.probs(name)) for name in reads.systems
                }
                for condition, reads in elsewhere.items()
            },
        }

    def _read_for_sources(
        self, looks: Looks, films: AuditFilms
    ) -> dict[str, dict[str, Reads]] | None:
        """Read more films of the classes that have several sources, besides those judged."""
        own = looks.films
        sources = np.array(own.groups("source"))
        rng = np.random.default_rng(self._settings.seed)
        is_new = ~np.isin(np.array(own.films.sha256), np.array(films.films.sha256))
        rows: list[int] = []
        for k in np.unique(own.films.y_true):
            is_own = (own.films.y_true == k) & (sources != "")
            if len(np.unique(sources[is_own])) > 1:
                free = rng.permutation(np.flatnonzero(is_own & is_new))
                rows += free[:MAX_SOURCE_FILMS].tolist()
        if not rows:
            return None
        more = own.take(np.array(sorted(rows), np.int64))
        return read_covered(
            self._reader,
            more,
            conditions=(WHOLE_FILM,),
            on_step=self._stage("The systems read films of several sources"),
        )

    def _sources(self, own: Reads, more: Reads | None, elsewhere: Reads | None) -> dict[str, Any]:
        """Predict the source within each class."""
        reads = own if more is None else joined(own, more, same_patients=True)
        if elsewhere is not None:
            reads = joined(reads, elsewhere, same_patients=False)
        settings = self._settings
        return source_prediction(reads, n_resamples=settings.n_resamples, seed=settings.seed)

    def _overlap(
        self, looks: Looks, films: AuditFilms, by_cover: Mapping[str, Mapping[str, Reads]]
    ) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """Compare the films with those the systems were made from; score without copies."""
        index = self._tools.index
        if index is None or _is_training_data(looks, self._reader):
            return None, {}
        words = "Looking for films that the models were made from"
        matches = match_films(index, films, on_step=self._stage(words))
        counts = overlap_counts(films, matches, len(index), names=self._settings.names)
        return counts, {
            variant: restricted_figures(
                own[WHOLE_FILM], matches, n_resamples=self._settings.n_resamples
            )
            for variant, own in by_cover.items()
        }

    def _probed(self, films: AuditFilms) -> dict[str, dict[str, Any]]:
        """Put some of the films to the probes."""
        if not self._settings.n_probed:
            return {}
        drawn = draw(
            replace(films, splits=(WHOLE,) * len(films)),
            self._settings.n_probed,
            seed=self._settings.seed,
        )
        return probe_films(
            self._reader,
            drawn,
            n_resamples=self._settings.n_resamples,
            on_step=self._stage("Films under small changes"),
        )


def was_fitted_to_others(variant: VariantEntry) -> bool:
    """Tell whether films without COVID-19 from the COVID-19 films' sources were added in training.

    Args:
        variant: Of a bundle.

    Returns:
        True if so: then its figures on such films here are of films that it knows.
    """
    return bool(variant.training.get("config", {}).get("extra_weight", 0.0))


def _drawn(films: AuditFilms, settings: AuditSettings) -> AuditFilms:
    """Return the judged films that the systems read."""
    judged = films.judged
    if settings.n_read is not None and settings.n_read < len(judged):
        rng = np.random.default_rng(settings.seed)
        judged = np.sort(rng.permutation(judged)[: settings.n_read])
    return films.take(judged)


def _is_training_data(looks: Looks, reader: SystemsReader) -> bool:
    """Tell whether the folder is the very one that the bundle was made from."""
    bundle = next(iter(reader.predictors.values())).bundle
    known = {entry.training.get("data", {}).get("digest") for entry in bundle.variants.values()}
    return data_digest(listed(looks)) in known
