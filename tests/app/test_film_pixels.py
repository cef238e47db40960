"""The film as the browser gets it: the stored values, exactly; windows, sizes and notes."""

from __future__ import annotations

import base64
import json
import zlib

import numpy as np
import pytest

from cxr_core.grey_window import Window
from cxr_core.radiograph import DicomFacts, Radiograph
from ui.film_pixels import MAX_SIDE_PX, FilmPixels, pack


def film(pixels, *, black=0.0, white=None, **values):
    full = {"uint8": 255.0, "uint16": 65535.0}.get(pixels.dtype.name, 1.0)
    return Radiograph(
        pixels,
        black,
        full if white is None else white,
        name="x.png",
        sha256="0" * 64,
        source_format="PNG",
        **values,
    )


def unpack(packed, shape, bits):
    """Undo `pack`, as `js/pixels.js` does in the browser."""
    raw = np.frombuffer(zlib.decompress(packed), np.uint8)
    if bits == 8:
        return np.add.accumulate(raw.reshape(shape), axis=0, dtype=np.uint8)
    high, low = raw.reshape(2, *shape).astype(np.uint16)
    zigzag = high << 8 | low
    steps = (zigzag >> 1) ^ (0 - (zigzag & 1)).astype(np.uint16)
    return np.add.accumulate(steps, axis=0, dtype=np.uint16)


def received(shown):
    """Unpack what the browser gets, as the browser does."""
    payload = json.loads(json.dumps(shown.payload(), allow_nan=False))
    shape = (payload["height"], payload["width"])
    codes = unpack(base64.b64decode(payload["packed"]), shape, payload["bits"])
    return codes * payload["slope"] + payload["intercept"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (7, 5), (300, 200)])
def test_every_stored_value_arrives(dtype, shape):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, np.iinfo(dtype).max + 1, shape, dtype)
    pixels.flat[0], pixels.flat[-1] = 0, np.iinfo(dtype).max
    shown = FilmPixels.from_radiograph(film(pixels))
    assert np.array_equal(received(shown), pixels)
    assert shown.bits == 8 * pixels.dtype.itemsize
    assert shown.notes == ()


def test_steps_of_every_size_survive_packing():
    """The differences from row to row run from -65535 to 65535 and wrap round."""
    ends = np.array([0, 65535, 1, 32768, 32767, 0, 65534, 2, 65535], np.uint16)
    pixels = np.stack([ends, ends[::-1], np.roll(ends, 3)]).T.copy()
    assert np.array_equal(unpack(pack(pixels), pixels.shape, 16), pixels)


def test_packing_leaves_the_film_alone():
    pixels = np.arange(12, dtype=np.uint16).reshape(4, 3)
    before = pixels.copy()
    pack(pixels)
    assert np.array_equal(pixels, before)


def test_floats_arrive_to_one_step_of_their_range():
    pixels = np.random.default_rng(0).normal(-3, 50, (60, 40)).astype(np.float32)
    low, high = float(pixels.min()), float(pixels.max())
    shown = FilmPixels.from_radiograph(film(pixels, black=low, white=high))
    step = (high - low) / 65535
    assert np.abs(received(shown) - pixels).max() <= step / 2 * 1.0001
    assert shown.notes == (
        "Values under the pointer are rounded to 65,536 steps of the film's range.",
    )


def test_a_large_film_is_reduced_at_full_depth_and_says_so():
    pixels = np.repeat(np.arange(2048, dtype=np.uint16)[None] * 20, 512, axis=0)
    shown = FilmPixels.from_radiograph(film(pixels))
    assert (shown.width_px, shown.height_px) == (MAX_SIDE_PX, 256)
    assert (shown.stored_width_px, shown.stored_height_px, shown.bits) == (2048, 512, 16)
    pairs = pixels.astype(float).reshape(256, 2, 1024, 2).mean((1, 3))
    assert np.abs(received(shown) - pairs).max() <= 0.5
    (note,) = shown.notes
    assert note.startswith("Shown at 1,024 by 256 pixels, reduced from 2,048 by 512:")


