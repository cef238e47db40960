"""Scanning: layout, manifest, patients, copies, leaks, and folders that cannot be used."""

from __future__ import annotations

import hashlib
import shutil

import numpy as np
import pytest
from PIL import Image

from cxr_core.dataset import Leak, find_split, read_manifest, scan, scan_classes, scan_split
from cxr_core.errors import TrainingDataError
from cxr_core.evaluate.patients import patient_keys
from cxr_core.io import read_path
from tests.conftest import write_film
from tests.dataset.conftest import write_split
from tests.io.dicom_files import dataset as dicom_file
from tests.io.dicom_files import written


def sha256(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def listing(folder):
    return sorted((p.as_posix(), p.stat().st_mtime_ns) for p in folder.rglob("*"))


def test_a_plain_folder(folder):
    before = listing(folder)
    calls = []
    dataset = scan(folder, on_film=lambda *numbers: calls.append(numbers))
    assert listing(folder) == before
    assert calls == [(i, 15) for i in range(1, 16)]
    assert dataset.splits == ("train", "test")
    assert list(dataset.films) == [*scan_split(folder, "train"), *scan_split(folder, "test")]
    assert dataset.groups == tuple(range(15))
    assert dataset.sizes_px == ((260, 300),) * 15
    expected = [float(read_path(film.path).image.mean()) for film in dataset.films]
    assert dataset.intensities == pytest.approx(expected)
    assert (dataset.duplicates, dataset.leaks, dataset.unreadable) == ((), (), ())
    assert dataset.patients_from == "none"


def test_names_in_any_case_below_data_with_a_val_split(folder, tmp_path):
    write_split(folder, "VAL", 1, first_seed=2000)
    (folder / "train" / "NORMAL").rename(folder / "train" / "Normal")
    nested = tmp_path / "outer"
    nested.mkdir()
    folder.rename(nested / "data")
    dataset = scan(nested)
    assert dataset.splits == ("train", "val", "test")
    assert len(dataset.films) == 18
    assert dataset.file_name(3) == "data/train/Normal/normal-0.png"


def test_hidden_files_tables_and_other_folders_are_no_films(folder):
    (folder / "train" / "NORMAL" / "._normal-0.png").write_bytes(b"resource fork")
    (folder / "train" / "NORMAL" / "notes.txt").write_text("notes")
    (folder / "train" / "NORMAL" / "deep.png").mkdir()
    write_film(folder / "train" / "NORMAL" / "deep.png" / "film.png", seed=77)
    (folder / "train" / "Masks").mkdir()
    dataset = scan(folder)
    assert len(dataset.films) == 16
    assert dataset.ignored == ("train/Masks",)
    assert len(scan_split(folder, "train")) == 10


def test_patients_from_file_names(folder):
    test = folder / "test" / "PNEUMONIA"
    (folder / "train" / "PNEUMONIA" / "pneumonia-0.png").rename(
        folder / "train" / "PNEUMONIA" / "person7_virus_1.png"
    )
    (test / "pneumonia-0.png").rename(test / "person7_virus_2.png")
    (test / "pneumonia-1.png").rename(test / "person7_bacteria_9.png")
    dataset = scan(folder)
    assert dataset.patients_from == "file names"
    own = [i for i, film in enumerate(dataset.films) if film.patient == "person7"]
    assert len({dataset.groups[i] for i in own}) == 1
    assert len(set(dataset.groups)) == 13
    assert dataset.leaks == tuple(
        Leak(
            "train", "train/PNEUMONIA/person7_virus_1.png", "test", f"test/PNEUMONIA/{b}", "patient"
        )
        for b in ("person7_bacteria_9.png", "person7_virus_2.png")
    )


def test_the_manifest_tells_patients_sources_and_subtypes_by_bytes(folder, write_manifest):
    a = folder / "train" / "NORMAL" / "normal-0.png"
    b = folder / "test" / "COVID19" / "covid19-0.png"
    write_manifest(
        "path,label,patient,source,subtype,sha256,view",
        f"elsewhere/x.png,normal,P1,hospital,,{sha256(a).upper()},PA",
        f"elsewhere/y.png,,P1,journal,mild,{sha256(b)},AP",
        ",,,,,,",
    )
    dataset = scan(folder)
    films = {film.path: film for film in dataset.films}
    assert (films[a].patient, films[a].source, films[a].subtype) == ("P1", "hospital", "")
    assert (films[b].patient, films[b].source, films[b].subtype) == ("P1", "journal", "mild")
    assert dataset.patients_from == "manifest"
    assert dataset.leaks == (
        Leak("train", "train/NORMAL/normal-0.png", "test", "test/COVID19/covid19-0.png", "patient"),
    )


@pytest.mark.parametrize("prefix", ["", "Data/", "./Data/", "Data\\"])
def test_the_manifest_by_path(folder, tmp_path, prefix):
    outer = tmp_path / "outer"
    outer.mkdir()
    folder.rename(outer / "Data")
    (outer / "manifest.csv").write_text(
        f"path,patient\n{prefix}train/NORMAL/normal-1.png,P9\n", encoding="utf-8-sig"
    )
    for named in (outer, outer / "Data"):
        patients = [film.patient for film in scan(named).films]
        assert patients.count("P9") == 1
        assert patients.index("P9") == 4


def test_no_manifest_is_none(folder):
    assert read_manifest(folder) is None


def test_a_manifest_cannot_be_changed_by_its_reader(folder, write_manifest):
    write_manifest("path,patient", "a.png,P1")
    with pytest.raises(TypeError):
        read_manifest(folder)["b.png"] = None


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,label", "a.png,NORMAL"], r"must have a column sha256 or path\. Received: \['file'"),
        ([""], r"must have a column sha256 or path\. Received: \[\]"),
        (["path,patient", ",P1"], r"give every film a sha256 or a path\. Received: none in line 2"),
        (["path,label", "a,NORMAL", "a,COVID19"], r"one label\. Received: another label in line 3"),
        (["sha256,patient", "ff,A", "FF,B"], r"one patient\. Received: another patient in line 3"),
        (["path,label", '"a.png,NORMAL'], r"must be a table that can be read\. Received: unexpect"),
    ],
)
def test_manifests_that_cannot_be_used(folder, write_manifest, lines, message):
    write_manifest(*lines)
    with pytest.raises(TrainingDataError, match=message):
        scan(folder)


