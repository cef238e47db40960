"""Folders of films for tests: copies, damaged ones, an archive."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from tests.conftest import write_film


def mixed_folder(path: Path, n_films: int = 6) -> Path:
    """Films, one of them twice, damaged ones of equal bytes, an archive with a film of its own."""
    path.mkdir()
    for n in range(n_films):
        write_film(path / f"{n}.png", seed=n)
    shutil.copy(path / "3.png", path / "again.png")
    for name in ("cut.png", "cut2.png"):
        (path / name).write_bytes((path / "0.png").read_bytes()[:300])
    new = write_film(path / "new.png", seed=99)
    with zipfile.ZipFile(path / "more.zip", "w") as archive:
        archive.write(path / "5.png", "inner/5.png")
        archive.write(new, "inner/new.png")
        archive.writestr("inner/../../out.png", b"x")
    new.unlink()
    (path / "refused.zip").write_bytes(b"no archive")
    return path
