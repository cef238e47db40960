"""Figures as words, for pages, reports, cards and tables alike: one way to write each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cxr_core.labels import CLASS_TITLES

NOT_DEFINED: Final = "not defined"
NOT_MEASURED: Final = "not measured"
NO_FILM: Final = "no film"


def number_text(value: float, digits: int = 2, *, is_signed: bool = False) -> str:
    """Write a number with a minus as long as a plus.

    Args:
        value: Any finite number.
        digits: Decimals.
        is_signed: True to write a plus as well.

    Returns:
        For example `1.20`; what rounds to 0 has no sign.
    """
    text = f"{value:{'+' if is_signed else ''}.{digits}f}"
    is_nought = not any(digit in text for digit in "123456789")
    return text.lstrip("+-") if is_nought else text.replace("-", "\N{MINUS SIGN}")


def decimal(value: float, digits: int = 3) -> str:
    """Write a number with more decimals where it would else look like a whole 1.

    Args:
        value: Any finite number.
        digits: Decimals at least; six at most where more are needed.

    Returns:
        For example `0.994`, `0.9998`, `1.000` for 1 itself and what is next to it.
    """
    tried = (n for n in range(digits, max(digits, 6) + 1) if float(f"{value:.{n}f}") != 1)
    return number_text(value, next(tried, digits))


def percent(value: float, digits: int = 0, *, sign: str = "%") -> str:
    """Write a share in percent, with more decimals where it would else look like all or none.

    Args:
        value: Share in [0, 1].
        digits: Decimals at least; four at most where more are needed.
        sign: What stands behind the number.

    Returns:
        For example `97%`, `99.9%` for 1,141 of 1,142; `0%` and `100%` for 0 and 1 and what is
        next to them.
    """
    tried = (f"{100 * value:.{n}f}" for n in range(digits, max(digits, 4) + 1))
    text = next((t for t in tried if float(t) not in (0, 100)), f"{100 * value:.{digits}f}")
    return text + sign


def figure_text(
    figure: Mapping[str, Any] | None, *, digits: int = 3, is_share: bool = False
) -> str:
    """Write a figure with its interval.

    Args:
        figure: {value, low, high}, each `None` where it is not defined; `None` where nobody
            measured it.
        digits: Decimals.
        is_share: True to write percent, with one decimal.

    Returns:
        For example `0.967 (0.955 to 0.978)`, `96.7% (95.5 to 97.8)`, or `0.967` without interval.
    """
    if figure is None:
        return NOT_MEASURED
    value, low, high = figure.get("value"), figure.get("low"), figure.get("high")
    if value is None:
        return NOT_DEFINED
    text = percent(value, 1) if is_share else decimal(value, digits)
    if low is None or high is None:
        return text
    ends = [percent(e, 1, sign="") if is_share else decimal(e, digits) for e in (low, high)]
    return f"{text} ({ends[0]} to {ends[1]})"


def ends_text(share: Mapping[str, Any], *, digits: int = 0) -> str:
    """Write the interval of a share.

    Args:
        share: {low, high}.
        digits: Decimals of the percentages.

    Returns:
        For example `89% to 99%`.
    """
    return f"{percent(share['low'], digits)} to {percent(share['high'], digits)}"


def share_text(share: Mapping[str, Any], *, digits: int = 0) -> str:
    """Write a share with its counts and interval.

    Args:
        share: {value, low, high, n_hits, n}.
        digits: Decimals of the percentages.

    Returns:
        For example `58 of 60 (97%, 89% to 99%)`.
    """
    if share["value"] is None:
        return NO_FILM
    value = percent(share["value"], digits)
    return f"{share['n_hits']:,} of {share['n']:,} ({value}, {ends_text(share, digits=digits)})"


def counts_text(n_by_class: Mapping[str, int]) -> str:
    """Write counts by class, classes without films left out.

    Args:
        n_by_class: Class name to number of films.

    Returns:
        For example `COVID-19 85, Normal 269`.
    """
    found = [f"{title} {n_by_class[c]:,}" for c, title in CLASS_TITLES.items() if n_by_class.get(c)]
    return ", ".join(found) or NO_FILM


def films_text(figures: Mapping[str, Any]) -> str:
    """Write how many films a set holds.

    Args:
        figures: Evaluation of one set.

    Returns:
        For example `n = 60 films of 36 patients (Normal 19, Pneumonia 41)`.
    """
    return (
        f"n = {figures['n_films']:,} films of {figures['n_patients']:,} patients "
        f"({counts_text(figures['n_by_class'])})"
    )
