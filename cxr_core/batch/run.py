"""A whole run: films in, one table out, and a journal beside it until the table is whole."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from cxr_core import __version__
from cxr_core.batch.item import Listing, list_items
from cxr_core.batch.journal import Journal
from cxr_core.batch.scorer import N_DECODERS, score_items
from cxr_core.batch.table import SUFFIXES, open_table, row, table_systems
from cxr_core.errors import OutputError, UnreadableImageError

if TYPE_CHECKING:
    from cxr_core.batch.progress import Progress
    from cxr_core.batch.record import Record
    from cxr_core.bundle import Bundle
    from cxr_core.predict import Predictor
    from cxr_core.trust.model import TrustModel

SCHEMA: Final = "cxr-score/1"


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes:
        n_by_status: `ok`, `refused` and `error` to number of files.
        errors: File, type, message and hint of each file in error.
        n_known: Films whose reading the journal held already.
        is_whole: False where the run was stopped: there is no table, the journal is kept.
    """

    n_by_status: Mapping[str, int]
    errors: tuple[Mapping[str, str], ...] = ()
    n_known: int = 0
    is_whole: bool = True


class Models(Protocol):
    """What besides a film's bytes decides its numbers: a `Predictor`, or the plan of one."""

    @property
    def bundle(self) -> Bundle:
        """The set of models."""

    @property
    def variant(self) -> str:
        """Its set of heads."""

    @property
    def precision(self) -> str:
        """`f32` or `bf16`."""

    @property
    def systems(self) -> tuple[str, ...]:
        """Names of the systems, in display order."""

    @property
    def trust_model(self) -> TrustModel | None:
        """What calibrates, bounds and refuses."""


def about_models(predictor: Models) -> dict[str, Any]:
    """Return where the numbers of a table come from.

    Args:
        predictor: The models that read.

    Returns:
        JSON-ready; equal for equal models, so without a time.
    """
    bundle, trust = predictor.bundle, predictor.trust_model
    calibrated = () if trust is None else trust.calibration
    return {
        "schema": SCHEMA,
        "software": __version__,
        "bundle": {"name": bundle.name, "version": bundle.version, "digest": bundle.digest},
        "variant": predictor.variant,
        "precision": predictor.precision,
        "calibrated": {name: name in calibrated for name in predictor.systems},
        "prediction_set_level": trust.set_level if trust is not None and trust.conformal else None,
    }


def journal_path(out: Path) -> Path:
    """Return where the journal of a table lies."""
    return out.with_name(f"{out.name}.journal.jsonl")


def about_path(out: Path) -> Path:
    """Return where it is written what a table's numbers come from."""
    return out.with_name(f"{out.name}.about.json")


def write_scores(
    predictor: Predictor,
    sources: Sequence[str | Path] | Listing,
    out: Path,
    *,
    resume: bool = False,
    n_decoders: int = N_DECODERS,
    should_stop: Callable[[], bool] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Read many films and write one table, what it comes from, and a journal.

    Args:
        predictor: The variant that reads.
        sources: Files, folders, zip archives; or what was listed elsewhere, on a server say.
        out: The table; its suffix is one of `cxr_core.batch.table.SUFFIXES`.
        resume: Whether readings in the journal count, where the same models made them.
        n_decoders: Threads that decode ahead of the networks.
        should_stop: Asked before each file.
        on_progress: Called after each file.

    Returns:
        What became of it. The table depends on films and models alone, byte for byte: not on how
        often the run was killed and resumed.

    Raises:
        UnreadableImageError: If there is no file to read.
        OutputError: If something cannot be written, or another run writes it.
        ValueError: If the suffix is unknown.
    """
    listing = list_films(sources, out)
    about = about_models(predictor)
    models = {
        "bundle": predictor.bundle.digest,
        "variant": predictor.variant,
        "precision": predictor.precision,
        "software": __version__,
    }
    with writable(out), Journal(journal_path(out), models, resume=resume) as journal:
        n_known = len(journal)
        with closing(TableFile(out, predictor.systems, about)) as table:
            for record in score_items(
                predictor,
                listing.items,
                n_decoders=n_decoders,
                store=journal,
                should_stop=should_stop,
                on_progress=on_progress,
            ):
                table.write(record)
            if table.n_rows < len(listing.items):
                return table.outcome(n_known, is_whole=False)
            table.finish(listing)
        journal.end()
        return table.outcome(n_known, is_whole=True)


@contextmanager
def writable(out: Path) -> Iterator[None]:
    """Make the folder of a table that is about to be written.

    Args:
        out: The table.

    Yields:
        Once; what the disk refuses meanwhile becomes one error.

    Raises:
        OutputError: If something cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as err:
        msg = f"`{out.name}` must be a file that can be written. Received: {err.strerror}"
        raise OutputError(msg) from err


def list_films(sources: Sequence[str | Path] | Listing, out: Path) -> Listing:
    """List what there is to read, before anything is opened or written.

    Args:
        sources: As in `write_scores`.
        out: As in `write_scores`.

    Returns:
        At least one item.

    Raises:
        UnreadableImageError: If there is no file to read.
        ValueError: If the suffix of `out` is unknown.
    """
    if out.suffix.lower() not in SUFFIXES:
        msg = f"`out` must end in one of {SUFFIXES}. Received: out={out.name!r}"
        raise ValueError(msg)
    listing = sources if isinstance(sources, Listing) else list_items(sources)
    if not listing.items:
        msg = f"`sources` must hold films. Received: none, and {listing.n_left_out} other files"
        raise UnreadableImageError(msg, hint="Name a folder, files or a zip archive with films.")
    return listing


class TableFile:
    """The table under another name until it is whole, and what is said of it.

    Args:
        out: The table.
        systems: Those of the variant.
        about: From `about_models`.
    """

    def __init__(self, out: Path, systems: Sequence[str], about: Mapping[str, Any]) -> None:
        self._out = out
        self._about = about
        self._part = out.with_name(f"{out.name}.part")
        self._file = self._part.open("wb")
        self._systems = table_systems(systems)
        self._table = open_table(out.suffix.lower(), self._file, self._systems, about)
        self._counts = Counter({"ok": 0, "refused": 0, "error": 0})
        self._errors: list[dict[str, str]] = []

    @property
    def n_rows(self) -> int:
        """Rows written so far."""
        return self._counts.total()

    def write(self, record: Record) -> None:
        """Write one film's row."""
        self.write_row(row(record, self._systems))
        if record.error is not None:
            self._errors.append({"file": record.file, **record.error})

    def write_row(self, values: Mapping[str, Any]) -> None:
        """Write the row of a film that was read, as `cxr_core.batch.table.row` returns it."""
        self._table.write(values)
        self._counts[values["status"]] += 1

    def finish(self, listing: Listing) -> None:
        """Give the table its name, after what is said of it."""
        self._table.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        about = {
            **self._about,
            "n_by_status": dict(self._counts),
            "n_left_out": listing.n_left_out,
            "errors": self._errors,
        }
        aside = self._part.with_name(f"{self._out.name}.about.part")
        aside.write_text(json.dumps(about, indent=1) + "\n", "utf-8")
        aside.replace(about_path(self._out))
        self._part.replace(self._out)

    def close(self) -> None:
        """Let go of the file, and remove it where it is not the table."""
        self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def outcome(self, n_known: int, *, is_whole: bool) -> Outcome:
        """Return what became of the run."""
        return Outcome(dict(self._counts), tuple(self._errors), n_known, is_whole)