def test_a_manifest_that_is_no_text(folder):
    (folder / "manifest.csv").write_bytes(b"\xff\xfe\x00path")
    with pytest.raises(TrainingDataError, match="must be a table that can be read"):
        scan(folder)


def test_a_manifest_that_contradicts_the_folders(folder, write_manifest):
    write_manifest(
        "path,label",
        "train/NORMAL/normal-0.png,PNEUMONIA",
        "train/NORMAL/normal-1.png,NORMAL",
        "test/NORMAL/normal-1.png,Viral",
    )
    message = (
        r"Received: train/NORMAL/normal-0\.png is PNEUMONIA in the manifest and NORMAL by its "
        r"folder; 2 films in all$"
    )
    with pytest.raises(TrainingDataError, match=message):
        scan(folder)


def test_copies_and_near_duplicates_are_found_and_leak(folder):
    train, test = folder / "train", folder / "test"
    shutil.copy(train / "NORMAL" / "normal-0.png", test / "NORMAL" / "again.png")
    shutil.copy(train / "COVID19" / "covid19-0.png", train / "PNEUMONIA" / "again.png")
    with Image.open(train / "COVID19" / "covid19-1.png") as film:
        film.resize((130, 150)).save(test / "COVID19" / "smaller.jpg", quality=90)
    dataset = scan(folder)
    named = {tuple(dataset.file_name(i) for i in pair) for pair in dataset.duplicates}
    assert named == {
        ("train/NORMAL/normal-0.png", "test/NORMAL/again.png"),
        ("train/COVID19/covid19-0.png", "train/PNEUMONIA/again.png"),
        ("train/COVID19/covid19-1.png", "test/COVID19/smaller.jpg"),
    }
    assert {(leak.file_b, leak.why) for leak in dataset.leaks} == {
        ("test/NORMAL/again.png", "copy"),
        ("test/COVID19/smaller.jpg", "near_duplicate"),
    }
    for i, j in dataset.duplicates:
        assert dataset.groups[i] == dataset.groups[j]
    assert len(set(dataset.groups)) == 15


def test_a_copy_of_the_same_patient_is_one_leak(folder):
    source = folder / "train" / "NORMAL" / "normal-0.png"
    named = source.rename(source.with_name("IM-0001-0001.png"))
    shutil.copy(named, folder / "test" / "NORMAL" / "IM-0001-0002.png")
    (leak,) = scan(folder).leaks
    assert leak.why == "copy"


def test_two_flat_films_of_the_same_bytes_are_copies(folder):
    for split in ("train", "test"):
        flat = Image.fromarray(np.full((40, 40), 9, np.uint8))
        flat.save(folder / split / "NORMAL" / "flat.png")
    assert [leak.why for leak in scan(folder).leaks] == ["copy"]


def test_unreadable_films_are_listed_and_left_out(folder):
    normal = folder / "train" / "NORMAL"
    (normal / "cut.png").write_bytes((normal / "normal-0.png").read_bytes()[:300])
    (normal / "empty.jpg").write_bytes(b"")
    (normal / "text.png").write_text("not a film")
    dataset = scan(folder)
    assert len(dataset.films) == 15
    assert [entry.file for entry in dataset.unreadable] == [
        "train/NORMAL/cut.png",
        "train/NORMAL/empty.jpg",
        "train/NORMAL/text.png",
    ]
    assert all("Received: name=" in entry.message for entry in dataset.unreadable)


