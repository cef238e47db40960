"""Windows and polarity of any film, against the standard's own formulas pixel by pixel."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from cxr_core.grey_window import Window
from cxr_core.radiograph import Radiograph
from tests.strategies import bytes_of, pixels, radiographs, windows

values = st.lists(st.floats(-3000, 70000), min_size=1, max_size=8)


def pseudo_code(x, center, width, function):
    """PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2 with y from 0 to 1."""
    if function == "SIGMOID":
        exponent = -4 * (x - center) / width
        return 0.0 if exponent > 700 else 1 / (1 + math.exp(exponent))
    if function == "LINEAR_EXACT":
        if x <= center - width / 2:
            return 0.0
        return 1.0 if x > center + width / 2 else (x - center) / width + 0.5
    if x <= center - 0.5 - (width - 1) / 2:
        return 0.0
    if x > center - 0.5 + (width - 1) / 2:
        return 1.0
    return (x - (center - 0.5)) / (width - 1) + 0.5


@given(
    values,
    st.floats(-1000, 5000),
    st.floats(1.5, 9000),
    st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
)
def test_a_window_is_the_standards_pseudo_code(found, center, width, function):
    window = Window.from_dicom(center, width, function=function)
    expected = [pseudo_code(x, center, width, function) for x in found]
    np.testing.assert_allclose(window.brightness(np.array(found)), expected, atol=1e-9)


@given(st.lists(st.integers(0, 255), min_size=2, max_size=9), st.integers(-50, 50))
def test_a_table_shows_its_entries_and_stays_at_its_ends(entries, first):
    window = Window.from_table(np.array(entries), first, 255)
    places = np.arange(first - 3, first + len(entries) + 3)
    expected = [entries[min(max(int(x) - first, 0), len(entries) - 1)] / 255 for x in places]
    np.testing.assert_allclose(window.brightness(places), expected, atol=1 / 65535)


@given(windows(), values)
def test_no_window_leaves_the_range_and_none_but_a_table_turns_back(window, found):
    ordered = np.sort(np.array(found))
    shown = window.brightness(ordered)
    assert ((shown >= 0) & (shown <= 1)).all()
    if window.function != "TABLE":
        assert (np.diff(shown) >= 0).all()


def brightness_by_hand(film: Radiograph, value: float) -> float:
    """One pixel as a viewer shows it."""
    if film.windows:
        shown = float(film.windows[0].brightness(np.array([value]))[0])
    else:
        shown = min(max((value - film.black) / (film.white - film.black), 0.0), 1.0)
    return 1 - shown if film.is_inverted else shown


@given(radiographs())
def test_an_image_is_every_pixel_by_itself(film):
    before = bytes_of(film.pixels)
    expected = [[brightness_by_hand(film, float(x)) for x in row] for row in film.pixels.tolist()]
    np.testing.assert_allclose(film.image, expected, atol=2e-6)
    assert film.image.dtype == np.float32
    assert not film.image.flags.writeable
    assert bytes_of(film.pixels) == before


@given(radiographs())
def test_polarity_flipped_is_the_negative_and_flipped_twice_is_the_film(film):
    flipped = replace(film, is_inverted=not film.is_inverted)
    twice = replace(flipped, is_inverted=not flipped.is_inverted)
    np.testing.assert_array_equal(twice.image, film.image)
    np.testing.assert_allclose(flipped.image, 1 - film.image, atol=1e-6)


@given(radiographs())
def test_a_film_of_negated_values_in_the_other_polarity_is_the_same_film(film):
    """MONOCHROME1 of the values turned around is MONOCHROME2 of the values."""
    assume(not film.windows and film.pixels.dtype != np.float32)
    turned = (film.black + film.white - film.pixels.astype(np.int64)).astype(film.pixels.dtype)
    other = replace(film, pixels=turned, is_inverted=not film.is_inverted)
    np.testing.assert_allclose(other.image, film.image, atol=1e-6)


@given(pixels(0, 255, np.uint8))
def test_what_is_given_is_copied_and_kept(values):
    film = Radiograph(values, 0, 255, "f.png", "0", "PNG")
    before = bytes_of(film.pixels)
    values += 1
    assert bytes_of(film.pixels) == before
