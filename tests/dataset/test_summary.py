"""Class weights, what the source gives away, and the summary that is published."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from cxr_core.dataset import (
    check_summary,
    class_weights_inverse,
    class_weights_max,
    data_digest,
    read_summary,
    scan,
    source_separability,
    summarise,
)
from cxr_core.errors import SpecMismatchError

COUNTS = {"COVID19": 2, "NORMAL": 4, "PNEUMONIA": 8}


def test_both_class_weights_by_hand():
    assert class_weights_max(COUNTS) == {"COVID19": 4.0, "NORMAL": 2.0, "PNEUMONIA": 1.0}
    inverse = class_weights_inverse(COUNTS)
    assert inverse == pytest.approx({"COVID19": 14 / 6, "NORMAL": 14 / 12, "PNEUMONIA": 14 / 24})
    assert sum(COUNTS[label] * inverse[label] for label in COUNTS) == pytest.approx(14)


@pytest.mark.parametrize("weights", [class_weights_max, class_weights_inverse])
@pytest.mark.parametrize("counts", [{}, {"COVID19": 0, "NORMAL": 3}])
def test_a_class_without_films_has_no_weight(weights, counts):
    with pytest.raises(ValueError, match=r"`counts` must be at least 1 for each class\. Received"):
        weights(counts)


def row(covid19: int, normal: int, pneumonia: int) -> dict[str, int]:
    return {"COVID19": covid19, "NORMAL": normal, "PNEUMONIA": pneumonia}


def test_a_class_with_sources_of_its_own_is_told_by_them():
    found = source_separability({"a": row(5, 0, 0), "b": row(0, 3, 9), "c": row(2, 0, 0)})
    assert found["COVID19"] == 1.0
    # NORMAL: all in b; of the 16 others 9 are in b: (1 + 7 / 16) / 2
    assert found["NORMAL"] == pytest.approx((1 + 7 / 16) / 2)


def test_independent_sources_tell_nothing():
    found = source_separability({"a": row(1, 2, 3), "b": row(10, 20, 30)})
    assert found == pytest.approx(row(0.5, 0.5, 0.5))
    assert source_separability({"a": row(1, 2, 3)}) == pytest.approx(row(0.5, 0.5, 0.5))


def test_separability_equals_the_best_rule_of_all():
    """Slow reference: try every set of sources as the rule."""
    rng = np.random.default_rng(0)
    table = {name: row(*map(int, rng.integers(0, 9, 3))) for name in "abcde"}
    found = source_separability(table)
    for label, value in found.items():
        own = np.array([table[name][label] for name in "abcde"])
        rest = np.array([sum(table[name].values()) for name in "abcde"]) - own
        rules = (np.array([bits >> i & 1 for i in range(5)]) for bits in range(32))
        best = max((own @ r / own.sum() + rest @ (1 - r) / rest.sum()) / 2 for r in rules)
        assert value == pytest.approx(best)


def test_unknown_sources_are_left_out():
    assert source_separability({"not stated": row(1, 2, 3)}) is None
    assert source_separability({}) is None
    assert source_separability({"a": row(4, 0, 0)}) == {}
    assert source_separability(
        {"a": row(4, 0, 0), "b": row(0, 1, 0), "not stated": row(9, 9, 9)}
    ) == {
        "COVID19": 1.0,
        "NORMAL": 1.0,
    }


@pytest.fixture
def summary(folder, write_manifest):
    """A summary of films with a manifest, a leak, copies and a damaged file."""
    shutil.copy(
        folder / "train" / "NORMAL" / "normal-0.png", folder / "test" / "PNEUMONIA" / "SECRET.png"
    )
    (folder / "test" / "NORMAL" / "SECRET-cut.png").write_bytes(b"\x89PNG")
    write_manifest(
        "path,patient,source,subtype,view,license",
        "train/COVID19/covid19-0.png,SECRET-P1,journal,,PA,CC BY 4.0",
        "train/COVID19/covid19-1.png,SECRET-P1,journal,,AP Supine,",
        "test/COVID19/covid19-0.png,SECRET-P1,journal,,PA,CC BY 4.0",
        "test/NORMAL/normal-1.png,SECRET-P2,hospital,,PA,",
        "test/PNEUMONIA/pneumonia-0.png,SECRET-P2,hospital,virus,,see source",
    )
    return summarise(scan(folder))


def test_the_summary_counts(summary, folder):
    assert summary["schema"] == "cxr-dataset/1"
    assert summary["classes"] == ["COVID19", "NORMAL", "PNEUMONIA"]
    assert summary["digest"] == data_digest(scan(folder).films)
    assert (summary["n_films"], summary["n_unreadable"]) == (16, 1)
    assert summary["n_by_split"] == {"train": row(3, 3, 3), "test": row(2, 2, 3)}
    assert list(summary["n_by_source"].items()) == [
        ("journal", row(3, 0, 0)),
        ("hospital", row(0, 1, 1)),
        ("not stated", row(2, 4, 5)),
    ]
    assert summary["n_by_split_and_source"]["test"]["journal"] == row(1, 0, 0)
    assert summary["n_by_subtype"]["virus"] == row(0, 0, 1)
    assert list(summary["n_by_view"].items()) == [
        ("PA", row(2, 1, 0)),
        ("AP Supine", row(1, 0, 0)),
        ("not stated", row(2, 4, 6)),
    ]
    licenses = summary["n_by_source_and_license"]
    assert {name: list(own.items()) for name, own in licenses.items()} == {
        "journal": [("CC BY 4.0", 2), ("not stated", 1)],
        "hospital": [("see source", 1), ("not stated", 1)],
        "not stated": [("not stated", 11)],
    }
    assert summary["class_weights"]["train"] == {"max": row(1, 1, 1), "inverse": row(1, 1, 1)}
    assert summary["class_weights"]["test"]["max"] == row(1.5, 1.5, 1.0)
    assert summary["patients_from"] == "manifest"
    assert summary["n_patients_all"] == 2
    assert summary["n_patients"] == {"train": 1, "test": 2}
    assert summary["n_without_patient"] == {"train": 7, "test": 4}
    assert summary["n_duplicates"] == {"copy": 1, "near_duplicate": 0, "two_classes": 1}
    assert summary["n_leaks"] == {"patient": 1, "copy": 1, "near_duplicate": 0}


def test_the_histograms_hold_every_film_once(summary):
    assert summary["sizes"]["n_by_class"]["COVID19"][:4] == [0, 0, 5, 0]
    assert summary["sizes"]["common"] == [{"width_px": 260, "height_px": 300, "n": 16}]
    for part, edges in (("sizes", "from_px"), ("intensity", "edges")):
        for label, counts in summary[part]["n_by_class"].items():
            assert sum(counts) == {"COVID19": 5, "NORMAL": 5, "PNEUMONIA": 6}[label]
            assert len(counts) == len(summary[part][edges]) - (part == "intensity")
    assert all(0 < mean < 1 for mean in summary["intensity"]["mean_by_class"].values())


def test_no_file_and_no_patient_is_named(summary):
    text = json.dumps(summary)
    assert "SECRET" not in text
    assert ".png" not in text


def test_round_trip(summary, tmp_path):
    path = tmp_path / "dataset.json"
    path.write_text(json.dumps(summary), "utf-8")
    assert read_summary(path) == summary


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"`dataset\.json` must be a JSON file\. Received: JSONDecodeError"),
        ("[]", r"`schema` must be cxr-dataset/1\. Received: 'list'"),
        ('{"schema": "cxr-dataset/9"}', r"`schema` must be cxr-dataset/1\. Received: 'cxr-datas"),
        ('{"schema": "cxr-dataset/1"}', r"must have every field of cxr-dataset/1\. Received: no "),
    ],
)
def test_files_that_are_no_summary(tmp_path, text, message):
    path = tmp_path / "dataset.json"
    path.write_text(text, "utf-8")
    with pytest.raises(SpecMismatchError, match=message):
        read_summary(path)


def test_a_missing_file_and_a_field_of_another_kind(tmp_path, summary):
    with pytest.raises(SpecMismatchError, match="FileNotFoundError"):
        read_summary(tmp_path / "dataset.json")
    with pytest.raises(SpecMismatchError, match=r"no usable \['n_leaks'\]"):
        check_summary({**summary, "n_leaks": 3})
