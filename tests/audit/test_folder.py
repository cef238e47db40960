"""The whole audit of a folder: one object without not-a-number, whatever the folder is."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cxr_core.audit.fingerprint import coefficients, working_copy
from cxr_core.audit.folder import audit_folder
from cxr_core.audit.overlap import FingerprintIndex
from cxr_core.audit.plan import AuditSettings, External, Tools
from cxr_core.audit.schema import check_audit
from cxr_core.audit.section import markdown_lines, text_lines
from cxr_core.audit.table import sections
from cxr_core.errors import CancelledCheckError, SpecMismatchError, TrainingDataError
from cxr_core.io import read_path
from tests.audit.material import write_films

FEW = AuditSettings(n_probed=1, n_resamples=30, names=True)


def audited(folder, tools=None, **options):
    """An audit through strict JSON, as it is stored."""
    found = audit_folder(folder, tools or Tools(), settings=FEW, **options)
    return check_audit(json.loads(json.dumps(found, allow_nan=False)))


def test_a_folder_with_everything(plain_folder, tiny_reader, lungs, tmp_path):
    other = write_films(tmp_path / "other", 2, classes=("NORMAL",), first_seed=321)
    lines = ["path,source,patient"]
    lines += [
        f"{path.relative_to(plain_folder).as_posix()},{'ab'[i % 2]},"
        for i, path in enumerate(sorted(plain_folder.rglob("*.png")))
    ]
    (plain_folder / "manifest.csv").write_text("\n".join(lines), "utf-8")
    told = []
    found = audited(
        plain_folder,
        Tools(tiny_reader, lungs),
        external=External(other, "films of adults"),
        on_stage=lambda words, n_done, n_all: told.append((words, n_done, n_all)),
    )
    (own,) = found["variants"].values()
    assert len(own["systems"]) == 5
    assert set(own["covered"]) == {"border_only", "lungs_removed", "lungs_only"}
    assert own["external"]["whole"]["vgg16"]["COVID19"]["n"] == 2
    assert own["sources"]["COVID19"]["n_by_source"] == {"a": 5, "b": 4}
    assert own["probes"]["n"] == 1
    assert found["external"]["n_films"] == 2
    assert found["data"]["method"] == "test"
    assert found["lungs"] == {
        "n": 27,
        "n_without": 0,
        "n_by_class": {"COVID19": 0, "NORMAL": 0, "PNEUMONIA": 0},
    }
    assert found["overlap"] is None
    assert len({words for words, _, _ in told}) == 8
    assert all(n_done <= n_all for _, n_done, n_all in told)
    text = "\n".join(text_lines(sections(found)))
    assert "2 films, films of adults, of 2 patients (Normal 2)" in text
    assert "always the commonest class" in text
    assert "Answers that flip under small changes, 1 films" in text
    assert "| --- |" in "\n".join(markdown_lines(sections(found)))


def test_no_film_is_named_unless_asked(plain_folder, tiny_reader):
    found = audit_folder(
        plain_folder, Tools(tiny_reader), settings=AuditSettings(n_probed=0, n_resamples=10)
    )
    assert ".png" not in json.dumps(found)
    assert found["variants"]["tiny"]["probes"] is None


def test_copies_and_leaks(plain_folder):
    original = plain_folder / "train" / "NORMAL" / "normal-0-0.png"
    shutil.copy(original, plain_folder / "test" / "PNEUMONIA" / "again.png")
    found = audited(plain_folder)["leaks"]
    assert found["pairs"] == {"copy": 1, "near_duplicate": 0, "two_classes": 1}
    assert found["leaks"] == {"patient": 0, "copy": 1, "near_duplicate": 0, "changed_copy": 0}
    assert found["classes_of_two"] == [
        {"classes": ["NORMAL", "PNEUMONIA"], "splits": ["train", "test"]}
    ]
    assert found["files"] == [
        {
            "files": ["train/NORMAL/normal-0-0.png", "test/PNEUMONIA/again.png"],
            "why": "copy",
            "crosses": True,
        }
    ]


def test_a_cropped_copy_across_splits_is_found(plain_folder):
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 255, (16, 16), np.uint8))
    film = np.asarray(coarse.resize((96, 96), Image.Resampling.BICUBIC))
    Image.fromarray(film).save(plain_folder / "train" / "NORMAL" / "whole.png")
    Image.fromarray(film[3:-3, 3:-3]).save(plain_folder / "test" / "NORMAL" / "cut.png")
    found = audited(plain_folder)["leaks"]
    assert found["leaks"]["near_duplicate"] == 0
    assert found["leaks"]["changed_copy"] == 1
    assert found["files"][0] == {
        "files": ["train/NORMAL/whole.png", "test/NORMAL/cut.png"],
        "why": "changed_copy",
        "crosses": True,
    }


def test_a_patient_in_both_splits_is_a_leak(plain_folder):
    lines = ["path,patient", "train/NORMAL/normal-0-0.png,x", "test/NORMAL/normal-50000-0.png,x"]
    (plain_folder / "manifest.csv").write_text("\n".join(lines), "utf-8")
    found = audited(plain_folder)["leaks"]
    assert found["leaks"] == {"patient": 1, "copy": 0, "near_duplicate": 0, "changed_copy": 0}


def index_of(folder, split):
    paths = sorted(folder.rglob("*.png"))
    found = np.stack([coefficients(working_copy(read_path(path).image)) for path in paths])
    return FingerprintIndex.of(found, [split] * len(paths))


def test_open_and_restricted_scoring(tiny_reader, tmp_path):
    known = write_films(tmp_path / "known", 4, classes=("NORMAL",), first_seed=7)
    write_films(tmp_path / "more", 6, first_seed=900)
    index = index_of(tmp_path, "train")
    own = write_films(tmp_path / "own", 3, first_seed=4000)
    for path in list((known / "NORMAL").iterdir())[:2]:
        shutil.copy(path, own / "NORMAL" / f"renamed-{path.name}")
    found = audited(own, Tools(tiny_reader, index=index))
    assert found["overlap"]["n_overlap"] == 2
    assert found["overlap"]["n_by_split"] == {"train": 2}
    assert {each["file"].startswith("NORMAL/renamed-") for each in found["overlap"]["files"]} == {
        True
    }
    rest = found["variants"]["tiny"]["restricted"]
    assert (rest["n"], rest["n_by_class"]["NORMAL"]) == (9, 3)
    assert rest["systems"]["vgg16"]["n"] == 9
    assert found["variants"]["tiny"]["systems"]["vgg16"]["n"] == 11
    text = "\n".join(text_lines(sections(found)))
    assert "2 of 11 films are taken for copies" in text


def test_copies_of_test_films_are_told_and_not_left_out(tiny_reader, tmp_path):
    own = write_films(tmp_path, 2)
    found = audited(own, Tools(tiny_reader, index=index_of(own, "test")))
    assert found["overlap"]["n_by_split"] == {"test": 6}
    assert found["variants"]["tiny"]["restricted"]["n"] == 6


def test_when_every_film_is_a_copy_nothing_is_left_to_score(tiny_reader, tmp_path):
    own = write_films(tmp_path, 2)
    found = audited(own, Tools(tiny_reader, index=index_of(own, "train")))
    assert found["variants"]["tiny"]["restricted"] == {
        "n": 0,
        "n_by_class": {"COVID19": 0, "NORMAL": 0, "PNEUMONIA": 0},
    }
    assert "no film is left" in "\n".join(text_lines(sections(found)))


def test_the_systems_read_no_more_films_than_asked(plain_folder, tiny_reader):
    settings = AuditSettings(n_read=4, n_probed=0, n_resamples=10)
    found = audit_folder(plain_folder, Tools(tiny_reader), settings=settings)
    assert found["n_read"] == 4
    assert found["variants"]["tiny"]["systems"]["vgg16"]["n"] == 4
    assert found["cues"]["corners"]["n"] == 9


@pytest.mark.parametrize(
    ("n", "classes"), [(1, ("COVID19", "NORMAL", "PNEUMONIA")), (3, ("NORMAL",)), (1, ("NORMAL",))]
)
def test_degenerate_folders_give_reasons(tiny_reader, lungs, tmp_path, n, classes):
    folder = write_films(tmp_path, n, classes=classes)
    found = audited(folder, Tools(tiny_reader, lungs))
    assert all("reason" in cue for cue in found["cues"].values())
    assert found["data"]["method"] == "cross_validation"
    assert not found["leaks"]["has_splits"]
    text = "\n".join(text_lines(sections(found)))
    assert "nan" not in text.lower().replace("cannot", "")
    assert "not measured" not in sections(found)[0].title


def test_an_audit_can_be_stopped(plain_folder, tiny_reader):
    def stop(words, _n_done, _n_all):
        return not words.startswith("The systems read the films")

    with pytest.raises(CancelledCheckError, match="cancelled after 1 of"):
        audit_folder(plain_folder, Tools(tiny_reader), settings=FEW, on_stage=stop)


def test_a_folder_without_films(tmp_path):
    with pytest.raises(TrainingDataError, match="must hold films"):
        audited(tmp_path)


def test_another_schema_is_refused():
    with pytest.raises(SpecMismatchError, match=r"must be cxr-audit/1\. Received: 'cxr-other/1'"):
        check_audit({"schema": "cxr-other/1"})
    with pytest.raises(SpecMismatchError, match=r"no usable \['data', 'majority'"):
        check_audit({"schema": "cxr-audit/1"})
    with pytest.raises(SpecMismatchError, match="Received: 'list'"):
        check_audit([])
