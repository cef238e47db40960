"""What a request may ask for beside the films: `variant`, `precision`, `explain`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cxr_core.engine.openvino import PRECISIONS
from cxr_core.explain.cam import DEFAULT_METHOD, METHODS
from cxr_core.http.error import BadRequestError, UnknownOptionError
from cxr_core.http.settings import Settings

NAMES: Final = ("variant", "precision", "explain")
_OFF: Final = ("", "false", "0", "no")
_ON: Final = ("true", "1", "yes")


@dataclass(frozen=True)
class Options:
    """How the films of a request are read.

    Attributes:
        variant: Set of heads; the bundle's default if `None`.
        precision: `f32` or `bf16`.
        methods: Keys of `cxr_core.explain.cam.METHODS`: maps that are wanted.
    """

    variant: str | None
    precision: str
    methods: tuple[str, ...] = ()


def options_of(
    pairs: Sequence[tuple[str, str]], fields: Mapping[str, str], settings: Settings
) -> Options:
    """Read options from the address and from the form.

    Args:
        pairs: Names and values of the address, in order.
        fields: Those of the form.
        settings: What holds where none is given.

    Returns:
        The options; whether the variant exists is for the bundle to say.

    Raises:
        BadRequestError: If a name is unknown or given twice.
        UnknownOptionError: If a value is unknown.
    """
    given: dict[str, str] = {}
    for name, value in [*pairs, *fields.items()]:
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, 1)
            hint = f"Did you mean {near[0]}?" if near else None
            msg = f"Options must be among {', '.join(NAMES)}."
            raise BadRequestError(msg, hint=hint)
        if name in given:
            msg = f"`{name}` must be given once, in the address or in the form."
            raise BadRequestError(msg)
        given[name] = value
    precision = given.get("precision") or settings.precision
    if precision not in PRECISIONS:
        msg = f"`precision` must be one of {', '.join(PRECISIONS)}."
        raise UnknownOptionError(msg)
    variant = given.get("variant") or settings.variant
    return Options(variant, precision, _methods(given.get("explain", "")))


def _methods(text: str) -> tuple[str, ...]:
    """Read which maps are wanted."""
    if text.lower() in _OFF:
        return ()
    if text.lower() in _ON:
        return (DEFAULT_METHOD,)
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if not set(names) <= set(METHODS):
        msg = f"`explain` must be true, false or of {', '.join(METHODS)}, separated by commas."
        raise UnknownOptionError(msg)
    return names
