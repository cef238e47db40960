"""Options that several commands of training take, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cxr_core.errors import ConfigError

DEFAULT_CACHE: Final = Path(".cache") / "train"
"""Folder of networks and features."""


def pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Split `NAME=VALUE` texts.

    Args:
        option: Their option.
        texts: What was typed.

    Returns:
        Name to value.

    Raises:
        ConfigError: If one is not of that form.
    """
    found = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not (name and separator and value):
            msg = f"`{option}` must be NAME=VALUE. Received: {text!r}"
            raise ConfigError(msg, hint=f"Write for example {option} vgg16=imagenet.")
        found[name] = value
    return found


def paths(option: str, texts: Sequence[str]) -> dict[str, Path]:
    """Split `NAME=FOLDER` texts.

    Args:
        option: Their option.
        texts: What was typed.

    Returns:
        Name to folder.

    Raises:
        ConfigError: If one is not of that form.
    """
    return {name: Path(value) for name, value in pairs(option, texts).items()}


def without_folders(argv: Sequence[str]) -> list[str]:
    """Return what was typed with every path cut to its last part, so that none is published.

    Args:
        argv: What was typed, `NAME=VALUE` and `SOURCE:PATH` included.

    Returns:
        The same words, shorter.
    """
    shortened = []
    for text in argv:
        name, separator, value = text.rpartition("=")
        source, colon, path = value.rpartition(":")
        name, source, path = (Path(part).name for part in (name, source, path))
        shortened.append(f"{name}{separator}{source}{colon}{path}")
    return shortened
