"""How figures are written, worked by hand."""

from __future__ import annotations

import pytest

from cxr_core.evaluate.figure_text import (
    counts_text,
    decimal,
    ends_text,
    figure_text,
    number_text,
    percent,
    share_text,
)
from cxr_core.evaluate.metrics import wilson

MINUS = "\N{MINUS SIGN}"


def figure(value, low=None, high=None):
    return {"value": value, "low": low, "high": high}


@pytest.mark.parametrize(
    ("value", "digits", "is_signed", "expected"),
    [
        (1.2, 2, False, "1.20"),
        (-0.005, 3, False, f"{MINUS}0.005"),
        (-0.001, 2, False, "0.00"),
        (0.001, 2, True, "0.00"),
        (0.5, 2, True, "+0.50"),
        (-12.4, 0, True, f"{MINUS}12"),
        (-0.4, 0, True, "0"),
    ],
)
def test_numbers(value, digits, is_signed, expected):
    assert number_text(value, digits, is_signed=is_signed) == expected


def test_a_number_is_never_rounded_up_to_perfect():
    assert [decimal(v) for v in (1.0, 0.9996, 0.999_999_9, 0.9994, 0.0)] == [
        "1.000",
        "0.9996",
        "1.000",
        "0.999",
        "0.000",
    ]


@pytest.mark.parametrize(
    ("share", "digits", "expected"),
    [
        (1.0, 0, "100%"),
        (1141 / 1142, 0, "99.9%"),
        (0.996, 0, "99.6%"),
        (0.994, 0, "99%"),
        (0.9996, 1, "99.96%"),
        (1 - 2**-53, 1, "100.0%"),
        (0.0, 0, "0%"),
        (1 / 1142, 0, "0.1%"),
        (1e-9, 0, "0%"),
    ],
)
def test_a_share_is_never_rounded_to_all_or_none(share, digits, expected):
    assert percent(share, digits) == expected


def test_all_of_all_has_a_whole_upper_end():
    assert wilson(40, 40).high == 1.0
    assert wilson(0, 7).low == 0.0
    assert share_text(wilson(40, 40).to_dict(), digits=1) == "40 of 40 (100.0%, 91.2% to 100.0%)"
    assert ends_text({"low": 0.95, "high": 0.9961}) == "95% to 99.6%"


@pytest.mark.parametrize(
    ("found", "options", "expected"),
    [
        (figure(0.967, 0.955, 0.978), {}, "0.967 (0.955 to 0.978)"),
        (figure(0.967, 0.955, 0.978), {"is_share": True}, "96.7% (95.5 to 97.8)"),
        (figure(0.99991, 0.9994, 1.0), {}, "0.9999 (0.999 to 1.000)"),
        (figure(-0.0113, -0.0168, -0.0054), {}, "-0.011 (-0.017 to -0.005)"),
        (figure(0.125, 0.1, 0.2), {"digits": 2}, "0.12 (0.10 to 0.20)"),
        (figure(-0.0001), {}, "0.000"),
        (figure(None), {}, "not defined"),
        (None, {}, "not measured"),
    ],
)
def test_figures(found, options, expected):
    assert figure_text(found, **options) == expected.replace("-", MINUS)


def test_shares():
    assert share_text(wilson(41, 44).to_dict()) == "41 of 44 (93%, 82% to 98%)"
    assert share_text(wilson(41, 44).to_dict(), digits=1) == "41 of 44 (93.2%, 81.8% to 97.7%)"
    assert share_text(wilson(0, 0).to_dict()) == "no film"


def test_counts():
    counts = {"COVID19": 1085, "NORMAL": 0, "PNEUMONIA": 7}
    assert counts_text(counts) == "COVID-19 1,085, Pneumonia 7"
    assert counts_text({}) == "no film"
