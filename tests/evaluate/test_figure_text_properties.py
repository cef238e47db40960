"""Figures as words can be read back as the figures that they are."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_core.evaluate.figure_text import (
    NO_FILM,
    NOT_DEFINED,
    counts_text,
    decimal,
    figure_text,
    number_text,
    share_text,
)
from cxr_core.labels import CLASS_TITLES, CLASSES

numbers = st.floats(-5, 5) | st.sampled_from([0.0, 1.0, -1.0, 0.99999, 1.00001, -0.0001])
digits = st.integers(1, 5)


def read_back(text: str) -> list[float]:
    """The numbers in some words."""
    return [float(x) for x in re.findall(r"-?\d+\.\d+", text.replace("\N{MINUS SIGN}", "-"))]


@given(numbers, digits, st.booleans())
def test_a_number_is_rounded_and_keeps_its_sign(value, n_digits, is_signed):
    text = number_text(value, n_digits, is_signed=is_signed)
    assert read_back(text) == pytest.approx([value], abs=0.51 * 10**-n_digits)
    has_sign = text[0] in "+\N{MINUS SIGN}"
    assert has_sign == (float(f"{value:.{n_digits}f}") != 0 and (is_signed or value < 0))
    assert "-" not in text


@given(numbers, digits)
def test_only_one_itself_looks_like_one_unless_it_is_next_to_it(value, n_digits):
    text = decimal(value, n_digits)
    assert read_back(text) == pytest.approx([value], abs=0.51 * 10**-n_digits)
    if float(text.replace("\N{MINUS SIGN}", "-")) == 1:
        assert value == 1 or abs(value - 1) <= 0.51e-6


@given(st.none() | numbers, st.none() | numbers, st.none() | numbers, digits, st.booleans())
def test_a_figure_keeps_its_value_and_both_ends_or_none(value, low, high, n_digits, is_share):
    figure = {"value": value, "low": low, "high": high}
    text = figure_text(figure, digits=n_digits, is_share=is_share)
    if value is None:
        assert text == NOT_DEFINED
        return
    expected = [value] if low is None or high is None else [value, low, high]
    unit, tolerance = (100, 0.0501) if is_share else (1, 0.51 * 10**-n_digits)
    assert read_back(text) == pytest.approx([unit * x for x in expected], abs=tolerance)


@given(st.integers(0, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_share_keeps_its_counts(counts):
    n_hits, n = counts
    value = n_hits / n if n else None
    share = {"value": value, "low": value, "high": value, "n_hits": n_hits, "n": n}
    text = share_text(share)
    if not n:
        assert text == NO_FILM
        return
    found = [float(x) for x in re.findall(r"\d+(?:\.\d+)?", text)]
    assert ("100" in re.sub(r"^.*\(", "", text)) == (n_hits == n)
    assert re.sub(r"(?<=\d),(?=\d)", "", text).startswith(f"{n_hits} of {n} (")
    assert found[-1] == pytest.approx(100 * value, abs=0.51)


@given(st.dictionaries(st.sampled_from(CLASSES), st.integers(0, 99)))
def test_counts_name_the_classes_that_have_films(by_class):
    text = counts_text(by_class)
    for label, title in CLASS_TITLES.items():
        assert (f"{title} {by_class.get(label)}" in text) == bool(by_class.get(label))
    assert (text == NO_FILM) == (not any(by_class.values()))
