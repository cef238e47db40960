"""Tables of an audit, by hand."""

from __future__ import annotations

import pytest

from cxr_core.audit.table import _leaks as leak_section


@pytest.mark.parametrize(
    ("has_splits", "across"),
    [
        (True, ("0", "1,234", "2", "3")),
        (False, ("no splits", "no splits", "no splits", "no splits")),
    ],
)
def test_leaks_by_hand(has_splits, across):
    found = {
        "has_splits": has_splits,
        "pairs": {"copy": 12345, "near_duplicate": 7, "two_classes": 1},
        "leaks": {"patient": 3, "copy": 0, "near_duplicate": 1234, "changed_copy": 2},
        "classes_of_two": [{"classes": ["NORMAL", "COVID19"], "splits": ["train", "test"]}],
    }
    section = leak_section(found)
    assert section.header == ("", "pairs in all", "across splits")
    assert section.rows == (
        ("same bytes", "12,345", across[0]),
        ("same exposure in other bytes", "7", across[1]),
        ("changed copies: cropped, turned, mirrored", "", across[2]),
        ("same patient, another film", "", across[3]),
    )
    assert section.notes == (
        "One exposure stands under two classes: Normal in train, COVID-19 in test.",
    )
