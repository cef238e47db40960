"""What the card says of patients that two sets share."""

from __future__ import annotations

import pytest

from train.card_training import exceptions


@pytest.mark.parametrize(
    ("added", "data", "text"),
    [
        ({}, {}, ""),
        ({"n_of_patients_in": {"train": 0, "test": 0}}, {"n_left_out_for_added": 0}, ""),
        (
            {"n_of_patients_in": {"train": 3, "test": 2}},
            {"n_left_out_for_added": 4},
            " but 2 of patients in the test films; 4 training films of the added films' patients "
            "were left out",
        ),
    ],
)
def test_shared_patients_are_told(added, data, text):
    assert exceptions(added, data) == text