def test_a_hundred_million_pixels_stay_small():
    pixels = np.broadcast_to(np.arange(10_000, dtype=np.uint16), (10_000, 10_000))
    shown = FilmPixels.from_radiograph(film(pixels))
    assert (shown.width_px, shown.height_px) == (MAX_SIDE_PX, MAX_SIDE_PX)
    assert len(shown.packed) < 200_000


@pytest.mark.parametrize("shape", [(1, 9000), (9000, 1), (3, 5000)])
def test_an_extreme_film_keeps_at_least_one_row_and_column(shape):
    shown = FilmPixels.from_radiograph(film(np.zeros(shape, np.uint8)))
    assert max(shown.width_px, shown.height_px) == MAX_SIDE_PX
    assert min(shown.width_px, shown.height_px) == 1


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.full((4, 4), 65535, np.uint16),
        np.full((4, 4), 1e30, np.float32),
        np.full((4, 4), -1e-30, np.float32),
    ],
)
def test_windows_of_a_flat_film_have_a_width(pixels):
    level = float(pixels[0, 0])
    white = level + max(1.0, abs(level))
    shown = FilmPixels.from_radiograph(film(pixels, black=min(level, 0.0), white=white))
    assert all(window.high > window.low for window in shown.windows)
    json.dumps(shown.payload(), allow_nan=False)


def test_presets_lie_at_the_documented_percentiles():
    """With the values 0 to 999 once each, a percentile is a tenth of a value."""
    pixels = np.random.default_rng(0).permutation(1000).astype(np.uint16).reshape(25, 40)
    windows = {w.name: w for w in FilmPixels.from_radiograph(film(pixels, white=1023.0)).windows}
    assert windows["Full range"] == Window("Full range", 0.0, 1023.0)
    for name, low, high in [("Lung", 99, 749), ("Mediastinum", 249, 994), ("Bone", 449, 998)]:
        assert (windows[name].low, windows[name].high) == pytest.approx((low, high), abs=1)


def test_presets_count_from_the_least_dense_in_an_inverted_film():
    pixels = np.random.default_rng(0).permutation(1000).astype(np.uint16).reshape(25, 40)
    shown = FilmPixels.from_radiograph(film(pixels, white=1023.0, is_inverted=True))
    lung = next(w for w in shown.windows if w.name == "Lung")
    assert (lung.low, lung.high) == pytest.approx((249, 899), abs=1)


def test_windows_of_the_file_come_first():
    own = (Window.from_dicom(2048, 4096, "Window 1"), Window.from_dicom(9, 4, "Window 2"))
    shown = FilmPixels.from_radiograph(film(np.eye(4, dtype=np.uint16), windows=own))
    names = [window.name for window in shown.windows]
    assert names == ["Window 1", "Window 2", "Full range", "Lung", "Mediastinum", "Bone"]
    assert shown.payload()["window_note"].startswith("Windows and tables with a number come with")
    assert not film_payload()["window_note"].startswith("Windows and tables")


def film_payload(**values):
    return FilmPixels.from_radiograph(film(np.eye(4, dtype=np.uint16), **values)).payload()


def test_signed_films_stay_at_their_depth():
    pixels = np.array([[-32768, -1], [0, 32767]], np.int16)
    shown = FilmPixels.from_radiograph(film(pixels, black=-32768.0, white=32767.0))
    codes = unpack(shown.packed, (2, 2), shown.bits)
    assert (shown.bits, codes.dtype) == (16, np.uint16)
    assert (codes * shown.slope + shown.intercept).tolist() == pixels.tolist()


def test_a_table_reaches_the_browser_as_greys():
    window = Window.from_table(np.array([0, 51, 255]), 10, 255.0, "Table 1")
    (sent, *_) = film_payload(windows=(window,))["windows"]
    assert (sent["low"], sent["high"], sent["function"]) == (10.0, 12.0, "TABLE")
    assert list(base64.b64decode(sent["table"])) == [0, 51, 255]
    assert film_payload()["windows"][0]["function"] == "LINEAR"


def test_values_after_a_rescale_are_called_so():
    facts = DicomFacts("CR", None, 12, "Explicit VR Little Endian", "MONOCHROME2", is_rescaled=True)
    assert film_payload(dicom=facts)["value_name"] == "value after rescale"
    assert film_payload()["value_name"] == "stored value"
