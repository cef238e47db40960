"""A disk without room, for everything that writes: a typed error, what was there stays, go on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_core.__main__ import main
from cxr_core.audit.overlap import FingerprintIndex
from cxr_core.batch.run import write_scores
from cxr_core.errors import OutputError
from cxr_core.io import read_path
from cxr_core.labels import CLASSES
from cxr_core.reader_study import FolderShelf, Study
from cxr_core.whole_file import write_whole
from tests.conftest import write_film
from tests.io.dicom_files import gradient, written
from tests.io.dicom_planted import planted_film
from tests.reader_study.material import given, make_study

READY = {"ViewPosition": "PA", "BodyPartExamined": "CHEST", "SOPInstanceUID": "1.2.1"}
FULL = "No space left on device"


@pytest.fixture
def films(tmp_path):
    """Twelve films, in a folder of another disk."""
    folder = tmp_path / "films"
    folder.mkdir()
    for n in range(12):
        write_film(folder / f"{n:02}.png", seed=n)
    return folder


@pytest.fixture
def run(tiny_bundle_dir, capsys):
    """Run a command; its status, and what it says where it fails."""

    def call(*arguments):
        capsys.readouterr()
        status = main([*map(str, arguments), "--bundle", str(tiny_bundle_dir)])
        return status, capsys.readouterr()

    return call


def test_a_file_is_whole_or_as_before(small_disk):
    path = small_disk.folder / "below" / "a.json"
    write_whole(path, b"earlier")
    for room in (0, 8192):  # none at all, and too little
        small_disk.fill(leave=room)
        with pytest.raises(OutputError, match=rf"`a\.json` must .* {FULL}") as caught:
            write_whole(path, bytes(1 << 20))
        assert "Free space on the disk" in caught.value.hint
        assert small_disk.files() == {"below/a.json": b"earlier"}
        with pytest.raises(OutputError, match=FULL):
            write_whole(path.with_name("new"), bytes(1 << 20), is_new=True)
        assert small_disk.files() == {"below/a.json": b"earlier"}
        small_disk.free()
    write_whole(path, bytes(1 << 20))
    assert small_disk.files() == {"below/a.json": bytes(1 << 20)}


def test_what_is_no_plain_file_is_written_to_as_it_is(tmp_path, capfd):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"earlier")
    target.chmod(0o600)
    link.symlink_to(target)
    write_whole(link, b"now")
    assert link.is_symlink()
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"now", 0o600)
    with pytest.raises(OutputError, match="File exists"):
        write_whole(link, b"again", is_new=True)
    write_whole(Path("/dev/stdout"), b"printed")
    assert capfd.readouterr().out == "printed"
    with pytest.raises(OutputError, match="Is a directory"):
        write_whole(tmp_path, b"x")
    with pytest.raises(OutputError, match=FULL):
        write_whole(Path("/dev/full"), b"x")
    assert {path.name for path in tmp_path.iterdir()} == {"target", "link"}


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_score_goes_on_from_its_journal(small_disk, films, tiny_predictor, tmp_path, suffix):
    out, whole = small_disk.folder / f"t{suffix}", tmp_path / f"t{suffix}"
    out.write_bytes(b"an earlier table")
    write_scores(tiny_predictor, [films], whole)
    small_disk.fill(leave=20_000)
    with pytest.raises(OutputError, match=FULL) as caught:
        write_scores(tiny_predictor, [films], out)
    assert "Free space" in caught.value.hint
    assert set(small_disk.files()) == {out.name, f"{out.name}.journal.jsonl"}
    assert out.read_bytes() == b"an earlier table"
    small_disk.free()
    outcome = write_scores(tiny_predictor, [films], out, resume=True)
    assert outcome.is_whole
    assert 0 < outcome.n_known < 12
    if suffix != ".parquet":
        assert out.read_bytes() == whole.read_bytes()
    assert set(small_disk.files()) == {
        out.name,
        f"{out.name}.journal.jsonl",
        f"{out.name}.about.json",
    }


def test_a_table_without_room_leaves_no_part(small_disk, films, tiny_predictor):
    out = small_disk.folder / "t.csv"
    write_scores(tiny_predictor, [films], out)
    before = small_disk.files()
    small_disk.fill()
    with pytest.raises(OutputError, match=FULL):
        write_scores(tiny_predictor, [films], out, resume=True)
    after = small_disk.files()
    assert {name: data for name, data in after.items() if "journal" not in name} == {
        name: data for name, data in before.items() if "journal" not in name
    }
    small_disk.free()
    assert write_scores(tiny_predictor, [films], out, resume=True).n_known == 12


def test_evaluate(small_disk, run, tmp_path):
    out, folder = small_disk.folder / "e.json", tmp_path / "labelled"
    for seed, label in enumerate(CLASSES):
        (folder / label).mkdir(parents=True)
        write_film(folder / label / "film.png", seed=seed)
    command = ["evaluate", folder, "--out", out, "--resamples", "10"]
    out.write_bytes(b"earlier")
    small_disk.fill()
    status, printed = run(*command)
    assert status == 1
    assert FULL in printed.err
    assert "what to do: Free space on the disk" in printed.err
    assert small_disk.files() == {"e.json": b"earlier"}
    small_disk.free()
    assert run(*command)[0] == 0
    assert json.loads(out.read_bytes())["schema"]


def test_reports(small_disk, run, films):
    out = small_disk.folder / "r.pdf"
    small_disk.fill(leave=16_384)
    status, printed = run("report", films / "00.png", "--out", out)
    assert (status, FULL in printed.err, "Free space" in printed.err) == (1, True, True)
    assert small_disk.files() == {}
    small_disk.free()
    assert run("report", films / "00.png", "--out", out)[0] == 0
    assert out.read_bytes().rstrip().endswith(b"%%EOF")


def test_maps_of_predict(small_disk, run, films):
    folder = small_disk.folder / "maps"
    small_disk.fill(leave=65_536)
    status, printed = run("predict", films / "00.png", "--explain", folder, "--json")
    (result,) = json.loads(printed.out)["results"]
    assert status == 1
    assert result["error"]["type"] == "OutputError"
    assert FULL in result["error"]["message"]
    assert len(result["systems"]) == 5  # the reading is not lost
    for path in folder.iterdir():
        if path.suffix == ".npz":
            assert set(np.load(path)) > {"classes", "gradcam"}
        else:
            Image.open(path).load()
    small_disk.free()
    assert run("predict", films / "00.png", "--explain", folder, "--json")[0] == 0
    assert len(list(folder.iterdir())) == 10


@pytest.mark.parametrize(
    "command", ["deidentify", pytest.param("dicom-out", marks=pytest.mark.slow)]
)
def test_dicom_objects(small_disk, run, tmp_path, capsys, command):
    pytest.importorskip("highdicom")
    film, out = tmp_path / "film.dcm", small_disk.folder / "out"
    film.write_bytes(written(planted_film(gradient((400, 300), bits=12), **READY)))
    out.mkdir()

    def call():
        if command == "dicom-out":
            return run(command, film, "--out", out)
        capsys.readouterr()
        return main(["deidentify", str(film), str(out / "clean.dcm")]), capsys.readouterr()

    small_disk.fill(leave=8192)
    status, printed = call()
    assert status == 1
    assert FULL in printed.out + printed.err
    assert "Free space" in printed.out + printed.err
    assert all(read_path(path) for path in out.iterdir())  # whole, or not there
    small_disk.free()
    assert call()[0] == 0
    assert not [name for name in small_disk.files() if ".part" in name]


def test_answers_of_a_reader_study(small_disk):
    small_disk.fill()
    with pytest.raises(OutputError, match=FULL):
        make_study(["COVID19", "NORMAL"], shelf=FolderShelf(small_disk.folder))
    assert not [name for name in small_disk.files() if ".part" in name]
    small_disk.free()
    for path in small_disk.folder.iterdir():
        path.unlink()
    study = make_study(["COVID19", "NORMAL"] * 30, shelf=FolderShelf(small_disk.folder))
    small_disk.fill()
    with pytest.raises(OutputError, match=FULL) as caught:
        study.begin("r1")
    assert "Free space" in caught.value.hint
    small_disk.free()
    study.begin("r1")
    small_disk.fill()
    before = [small_disk.files()]

    def answer_until_the_last_block_is_full():
        while (task := study.standing("r1").next) is not None:
            study.answer("r1", task.index, given("NORMAL"))
            before[0] = small_disk.files()

    with pytest.raises(OutputError, match=FULL):
        answer_until_the_last_block_is_full()
    assert small_disk.files() == before[0]
    small_disk.free()
    again = Study(FolderShelf(small_disk.folder))
    n_done, task = again.standing("r1").n_done, again.standing("r1").next
    again.answer("r1", task.index, given("NORMAL"))
    assert again.standing("r1").n_done == n_done + 1 > 1


def test_statistics_of_a_reader_study(small_disk, tmp_path, capsys):
    (tmp_path / "study").mkdir()
    make_study(["COVID19", "NORMAL"], shelf=FolderShelf(tmp_path / "study"))
    small_disk.fill()
    command = ["reader-study", "summarise", tmp_path / "study", "--out", small_disk.folder / "out"]
    assert main([*map(str, command)]) == 1
    assert FULL in capsys.readouterr().err
    assert small_disk.files() == {}
    small_disk.free()
    assert main([*map(str, command)]) == 0
    assert set(small_disk.files()) == {"out/answers.csv", "out/statistics.json"}


def test_fingerprints(small_disk):
    rng = np.random.default_rng(0)
    index = FingerprintIndex.of(rng.normal(size=(400, 575)).astype(np.float32), ["train"] * 400)
    small_disk.fill(leave=4096)
    with pytest.raises(OutputError, match=FULL):
        index.save(small_disk.folder / "f.safetensors")
    assert small_disk.files() == {}
