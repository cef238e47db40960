"""Tables: the columns that scripts depend on, and equal values in every kind of file."""

from __future__ import annotations

import csv
import io
import json

import pytest
from pyarrow import parquet

from cxr_core.batch import Record
from cxr_core.batch.table import columns, open_table, row, table_bytes, table_systems
from cxr_core.errors import UnreadableImageError
from cxr_core.labels import CLASSES, SYSTEMS

COLUMNS = (
    "file,sha256,status,error_type,warnings,"
    "densenet201_COVID19,densenet201_NORMAL,densenet201_PNEUMONIA,"
    "efficientnetb7_COVID19,efficientnetb7_NORMAL,efficientnetb7_PNEUMONIA,"
    "vgg16_COVID19,vgg16_NORMAL,vgg16_PNEUMONIA,"
    "ensemble_probs_COVID19,ensemble_probs_NORMAL,ensemble_probs_PNEUMONIA,"
    "ensemble_dense_COVID19,ensemble_dense_NORMAL,ensemble_dense_PNEUMONIA,"
    "densenet201_label,efficientnetb7_label,vgg16_label,ensemble_probs_label,ensemble_dense_label,"
    "agreement,ood_score,ood_verdict,prediction_set"
)
PROBS = (0.1 + 0.2, 0.4, 1 / 3)


def a_record(file="a, b.png", *, held=("COVID19", "NORMAL"), systems=SYSTEMS):
    """A record with numbers that need all their digits."""
    entry = {
        "probabilities": dict(zip(CLASSES, PROBS, strict=True)),
        "raw_probabilities": dict(zip(CLASSES, PROBS, strict=True)),
        "label": "NORMAL",
        "temperature": None,
    }
    codes = ("colour_image", "multi_frame")
    return Record(
        {
            "file": file,
            "sha256": "ab" * 32,
            "status": "refused",
            "error": None,
            "warnings": [{"code": code, "message": "words"} for code in codes],
            "systems": dict.fromkeys(systems, entry),
            "trust": {
                "out_of_distribution": {"score": 12.5, "threshold": 9.0, "verdict": "refused"},
                "agreement": 0.8,
                "prediction_set": None if held is None else list(held),
            },
            "timing_ms": None,
        }
    )


AN_ERROR = Record.from_error('fi"lm\n.png', UnreadableImageError("`data` must be a film."))
RECORDS = (a_record(), a_record("none.png", held=()), a_record("unknown.png", held=None), AN_ERROR)


def test_the_columns_are_those_of_the_contract():
    assert ",".join(columns(SYSTEMS)) == COLUMNS


def test_systems_that_a_variant_lacks_have_empty_columns():
    assert table_systems(("vgg16",)) == SYSTEMS
    assert table_systems(("resnet50", "vgg16")) == (*SYSTEMS, "resnet50")
    values = row(a_record(systems=("vgg16",)), SYSTEMS)
    assert values["vgg16_COVID19"] == PROBS[0]
    assert values["densenet201_COVID19"] is None
    assert values["densenet201_label"] is None


def test_csv_reads_back_to_the_last_digit():
    text = table_bytes(".csv", RECORDS, SYSTEMS, {}).decode()
    assert text.splitlines()[0] == COLUMNS
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [r["file"] for r in rows] == [record.file for record in RECORDS]
    assert tuple(float(rows[0][f"vgg16_{name}"]) for name in CLASSES) == PROBS
    assert rows[0]["warnings"] == "colour_image;multi_frame"
    assert [r["prediction_set"] for r in rows] == ["COVID19;NORMAL", "none", "", ""]
    assert rows[0]["ood_score"] == "12.5"
    assert rows[3]["error_type"] == "UnreadableImageError"
    assert rows[3]["vgg16_COVID19"] == rows[3]["agreement"] == rows[3]["sha256"] == ""


def test_json_lines_and_parquet_hold_the_rows_of_csv():
    lines = table_bytes(".jsonl", RECORDS, SYSTEMS, {}).decode().splitlines()
    about = {"variant": "clean"}
    file = parquet.read_table(io.BytesIO(table_bytes(".parquet", RECORDS, SYSTEMS, about)))
    expected = [row(record, SYSTEMS) for record in RECORDS]
    assert [json.loads(line) for line in lines] == expected
    assert file.to_pylist() == expected
    assert file.column_names == COLUMNS.split(",")
    assert json.loads(file.schema.metadata[b"cxr_score"]) == about
    assert str(file.schema.field("vgg16_NORMAL").type) == "double"


def test_tables_without_rows():
    assert table_bytes(".csv", (), SYSTEMS, {}).decode() == f"{COLUMNS}\n"
    assert table_bytes(".jsonl", (), SYSTEMS, {}) == b""
    empty = parquet.read_table(io.BytesIO(table_bytes(".parquet", (), SYSTEMS, {})))
    assert (empty.num_rows, empty.column_names) == (0, COLUMNS.split(","))


def test_rows_beyond_one_group():
    records = [a_record(f"{n}.png") for n in range(2100)]
    file = parquet.ParquetFile(io.BytesIO(table_bytes(".parquet", records, SYSTEMS, {})))
    assert [file.metadata.row_group(n).num_rows for n in range(3)] == [1000, 1000, 100]


def test_an_unknown_suffix():
    with pytest.raises(ValueError, match="`suffix` must be one of"):
        open_table(".xlsx", io.BytesIO(), SYSTEMS, {})
