"""Mutated pictures, DICOM files, archives and bundles: read, or refused with a typed error, soon.

`make fuzz` sets `CXR_FUZZ` to 20,000; `make test` tries a few of each kind. The files are read in a
process of its own, so that a crash, a hang and the memory are seen. A failure names kind and
number; the same number gives the same bytes.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.fuzz.material import archives, dicom_films, pictures, slim_bundle

ROOT = Path(__file__).resolve().parents[2]
N_ALL = int(os.environ.get("CXR_FUZZ", "600"))
SHARES = {"pictures": 0.4, "DICOM": 0.3, "archives": 0.15, "bundle": 0.15}
MAX_S = 5
MAX_GROWTH_MB = 100
INTERESTING = (0, 1, 2, 4, 16, 32, 64, 127, 128, 254, 255)


class Child:
    """The process that reads; started again after a crash or a hang."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tools.fuzz_child", str(self._folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def do(self, target: str, path: str, data: bytes) -> dict:
        """Give it one file; a crash or a hang is an unsound answer."""
        job = json.dumps({"target": target, "path": path, "n_bytes": len(data)}).encode()
        self._process.stdin.write(job + b"\n" + data)
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], MAX_S * 4)
        line = self._process.stdout.readline() if ready else b""
        if line:
            return json.loads(line)
        self._process.kill()
        code = self._process.wait()
        self.close()
        self._start()
        outcome = f"crash, exit status {code}" if ready else "hang"
        return {"outcome": outcome, "is_sound": False, "seconds": MAX_S, "peak_mb": 0}

    def close(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@pytest.fixture(scope="module")
def child(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    paths = slim_bundle(folder / "bundle")
    found = Child(folder)
    found.paths = paths
    yield found
    found.close()


def mutate(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    """Flip bits, set bytes or words, cut, drop, repeat, or join with another file."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        if changed:
            CHANGES[int(rng.integers(0, len(CHANGES)))](changed, rng, other)
    return bytes(changed)


def flip_bits(changed, rng, _other):
    for position in rng.integers(0, len(changed), rng.integers(1, 9)):
        changed[position] ^= 1 << int(rng.integers(0, 8))


def set_header_bytes(changed, rng, _other):
    for position in rng.integers(0, min(256, len(changed)), rng.integers(1, 6)):
        changed[position] = int(rng.choice(INTERESTING))


def cut_end(changed, rng, _other):
    del changed[int(rng.integers(0, len(changed))) :]


def drop_piece(changed, rng, _other):
    start = int(rng.integers(0, len(changed)))
    del changed[start : start + int(rng.integers(1, 64))]


def repeat_piece(changed, rng, _other):
    start = int(rng.integers(0, len(changed)))
    piece = changed[start : start + int(rng.integers(1, 64))]
    changed[start:start] = piece * int(rng.integers(1, 5))


def set_word(changed, rng, _other):
    start = int(rng.integers(0, len(changed)))
    word = int(rng.choice([0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1]))
    changed[start : start + 4] = word.to_bytes(4, "little" if rng.random() < 0.5 else "big")


def scramble_piece(changed, rng, _other):
    start, length = int(rng.integers(0, len(changed))), int(rng.integers(1, 64))
    changed[start : start + length] = rng.bytes(length)


def join_with_another(changed, rng, other):
    changed[int(rng.integers(0, len(changed))) :] = other[int(rng.integers(0, len(other))) :]


CHANGES = (
    flip_bits,
    set_header_bytes,
    cut_end,
    drop_piece,
    repeat_piece,
    set_word,
    scramble_piece,
    join_with_another,
)


def mutate_text(data: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    """Change what JSON says: a value of another kind, a key gone; half of the time as bytes."""
    try:
        content = json.loads(data)
    except ValueError:
        return mutate(data, rng, other)
    if rng.random() < 0.3:
        return mutate(data, rng, other)
    for _ in range(int(rng.integers(1, 4))):
        node = content
        for _ in range(int(rng.integers(0, 7))):
            inner = _children(node)
            if not inner:
                break
            node = inner[int(rng.integers(0, len(inner)))]
        _change(node, rng)
    return json.dumps(content).encode()


def _children(node):
    values = list(node.values()) if isinstance(node, dict) else node
    return [value for value in values if isinstance(value, dict | list) and value]


def _change(node, rng) -> None:
    keys = list(node) if isinstance(node, dict) else range(len(node))
    if not len(keys):
        return
    key = list(keys)[int(rng.integers(0, len(keys)))]
    values = [None, -1, 0, 1e308, "", "../x", [], {}, True, "COVID19", [1, 2], {"a": 1}, 10**30]
    if rng.random() < 0.25:
        del node[key]
    else:
        node[key] = values[int(rng.integers(0, len(values)))]


def run(child, files: dict[str, tuple[str, str, bytes]], kind: str, mutation=mutate) -> Counter:
    """Mutate each file in turn; nothing but reads and typed errors."""
    n_files = max(len(files), int(N_ALL * SHARES[kind]))
    names = list(files)
    others = [data for _, _, data in files.values()]
    for name, (target, path, data) in files.items():
        answer = child.do(target, path, data)
        assert answer["outcome"] == "read", (name, answer)
    outcomes: Counter[str] = Counter()
    unsound, slow = [], []
    first_mb = None
    for number in range(n_files):
        rng = np.random.default_rng([number, len(kind)])
        name = names[number % len(names)]
        target, path, data = files[name]
        changed = mutation(data, rng, others[int(rng.integers(0, len(others)))])
        answer = child.do(target, path, changed)
        outcomes[answer["outcome"] if answer["is_sound"] else "unsound"] += 1
        first_mb = first_mb or answer["peak_mb"]
        if not answer["is_sound"]:
            unsound.append((name, number, answer["outcome"]))
        if answer["seconds"] > MAX_S:
            slow.append((name, number, answer["seconds"]))
    growth_mb = answer["peak_mb"] - first_mb
    told = f"{kind}: {n_files:,} mutations, {growth_mb:.0f} MB more at the peak: {dict(outcomes)}"
    sys.stdout.write(f"\n{told}\n")
    assert not unsound, unsound[:20]
    assert not slow, slow[:20]
    assert growth_mb < MAX_GROWTH_MB
    return outcomes


def test_pictures(child):
    files = {name: ("film", "", data) for name, data in pictures().items()}
    outcomes = run(child, files, "pictures")
    assert outcomes["read"]
    assert outcomes["UnreadableImageError"]


def test_dicom(child):
    files = {name: ("film", "", data) for name, data in dicom_films().items()}
    outcomes = run(child, files, "DICOM")
    assert outcomes["read"]
    assert outcomes["UnsupportedDicomError"]


def test_archives(child):
    files = {name: ("archive", "", data) for name, data in archives().items()}
    outcomes = run(child, files, "archives")
    assert outcomes["ArchiveError"]


def test_bundle(child):
    folder = child._folder / "bundle"
    files = {path: ("bundle", path, (folder / path).read_bytes()) for path in child.paths}
    outcomes = run(child, files, "bundle", mutation=mutate_text)
    assert outcomes["read"]
    assert outcomes["SpecMismatchError"]


def test_the_memory_of_the_child_is_seen(child):
    before = child.do("film", "", pictures()["PNG"])["peak_mb"]
    wide = Image.fromarray(np.zeros((1900, 2000), np.uint16))
    stream = BytesIO()
    wide.save(stream, "PNG")
    after = child.do("film", "", stream.getvalue())["peak_mb"]
    assert 10 < after - before < MAX_GROWTH_MB
