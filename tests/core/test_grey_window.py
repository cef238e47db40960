"""Windows by hand: the corners of the standard's formulas."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.grey_window import LINEAR, SIGMOID, TABLE, Window


def greys(window, *values):
    return window.brightness(np.array(values)).tolist()


def test_linear_as_the_standard_writes_it():
    """PS3.3 C.11.2.1.2.1, note 1: c 2048, w 4096 maps 0 to black and 4095 to white."""
    window = Window.from_dicom(2048, 4096)
    assert greys(window, -5, 0, 4095, 9999) == [0.0, 0.0, 1.0, 1.0]
    assert greys(window, 2048)[0] == pytest.approx((2048 - 2047.5) / 4095 + 0.5)


def test_linear_with_a_width_of_one_is_a_step():
    """Note 2: c 2048, w 1 maps values below 2048 to black, the others to white."""
    assert greys(Window.from_dicom(2048, 1), 2047, 2048) == [0.0, 1.0]
    assert greys(Window.from_dicom(2048.5, 1), 2048, 2049) == [0.0, 1.0]


def test_linear_exact():
    """C.11.2.1.3.2: c 2048, w 4096 maps 0 to black and 4096 to white."""
    window = Window.from_dicom(2048, 4096, function="LINEAR_EXACT")
    assert greys(window, 0, 1024, 4096) == [0.0, 0.25, 1.0]
    assert greys(Window.from_dicom(0.5, 0.5, function="LINEAR_EXACT"), 0.25, 0.5) == [0.0, 0.5]


def test_sigmoid():
    """C.11.2.1.3.1: 1 / (1 + exp(-4 (x - c) / w))."""
    window = Window.from_dicom(100, 40, function="SIGMOID")
    assert (window.low, window.high, window.function) == (80.0, 120.0, SIGMOID)
    expected = [1 / (1 + np.exp(-4 * (x - 100) / 40)) for x in (0, 80, 100, 130)]
    assert greys(window, 0, 80, 100, 130) == pytest.approx(expected)
    assert greys(window, -1e9, 1e9) == pytest.approx([0.0, 1.0], abs=1e-12)


def test_table():
    window = Window.from_table(np.array([0, 51, 255]), 10, 255.0)
    assert (window.low, window.high, window.function) == (10.0, 12.0, TABLE)
    assert greys(window, 5, 10, 11, 12, 99) == pytest.approx([0, 0, 0.2, 1, 1])
    assert greys(window, 10.5) == pytest.approx([0.1])


def test_arrays_are_not_changed():
    values = np.array([1.0, 2.0, 3.0])
    for window in (Window("w", 0, 4), Window("w", 0, 4, SIGMOID)):
        window.brightness(values)
    assert values.tolist() == [1.0, 2.0, 3.0]


def test_what_is_no_window():
    with pytest.raises(ValueError, match="`high` must be above `low`"):
        Window("none", 3.0, 3.0)
    with pytest.raises(ValueError, match="`function` must be one of"):
        Window("none", 0.0, 1.0, "CUBIC")
    with pytest.raises(ValueError, match="`table` must hold two or more"):
        Window("none", 0.0, 1.0, TABLE)
    with pytest.raises(ValueError, match="`table` must hold two or more"):
        Window("none", 0.0, 1.0, LINEAR, b"\0" * 8)
    with pytest.raises(ValueError, match="`width` must be at least 1 for LINEAR"):
        Window.from_dicom(10, 0.5)
    with pytest.raises(ValueError, match="`width` must be above 0 for SIGMOID"):
        Window.from_dicom(10, 0, function="SIGMOID")
    with pytest.raises(ValueError, match="`function` must be LINEAR, LINEAR_EXACT or SIGMOID"):
        Window.from_dicom(10, 5, function="TABLE")
    with pytest.raises(ValueError, match="`center` and `width` must be finite"):
        Window.from_dicom(float("nan"), 5)
