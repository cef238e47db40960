"""From a preset in TOML, and what overrides it, to the settings of a run."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final, get_args, get_origin, get_type_hints

from cxr_core.errors import ConfigError
from train.config import TrainConfig

PRESETS: Final = Path(__file__).resolve().parent / "presets"


def load_preset(name: str, overrides: Sequence[str] = (), **settings: Any) -> TrainConfig:
    """Read a preset and apply overrides.

    Args:
        name: A preset of `train/presets`, or the path of a TOML file.
        overrides: `key=value` texts; the value is written as in TOML, bare words are strings.
        **settings: Values that replace the preset's, given as Python objects.

    Returns:
        The resolved settings.

    Raises:
        ConfigError: If the preset, a key or a type is wrong; the message names the nearest key.
    """
    path = Path(name) if name.endswith(".toml") else PRESETS / f"{name}.toml"
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as err:
        known = sorted(preset.stem for preset in PRESETS.glob("*.toml"))
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {nearest[0]}?" if nearest else None
        msg = f"`preset` must be one of {known} or a TOML file. Received: {name!r}"
        raise ConfigError(msg, hint=hint) from err
    except tomllib.TOMLDecodeError as err:
        msg = f"`{path.name}` must be TOML. Received: {err}"
        raise ConfigError(msg) from err
    values = {"preset": path.stem, **values, **dict(map(_parse_override, overrides)), **settings}
    return from_values(values)


def from_values(values: Mapping[str, Any]) -> TrainConfig:
    """Build the settings from plain values.

    Args:
        values: Fields of `TrainConfig`; those left out are of the preset `clean`.

    Returns:
        The settings.

    Raises:
        ConfigError: If a key is unknown or missing, or a value has the wrong type.
    """
    known = {field.name: field for field in fields(TrainConfig)}
    for key in values:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, n=1)
            also = f" Did you mean {nearest[0]}?" if nearest else ""
            msg = f"`{key}` must be a setting. Received: an unknown key.{also}"
            raise ConfigError(msg)
    missing = [
        key for key, field in known.items() if field.default is MISSING and key not in values
    ]
    if missing:
        msg = f"A preset must give {', '.join(missing)}. Received: none"
        raise ConfigError(msg)
    types = get_type_hints(TrainConfig)
    return TrainConfig(**{key: _checked(key, value, types[key]) for key, value in values.items()})


def _checked(key: str, value: Any, kind: Any) -> Any:
    """Return the value in the field's type, without guessing across types."""
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        items = [value] if isinstance(value, str) and inner is str else value
        if isinstance(items, list | tuple):
            return tuple(_checked(key, item, inner) for item in items)
    elif kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    name = "list" if get_origin(kind) is tuple else kind.__name__
    msg = f"`{key}` must be of type {name}. Received: {value!r}"
    raise ConfigError(msg)


def _parse_override(text: str) -> tuple[str, Any]:
    """Split `key=value` and read the value as TOML, or as a string if it is a bare word."""
    key, separator, value = text.partition("=")
    if not separator:
        msg = f"`--set` must be key=value. Received: {text!r}"
        raise ConfigError(msg)
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()
