"""`inspect --audit` on the command line."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from cxr_core.errors import CxrError, SpecMismatchError
from cxr_core.terminal import make_room, say_error, write_json

if TYPE_CHECKING:
    from cxr_core.audit.look import Looks
    from cxr_core.audit.plan import Tools

OK, SOME_ERROR, WRONG_USAGE = 0, 1, 2
_SPLIT_OF_ONE = "train"


def audit(arguments: argparse.Namespace) -> int:
    """Audit a folder, write the result and print its tables.

    Args:
        arguments: `folder`, `audit`, `fingerprints`, `external`, `external_title`, `films`,
            `probes`, `resamples`, `seed`, `names`, `without_models`, `all_variants`, `bundle`,
            `variant`, `precision`.

    Returns:
        0 if every film was read, 1 if some film or the bundle is in error, 2 for wrong usage.
    """
    from cxr_core.audit.folder import audit_folder
    from cxr_core.audit.plan import AuditSettings, External
    from cxr_core.audit.table import sections, text_lines

    wanted = [path for path in (arguments.audit, arguments.fingerprints) if path is not None]
    if not all(make_room(path) for path in wanted):  # said now, not after half an hour
        return SOME_ERROR
    external = None
    if arguments.external is not None:
        title = arguments.external_title or f"of {arguments.external.name}"
        external = External(arguments.external, title)
    settings = AuditSettings(
        n_read=arguments.films,
        n_probed=arguments.probes,
        n_resamples=arguments.resamples,
        seed=arguments.seed,
        names=arguments.names,
    )
    try:
        tools = _tools(arguments)
        found = audit_folder(
            arguments.folder,
            tools,
            external=external,
            settings=settings,
            on_stage=_Progress(),
            on_looks=lambda looks: _write_fingerprints(arguments, looks),
        )
    except SpecMismatchError as err:
        say_error(err)
        return WRONG_USAGE if arguments.variant is not None else SOME_ERROR
    except CxrError as err:
        say_error(err)
        return SOME_ERROR
    if arguments.audit is not None and not write_json(arguments.audit, found):
        return SOME_ERROR
    for variant in found["variants"] or (None,):
        if variant is not None:
            sys.stdout.write(f"variant {variant}\n\n")
        sys.stdout.write("\n".join(text_lines(sections(found, variant))) + "\n")
    n_unreadable = found["data"]["n_unreadable"]
    if n_unreadable:
        sys.stderr.write(f"{n_unreadable} files could not be read and take no part\n")
    return SOME_ERROR if n_unreadable else OK


def _tools(arguments: argparse.Namespace) -> Tools:
    """Load what the audit works with."""
    from cxr_core.audit.overlap import bundle_index
    from cxr_core.audit.plan import Tools
    from cxr_core.audit.systems import SystemsReader
    from cxr_core.bundle import Bundle
    from cxr_core.lungs import DEFAULT_LUNGS, LungSegmenter

    lungs = LungSegmenter.load() if DEFAULT_LUNGS.is_dir() else None
    if arguments.without_models:
        return Tools(lungs=lungs)
    bundle = Bundle.load(arguments.bundle)
    variants = (
        tuple(bundle.variants)
        if arguments.all_variants
        else (bundle.variant(arguments.variant).name,)
    )
    reader = SystemsReader.load(bundle, variants, precision=arguments.precision)
    return Tools(reader=reader, lungs=lungs, index=bundle_index(bundle))


def _write_fingerprints(arguments: argparse.Namespace, looks: Looks) -> None:
    """Write the index of the films, if asked."""
    if arguments.fingerprints is None:
        return
    from cxr_core.audit.films import WHOLE
    from cxr_core.audit.overlap import FingerprintIndex

    splits = [_SPLIT_OF_ONE if split == WHOLE else split for split in looks.films.splits]
    FingerprintIndex.of(looks.coefficients, splits).save(arguments.fingerprints)


class _Progress:
    """Says once every ten seconds how far an audit is."""

    def __init__(self) -> None:
        self._told_s = 0.0

    def __call__(self, words: str, n_done: int, n_all: int) -> None:
        """Write one line, not too often."""
        now_s = time.monotonic()
        if n_done == n_all or now_s - self._told_s >= 10:
            self._told_s = now_s
            sys.stderr.write(f"{words}: {n_done:,} of {n_all:,}\n")
