"""Weights on a disk instead of twice in memory: same features, nothing left, plain where not."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from cxr_core.engine import paged
from cxr_core.engine.openvino import OpenVinoEngine, import_openvino
from tests.tiny import write_tiny_network

N_CHANNELS = 1024
N_BYTES = N_CHANNELS * 3 * 32 * 32 * 4

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux alone does it")


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("network") / "large.xml"
    write_tiny_network(path, N_CHANNELS, seed=0)
    return path


@pytest.fixture(scope="module")
def batch() -> np.ndarray:
    return np.random.default_rng(0).random((2, 224, 224, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def expected(network, batch) -> np.ndarray:
    return OpenVinoEngine(network).run(batch)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The one folder that weights may go to; taken for a disk, wherever tests run."""
    monkeypatch.setattr(paged, "FOLDERS", (tmp_path,))
    monkeypatch.setattr(paged, "is_in_memory", lambda _: False)
    return tmp_path


def mappings(folder: Path) -> dict[str, int]:
    """Mapped files of a folder, by address: kilobytes of them in memory."""
    found: dict[str, int] = {}
    address = None
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split()[0]:
            address = line.split()[0] if str(folder) in line and "(deleted)" in line else None
        elif address and line.startswith("Rss:"):
            found[address] = int(line.split()[1])
    return found


def test_the_weights_are_in_a_file_without_a_name_and_not_in_memory(
    network, batch, expected, folder
):
    engine = OpenVinoEngine(network, weights_on_disk=True)
    np.testing.assert_array_equal(engine.run(batch), expected)
    resident = mappings(folder)
    assert len(resident) == 1
    start, end = (int(value, 16) for value in next(iter(resident)).split("-"))
    assert end - start >= N_BYTES
    assert sum(resident.values()) * 1024 < N_BYTES / 10
    assert list(folder.iterdir()) == []


def test_the_file_goes_with_the_engine(network, batch, expected, folder):
    engine = OpenVinoEngine(network, weights_on_disk=True)
    assert mappings(folder)
    del engine
    assert not mappings(folder)


def test_other_precision_too(network, batch, folder):
    plain = OpenVinoEngine(network, precision="bf16").run(batch)
    engine = OpenVinoEngine(network, precision="bf16", weights_on_disk=True)
    assert mappings(folder)
    np.testing.assert_array_equal(engine.run(batch), plain)


def test_a_small_network_stays_in_memory(tmp_path, batch, folder):
    path = tmp_path / "small.xml"
    write_tiny_network(path, 8, seed=0)
    engine = OpenVinoEngine(path, weights_on_disk=True)
    assert not mappings(folder)
    np.testing.assert_array_equal(engine.run(batch), OpenVinoEngine(path).run(batch))


def test_no_folder_that_may_be_written(network, batch, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(paged, "FOLDERS", (tmp_path / "absent",))
    engine = OpenVinoEngine(network, weights_on_disk=True)
    np.testing.assert_array_equal(engine.run(batch), expected)


def test_a_folder_in_memory_is_no_disk():
    shared_memory = Path("/dev/shm")  # noqa: S108 - read alone
    if f"{shared_memory} tmpfs" not in Path("/proc/mounts").read_text():
        pytest.skip("no /dev/shm on this machine")
    assert paged.is_in_memory(shared_memory)
    assert not paged.is_in_memory(Path("/proc"))
    assert paged.is_in_memory(Path("/absent"))


def test_too_little_room(network, batch, expected, folder, monkeypatch):
    monkeypatch.setattr(paged.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    engine = OpenVinoEngine(network, weights_on_disk=True)
    assert not mappings(folder)
    np.testing.assert_array_equal(engine.run(batch), expected)


def test_a_folder_that_refuses_the_file(network, batch, expected, folder, monkeypatch):
    def refuse(**_):
        raise PermissionError

    monkeypatch.setattr(paged.tempfile, "TemporaryFile", refuse)
    engine = OpenVinoEngine(network, weights_on_disk=True)
    assert not mappings(folder)
    np.testing.assert_array_equal(engine.run(batch), expected)


@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_a_disk_that_took_less_than_all(network, batch, expected, folder, monkeypatch, kept):
    """A mapped file that ends too soon would end the process."""
    openvino = import_openvino()
    serialize = openvino.serialize

    def short(model, xml_path, weights_path):
        serialize(model, xml_path, weights_path)
        with Path(weights_path).open("r+b") as file:
            file.truncate(int(N_BYTES * kept))

    monkeypatch.setattr(openvino, "serialize", short)
    engine = OpenVinoEngine(network, weights_on_disk=True)
    assert not mappings(folder)
    np.testing.assert_array_equal(engine.run(batch), expected)
    assert list(folder.iterdir()) == []
