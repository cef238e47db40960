"""Pictures of maps: range, mixture and proportions, whatever the film and the map."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cxr_core.comparison import difference_map
from cxr_core.explain.cam import Cam
from cxr_core.explain.overlay import COLOUR_MAPS, colour_table, mix, render, to_heatmap
from tests.strategies import bytes_of, pixels

values = st.floats(-1e6, 1e6, width=32) | st.integers(-2, 2).map(float)
sides = st.tuples(st.integers(1, 7), st.integers(1, 7))
grids = hnp.arrays(np.float32, sides, elements=values)
colours = st.sampled_from(COLOUR_MAPS)
opacities = st.floats(0, 1) | st.sampled_from([0.0, 0.45, 1.0])


@given(grids)
def test_a_heatmap_is_the_positive_part_over_its_peak(grid):
    before = bytes_of(grid)
    heatmap = to_heatmap(grid)
    peak = max(0.0, *grid.ravel().tolist())
    for raw, shown in zip(grid.ravel().tolist(), heatmap.ravel().tolist(), strict=True):
        assert abs(shown - (max(raw, 0.0) / peak if peak else 0.0)) < 1e-6
    assert heatmap.dtype == np.float32
    assert heatmap.max() == (1.0 if peak > 0 else 0.0)
    assert bytes_of(grid) == before


@given(grids, st.floats(2**-10, 2**10, width=32))
def test_a_heatmap_has_no_unit(grid, factor):
    grid = np.where(np.abs(grid) < 1e-30, np.float32(0), grid)  # products stay normal numbers
    np.testing.assert_allclose(to_heatmap(grid * np.float32(factor)), to_heatmap(grid), atol=1e-5)


def expected_colour(grid, size, place, table):
    """Colour of one pixel: of the cell under its middle."""
    rows, columns = grid.shape
    y = int((place[0] + 0.5) * rows / size[0])
    x = int((place[1] + 0.5) * columns / size[1])
    return table[round(float(to_heatmap(grid)[y, x]) * 255)].astype(float)


@given(pixels(0, 255, np.uint8), grids, colours, opacities)
def test_every_pixel_is_a_mixture_of_film_and_colour(grey, grid, colour_map, opacity):
    got = mix(grey, grid, colour_map=colour_map, opacity=opacity)
    assert got.shape == (*grey.shape, 3)
    assert got.dtype == np.uint8
    table = colour_table(colour_map)
    rng = np.random.default_rng(0)
    for y, x in zip(*(rng.integers(0, side, 6) for side in grey.shape), strict=True):
        middles = zip((y, x), grid.shape, grey.shape, strict=True)
        if any((2 * place + 1) * cells % (2 * side) == 0 for place, cells, side in middles):
            continue  # on the edge of two cells
        colour = expected_colour(grid, grey.shape, (y, x), table)
        expected = (1 - opacity) * float(grey[y, x]) + opacity * colour
        assert np.abs(got[y, x] - expected).max() <= 1.01


@given(pixels(0, 255, np.uint8), grids, colours)
def test_no_opacity_is_the_film(grey, grid, colour_map):
    got = mix(grey, grid, colour_map=colour_map, opacity=0)
    np.testing.assert_array_equal(got, np.repeat(grey[:, :, None], 3, axis=2))


@given(st.tuples(st.integers(8, 40), st.integers(8, 40)), grids, colours)
def test_a_picture_keeps_the_proportions_of_the_film(shape, grid, colour_map):
    image = np.full(shape, 0.5, np.float32)
    cam = Cam("vgg16", "NORMAL", "gradcam", grid, 0.0)
    got = render(image, cam, colour_map=colour_map)
    height, width = got.shape[0] - 34, got.shape[1] - 76  # caption and colour bar
    assert min(height, width) == 448
    assert abs(height * shape[1] - width * shape[0]) <= max(shape)
    assert got.dtype == np.uint8


@given(sides.flatmap(lambda s: st.tuples(*[hnp.arrays(np.float32, s, elements=values)] * 2)))
def test_a_map_less_another_is_the_negative_of_the_other_way_round(pair):
    first, second = (
        Cam(name, "NORMAL", "gradcam", g, 0.0) for name, g in zip("ab", pair, strict=True)
    )
    forth, back = difference_map(first, second), difference_map(second, first)
    np.testing.assert_array_equal(forth, -back)
    assert np.abs(forth).max() <= 2
    assert not difference_map(first, first).any()
