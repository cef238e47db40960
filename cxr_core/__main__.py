"""The command line: `python -m cxr_core COMMAND`; `--help` lists the commands.

Exit status: 0 all films read (or refused), 1 some file in error, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from cxr_core import __version__, command
from cxr_core.bundle import DEFAULT_BUNDLE
from cxr_core.command_dicomweb import add_dicomweb
from cxr_core.deidentify import deidentify
from cxr_core.explain.cam import METHODS
from cxr_core.explain.fidelity.check import CHECKS, N_FILMS
from cxr_core.explain.fidelity.order import N_ORDERS


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Arguments without the program's name; those of the process if `None`.

    Returns:
        The exit status.
    """
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:  # argparse ends the process; a library entry returns
        return int(stop.code or 0)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away, for example `| head`; nothing left to tell it
        return 1


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="python -m cxr_core",
        description="Read chest films with several classifiers side by side. Research use only.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_predict(commands)
    _add_score(commands)
    _add_report(commands)
    _add_evaluate(commands)
    _add_explain_check(commands)
    _add_inspect(commands)
    _add_deidentify(commands)
    _add_reader_study(commands)
    _add_dicom_out(commands)
    add_dicomweb(commands, _add_model_options, _positive)
    _add_bundle(commands)
    _add_serve(commands)
    return parser


