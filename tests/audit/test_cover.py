"""Painting films black, and what each cue sees of them."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.audit.cover import COVERS, RING_SHARE, cover, lung_pixels, ring
from cxr_core.audit.cue import CUES, CueFilm
from cxr_core.radiograph import Radiograph
from tests.audit.material import TwoLungs, noise


def film_of(pixels, **options):
    """A cue film of an array, with two lungs."""
    radiograph = Radiograph(pixels, 0, 255, "film.png", "ab" * 32, "PNG")
    values = {"n_bytes": 1000, "colour_mode": "L", "compression": 0.0, "lungs": None, **options}
    return CueFilm(radiograph, **values)


def lungs_of(pixels):
    return TwoLungs().segment(Radiograph(pixels, 0, 255, "film.png", "ab" * 32, "PNG"))


def test_the_ring_is_three_of_thirty_two_pixels_wide():
    outside = ring(32, 64)
    assert outside[:3].all()
    assert outside[-3:].all()
    assert outside[:, :6].all()
    assert not outside[3:-3, 6:-6].any()
    assert RING_SHARE == 3 / 32
    assert ring(2, 2).all()


def test_border_alone_keeps_the_border_and_nothing_else():
    image = np.full((32, 32), 0.5, np.float32)
    shown = cover(image, "border_only")
    assert (shown[ring(32, 32)] == 0.5).all()
    assert (shown[~ring(32, 32)] == 0).all()
    assert (image == 0.5).all()


def test_lungs_alone_and_lungs_removed_share_the_film_out():
    pixels = noise(1, 96)
    image = pixels.astype(np.float32) / 255
    lungs = lungs_of(pixels)
    alone, without = (cover(image, name, lungs) for name in ("lungs_only", "lungs_removed"))
    assert np.array_equal(alone + without, image)
    inside = lung_pixels(lungs, 96, 96)
    assert inside.mean() == pytest.approx(lungs.area_share)
    assert (without[inside] == 0).all()
    assert (alone[~inside] == 0).all()


def test_an_unknown_cover_and_missing_lungs_are_refused():
    image = np.zeros((8, 8), np.float32)
    with pytest.raises(ValueError, match=r"`name` must be one of .*Received: name='half'"):
        cover(image, "half")
    with pytest.raises(ValueError, match="`lungs` must be given for lungs_only"):
        cover(image, "lungs_only")
    assert set(COVERS) == {"border_only", "lungs_removed", "lungs_only"}


def test_every_cue_gives_finite_numbers_of_one_length():
    shapes = (noise(1), noise(2, 90)[:60], np.zeros((5, 9), np.uint8))
    films = [film_of(pixels, lungs=lungs_of(noise(1))) for pixels in shapes]
    for cue in CUES:
        seen = [cue.see(film) for film in films]
        assert len({len(each) for each in seen}) == 1, cue.name
        assert all(each.dtype == np.float32 and np.isfinite(each).all() for each in seen)


def test_no_cue_but_its_own_sees_what_it_must_not():
    """The centre of a film changes neither its border nor its corners; shuffling not its greys."""
    pixels = noise(3)
    changed = pixels.copy()
    changed[10:38, 10:38] = 200
    by_name = {cue.name: cue for cue in CUES}
    for name in ("border_only", "corners"):
        see = by_name[name].see
        assert np.array_equal(see(film_of(pixels)), see(film_of(changed)))
    shuffled = np.random.default_rng(0).permutation(pixels.ravel()).reshape(pixels.shape)
    see = by_name["histogram"].see
    assert np.array_equal(see(film_of(pixels)), see(film_of(shuffled)))
    for name in ("file", "dimensions"):
        see = by_name[name].see
        assert np.array_equal(see(film_of(pixels)), see(film_of(shuffled)))


def test_the_outline_has_no_grey_value():
    see = next(cue.see for cue in CUES if cue.name == "lung_outline")
    lungs = lungs_of(noise(1))
    a, b = (see(film_of(noise(seed), lungs=lungs)) for seed in (1, 2))
    assert np.array_equal(a, b)
    with pytest.raises(ValueError, match="`film` must have lungs"):
        see(film_of(noise(1)))
