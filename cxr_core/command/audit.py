"""`inspect --audit`: what could score as well on these films without disease."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.command.option import known_variant, natural, positive, refuse_given
from cxr_core.command.terminal import OK, SOME_ERROR, Pace, make_room, print_lines, write_json
from cxr_core.engine.openvino import PRECISIONS
from cxr_core.lungs import load_lungs

if TYPE_CHECKING:
    from cxr_core.audit.look import Looks
    from cxr_core.audit.plan import Tools

_OF_SYSTEMS: Final = ("films", "probes", "all_variants", "bundle", "variant", "precision")
_OF_AN_AUDIT: Final = (
    "external",
    "external_title",
    "seed",
    "resamples",
    "names",
    "without_models",
    *_OF_SYSTEMS,
)
_SPLIT_OF_ONE: Final = "train"
_REPORT_S: Final = 10.0


def add(parser: argparse.ArgumentParser) -> None:
    """Say what `inspect` takes for an audit."""
    group = parser.add_argument_group(
        "audit", "classifiers that must not work, the systems on covered films, sources, probes"
    )
    for option, metavar, text in (
        (
            "audit",
            "FILE",
            "write the audit as JSON; FOLDER may hold one folder a class instead",
        ),
        ("fingerprints", "FILE", "write an index by which copies of the films are known again"),
        ("external", "DIR", "films that are judged apart, one folder a class"),
    ):
        group.add_argument(f"--{option}", type=Path, metavar=metavar, help=text)
    group.add_argument("--external-title", metavar="TEXT", help="what to call the external films")
    group.add_argument(
        "--films", type=positive, metavar="N", help="judged films to read at most (all)"
    )
    for option, default, text in (
        ("probes", 60, "films that are put to the probes"),
        ("seed", 0, "seed of all draws"),
    ):
        group.add_argument(f"--{option}", type=natural, metavar="N", help=f"{text} ({default})")
    group.add_argument(
        "--resamples",
        type=positive,
        metavar="N",
        help="resamples of patients for the intervals (2000)",
    )
    for option, text in (
        ("names", "name files in the audit"),
        ("without-models", "only classifiers that must not work, and leaks"),
        ("all-variants", "every set of heads of the bundle"),
    ):
        group.add_argument(f"--{option}", action="store_true", help=text)


def is_asked(arguments: argparse.Namespace) -> bool:
    """Tell whether `inspect` is to audit.

    Args:
        arguments: `audit`, `fingerprints`.

    Returns:
        True if either was given.
    """
    return arguments.audit is not None or arguments.fingerprints is not None


def check(arguments: argparse.Namespace) -> None:
    """Refuse options of `inspect` that would be without effect.

    Args:
        arguments: Those of `run`, and `json`.

    Raises:
        WrongUsageError: If options do not go together.
    """
    if not is_asked(arguments):
        refuse_given(arguments, _OF_AN_AUDIT, "with --audit or --fingerprints")
        return
    refuse_given(arguments, ("json",), "without --audit and --fingerprints")
    if arguments.audit is None:
        refuse_given(arguments, ("names",), "with --audit")
    if arguments.external is None:
        refuse_given(arguments, ("external_title",), "with --external")
    if arguments.without_models:
        refuse_given(arguments, _OF_SYSTEMS, "without --without-models")
    if arguments.all_variants:
        refuse_given(arguments, ("variant",), "without --all-variants")


def run(arguments: argparse.Namespace) -> int:
    """Audit a folder, write the result and print its tables.

    Args:
        arguments: `folder`, `audit`, `fingerprints`, `external`, `external_title`, `films`,
            `probes`, `resamples`, `seed`, `names`, `without_models`, `all_variants`, `bundle`,
            `variant`, `precision`; `None`, or `False` for a switch, where not given.

    Returns:
        0 if every film was read, 1 if some film is in error.

    Raises:
        WrongUsageError: If the variant is unknown.
        CxrError: If the bundle or the folder cannot be used, or nothing can be written.
    """
    from cxr_core.audit.folder import audit_folder
    from cxr_core.audit.plan import AuditSettings, External
    from cxr_core.audit.section import text_lines
    from cxr_core.audit.table import sections

    for path in (arguments.audit, arguments.fingerprints):
        if path is not None:
            make_room(path)  # said now, not after half an hour
    external = None
    if arguments.external is not None:
        title = arguments.external_title or f"of {arguments.external.name}"
        external = External(arguments.external, title)
    given = {
        "n_read": arguments.films,
        "n_probed": arguments.probes,
        "n_resamples": arguments.resamples,
        "seed": arguments.seed,
    }
    settings = AuditSettings(
        names=arguments.names,
        **{key: value for key, value in given.items() if value is not None},
    )
    found = audit_folder(
        arguments.folder,
        _tools(arguments),
        external=external,
        settings=settings,
        on_stage=_Progress(),
        on_looks=lambda looks: _write_fingerprints(arguments, looks),
    )
    if arguments.audit is not None:
        write_json(arguments.audit, found)
    for variant in found["variants"] or (None,):
        if variant is not None:
            sys.stdout.write(f"variant {variant}\n\n")
        print_lines(text_lines(sections(found, variant)))
    n_unreadable = found["data"]["n_unreadable"]
    if n_unreadable:
        sys.stderr.write(f"{n_unreadable} files could not be read and take no part\n")
    return SOME_ERROR if n_unreadable else OK


def _tools(arguments: argparse.Namespace) -> Tools:
    """Load what the audit works with."""
    from cxr_core.audit.overlap import bundle_index
    from cxr_core.audit.plan import Tools
    from cxr_core.audit.systems_reader import SystemsReader

    lungs = load_lungs()
    if arguments.without_models:
        return Tools(lungs=lungs)
    bundle = Bundle.load(arguments.bundle or DEFAULT_BUNDLE)
    variants = (
        tuple(bundle.variants)
        if arguments.all_variants
        else (known_variant(bundle, arguments.variant),)
    )
    precision = arguments.precision or PRECISIONS[0]
    reader = SystemsReader.load(bundle, variants, precision=precision)
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
    """Says every few seconds how far an audit is."""

    def __init__(self) -> None:
        self._pace = Pace(_REPORT_S, is_first_due=True)

    def __call__(self, words: str, n_done: int, n_all: int) -> None:
        """Write one line, not too often."""
        if self._pace.is_due(n_done, n_all):
            sys.stderr.write(f"{words}: {n_done:,} of {n_all:,}\n")