def _add_predict(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `predict`."""
    parser = commands.add_parser("predict", help="read films")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="DICOM, PNG, JPEG, TIFF, BMP or WebP"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--explain", type=Path, metavar="DIR", help="write an overlay and the raw maps of each film"
    )
    _add_model_options(parser)
    parser.set_defaults(run=command.predict)


def _add_score(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `score`."""
    parser = commands.add_parser("score", help="read many films into one table")
    parser.add_argument(
        "sources", nargs="+", metavar="FOLDER|ZIP|FILE", help="films, at any depth; in this order"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="ends in .csv, .parquet or .jsonl"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on where a run of the same models was stopped"
    )
    parser.add_argument(
        "--workers", type=_positive, default=2, metavar="N", help="threads that decode films (2)"
    )
    _add_model_options(parser)
    parser.set_defaults(run=_score)


def _score(arguments: argparse.Namespace) -> int:
    """Import what only `score` needs, then run it."""
    from cxr_core.command_score import score

    return score(arguments)


def _add_report(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `report`."""
    parser = commands.add_parser("report", help="write one page of PDF on each film")
    parser.add_argument(
        "files", nargs="+", metavar="FILE|FOLDER|ZIP", help="films; folders at any depth"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR|FILE.pdf",
        help="a folder for one PDF a film, or one PDF of all, with a table first",
    )
    parser.add_argument("--system", metavar="NAME", help="whose map is drawn; the first system")
    parser.add_argument(
        "--raw", action="store_true", help="probabilities as they were before calibration"
    )
    _add_model_options(parser)
    parser.set_defaults(run=_report)


def _report(arguments: argparse.Namespace) -> int:
    """Import what only `report` needs, then run it."""
    from cxr_core.command_report import report

    return report(arguments)


def _add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `evaluate`."""
    parser = commands.add_parser("evaluate", help="measure the systems on labelled films")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds FOLDER/<CLASS>/*.jpg")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="evaluation.json")
    parser.add_argument(
        "--resamples",
        type=_positive,
        default=2000,
        metavar="N",
        help="resamples of patients for the intervals (2000)",
    )
    _add_model_options(parser)
    parser.set_defaults(run=command.evaluate)


def _add_explain_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `explain-check`."""
    parser = commands.add_parser("explain-check", help="check whether maps are to be believed")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds films at any depth")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON")
    parser.add_argument("--systems", nargs="+", metavar="NAME", help="all of the variant")
    for option, known in (("methods", tuple(METHODS)), ("checks", CHECKS)):
        parser.add_argument(
            f"--{option}", nargs="+", choices=known, default=known, metavar="NAME", help=f"{known}"
        )
    for option, default, text in (
        ("n", N_FILMS, "films to draw, the same number of each class"),
        ("orders", N_ORDERS, "random orders beside deletion and insertion"),
    ):
        parser.add_argument(
            f"--{option}", type=_positive, default=default, metavar="N", help=f"{text} ({default})"
        )
    parser.add_argument("--seed", type=_natural, default=0, metavar="S", help="of all draws (0)")
    _add_model_options(parser)
    parser.set_defaults(run=command.explain_check)


def _positive(text: str) -> int:
    """Read a whole number of at least 1."""
    return _at_least(text, 1)


def _natural(text: str) -> int:
    """Read a whole number of at least 0."""
    return _at_least(text, 0)


def _at_least(text: str, least: int) -> int:
    """Read a whole number that is not too small."""
    if not text.isdecimal() or int(text) < least:
        msg = f"must be a whole number of {least} or more. Received: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _add_inspect(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `inspect`."""
    parser = commands.add_parser(
        "inspect", help="look at labelled films: class balance, patients, copies, leaks"
    )
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="holds train/, val/ or test/, or Data/ above"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    audit = parser.add_argument_group(
        "audit", "classifiers that must not work, the systems on covered films, sources, probes"
    )
    for option, metavar, text in (
        (
            "audit",
            "FILE",
            "write the audit as JSON; the folder may hold one folder a class instead",
        ),
        ("fingerprints", "FILE", "write an index by which copies of the films are known again"),
        ("external", "DIR", "films that are judged apart, one folder a class"),
    ):
        audit.add_argument(f"--{option}", type=Path, metavar=metavar, help=text)
    audit.add_argument("--external-title", metavar="TEXT", help="words for them")
    audit.add_argument("--films", type=_positive, metavar="N", help="read N judged films at most")
    for option, default, text in (
        ("probes", 60, "films that are put to the probes"),
        ("seed", 0, "of all draws"),
    ):
        audit.add_argument(
            f"--{option}", type=_natural, default=default, metavar="N", help=f"{text} ({default})"
        )
    audit.add_argument(
        "--resamples", type=_positive, default=2000, metavar="N", help="of patients (2000)"
    )
    for option, text in (
        ("names", "name files in the audit"),
        ("without-models", "classifiers that must not work and leaks alone"),
        ("all-variants", "every set of heads of the bundle"),
    ):
        audit.add_argument(f"--{option}", action="store_true", help=text)
    _add_model_options(parser)
    parser.set_defaults(run=command.inspect)


def _add_deidentify(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `deidentify`."""
    parser = commands.add_parser(
        "deidentify", help="copy DICOM films without names, numbers, dates and private elements"
    )
    parser.add_argument("source", type=Path, metavar="IN", help="a DICOM file, or a folder of them")
    parser.add_argument("target", type=Path, metavar="OUT", help="a new file, or a folder")
    parser.set_defaults(run=deidentify)


def _add_reader_study(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `reader-study summarise`."""
    parser = commands.add_parser("reader-study", help="look at what readers answered")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    action = actions.add_parser("summarise", help="write all answers and the statistics")
    action.add_argument("folder", type=Path, metavar="FOLDER", help="of the study")
    action.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="for answers.csv, statistics.json"
    )
    action.set_defaults(run=_summarise)


def _summarise(arguments: argparse.Namespace) -> int:
    """Import what only `reader-study` needs, then run it."""
    from cxr_core.reader_study.command import summarise

    return summarise(arguments)


def _add_dicom_out(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `dicom-out`."""
    parser = commands.add_parser(
        "dicom-out", help="write readings as DICOM objects: heatmaps (SC) and probabilities (SR)"
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="films; DICOM or pictures")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder")
    parser.add_argument(
        "--system", nargs="+", metavar="NAME", help="whose heatmaps; the ensemble of dense layers"
    )
    parser.add_argument(
        "--deidentify",
        action="store_true",
        help="take identifiers out first, and write the film without them too",
    )
    _add_model_options(parser)
    parser.set_defaults(run=_dicom_out)


def _dicom_out(arguments: argparse.Namespace) -> int:
    """Import what only `dicom-out` needs, then run it."""
    from cxr_core.command_dicom import dicom_out

    return dicom_out(arguments)


def _add_bundle(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `bundle info` and `bundle verify`."""
    parser = commands.add_parser("bundle", help="look at a published set of models")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, run, text in (
        ("info", command.bundle_info, "print what it holds"),
        ("verify", command.bundle_verify, "check every file against its hash"),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("folder", nargs="?", type=Path, default=DEFAULT_BUNDLE, metavar="DIR")
        action.set_defaults(run=run)


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `serve`."""
    parser = commands.add_parser("serve", help="answer HTTP requests: films in, readings out")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this computer only)"
    )
    parser.add_argument("--port", type=_natural, default=8600, help="0 for any free one (8600)")
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a host name that requests may use, for example that of a proxy; once for each",
    )
    parser.add_argument(
        "--insecure", action="store_true", help="let everybody in who can reach the address"
    )
    _add_model_options(parser)
    parser.set_defaults(run=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    """Import what only `serve` needs, then run it."""
    from cxr_core.command_serve import serve

    return serve(arguments)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the models."""
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, metavar="DIR")
    parser.add_argument("--variant", metavar="NAME", help="set of heads; the bundle's default")
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")


if __name__ == "__main__":
    sys.exit(main())
