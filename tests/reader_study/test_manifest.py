"""Studies whose files fit each other and hold what no study holds: typed errors, plain words."""

from __future__ import annotations

import hashlib
import json

import pytest

from cxr_core.batch import Record
from cxr_core.errors import StudyChangedError
from cxr_core.reader_study import FolderShelf, MemoryShelf, Study, StudyFilm, create_study
from tests.reader_study.material import design, digest, make_study

TRUTHS = ["COVID19", "NORMAL", "PNEUMONIA", None]


def set_in(content, path, value):
    """Put a value into nested content; the path is keys and positions."""
    *before, last = path
    for key in before:
        content = content[key]
    content[last] = value


def reopened(tmp_path, *, manifest=(), readings=()):
    """Change a study as somebody could who knows how its files fit, and open it."""
    make_study(TRUTHS, shelf=FolderShelf(tmp_path))
    for name, change in (("readings.json", readings), ("study.json", manifest)):
        content = json.loads((tmp_path / name).read_bytes())
        if name == "study.json":
            readings_data = (tmp_path / "readings.json").read_bytes()
            content["readings_sha256"] = hashlib.sha256(readings_data).hexdigest()
        if change:
            set_in(content, *change)
        (tmp_path / name).write_text(json.dumps(content), "utf-8")
    return Study(FolderShelf(tmp_path))


def test_a_study_whose_files_fit_is_opened(tmp_path):
    assert reopened(tmp_path, manifest=(("created",), "today")).created == "today"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("models",), "x"),
        (("models",), []),
        (("models",), {}),
        (("models", "bundle"), "x"),
        (("models", "bundle", "name"), None),
        (("models", "bundle", "version"), "0.1\n# forged: line"),
        (("models", "variant"), ["clean"]),
        (("models", "precision"), "\ud800"),
        (("models", "calibrated"), "x"),
        (("models", "prediction_set_level"), float("nan")),
        (("models", "more"), {"deep": [[[]]]}),
        (("films",), []),
        (("films",), {"a": 1}),
        (("films", 0), "x"),
        (("films", 0, "truth"), []),
        (("films", 0, "truth"), "FINE"),
        (("films", 0, "sha256"), ["a"] * 64),
        (("films", 0, "sha256"), "g" * 64),
        (("films",), [{"sha256": "a" * 64, "truth": None}] * 2),
        (("source",), "x"),
        (("source",), {"folder": 5}),
        (("created",), None),
        (("readings_sha256",), 5),
        (("design",), "x"),
    ],
)
def test_fields_of_another_kind_are_refused(tmp_path, path, value):
    words = r"`study\.json` must be .* Received: fields are missing or of another kind"
    with pytest.raises(StudyChangedError, match=words):
        reopened(tmp_path, manifest=(path, value))


FILM = digest(0)
SYSTEM = (FILM, "systems", "ensemble_dense")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((FILM,), []),
        ((FILM, "systems"), []),
        ((FILM, "systems"), {}),
        (SYSTEM, "x"),
        ((*SYSTEM, "label"), "FINE"),
        ((*SYSTEM, "label"), []),
        ((*SYSTEM, "probabilities"), [0.1, 0.1, 0.8]),
        ((*SYSTEM, "probabilities", "NORMAL"), None),
        ((*SYSTEM, "probabilities", "NORMAL"), float("inf")),
        ((*SYSTEM, "probabilities", "NORMAL"), 10**400),
        ((FILM, "trust"), "x"),
        ((FILM, "trust", "out_of_distribution"), "x"),
        ((FILM, "trust", "out_of_distribution", "verdict"), "fine"),
        ((FILM, "trust", "prediction_set"), ["FINE"]),
        ((FILM, "trust", "prediction_set"), "NORMAL"),
        ((FILM, "trust", "agreement"), "most"),
    ],
)
def test_readings_of_another_kind_are_refused_though_their_digest_fits(tmp_path, path, value):
    words = r"`readings\.json` must hold what the systems say of each film\. Received: other"
    with pytest.raises(StudyChangedError, match=words):
        reopened(tmp_path, readings=(path, value))


@pytest.mark.parametrize("data", [b"[]", b"x", b"null", b"[" * 200_000])
def test_readings_that_are_none_are_refused_though_their_digest_fits(tmp_path, data):
    make_study(TRUTHS, shelf=FolderShelf(tmp_path))
    (tmp_path / "readings.json").write_bytes(data)
    manifest = json.loads((tmp_path / "study.json").read_bytes())
    manifest["readings_sha256"] = hashlib.sha256(data).hexdigest()
    (tmp_path / "study.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(StudyChangedError, match=r"`readings\.json` must hold what the systems say"):
        Study(FolderShelf(tmp_path))


def test_a_film_without_the_reading_that_is_shown_is_refused(tmp_path):
    aid = {"system": "densenet201", "has_heatmap": False, "has_trust_notes": False}
    with pytest.raises(StudyChangedError, match="must hold what the shown system says of every"):
        reopened(tmp_path, manifest=(("design", "aid"), aid))


def test_what_could_not_be_opened_again_is_not_written():
    shelf = MemoryShelf()
    with pytest.raises(StudyChangedError, match="fields are missing or of another kind"):
        create_study(
            shelf, design=design("alone"), films=[StudyFilm("a" * 64)], models={"bundle": "x"}
        )
    with pytest.raises(StudyChangedError, match=r"`readings\.json` must hold"):
        create_study(
            shelf,
            design=design("alone"),
            films=[StudyFilm("a" * 64)],
            records={"a" * 64: Record({"file": "", "systems": {}})},
        )
    assert shelf.names() == ()
