"""The viewer in a real browser: greys as computed, linked viewports, keys, export, bad films."""

from __future__ import annotations

import math
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from tests.browser.grid_page import WINDOWS, deep, grid

pytestmark = pytest.mark.browser

WINDOW_STEPS = 512
FULL = 65535.0


BLOCKS = [(0, 0), (1, 0), (15, 3), (4, 8), (5, 8), (0, 15), (15, 15)]


def expected(low, high, *, is_inverted=False):
    """Return the greys of `BLOCKS` through a window, worked out from the stored values."""
    values = np.array([float(deep()[16 * r, 16 * c]) for r, c in BLOCKS])
    shares = np.clip((values - low) / (high - low), 0, 1)
    return np.floor(255 * (1 - shares if is_inverted else shares) + 0.5)


def test_every_stored_value_of_sixteen_bits_can_be_seen(show):
    """Blocks that differ by one part in 256 look alike at full range, not in a narrow window."""
    shown = show("single=1&film=deep")
    shown.stage().focus()
    shown.press("Space")
    assert shown.greys(BLOCKS) == pytest.approx(expected(0, FULL), abs=1)
    shown.drag(-500, 0)
    width = FULL - 500 * FULL / WINDOW_STEPS
    low = FULL / 2 - width / 2
    assert shown.greys(BLOCKS) == pytest.approx(expected(low, low + width), abs=1)
    one, next_one = shown.greys([(0, 8), (1, 8)])
    assert next_one - one > 20


def test_a_drag_changes_window_and_level_as_computed(show):
    shown = show("single=1&film=deep")
    shown.stage().focus()
    shown.press("Space")
    for dx, dy in [(-120, 0), (0, 60), (-100, -90)]:
        shown.press("0")
        shown.drag(dx, dy)
        width = FULL + dx * FULL / WINDOW_STEPS
        level = FULL / 2 + dy * FULL / WINDOW_STEPS
        low, high = level - width / 2, level + width / 2
        assert shown.greys(BLOCKS) == pytest.approx(expected(low, high), abs=1)
        shown.press("i")
        inverted = expected(low, high, is_inverted=True)
        assert shown.greys(BLOCKS) == pytest.approx(inverted, abs=1)


def test_a_film_whose_low_values_are_dense_is_shown_so(show):
    shown = show("bare=1&film=inverted")
    inverted = expected(0, FULL, is_inverted=True)
    assert shown.greys(BLOCKS) == pytest.approx(inverted, abs=1)
    shown.viewer.locator("[data-action=invert]").click()
    assert shown.greys(BLOCKS) == pytest.approx(expected(0, FULL), abs=1)


def test_presets_and_windows_of_the_file(show):
    shown = show("single=1&film=deep&dicom=1")
    presets = shown.viewer.locator(".presets option").all_inner_texts()
    assert presets[:5] == ["Window 1", "Window 2", "Table 1", "Full range", "Lung"]
    shown.stage().focus()
    shown.press("Space")
    assert shown.greys(BLOCKS) == pytest.approx(expected(0, 4095), abs=1)
    shown.viewer.locator(".presets").select_option(label="Full range")
    assert shown.greys(BLOCKS) == pytest.approx(expected(0, FULL), abs=1)
    shown.stage().focus()
    shown.press("1")
    assert shown.greys(BLOCKS) == pytest.approx(expected(0, 4095), abs=1)


def test_curves_of_the_file(show):
    """A sigmoid and a table as the core draws them; dragged, they keep their curve."""
    shown = show("single=1&film=deep&dicom=1")
    shown.stage().focus()
    shown.press("Space")
    values = np.array([float(deep()[16 * r, 16 * c]) for r, c in BLOCKS])
    for key, window, words in [("2", WINDOWS[1], "sigmoid"), ("3", WINDOWS[2], "table")]:
        shown.press(key)
        wanted = 255 * window.brightness(values)
        assert shown.greys(BLOCKS) == pytest.approx(wanted, abs=1)
        assert shown.corner("bottom-left").endswith(words)
        shown.press("i")
        assert shown.greys(BLOCKS) == pytest.approx(255 - wanted, abs=1)
        shown.press("i")
    shown.press("2")
    shown.drag(0, 64)
    moved = replace(WINDOWS[1], low=24576 + FULL / 8, high=40960 + FULL / 8)
    assert shown.greys(BLOCKS) == pytest.approx(255 * moved.brightness(values), abs=1)
    shown.press("4")
    assert shown.greys(BLOCKS) == pytest.approx(expected(0, FULL), abs=1)


