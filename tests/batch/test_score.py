"""Scoring many films: the same numbers as one by one, in order, each content once, none lost."""

from __future__ import annotations

import shutil
import threading
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from cxr_core.batch import MemoryStore, Progress, list_items, score, score_items
from cxr_core.batch.loader import Loader
from cxr_core.batch.progress import ProgressMeter, time_words
from cxr_core.io import read_path
from cxr_core.labels import SYSTEMS
from cxr_core.record import film_record
from tests.conftest import write_film


@pytest.fixture
def folder(tmp_path):
    """Six films, one of them twice, one of them damaged twice, one in an archive."""
    path = tmp_path / "films"
    path.mkdir()
    for n in range(6):
        write_film(path / f"{n}.png", seed=n)
    shutil.copy(path / "3.png", path / "again.png")
    for name in ("cut.png", "cut2.png"):
        (path / name).write_bytes((path / "0.png").read_bytes()[:300])
    with zipfile.ZipFile(path / "more.zip", "w") as archive:
        archive.write(path / "5.png", "inner/5.png")
        archive.writestr("inner/new.png", write_film(tmp_path / "new.png", seed=9).read_bytes())
    return path


FILES = [
    *(f"{n}.png" for n in range(6)),
    "again.png",
    "cut.png",
    "cut2.png",
    "more.zip/inner/5.png",
    "more.zip/inner/new.png",
]


class Counting:
    """A predictor that counts and may wait."""

    def __init__(self, predictor):
        self._predictor = predictor
        self.specs = predictor.specs
        self.digests = []

    def answer(self, prepared):
        self.digests.append(prepared.sha256)
        return self._predictor.answer(prepared)


def test_each_record_equals_the_film_read_alone(tiny_predictor, folder):
    records = list(score(tiny_predictor, [folder]))
    assert [record.file for record in records] == FILES
    for record in records[:6]:
        reading = tiny_predictor.read(read_path(folder / record.file))
        alone = film_record(record.file, reading, {})
        assert record.content == {**alone, "timing_ms": None}
        assert record.systems == SYSTEMS
        assert record.label("vgg16") == reading.systems["vgg16"].label
        assert record.probs("vgg16") == tuple(reading.systems["vgg16"].probs)
        assert record.probs("vgg16", is_raw=True) == tuple(reading.systems["vgg16"].raw_probs)
    assert records[6].content == {**records[3].content, "file": "again.png"}
    assert records[9].content == {**records[5].content, "file": "more.zip/inner/5.png"}


def test_a_file_in_error_is_a_record_under_its_own_name(tiny_predictor, folder):
    records = {record.file: record for record in score(tiny_predictor, [folder])}
    for name in ("cut.png", "cut2.png"):
        record = records[name]
        assert record.status == "error"
        assert record.error["type"] == "UnreadableImageError"
        assert f"name='{name}'" in record.error["message"]
        assert len(record.sha256) == 64
        assert (record.systems, record.trust, record.warnings) == ((), {}, ())
        assert record.label("vgg16") is None
        assert record.probs("vgg16") is None
    assert sum(record.status == "ok" for record in records.values()) == 9


@pytest.mark.parametrize("n_decoders", [1, 2, 5])
def test_equal_bytes_are_read_once_whatever_the_threads_do(tiny_predictor, folder, n_decoders):
    for n in range(4):
        shutil.copy(folder / "0.png", folder / f"00{n}.png")
    counting = Counting(tiny_predictor)
    records = list(score(counting, [folder], n_decoders=n_decoders))
    assert len(records) == len(FILES) + 4
    assert len(counting.digests) == len(set(counting.digests)) == 7


def test_a_twin_that_was_decoded_first_waits_for_its_turn(tiny_predictor, tmp_path, monkeypatch):
    """The later of two equal files may be the one that a thread gets hold of first."""
    for name in ("a.png", "b.png"):
        write_film(tmp_path / name, seed=1)
    load = Loader.load

    def slow(self, item):
        if item.name == "a.png":
            time.sleep(0.2)
        return load(self, item)

    monkeypatch.setattr(Loader, "load", slow)
    counting = Counting(tiny_predictor)
    records = list(score(counting, [tmp_path]))
    assert [record.status for record in records] == ["ok", "ok"]
    assert len(counting.digests) == 1


