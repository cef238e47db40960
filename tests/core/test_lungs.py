"""Lung masks, their notes, and the share of a map that lies in them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cxr_core.__main__ import main
from cxr_core.bundle import Bundle
from cxr_core.errors import ArtifactIntegrityError, SpecMismatchError
from cxr_core.io import read_path
from cxr_core.lungs import (
    DEFAULT_LUNGS,
    LungMask,
    LungSegmenter,
    LungShare,
    lung_share,
    write_record,
)
from cxr_core.lungs.shape import LungLimits, clean, outline
from cxr_core.predict import Predictor
from cxr_core.preprocess import PreprocessSpec
from cxr_core.radiograph import Radiograph
from cxr_core.record import film_record

SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "samples"
LIMITS = LungLimits(least_area=0.1, most_area=0.7, least_ratio=0.4, most_unsure=1.0)
LEFT, RIGHT = (slice(4, 16), slice(2, 8)), (slice(4, 16), slice(12, 18))


class FakeEngine:
    """Gives one probability map whatever the film."""

    def __init__(self, probability: np.ndarray) -> None:
        self.probability = probability.astype(np.float32)
        self.feature_shape = (*probability.shape, 1)

    def run(self, batch: np.ndarray) -> np.ndarray:
        assert batch.shape[1:] == self.feature_shape
        assert batch.dtype == np.float32
        return np.repeat(self.probability[None, :, :, None], len(batch), axis=0)


def segmenter_of(probability: np.ndarray) -> LungSegmenter:
    height, width = probability.shape
    spec = PreprocessSpec(height, width)
    engine = FakeEngine(probability)
    return LungSegmenter(engine, preprocess_spec=spec, threshold=0.5, limits=LIMITS, record={})


def film(height: int = 30, width: int = 40) -> Radiograph:
    pixels = np.linspace(0, 255, height * width).reshape(height, width).astype(np.uint8)
    return Radiograph(pixels, 0, 255, "film.png", "0" * 64, "PNG")


def mask_of(*regions: tuple[slice, slice], side: int = 20) -> LungMask:
    probability = np.zeros((side, side))
    for region in regions:
        probability[region] = 1.0
    return segmenter_of(probability).segment(film())


def codes(found: LungMask | LungShare) -> list[str]:
    return [note.code for note in found.notes]


# --- the share of a map


def half_mask() -> LungMask:
    """The left half of a film of 4 by 4 pixels."""
    mask = np.zeros((4, 4), bool)
    mask[:, :2] = True
    return LungMask(mask, mask.astype(np.float32), 0.5, ())


@pytest.mark.parametrize(
    ("grid", "share"),
    [
        ([[1, 0], [1, 0]], 1.0),
        ([[0, 1], [0, 1]], 0.0),
        ([[3, 1], [0, 0]], 0.75),
        ([[1, 1], [1, 1]], 0.5),
        ([[3, -9], [0, 1]], 0.75),  # what speaks against the class takes no part
        ([[2e300, 2e300], [0, 0]], 0.5),
        ([[0, 6, 0]], 0.5),  # the mask covers half of the middle cell
        ([[3, 6, 3]], 0.5),
        ([[6, 6, 0]], 0.75),
        ([[7]], 0.5),
    ],
)
def test_the_share_is_the_one_worked_by_hand(grid, share):
    found = lung_share(np.array(grid, float), half_mask())
    assert found.share == pytest.approx(share, abs=1e-12)
    assert found.area_share == 0.5
    assert found.enrichment == pytest.approx(2 * share, abs=1e-12)
    assert ("outside_lungs" in codes(found)) == (found.enrichment < 1)


def test_a_finer_grid_than_the_mask_is_exact_too():
    grid = np.zeros((8, 8))
    grid[0, 3] = grid[0, 4] = 1.0
    assert lung_share(grid, half_mask()).share == pytest.approx(0.5)


def test_an_even_map_has_the_lungs_share_of_the_area():
    """Whatever the sizes: 7 by 7 cells on a mask of 20 by 20 pixels do not fit each other."""
    lungs = mask_of(LEFT, RIGHT)
    found = lung_share(np.ones((7, 7)), lungs)
    assert found.share == pytest.approx(lungs.area_share, abs=1e-12)
    assert found.enrichment == pytest.approx(1.0)


def test_the_overlap_equals_a_slow_loop():
    rng = np.random.default_rng(0)
    grid = rng.normal(size=(7, 5))
    mask = rng.random((12, 9)) < 0.5
    inside = total = 0.0
    for i in range(7):
        for j in range(5):
            value = max(grid[i, j], 0.0)
            for y in range(12):
                for x in range(9):
                    rows = min((i + 1) / 7, (y + 1) / 12) - max(i / 7, y / 12)
                    columns = min((j + 1) / 5, (x + 1) / 9) - max(j / 5, x / 9)
                    part = value * max(rows, 0) * max(columns, 0)
                    total += part
                    inside += part * mask[y, x]
    lungs = LungMask(mask, mask.astype(np.float32), float(mask.mean()), ())
    assert lung_share(grid, lungs).share == pytest.approx(inside / total, abs=1e-12)


@pytest.mark.parametrize(
    ("grid", "code"),
    [
        (np.zeros((7, 7)), "no_positive_mass"),
        (-np.ones((7, 7)), "no_positive_mass"),
        (np.full((7, 7), np.nan), "not_finite"),
        (np.array([[np.inf, 1.0]]), "not_finite"),
    ],
)
def test_degenerate_maps_have_no_share_and_say_why(grid, code):
    found = lung_share(grid, half_mask())
    assert (found.share, found.enrichment, codes(found)) == (None, None, [code])


def test_without_lungs_there_is_no_share():
    found = lung_share(np.ones((7, 7)), mask_of())
    assert (found.share, found.enrichment, codes(found)) == (None, None, ["no_lungs"])


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (0, 3)])
def test_a_map_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="`cam_grid` must have shape"):
        lung_share(np.ones(shape), half_mask())


def test_notes_of_the_mask_go_with_the_share():
    assert "not_two_regions" in codes(lung_share(np.ones((7, 7)), mask_of(LEFT)))


def test_nothing_is_changed():
    grid, lungs = np.array([[3.0, -1.0]]), half_mask()
    before = grid.copy(), lungs.mask.copy()
    lung_share(grid, lungs)
    np.testing.assert_array_equal(grid, before[0])
    np.testing.assert_array_equal(lungs.mask, before[1])


# --- masks


def test_two_lungs_are_plausible():
    found = mask_of(LEFT, RIGHT)
    assert found.is_plausible
    assert found.area_share == pytest.approx(2 * 12 * 6 / 400)
    assert len(found.polygons) == 2
    for polygon, (rows, columns) in zip(found.polygons, (LEFT, RIGHT), strict=True):
        xs, ys = (20 * np.array(axis) for axis in zip(*polygon, strict=True))
        assert [xs.min(), xs.max()] == pytest.approx([columns.start, columns.stop], abs=0.5)
        assert [ys.min(), ys.max()] == pytest.approx([rows.start, rows.stop], abs=0.5)


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        ((), ["no_lungs"]),
        ((LEFT,), ["not_two_regions"]),
        ((LEFT, RIGHT, (slice(17, 20), slice(0, 20))), ["not_two_regions"]),
        ((LEFT, (slice(4, 8), slice(12, 18))), ["unequal_regions"]),
        (((slice(1, 8), slice(4, 14)), (slice(11, 18), slice(4, 14))), ["not_side_by_side"]),
        (((slice(0, 20), slice(0, 9)), (slice(0, 20), slice(11, 20))), ["unusual_area"]),
        (((slice(8, 12), slice(4, 8)), (slice(8, 12), slice(12, 16))), ["unusual_area"]),
    ],
)
def test_implausible_masks_say_so(regions, expected):
    found = mask_of(*regions)
    assert codes(found) == expected
    assert not found.is_plausible
    assert all(note.message.endswith(".") for note in found.notes)


def test_an_unsure_network_says_so():
    probability = np.zeros((20, 20))
    probability[LEFT] = probability[RIGHT] = 0.6
    assert codes(segmenter_of(probability).segment(film())) == []
    probability[0:4] = 0.4
    assert codes(segmenter_of(probability).segment(film())) == ["unsure_edge"]


def test_specks_are_dropped_and_holes_filled():
    probability = np.zeros((20, 20), np.float32)
    probability[LEFT] = probability[RIGHT] = 1.0
    probability[8, 4] = 0.0
    probability[0, 19] = 1.0
    mask, regions = clean(probability, 0.5)
    assert mask[8, 4]
    assert not mask[0, 19]
    assert len(regions) == len(outline(probability, mask, 0.5)) == 2


@pytest.mark.parametrize("shape", [(1, 300), (300, 1), (7, 900)])
def test_films_of_any_shape_are_taken(shape):
    found = segmenter_of(np.zeros((20, 20))).segment(film(*shape))
    assert found.mask.shape == (20, 20)


def test_a_mask_cannot_be_changed():
    found = mask_of(LEFT, RIGHT)
    for array in (found.mask, found.probability):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


def test_a_network_of_another_shape_is_refused():
    spec = PreprocessSpec(10, 10)
    with pytest.raises(SpecMismatchError, match="must give shape"):
        LungSegmenter(
            FakeEngine(np.zeros((20, 20))),
            preprocess_spec=spec,
            threshold=0.5,
            limits=LIMITS,
            record={},
        )


# --- what is published


@pytest.fixture(scope="module")
def published() -> LungSegmenter:
    return LungSegmenter.load()


@pytest.fixture
def own_folder(tmp_path) -> Path:
    return Path(shutil.copytree(DEFAULT_LUNGS, tmp_path / "lungs"))


def test_the_published_network_is_small_and_says_where_it_comes_from(published):
    sizes = [path.stat().st_size for path in DEFAULT_LUNGS.iterdir()]
    assert sum(sizes) < 3e6
    assert published.record["origin"]
    assert published.record["data"]["patients_from"] == "manifest"
    assert published.record["figures"]["dice"]["test"]["n"] == 72


@pytest.mark.parametrize("name", ["lungs.bin", "lungs.xml"])
def test_a_changed_byte_refuses_to_load_by_name(own_folder, name):
    data = bytearray((own_folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (own_folder / name).write_bytes(data)
    with pytest.raises(ArtifactIntegrityError, match=rf"{name}: the file must be the one"):
        LungSegmenter.load(own_folder)


def test_a_changed_record_refuses_to_load_by_name(own_folder):
    record = json.loads((own_folder / "lungs.json").read_text("utf-8"))
    record["threshold"] = 0.1
    (own_folder / "lungs.json").write_text(json.dumps(record), "utf-8")
    with pytest.raises(ArtifactIntegrityError, match=r"lungs\.json: the file must be the one"):
        LungSegmenter.load(own_folder)


@pytest.mark.parametrize("name", ["lungs.bin", "lungs.xml", "lungs.json"])
def test_a_missing_file_is_named(own_folder, name):
    (own_folder / name).unlink()
    with pytest.raises(ArtifactIntegrityError, match=rf"{name}: the lung network must have"):
        LungSegmenter.load(own_folder)


def test_records_that_cannot_be_used_are_refused(own_folder):
    (own_folder / "lungs.json").write_text("{", "utf-8")
    with pytest.raises(ArtifactIntegrityError, match=r"lungs\.json: the file must be JSON"):
        LungSegmenter.load(own_folder)
    (own_folder / "lungs.json").write_text("[]", "utf-8")
    with pytest.raises(SpecMismatchError, match=r"`schema` of lungs\.json must be"):
        LungSegmenter.load(own_folder)
    write_record(own_folder, {"preprocess": PreprocessSpec().to_dict(), "threshold": 0.5})
    with pytest.raises(SpecMismatchError, match="must have every field"):
        LungSegmenter.load(own_folder)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("synthetic-*.png")), ids=lambda p: p.stem)
def test_two_lungs_are_found_on_every_synthetic_film(published, path):
    found = published.segment(read_path(path))
    assert found.mask.shape == (224, 224)
    assert found.is_plausible, found.notes
    middle = found.mask.any(axis=0)
    assert middle[:112].any()
    assert middle[112:].any()


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("not-chest-*.png")), ids=lambda p: p.stem)
def test_a_picture_without_lungs_gets_a_note(published, path):
    assert published.segment(read_path(path)).notes


def test_the_published_network_takes_any_film(published):
    for shape in ((1, 300), (300, 1), (40, 2000)):
        assert published.segment(film(*shape)).mask.shape == (224, 224)
    flat = Radiograph(np.zeros((50, 50), np.uint8), 0, 255, "flat.png", "0" * 64, "PNG")
    assert published.segment(flat).notes


# --- with a reading


def test_a_reading_carries_the_share_of_each_system(tiny_bundle_dir, tiny_predictor, film_path):
    probability = np.zeros((20, 20))
    probability[LEFT] = probability[RIGHT] = 1.0
    predictor = Predictor(Bundle.load(tiny_bundle_dir), lungs=segmenter_of(probability))
    radiograph = read_path(film_path)
    reading, plain = predictor.read(radiograph), tiny_predictor.read(radiograph)
    assert set(reading.trust.lung_share) <= set(predictor.systems)
    assert reading.trust.lung_share
    for name, share in reading.trust.lung_share.items():
        cam = predictor.explain(reading, name, reading.systems[name].label)
        assert share == lung_share(cam.grid, reading.lungs).share
    assert plain.lungs is None
    assert plain.trust.lung_share == {}
    for name, system in plain.systems.items():  # nothing else changes
        np.testing.assert_array_equal(reading.systems[name].probs, system.probs)
    record = film_record("film.png", reading, reading.timing_ms)
    assert record["trust"]["lung_share"] == dict(reading.trust.lung_share)


def test_a_reading_without_plausible_lungs_carries_no_share(tiny_bundle_dir, film_path):
    predictor = Predictor(Bundle.load(tiny_bundle_dir), lungs=segmenter_of(np.zeros((20, 20))))
    reading = predictor.read(read_path(film_path))
    assert codes(reading.lungs) == ["no_lungs"]
    assert reading.trust.lung_share == {}


def test_the_command_line_prints_the_share(tiny_bundle_dir, capsys):
    sample = SAMPLES / "synthetic-normal-1.png"
    assert main(["predict", str(sample), "--json", "--bundle", str(tiny_bundle_dir)]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    shares = result["trust"]["lung_share"]
    assert shares
    assert all(0 <= share <= 1 for share in shares.values())