def test_signed_values_are_shown_and_named(show):
    shown = show("bare=1&film=signed")
    assert shown.greys(BLOCKS) == pytest.approx(expected(0, FULL), abs=1)
    box = shown.box()
    shown.page.mouse.move(box["x"] + 2, box["y"] + 2)
    assert "stored value \N{MINUS SIGN}32,768" in shown.value()


def test_zoom_pan_window_and_pointer_are_linked(show):
    shown = show("film=sample")
    assert shown.viewer.locator(".stage").count() == 5
    shown.stage().focus()
    shown.press("Space")
    before = shown.picture()
    box = shown.box()
    shown.page.mouse.move(box["x"] + 60, box["y"] + 80)
    shown.page.mouse.down()
    shown.page.mouse.up()
    shown.page.mouse.wheel(0, -400)
    shown.drag(30, 10, button="middle")
    shown.drag(-50, 20)
    after = [shown.picture(i) for i in range(5)]
    assert not np.array_equal(before, after[0])
    for picture in after[1:]:
        assert np.array_equal(picture, after[0])
    assert len({shown.corner("bottom-right", i) for i in range(5)}) == 1
    shown.press("Space")
    shown.page.mouse.move(box["x"] + 90, box["y"] + 100)
    assert shown.value(0).startswith("x ")
    assert all("map " in shown.value(i) for i in range(5))


def test_the_wheel_zooms_to_the_pointer_once_the_film_was_chosen(show):
    shown = show("single=1&film=deep")
    box = shown.box()
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.7 * box["height"]
    shown.page.mouse.move(x, y)
    shown.page.mouse.wheel(0, -300)
    fitted = shown.corner("bottom-right")
    shown.page.mouse.move(x, box["y"] + 0.7 * shown.box()["height"])
    shown.stage().click(position={"x": 0.3 * box["width"], "y": 0.7 * box["height"]})
    before = shown.value().split(" · ")[0]
    shown.page.mouse.wheel(0, -300)
    after = shown.value().split(" · ")[0]
    ratio = int(shown.corner("bottom-right").rstrip("%")) / int(fitted.rstrip("%"))
    assert ratio == pytest.approx(math.exp(300 / 500), rel=0.02)
    assert before == after


def test_hotkeys_do_what_the_help_says_and_never_reach_the_server(show):
    shown = show("single=1&film=deep")
    shown.stage().focus()
    shown.press("Space")
    upright = shown.picture()
    for keys, change in [
        (["r"], lambda p: np.rot90(p, -1)),
        (["l"], lambda p: np.rot90(p, 1)),
        (["h"], lambda p: p[:, ::-1]),
        (["v"], lambda p: p[::-1]),
        (["r", "h"], lambda p: np.rot90(p, -1)[:, ::-1]),
        (["h", "r"], lambda p: np.rot90(p[:, ::-1], -1)),
        (["v", "r", "r"], lambda p: p[:, ::-1]),
    ]:
        shown.press("0", *keys)
        wanted = change(upright)
        # Resampling may round one grey differently at the edges between blocks.
        assert np.mean(np.abs(shown.picture().astype(int) - wanted)) < 1.5, keys
    assert shown.corner("top-left") == "turned 180°, MIRRORED"
    shown.press("0", "+", "+")
    larger = shown.corner("bottom-right")
    shown.press("-")
    assert int(shown.corner("bottom-right").rstrip("%")) < int(larger.rstrip("%"))
    shown.press("=")
    assert np.array_equal(shown.picture(), upright)
    shown.press("o")
    assert shown.corner("bottom-right") == "100%"
    for key, tool in [("z", "zoom"), ("p", "pan"), ("m", "magnify"), ("w", "window")]:
        shown.press(key)
        assert shown.viewer.get_attribute("data-tool") == tool
    shown.press("0", "z", "Alt+ArrowUp", "p", "Alt+ArrowLeft", "w", "Alt+ArrowRight")
    assert not np.array_equal(shown.picture(), upright)
    shown.press("0", "c", "ArrowRight", "x")
    assert np.array_equal(shown.picture(), upright)
    shown.page.wait_for_timeout(500)
    assert shown.frames == []