def test_a_class_of_unreadable_films_only(folder):
    for path in (folder / "test" / "COVID19").iterdir():
        path.write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(TrainingDataError, match=r"readable films .* none in \['test/COVID19'\]"):
        scan(folder)


def test_other_class_names_are_listed_with_the_expected_ones(folder):
    (folder / "train" / "COVID19").rename(folder / "train" / "Covid")
    message = r"films in COVID19, NORMAL, PNEUMONIA, and COVID19 has none\. Received: \['Covid', 'N"
    with pytest.raises(TrainingDataError, match=message):
        scan(folder)


def test_an_empty_and_a_missing_class(folder):
    shutil.rmtree(folder / "test" / "PNEUMONIA")
    (folder / "test" / "PNEUMONIA").mkdir()
    for _ in range(2):
        with pytest.raises(TrainingDataError, match="PNEUMONIA has none"):
            scan(folder)
        shutil.rmtree(folder / "test" / "PNEUMONIA", ignore_errors=True)
    assert len(scan_classes(folder / "test", split="test", required=())) == 4


def test_no_split_no_folder_and_a_file(folder, tmp_path):
    with pytest.raises(TrainingDataError, match=r"named train, val or test\. Received: \['COVID19"):
        scan(folder / "train")
    with pytest.raises(TrainingDataError, match="Received: no such folder"):
        scan(tmp_path / "nowhere")
    path = write_film(tmp_path / "film.png", seed=0)
    with pytest.raises(TrainingDataError, match="Received: no such folder"):
        scan(path)
    with pytest.raises(
        TrainingDataError, match=r"must hold a folder named val\. Received: \['test"
    ):
        find_split(folder, "val")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_a_path_that_no_disk_takes(tmp_path, name):
    with pytest.raises(TrainingDataError, match=r"Received: (File name too long|no such|ValueErr)"):
        scan(tmp_path / name)


def test_a_callback_can_stop_the_scan(folder):
    def stop(n_done, n_films):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(folder, on_film=stop)


def test_one_patient_in_a_split_is_scanned_as_one_group(folder):
    for label in ("COVID19", "NORMAL", "PNEUMONIA"):
        for i, path in enumerate(sorted((folder / "test" / label).iterdir())):
            path.rename(path.with_name(f"person1_virus_{i}.png"))
    dataset = scan(folder)
    tested = {g for g, f in zip(dataset.groups, dataset.films, strict=True) if f.split == "test"}
    assert len(tested) == 1


def test_dicom_is_found_by_its_bytes_whatever_its_name(folder):
    target = folder / "test" / "NORMAL"
    pixels = np.asarray(Image.open(write_film(folder / "drawn.png", seed=77)).convert("L"))
    data = written(dicom_file(pixels.astype(np.uint16) * 16, bits=12))
    for name in ("1.2.840.99", "IM000001", "film.dcm"):
        (target / name).write_bytes(data)
    (target / "DICOMDIR").write_bytes(data)
    (target / ".hidden").write_bytes(data)
    (target / "notes.txt").write_text("DICM is no film")
    names = [film.path.name for film in scan_split(folder, "test") if film.path.parent == target]
    assert names == ["1.2.840.99", "IM000001", "film.dcm", "normal-0.png", "normal-1.png"]
    dataset = scan(folder)
    assert dataset.unreadable == ()
    sizes = {film.path.name: s for film, s in zip(dataset.films, dataset.sizes_px, strict=True)}
    assert sizes["IM000001"] == pixels.shape[::-1]


def test_patients_of_dicom_are_compared_and_never_told(folder):
    pixels = np.asarray(Image.open(write_film(folder / "drawn.png", seed=78)).convert("L"))
    who = {
        ("train", "a"): ("Zq-4711", None),
        ("train", "b"): ("Zq-4711", "Other Hospital"),
        ("train", "c"): ("ANONYMOUS", None),
        ("test", "d"): ("Zq-4711", None),
        ("test", "e"): ("anonymous", None),
    }
    for n, ((split, name), (number, issuer)) in enumerate(who.items()):
        turned = np.roll(pixels, 37 * n, axis=1).astype(np.uint16)
        ds = dicom_file(turned, bits=12, PatientID=number, IssuerOfPatientID=issuer)
        (folder / split / "NORMAL" / name).write_bytes(written(ds))
    dataset = scan(folder)
    group = dict(zip([f.path.name for f in dataset.films], dataset.groups, strict=True))
    assert group["a"] == group["d"]
    assert len({group[name] for name in "abce"}) == 4
    assert dataset.patients_from == "DICOM headers"
    assert [leak.why for leak in dataset.leaks] == ["patient"]
    assert "Zq-4711" not in repr(dataset)
    paths = [folder / split / "NORMAL" / name for split, name in who]
    keys, told_by = patient_keys(folder, paths)
    assert told_by == "DICOM headers"
    assert keys[0] == keys[3]
    assert len(set(keys)) == 4
    assert "Zq-4711" not in " ".join(keys)
