"""What the system refuses to tell of a path is "not there", and no error of the system's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_core.io.place import is_folder, is_there


def test_files_folders_and_nothing(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    assert is_folder(tmp_path)
    assert is_folder(tmp_path / "link")
    assert is_there(tmp_path)
    assert is_there(file)
    assert not is_folder(file)
    assert not is_folder(tmp_path / "gone")
    assert not is_there(tmp_path / "gone")


@pytest.mark.parametrize("name", ["a" * 300, "bad\0name"])
def test_names_that_no_file_can_have(tmp_path, name):
    assert not is_folder(tmp_path / name)
    assert not is_there(tmp_path / name)


def test_a_folder_that_may_not_be_entered(tmp_path, monkeypatch):
    def refuse(self, **_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    assert not is_folder(tmp_path)
    assert not is_there(tmp_path)