def test_the_help_lists_the_keys_and_closes(show):
    shown = show("single=1")
    shown.stage().focus()
    shown.press("?")
    text = shown.viewer.locator("dialog.help").inner_text()
    assert "Hide or show the heatmap" in text
    assert "Next film" not in text
    assert "Lung from percentile 10 to 75, Mediastinum from percentile 25 to 99.5" in text
    shown.press("Escape")
    assert not shown.viewer.locator("dialog.help").is_visible()


def test_no_choice_about_the_map_runs_the_page_or_moves_the_film(show):
    shown = show("film=sample&outline=1")
    shown.stage().focus()
    shown.press("+", "+", "h")
    shown.drag(-60, 10)
    place = [shown.corner(name) for name in ("top-left", "bottom-left", "bottom-right")]
    seen = [shown.picture()]
    viewer = shown.viewer
    for change in (
        lambda: viewer.locator(".opacity").fill("90"),
        lambda: viewer.locator(".colours").select_option("cividis"),
        lambda: viewer.locator(".colours").select_option(label="jet (conventional)"),
        lambda: viewer.locator(".smooth").check(),
        lambda: viewer.locator(".contour").fill("50"),
        lambda: viewer.locator(".signed").check(),
        lambda: viewer.locator(".fixed").check(),
        lambda: viewer.locator(".outlined").uncheck(),
        lambda: viewer.locator(".swiped").check(),
        lambda: viewer.locator(".swipe").fill("70"),
        lambda: viewer.locator(".shown").uncheck(),
    ):
        change()
        seen.append(shown.picture())
        assert not np.array_equal(seen[-1], seen[-2])
    assert [shown.corner(n) for n in ("top-left", "bottom-left", "bottom-right")] == place
    shown.page.wait_for_timeout(500)
    assert shown.frames == []


def test_the_colour_bar_tells_the_scale(show):
    shown = show("film=flat")
    highs = shown.viewer.locator(".high")
    peaks = [np.max(grid(i, 0)) for i in range(5)]
    assert [float(text) for text in highs.all_inner_texts()] == pytest.approx(peaks, rel=0.01)
    shown.viewer.locator(".fixed").check()
    assert [float(t) for t in highs.all_inner_texts()] == pytest.approx([max(peaks)] * 5, rel=0.01)
    shown.viewer.locator(".signed").check()
    shown.settle()
    assert shown.viewer.locator(".low").first.inner_text().startswith("against")
    shown.viewer.locator(".shown").uncheck()
    assert shown.viewer.locator(".ramp").first.is_visible()


def test_the_divider_shows_the_film_on_its_left(show):
    shown = show("single=1&film=flat")
    bare = (7, 7, 7)
    strongest = (1.5 / 7, 2.5 / 7)
    assert shown.rgb(*strongest) != bare
    shown.viewer.locator(".swiped").check()
    assert shown.rgb(*strongest) == bare
    shown.drag(-0.45 * shown.box()["width"], 0, start=(0.5, 0.9))
    assert shown.rgb(*strongest) != bare


def test_raw_cells_are_the_default(show):
    """One colour from edge to edge of a cell of the 7 by 7 map, on a film of one grey."""
    shown = show("single=1&film=flat")
    colours = {shown.rgb((1 + a) / 7, (2 + b) / 7) for a in (0.1, 0.5, 0.9) for b in (0.1, 0.9)}
    assert len(colours) == 1
    shown.viewer.locator(".smooth").check()
    colours = {shown.rgb((1 + a) / 7, (2 + b) / 7) for a in (0.1, 0.5, 0.9) for b in (0.1, 0.9)}
    assert len(colours) > 1


