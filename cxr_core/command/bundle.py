"""`bundle info` and `bundle verify`: what a published set of models holds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from cxr_core.bundle import DEFAULT_BUNDLE, Bundle
from cxr_core.command.terminal import OK, print_lines


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, do, text in (
        ("info", _info, "print what a bundle holds"),
        ("verify", _verify, "check every file of a bundle against its hash"),
    ):
        action = actions.add_parser(name, help=text, description=f"{text.capitalize()}.")
        action.add_argument(
            "folder",
            nargs="?",
            type=Path,
            default=DEFAULT_BUNDLE,
            metavar="DIR",
            help="folder of the bundle (the published one)",
        )
        action.set_defaults(do=do)


def run(arguments: argparse.Namespace) -> int:
    """Load a bundle, which checks every file of it, and say what it is.

    Args:
        arguments: `do`, `folder`.

    Returns:
        0.

    Raises:
        CxrError: If the bundle cannot be loaded.
    """
    do: Callable[[Bundle], None] = arguments.do
    do(Bundle.load(arguments.folder))
    return OK


def _info(bundle: Bundle) -> None:
    """Print what a bundle holds."""
    lines = [
        f"{bundle.name} {bundle.version}, created {bundle.created}",
        f"digest {bundle.digest}",
        f"{len(bundle.files)} files, {sum(size for _, size in bundle.files.values()) / 1e6:.1f} MB",
    ]
    for variant in bundle.variants.values():
        is_default = " (default)" if variant.name == bundle.default_variant else ""
        lines.append(f"variant {variant.name}{is_default}: {', '.join(variant.systems)}")
        for member in variant.members.values():
            spec = member.preprocess
            lines.append(
                f"  {member.name}: {member.backbone} at {spec.height_px} by {spec.width_px} px, "
                f"scaling {spec.scaling}, weights {member.weights_origin}, {member.compression}"
            )
    print_lines(lines)


def _verify(bundle: Bundle) -> None:
    """Say that every file agreed with its hash."""
    sys.stdout.write(f"{len(bundle.files)} files agree with {bundle.name} {bundle.version}\n")
