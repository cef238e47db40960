"""A copy of a film is known again however it was saved; a film of another patient is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cxr_core.audit.fingerprint import (
    N_BITS,
    Placement,
    coefficients,
    trimmed,
    working_copy,
)
from cxr_core.audit.overlap import MAX_DIFFERING, FingerprintIndex, bundle_index
from cxr_core.bundle import Bundle, seal
from cxr_core.errors import SpecMismatchError
from tests.tiny import write_tiny_bundle

N = 40


def chest(seed: int, side: int = 160) -> np.ndarray:
    """A film of random structure at several scales over one common shape, float32 in [0, 1]."""
    rng = np.random.default_rng(seed)
    film = np.zeros((side, side), np.float32)
    for cells in (6, 12, 24):
        coarse = rng.normal(size=(cells, cells)).astype(np.float32)
        film += cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC) / cells**0.5
    rows, columns = np.mgrid[:side, :side] / side
    film += 2 * np.cos(6 * columns) * np.cos(3 * rows)
    film -= film.min()
    return film / film.max()


def jpeg(film, quality):
    plain = np.round(film * 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", plain, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255


def turned(film, degrees):
    side = film.shape[0]
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, 1.0)
    return cv2.warpAffine(film, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)


@pytest.fixture(scope="module")
def index():
    """Fingerprints of N films."""
    found = np.stack([coefficients(working_copy(chest(i))) for i in range(N)])
    return FingerprintIndex.of(found, ["train"] * (N - 1) + ["test"])


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f,
        lambda f: jpeg(f, 25),
        lambda f: cv2.resize(f, (64, 64), interpolation=cv2.INTER_AREA),
        lambda f: cv2.resize(f, (300, 220)),
        lambda f: f**1.6,
        lambda f: 1 - f,
        lambda f: f[:, ::-1],
        lambda f: f[8:-8, 8:-8],
        lambda f: np.pad(f, 12),
        lambda f: np.pad(f, ((20, 20), (0, 0))),
        lambda f: turned(f, 4),
        lambda f: jpeg(1 - f[6:-10, 4:-6], 50),
    ],
    ids=[
        "as it is",
        "jpeg",
        "smaller",
        "stretched",
        "darker",
        "inverted",
        "mirrored",
        "cropped",
        "framed",
        "letterbox",
        "turned",
        "inverted, cropped off centre, jpeg",
    ],
)
def test_a_copy_is_found(index, change):
    for i in (3, N - 1):
        match = index.nearest(np.ascontiguousarray(change(chest(i)), np.float32))
        assert match.is_overlap
        assert match.position == i
        assert match.split == ("test" if i == N - 1 else "train")


def test_other_films_are_not_copies(index):
    for seed in range(500, 520):
        match = index.nearest(chest(seed))
        assert not match.is_overlap, match
        assert match.n_differing > MAX_DIFFERING


def test_nothing_is_found_on_a_film_of_one_grey_or_in_an_empty_index(index):
    assert index.nearest(np.full((30, 30), 0.4, np.float32)) is None
    empty = FingerprintIndex(index.mean, np.zeros((0, N_BITS), bool), ())
    assert empty.nearest(chest(0)) is None


def test_a_film_is_not_changed(index):
    film = chest(3)
    before = film.copy()
    index.nearest(film)
    assert np.array_equal(film, before)


def test_brightness_and_contrast_change_no_bit():
    film = chest(1)
    a, b = (coefficients(working_copy(f)) for f in (film, 0.25 + film / 2))
    assert np.allclose(a, b, atol=1e-4)
    assert a.shape == (N_BITS,)
    assert np.isfinite(coefficients(np.zeros((96, 96), np.float32))).all()


def test_margins_of_one_grey_are_trimmed():
    copy = working_copy(np.pad(chest(1, 128), 16))
    found = trimmed(copy)
    assert found.left == found.top == pytest.approx(0.1, abs=0.02)
    assert trimmed(working_copy(chest(1))) is None
    assert trimmed(np.zeros((96, 96), np.float32)) is None
    assert Placement(left=0.1).moved("left", -0.1) == Placement()


def test_an_index_is_written_and_read(index, tmp_path):
    path = tmp_path / "fingerprints.safetensors"
    index.save(path)
    again = FingerprintIndex.load(path)
    assert np.array_equal(again.bits, index.bits)
    assert np.array_equal(again.mean, index.mean)
    assert again.splits == index.splits
    assert path.stat().st_size < 73 * N + 3000


def test_other_files_are_refused(tmp_path):
    from safetensors.numpy import save_file

    path = tmp_path / "x.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(SpecMismatchError, match=r"`x\.safetensors` must hold fingerprints"):
        FingerprintIndex.load(path)
    save_file({"mean": np.zeros(3, np.float32)}, path, metadata={"schema": "cxr-other/1"})
    with pytest.raises(SpecMismatchError, match="must be of schema cxr-fingerprints/1"):
        FingerprintIndex.load(path)
    with pytest.raises(ValueError, match="`mean` and `bits` must have shapes"):
        FingerprintIndex(np.zeros(3, np.float32), np.zeros((1, N_BITS), bool), ["train"])


def test_a_bundle_may_hold_an_index(index, tmp_path):
    folder = tmp_path / "bundle"
    bundle = write_tiny_bundle(folder)
    assert bundle_index(bundle) is None
    index.save(folder / "fingerprints.safetensors")
    manifest = __import__("json").loads((folder / "bundle.json").read_text("utf-8"))
    kept = {k: v for k, v in manifest.items() if k not in ("schema", "classes", "files")}
    seal(folder, kept)
    assert len(bundle_index(Bundle.load(folder))) == N
