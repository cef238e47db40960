"""Options that commands share, and the models that these choose."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.command.terminal import WrongUsageError, as_wrong_usage
from cxr_core.engine.openvino import PRECISIONS
from cxr_core.errors import SpecMismatchError
from cxr_core.lungs import load_lungs
from cxr_core.predict import Predictor


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the models: `bundle`, `variant`, `precision`.

    Args:
        parser: Of the command.
    """
    group = parser.add_argument_group("models")
    group.add_argument(
        "--bundle",
        type=Path,
        default=DEFAULT_BUNDLE,
        metavar="DIR",
        help="folder of a bundle (the published one)",
    )
    group.add_argument(
        "--variant", metavar="NAME", help="set of heads, see `bundle info` (the bundle's default)"
    )
    group.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="f32",
        help="arithmetic of the networks: f32, or bf16, which is faster and coarser (f32)",
    )


def load_predictor(arguments: argparse.Namespace, *, with_lungs: bool = False) -> Predictor:
    """Load the models that the options name.

    Args:
        arguments: `bundle`, `variant`, `precision`.
        with_lungs: Find the lungs of each film, too, if the network for that is there.

    Returns:
        The models.

    Raises:
        WrongUsageError: If the bundle has no such variant.
        CxrError: If the bundle cannot be used.
    """
    bundle = Bundle.load(arguments.bundle)
    variant = known_variant(bundle, arguments.variant)
    lungs = load_lungs() if with_lungs else None
    return Predictor(bundle, variant=variant, precision=arguments.precision, lungs=lungs)


def known_variant(bundle: Bundle, name: str | None) -> str:
    """Return the variant's name, or tell a wrong name from a broken bundle.

    Args:
        bundle: The bundle.
        name: Name of a variant; the default if `None`.

    Returns:
        The name.

    Raises:
        WrongUsageError: If the bundle has no such variant.
    """
    with as_wrong_usage(SpecMismatchError):
        return bundle.variant(name).name


def refuse_given(arguments: argparse.Namespace, names: Iterable[str], words: str) -> None:
    """Refuse options that would be without effect.

    Args:
        arguments: `None`, or `False` for a switch, where an option was not given.
        names: The options, as attributes of `arguments`.
        words: What each must come with or without, for example `with --ray`.

    Raises:
        WrongUsageError: If one was given; the first is named.
    """
    for name in names:
        value = getattr(arguments, name)
        if value is not None and value is not False:  # 0 is a number that was given
            raise WrongUsageError(f"--{name.replace('_', '-')} must come {words}")


def positive(text: str) -> int:
    """Read a whole number of at least 1.

    Args:
        text: What was typed.

    Returns:
        The number.

    Raises:
        argparse.ArgumentTypeError: If it is none.
    """
    return _at_least(text, 1)


def natural(text: str) -> int:
    """Read a whole number of at least 0.

    Args:
        text: What was typed.

    Returns:
        The number.

    Raises:
        argparse.ArgumentTypeError: If it is none.
    """
    return _at_least(text, 0)


def _at_least(text: str, least: int) -> int:
    """Read a whole number that is not too small."""
    if not text.isdecimal() or int(text) < least:
        msg = f"must be a whole number of {least} or more. Received: {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)