def test_only_a_few_films_are_decoded_ahead(tiny_predictor, tmp_path):
    for n in range(20):
        write_film(tmp_path / f"{n:02}.png", seed=n)
    seen = []
    items = list_items([tmp_path]).items
    records = score_items(
        tiny_predictor, items, n_decoders=2, on_film=lambda film: seen.append(film.name)
    )
    next(records)
    time.sleep(0.3)
    n_seen = len(seen)
    assert n_seen <= 1 + 2 + 5 + 1  # yielded, in lanes, ahead, and one that is on its way
    records.close()
    time.sleep(0.1)
    assert len(seen) <= n_seen + 2
    assert threading.active_count() < 10


def test_a_store_is_asked_first_and_filled(tiny_predictor, folder):
    store = MemoryStore()
    first = list(score(tiny_predictor, [folder], store=store))
    counting = Counting(tiny_predictor)
    progress = []
    again = list(score(counting, [folder], store=store, on_progress=progress.append))
    assert [record.content for record in again] == [record.content for record in first]
    assert counting.digests == []
    assert progress[-1] == Progress(11, 11, 0)


def test_it_stops_when_told_and_tells_how_far_it_is(tiny_predictor, folder):
    progress = []
    counting = Counting(tiny_predictor)
    records = score(
        counting,
        [folder],
        should_stop=lambda: len(progress) == 4,
        on_progress=progress.append,
    )
    stopped = list(records)
    assert [record.file for record in stopped] == FILES[: len(stopped)]
    assert 4 <= len(stopped) == len(counting.digests) <= 6  # what was with the networks is kept
    assert [(p.n_done, p.n_total, p.n_read) for p in progress] == [
        (n + 1, 11, n + 1) for n in range(len(stopped))
    ]
    assert progress[0].rate is None
    assert progress[3].rate > 0
    assert progress[3].left_s == pytest.approx(7 / progress[3].rate)


def test_films_are_not_changed(tiny_predictor, folder):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    list(score(tiny_predictor, [folder]))
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_what_no_film_error_covers_is_not_swallowed(tiny_predictor, folder):
    class Broken(Counting):
        def answer(self, prepared):
            msg = f"a bug with {prepared.sha256}"
            raise ZeroDivisionError(msg)

    with pytest.raises(ZeroDivisionError, match="a bug"):
        list(score(Broken(tiny_predictor), [folder]))


def test_large_films_are_refused_before_they_are_decoded(tiny_predictor, tmp_path):
    from cxr_core.io import Limits

    Image.fromarray(np.zeros((400, 400), np.uint8)).save(tmp_path / "large.png")
    (record,) = score(tiny_predictor, [tmp_path], limits=Limits(max_pixels=1000))
    assert record.error["type"] == "ImageTooLargeError"
    assert record.sha256


def test_the_rate_forgets_a_slow_start():
    times = iter([0.0, 100.0, *(100.0 + n / 2 for n in range(1, 100))])
    meter = ProgressMeter(200, clock=lambda: next(times))
    assert meter.count(is_read=False) == Progress(1, 200, 0)
    for _ in range(100):
        progress = meter.count(is_read=True)
    assert progress.rate == pytest.approx(2.0)
    assert progress.left_s == pytest.approx(99 / 2)
    assert progress.share == pytest.approx(101 / 200)
    assert Progress(0, 0).share == 1.0


def test_the_rate_of_blocks_counts_their_films():
    times = iter([0.0, 50.0, 60.0])
    meter = ProgressMeter(400, clock=lambda: next(times))
    assert meter.count_block(128, n_read=100) == Progress(128, 400, 100)
    assert meter.count_block(100, n_read=0).rate is None  # known before
    assert meter.count_block(100, n_read=100).rate == pytest.approx(2.0)
    progress = meter.count_block(72, n_read=50)
    assert progress == Progress(400, 400, 250, pytest.approx(2.5), 0.0)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min"), (7260, "2 h 1 min")]
)
def test_times_in_words(seconds, words):
    assert time_words(seconds) == words
