"""What goes wrong around a program: a full disk, a user without rights."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


class SmallDisk:
    """A disk of its own with little room.

    Attributes:
        folder: Where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, leave=0):
        """Take all room but so many bytes."""
        with self._filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
            if leave:
                file.truncate(max(0, file.tell() - leave))

    def free(self):
        """Give the room back."""
        self._filler.unlink()

    def files(self):
        """Name to bytes of all files that are not the filler."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and path != self._filler
        }


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 16 MB, which only those who may mount one get."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as err:
        pytest.skip(f"a small disk cannot be mounted here: {err}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)
