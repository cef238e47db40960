"""`inspect` on the command line: text, JSON, exit status, bad input."""

from __future__ import annotations

import json
import shutil

import pytest

from cxr_core.__main__ import main
from tests.dataset.conftest import write_split


@pytest.fixture
def folder(tmp_path):
    """Training and test films with a leak and two sources."""
    path = tmp_path / "films"
    write_split(path, "train", 2, first_seed=0)
    write_split(path, "test", 1, first_seed=500)
    shutil.copy(path / "train" / "NORMAL" / "normal-0.png", path / "test" / "NORMAL" / "again.png")
    lines = ["path,source,patient"]
    for film in sorted(path.rglob("*.png")):
        name = film.relative_to(path).as_posix()
        lines.append(f"{name},{'journal' if 'COVID' in name else 'hospital'},")
    (path / "manifest.csv").write_text("\n".join(lines), "utf-8")
    return path


def test_text(folder, capsys):
    assert main(["inspect", str(folder)]) == 0
    printed = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert lines[0].startswith("10 films, digest ")
    assert "films by split COVID19 NORMAL PNEUMONIA" in lines
    assert "test 1 2 1" in lines
    assert "hospital 0 4 3" in lines
    assert "test 2.0000 1.0000 2.0000" in lines
    assert "test 1.3333 0.6667 1.3333" in lines
    assert (
        "source alone tells COVID19 from the rest: balanced accuracy 1.000 "
        "<- class and source are confounded"
    ) in lines
    assert "sizes in pixels: 1 different; 260 by 300 (10)" in lines
    assert "patients, told by none: train 0, test 0; 10 films of unknown patients" in lines
    assert "leaks between splits: 1" in lines
    assert lines.count("same bytes: train/NORMAL/normal-0.png test/NORMAL/again.png") == 2


def test_json(folder, capsys):
    assert main(["inspect", str(folder), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["schema"] == "cxr-inspection/1"
    assert printed["folder"] == str(folder)
    assert printed["summary"]["schema"] == "cxr-dataset/1"
    assert printed["source_separability"]["COVID19"] == 1.0
    files = ["train/NORMAL/normal-0.png", "test/NORMAL/again.png"]
    assert printed["duplicates"] == [{"files": files, "why": "copy"}]
    assert printed["leaks"] == [
        {
            "split_a": "train",
            "file_a": files[0],
            "split_b": "test",
            "file_b": files[1],
            "why": "copy",
        }
    ]
    assert (printed["unreadable"], printed["ignored_folders"]) == ([], [])


def test_an_unreadable_film_is_listed_and_changes_the_exit_status(folder, capsys):
    (folder / "test" / "COVID19" / "cut.png").write_bytes(b"\x89PNG")
    (folder / "test" / "masks").mkdir()
    assert main(["inspect", str(folder)]) == 1
    printed = capsys.readouterr().out
    assert "unreadable: test/COVID19/cut.png: `data` must be" in printed
    assert "not a class, left out: test/masks" in printed


def test_without_sources_nobody_can_tell(folder, capsys):
    (folder / "manifest.csv").unlink()
    assert main(["inspect", str(folder)]) == 0
    assert "source: not stated, so nobody can tell" in capsys.readouterr().out


def test_a_folder_that_cannot_be_used(tmp_path, capsys):
    assert main(["inspect", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "must hold a folder named train, val or test" in captured.err
    assert "what to do: Give a folder with train/ and test/" in captured.err


def test_wrong_usage(capsys):
    assert main(["inspect"]) == 2
