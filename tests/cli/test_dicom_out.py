"""`dicom-out` on the command line: several films, names of files, what is printed, exit status."""

from __future__ import annotations

import pydicom
import pytest

from cxr_core.__main__ import main
from cxr_core.dicom_out import picture
from tests.io.dicom_files import dataset, gradient, written
from tests.io.dicom_planted import PLANTED, UID, planted_film

NAME = "Featherstonehaugh_Rosalind_8675309"


@pytest.fixture(autouse=True)
def _small_pictures(monkeypatch):
    monkeypatch.setattr(picture, "LONG_SIDE_PX", 256)


@pytest.fixture
def films(tmp_path, film_path):
    """A film with names everywhere, one of another patient, and a picture."""
    first, second = tmp_path / f"{NAME}.dcm", tmp_path / "IM0002"
    ready = {"SOPInstanceUID": "1.2.3.1", "SeriesInstanceUID": "1.2.3.2"}
    first.write_bytes(written(planted_film(**ready)))
    second.write_bytes(written(dataset(gradient(), bits=12)))
    return [str(first), str(second), str(film_path)]


@pytest.fixture
def run(tiny_bundle_dir, tmp_path):
    """Run the command into `out`."""

    def _run(*arguments):
        options = ["--out", str(tmp_path / "out"), "--bundle", str(tiny_bundle_dir)]
        return main(["dicom-out", *arguments, *options])

    return _run


def written_films(tmp_path):
    """Every object, by the beginning of its file name."""
    found = {}
    for path in sorted((tmp_path / "out").iterdir()):
        ds = pydicom.dcmread(path)
        kind, uid = path.stem.split("-")
        assert uid == ds.SOPInstanceUID
        found.setdefault(kind, []).append(ds)
    return found


def test_several_films(films, run, tmp_path, capsys):
    assert run(*films) == 0
    found = written_films(tmp_path)
    assert {kind: len(many) for kind, many in found.items()} == {
        "film": 1,
        "overlay": 3,
        "report": 3,
    }
    assert len({ds.StudyInstanceUID for ds in found["report"]}) == 3
    planted = [ds for ds in found["report"] if ds.StudyInstanceUID == UID]
    assert str(planted[0].PatientName) == "Featherstonehaugh^Rosalind"
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "3 films written, 0 in error. Research use only." in printed.out
    assert "check: The film was no DICOM file" in printed.out
    names = [path.name for path in (tmp_path / "out").iterdir()]
    for word in PLANTED:
        assert word not in printed.out
        assert not [name for name in names if word in name]


def test_several_systems_draw_one_series(films, run, tmp_path):
    assert run(films[1], "--system", "vgg16", "ensemble_probs", "vgg16") == 0
    overlays = written_films(tmp_path)["overlay"]
    assert [ds.ImageComments.split(" · ")[0] for ds in sorted(overlays, key=by_number)] == [
        "VGG16",
        "Ensemble of probabilities",
    ]


def by_number(ds):
    return ds.InstanceNumber


def test_the_ensemble_of_dense_layers_is_drawn_by_itself(films, run, tmp_path):
    assert run(films[1]) == 0
    (overlay,) = written_films(tmp_path)["overlay"]
    assert overlay.ImageComments.startswith("Ensemble of dense layers")


def test_without_identifiers(films, run, tmp_path, capsys):
    assert run(*films[:2], "--deidentify") == 0
    found = written_films(tmp_path)
    assert len(found["film"]) == 2
    for path in (tmp_path / "out").iterdir():
        data = path.read_bytes()
        assert not [word for word in (*PLANTED, UID) if word.encode() in data]
    assert "pixels" not in capsys.readouterr().err


def test_twice_makes_new_objects(films, run, tmp_path):
    assert run(films[1]) == run(films[1]) == 0
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_a_broken_film_does_not_stop_the_others(films, run, tmp_path, capsys):
    broken = tmp_path / "cut"
    broken.write_bytes(written(dataset(gradient(), bits=12))[:-100])
    assert run(str(broken), films[1]) == 1
    printed = capsys.readouterr()
    assert "1 films written, 1 in error" in printed.out
    assert "damaged or cut short" in printed.err
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--system", "resnet"], "--system must be of densenet201"),
        (["--variant", "nowhere"], "nowhere"),
    ],
)
def test_wrong_usage(films, run, capsys, options, words):
    assert run(films[1], *options) == 2
    assert words in capsys.readouterr().err


def test_a_file_instead_of_a_folder(films, run, tmp_path, capsys):
    (tmp_path / "out").write_text("x", "utf-8")
    assert run(films[1]) == 1
    assert "Name a folder of yours" in capsys.readouterr().err


def test_a_missing_bundle(films, tmp_path, capsys):
    options = ["--out", str(tmp_path / "out"), "--bundle", str(tmp_path / "none")]
    assert main(["dicom-out", films[1], *options]) == 1
    assert "what to do" in capsys.readouterr().err
