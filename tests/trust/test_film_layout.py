"""The layout of a film: by hand, without brightness, contrast and black bands."""

from __future__ import annotations

import numpy as np
from PIL import Image

from cxr_core.trust.film_layout import CELLS, N_LAYOUT, film_layout, film_layouts

GRID = np.linspace(0.2, 0.9, N_LAYOUT).reshape(CELLS, CELLS)


def film(grid=GRID, side=4):
    """Return a film of one square a cell."""
    return np.kron(grid, np.ones((side, side))).astype(np.float32)


def test_a_grid_comes_back_with_mean_0_and_spread_1():
    expected = (GRID - GRID.mean()) / GRID.std()
    np.testing.assert_allclose(film_layout(film()), expected.ravel(), atol=1e-5)
    assert film_layout(film()).dtype == np.float32


def test_brightness_and_contrast_play_no_part():
    np.testing.assert_allclose(film_layout(film() * 0.5 + 0.3), film_layout(film()), atol=1e-5)


def test_black_bands_are_cut_off():
    page = np.zeros((60, 80), np.float32)
    page[10:34, 30:54] = film()
    page[0, 0] = 1.0  # a letter in the corner of the page
    np.testing.assert_allclose(film_layout(page), film_layout(film()), atol=1e-5)


def test_a_turned_film_has_a_turned_layout():
    turned = film_layout(film()[::-1]).reshape(CELLS, CELLS)
    np.testing.assert_allclose(turned, film_layout(film()).reshape(CELLS, CELLS)[::-1])


def test_flat_and_tiny_films_are_no_trouble():
    for image in (np.zeros((50, 40)), np.ones((224, 224)), np.full((1, 1), 0.3), np.eye(3)):
        layout = film_layout(image.astype(np.float32))
        assert layout.shape == (N_LAYOUT,)
        assert np.isfinite(layout).all()
    assert not film_layout(np.full((30, 30), 0.5)).any()


def test_large_films_are_sampled():
    np.testing.assert_allclose(film_layout(film(side=300)), film_layout(film()), atol=1e-2)


def test_films_on_disk_are_read_in_order(tmp_path):
    paths = []
    for name, image in (("a.png", film()), ("b.png", film()[:, ::-1])):
        paths.append(tmp_path / name)
        Image.fromarray(np.round(image * 255).astype(np.uint8)).save(paths[-1])
    layouts = film_layouts(paths)
    np.testing.assert_allclose(layouts[0], film_layout(film()), atol=0.02)
    np.testing.assert_allclose(layouts[1], film_layout(film()[:, ::-1]), atol=0.02)
    assert film_layouts([]).shape == (0, N_LAYOUT)
