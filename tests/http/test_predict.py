"""`POST /api/predict`: the numbers of the command line, for pictures and DICOM, one or many."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cxr_core.__main__ import main
from cxr_core.io import read
from cxr_core.labels import CLASSES, SYSTEMS
from tests.conftest import write_film
from tests.io.dicom_files import dataset, gradient, written


@pytest.fixture
def printed(tiny_bundle_dir, capsys):
    """What `predict --json` prints."""

    def run(*files):
        main(["predict", *map(str, files), "--json", "--bundle", str(tiny_bundle_dir)])
        return json.loads(capsys.readouterr().out)

    return run


def timeless(found):
    """The object without what differs from one reading to the next."""
    results = []
    for result in found["results"]:
        kept = {name: value for name, value in result.items() if name != "timing_ms"}
        kept["trust"] = {**(kept["trust"] or {}), "lung_share": None}
        results.append(kept)
    return {**found, "results": results}


def dicom_file(tmp_path):
    path = tmp_path / "film.dcm"
    path.write_bytes(written(dataset(gradient((96, 80), bits=12), bits=12)))
    return path


def test_it_says_what_the_command_line_says(live, printed, film_path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    film, dicom = film_path.name, dicom_file(tmp_path).name
    answer = live.predict(*((name, (tmp_path / name).read_bytes()) for name in (film, dicom)))
    assert answer.status == 200
    assert timeless(answer.json) == timeless(printed(film, dicom))
    assert list(answer.json["results"][0]) == list(printed(film)["results"][0])
    assert answer.json["results"][0]["timing_ms"]["total"] > 0
    assert answer.headers["cache-control"] == "no-store"


def test_a_raw_body_is_one_film(live, film_path):
    data = film_path.read_bytes()
    raw = live.predict_raw(data, headers={"Content-Type": "image/png"})
    assert raw.status == 200
    (result,) = raw.json["results"]
    assert result["file"] == "film"
    (other,) = live.predict(("a.png", data)).json["results"]
    assert result["systems"] == other["systems"]
    assert result["sha256"] == other["sha256"]


def test_a_bad_film_does_not_stop_the_good_one(live, film_path):
    answer = live.predict(("bad.png", b"no film"), ("good.png", film_path.read_bytes()))
    assert answer.status == 200
    assert [result["status"] for result in answer.json["results"]] == ["error", "ok"]
    assert answer.json["results"][0]["error"]["type"] == "UnreadableImageError"


@pytest.mark.parametrize(
    ("data", "status", "kind"),
    [
        (b"a letter", 415, "UnreadableImageError"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, 422, "UnreadableImageError"),
        (b"\0" * 128 + b"DICM" + b"\0" * 50, 422, "UnsupportedDicomError"),
    ],
)
def test_a_film_that_cannot_be_read_has_its_status(live, data, status, kind):
    answer = live.predict_raw(data)
    assert answer.status == status
    (result,) = answer.json["results"]
    assert result["status"] == "error"
    assert result["error"]["type"] in (kind, "UnreadableImageError")
    assert result["error"]["hint"]
    assert result["systems"] == {}


def test_too_many_pixels_are_413(live):
    head = b"BM" + bytes(8) + b"\x36\0\0\0" + b"\x28\0\0\0"
    size = (50_000).to_bytes(4, "little") * 2
    answer = live.predict_raw(head + size + b"\x01\0\x08\0" + bytes(200))
    assert answer.status == 413
    assert answer.json["results"][0]["error"]["type"] == "ImageTooLargeError"


def test_maps_are_those_of_the_core(live, tiny_predictor, film_path):
    data = film_path.read_bytes()
    (result,) = live.predict(("a.png", data), explain="gradcam,eigencam").json["results"]
    reading = tiny_predictor.read(read(data, name="a.png"))
    assert tuple(result["maps"]) == SYSTEMS
    for system in SYSTEMS:
        assert set(result["maps"][system]) == {"gradcam", "eigencam"}
        assert tuple(result["maps"][system]["gradcam"]) == CLASSES
        cams = tiny_predictor.explain_classes(reading, system, method="gradcam")
        for name, cam in cams.items():
            found = result["maps"][system]["gradcam"][name]
            np.testing.assert_array_equal(np.float32(found["grid"]), cam.grid)
            assert found["score"] == cam.score
        assert set(result["maps"][system]["eigencam"]) == {"any"}
    assert result["timing_ms"]["explain"] > 0


@pytest.mark.parametrize("value", ["true", "1"])
def test_explain_alone_gives_the_default_method(live, film_path, value):
    answer = live.predict_raw(film_path.read_bytes(), f"?explain={value}&variant=tiny")
    (result,) = answer.json["results"]
    assert set(result["maps"]["vgg16"]) == {"hirescam"}
    found = result["maps"]["vgg16"]["hirescam"]["COVID19"]
    total = float(np.sum(found["grid"])) + found["bias"]
    assert total == pytest.approx(found["score"], abs=1e-4)


def test_sixteen_clients_with_different_films_get_their_own(live, tiny_predictor, tmp_path):
    films = [write_film(tmp_path / f"{i}.png", seed=i).read_bytes() for i in range(16)]
    expected = [tiny_predictor.read(read(film, name="x")) for film in films]

    def ask(i):
        return [live.predict((f"{i}.png", films[i])) for _ in range(3)]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    for i, (answered, reading) in enumerate(zip(answers, expected, strict=True)):
        for answer in answered:
            assert answer.status == 200
            (result,) = answer.json["results"]
            assert result["file"] == f"{i}.png"
            assert result["sha256"] == reading.radiograph.sha256
            for name, system in reading.systems.items():
                given = list(result["systems"][name]["probabilities"].values())
                np.testing.assert_array_equal(given, system.probs)
    assert live.service.admission.n_requests == 0


@pytest.mark.parametrize(
    ("sent", "shown"),
    [("C:\\films\\Smith\\a.png", "a.png"), ("../../b.png", "b.png"), ("", "film"), ("é\x07", "é")],
)
def test_a_file_name_comes_back_without_folders(live, sent, shown):
    (result,) = live.predict((sent, b"x")).json["results"]
    assert result["file"] == shown
