"""Training on a disk without room: what is done stays, and the same command goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cxr_core.bundle import Bundle
from cxr_core.errors import OutputError, TrainingDataError
from cxr_core.preprocess import PreprocessSpec
from tests.conftest import write_film
from train.__main__ import main
from train.augment import AugmentSpec
from train.features import FeatureCache, FeatureKey
from train.history_log import write_history
from train.run import read_record, write_record

FULL = "No space left on device"
SHAPE = (7, 7, 64)
SYSTEM = ["--systems", "mobilenetv2", "--backbone-weights", "mobilenetv2=random"]
ROOT = Path(__file__).resolve().parents[2]


def key():
    none = AugmentSpec(zoom=0.0, rotation_deg=0.0, horizontal_flip=False)
    return FeatureKey("vgg16", "0" * 64, PreprocessSpec(), none, 0, 0)


def row(n):
    return np.full(SHAPE, n, np.float32)


def test_the_feature_cache_keeps_what_it_has(small_disk):
    cache = FeatureCache(small_disk.folder, key(), SHAPE)
    names = [f"{n:064d}" for n in range(60)]
    for n in range(3):
        cache.append(names[n], row(n))
    small_disk.fill(leave=30_000)

    def append_the_rest():
        for n in range(3, 60):
            cache.append(names[n], row(n))

    with pytest.raises(TrainingDataError, match=FULL) as caught:
        append_the_rest()
    assert "Free disk space" in caught.value.hint
    n = len(cache)
    assert 3 <= n < 60
    np.testing.assert_array_equal(cache.load(names[:n])[:, 0, 0, 0], np.arange(n))
    small_disk.fill()
    again = FeatureCache(small_disk.folder, key(), SHAPE)  # a new process, the disk still full
    assert len(again) == n
    small_disk.free()
    again.append(names[n], row(n))
    np.testing.assert_array_equal(again.load(names[: n + 1])[:, 0, 0, 0], np.arange(n + 1))
    assert len(FeatureCache(small_disk.folder, key(), SHAPE)) == n + 1


def test_a_new_cache_without_room_is_a_typed_error(small_disk):
    small_disk.fill()
    with pytest.raises((TrainingDataError, OutputError), match=FULL):
        FeatureCache(small_disk.folder, key(), SHAPE)


def test_records_and_histories_stay(small_disk):
    record, history = small_disk.folder / "run.json", small_disk.folder / "history.csv"
    write_record(record, {"systems": {}})
    write_history(history, [{"epoch": 1.0}])
    before = small_disk.files()
    small_disk.fill()
    with pytest.raises(OutputError, match=FULL):
        write_record(record, {"systems": {str(n): n for n in range(5000)}})
    with pytest.raises(OutputError, match=FULL):
        write_history(history, [{"epoch": float(n)} for n in range(5000)])
    assert small_disk.files() == before
    assert read_record(record)["systems"] == {}


SAVE = """
import sys
from pathlib import Path
import keras
from cxr_core.errors import OutputError
from train.checkpoint import save_weights
model = keras.Sequential([keras.Input((512,)), keras.layers.Dense(1024)])
try:
    save_weights(model, Path(sys.argv[1]))
except OutputError as err:
    sys.exit(str(err))
"""


@pytest.mark.slow
def test_a_process_that_met_a_full_disk_ends_by_itself(small_disk):
    """HDF5 that has met one ends the process by a segmentation fault when it exits."""
    small_disk.fill(leave=100_000)
    path = small_disk.folder / "a.weights.h5"
    done = subprocess.run(
        [sys.executable, "-c", SAVE, str(path)], cwd=ROOT, check=False, capture_output=True
    )
    assert done.returncode == 1
    assert FULL in done.stderr.decode()
    assert not path.exists()


@pytest.mark.slow
def test_weights_and_networks(small_disk):
    import keras

    from tests.train.small import build_small
    from train.checkpoint import Checkpoint
    from train.export import export_backbone

    model = build_small("small")
    wide = keras.Sequential([keras.Input((512,)), keras.layers.Dense(1024)])
    wide.compile("adam", "mse")
    wide.optimizer.build(wide.trainable_variables)
    checkpoint = Checkpoint(small_disk.folder, wide, {"a": 1})
    checkpoint.save([{"epoch": 1}])
    weights = [np.array(w) for w in wide.get_weights()]
    small_disk.fill(leave=100_000)
    with pytest.raises(OutputError, match=FULL):
        checkpoint.save([{"epoch": 1}, {"epoch": 2}])
    assert len(checkpoint.resume()) == 1
    for found, saved in zip(wide.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(found, saved)
    small_disk.fill()
    network = small_disk.folder / "networks" / "a.xml"
    with pytest.raises(OutputError, match=FULL):
        export_backbone(model, network, compress=False)
    assert not [name for name in small_disk.files() if name.startswith("networks")]
    small_disk.free()
    export_backbone(model, network, compress=False)
    checkpoint.save([{"epoch": 1}, {"epoch": 2}])
    assert set(small_disk.files()) > {"networks/a.xml", "networks/a.bin"}


@pytest.mark.slow
def test_a_run_and_its_bundle(small_disk, tmp_path, capsys):
    data, run = tmp_path / "data", small_disk.folder / "run"
    for split, n in (("train", 6), ("test", 3)):
        for k, label in enumerate(("COVID19", "NORMAL", "PNEUMONIA")):
            (data / "Data" / split / label).mkdir(parents=True)
            for i in range(n):
                seed = 100 * k + 10 * (split == "test") + i
                write_film(data / "Data" / split / label / f"{i}.png", seed=seed)
    command = ["--preset", "smoke", "--data", str(data), "--out", str(run)]
    command += ["--cache", str(tmp_path / "cache"), *SYSTEM]
    rooms = (0, 100_000, 1_000_000, 2_500_000)
    n_failed = 0
    for room in rooms:
        small_disk.fill(leave=room)
        status = main(command)
        small_disk.free()
        if status == 0:
            break
        n_failed += 1
        said = capsys.readouterr().err
        assert (status, FULL in said, "Free space" in said or "Free disk" in said) == (
            1,
            True,
            True,
        )
        for path in run.rglob("*.json"):
            json.loads(path.read_text("utf-8"))
    assert n_failed >= 2
    assert main(command) == 0
    bundle = small_disk.folder / "bundle"
    publish = ["publish", str(run), "--out", str(bundle)]
    assert main(publish) == 0
    before = {name: data for name, data in small_disk.files().items() if name.startswith("bundle")}
    digest = Bundle.load(bundle).digest
    for room in (0, 1_000_000):
        small_disk.fill(leave=room)
        assert main(publish) == 1
        said = capsys.readouterr().err
        assert FULL in said
        assert "Free space" in said
        after = {n: data for n, data in small_disk.files().items() if not n.startswith("run")}
        assert after == before
        small_disk.free()
    assert Bundle.load(bundle).digest == digest
    assert main(publish) == 0