def test_the_read_out_gives_stored_values_and_the_cell(show):
    shown = show("single=1&film=deep")
    box = shown.box()
    for r, c in [(0, 0), (4, 8), (15, 15)]:
        x, y = (c + 0.5) / 16, (r + 0.5) / 16
        shown.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        place, stored, cell = shown.value().split(" · ")
        assert stored == f"stored value {256 * r + 4096 * c:,}"
        column, row = (int(part[2:]) for part in place.split(", "))
        assert (column // 16, row // 16) == (c, r)
        assert f"row {int(7 * y) + 1}, column {int(7 * x) + 1}" in cell


def test_the_read_out_of_a_reduced_film_says_that_it_is_a_mean(show):
    shown = show("single=1&film=large")
    box = shown.box()
    shown.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    assert "(mean of about 2.93" in shown.value()
    assert shown.corner("top-right").startswith("reduced to 1024")
    assert "reduced from 3,000 by 2,000" in shown.viewer.locator(".film-notes").inner_text()


def test_cells_can_be_read_by_keyboard(show):
    shown = show("single=1&film=deep")
    shown.stage().focus()
    shown.press("Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown")
    assert "row 2, column 2" in shown.value()
    assert shown.viewer.locator(".value").first.get_attribute("aria-live") == "polite"
    shown.press("Escape")
    assert "row 2" not in shown.value()


def test_export_saves_what_is_seen_without_the_films_name(show):
    shown = show("single=1&film=deep")
    shown.stage().focus()
    with shown.page.expect_download() as waiting:
        shown.page.keyboard.press("e")
    download = waiting.value
    assert download.suggested_filename == "cxr-view-densenet201-COVID19.png"
    with Image.open(download.path()) as saved:
        image = np.asarray(saved.convert("RGB"))
    seen = shown.picture()
    found = image[28 : 28 + len(seen), 8 : 8 + seen.shape[1]]
    assert np.mean(np.abs(found.astype(int) - seen)) < 0.5


def test_export_of_linked_viewports_holds_all_of_them(show):
    shown = show("film=sample")
    with shown.page.expect_download() as waiting:
        shown.viewer.locator("[data-action=export]").click()
    download = waiting.value
    assert download.suggested_filename == "cxr-view-5-panels.png"
    with Image.open(download.path()) as image:
        width, height = image.size
    box = shown.box()
    assert width > 3 * box["width"]
    assert height > 2 * box["height"]


def test_export_carries_in_its_margin_what_made_it(show):
    """The line breaks between its parts where one viewport is narrower than all of them."""
    heights = []
    made = " \N{MIDDLE DOT} ".join(["name 1", "digest 0123456789abcdef", *["variant clean"] * 20])
    for line in ("", made):
        shown = show(f"single=1&film=deep&made={quote(line)}")
        with shown.page.expect_download() as waiting:
            shown.viewer.locator("[data-action=export]").click()
        with Image.open(waiting.value.path()) as saved:
            heights.append(saved.height)
            last = np.asarray(saved.convert("L"))[-20:]
    assert heights[1] - heights[0] >= 40
    assert (heights[1] - heights[0]) % 20 == 0
    assert last.max() > 120


def test_arrows_ask_for_another_film_where_there_is_one(show):
    shown = show("single=1&step=1")
    shown.viewer.locator(".controls .system").select_option("ensemble_dense")
    shown.viewer.locator(".colours").select_option("cividis")
    shown.stage().focus()
    shown.press("+", "h", "ArrowRight")
    shown.page.wait_for_selector("text=stepped 1")
    assert len(shown.frames) == 1
    shown.page.wait_for_timeout(500)
    assert shown.corner("top-left") == ""
    assert shown.viewer.locator(".colours").input_value() == "cividis"
    assert shown.viewer.locator(".controls .system").input_value() == "densenet201"
    shown.stage().focus()
    shown.press("Space")
    assert shown.rgb(0.5, 0.5) == (7, 7, 7)
    shown.press("ArrowLeft")
    shown.page.wait_for_selector("text=stepped 0")


def test_a_film_without_maps_is_a_viewer_too(show):
    shown = show("bare=1&film=deep")
    assert shown.greys(BLOCKS) == pytest.approx(expected(0, FULL), abs=1)
    assert not shown.viewer.locator(".scores").is_visible()
    assert "No heatmap." in shown.viewer.locator(".picture").get_attribute("aria-label")
