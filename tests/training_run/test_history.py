"""Histories: read whole, cut short or foreign; smoothing against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_core.errors import SpecMismatchError
from cxr_core.training_run.history import (
    MAX_BYTES,
    History,
    history_from_rows,
    parse_history,
    read_history,
)
from cxr_core.training_run.history import smooth as smoothed

HEADER = "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds\n"
TABLE = (
    HEADER + "1,0.9,0.5,0.8,0.6,0.001,1.5\n2,0.7,0.6,0.5,0.7,0.001,1.0\n3,0.6,0.7,0.5,0.7,5e-4,1\n"
)


def test_columns_are_float64_in_epoch_order():
    history = parse_history(TABLE)
    assert len(history) == 3
    assert history.epochs.tolist() == [1, 2, 3]
    assert history.column("learning_rate").tolist() == [0.001, 0.001, 0.0005]
    assert all(column.dtype == np.float64 for column in history.columns.values())


def test_the_best_epoch_is_the_first_of_equals():
    assert parse_history(TABLE).best_epoch == 2


def test_a_value_is_found_by_epoch():
    history = parse_history(TABLE)
    assert history.at("val_loss", 3) == 0.5
    assert history.at("val_loss", 4) is None
    assert history.at("val_loss", None) is None
    assert history.at("nothing", 3) is None


@pytest.mark.parametrize("text", ["", "epoch,lo", HEADER, HEADER + "1,0.9,0."])
def test_a_file_that_is_only_begun_has_no_epoch(text):
    history = parse_history(text)
    assert len(history) == 0
    assert history.best_epoch is None
    assert history.column("loss").shape == (0,)


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_last_row_that_is_cut_short_is_left_out_or_whole(cut):
    history = parse_history(TABLE[:-cut])
    assert len(history) in (2, 3)
    assert history.column("val_loss")[:2].tolist() == [0.8, 0.5]


def test_missing_values_of_keras_are_nan():
    history = parse_history("epoch,accuracy,loss,val_loss\n0,0.5,0.9,NA\n1,0.6,0.8,0.4\n")
    assert np.isnan(history.column("val_loss")[0])
    assert history.best_epoch == 1
    assert np.isnan(history.column("val_accuracy")).all()


def test_without_validation_there_is_no_best_epoch():
    assert parse_history("epoch,loss\n1,0.5\n2,nan\n").best_epoch is None


def test_an_epoch_that_comes_twice_counts_as_written_last():
    history = parse_history("epoch,loss\n1,0.9\n2,0.8\n2,0.7\n")
    assert history.column("loss").tolist() == [0.9, 0.7]


def test_columns_of_words_are_left_out():
    assert "note" not in parse_history("epoch,loss,note\n1,0.5,warm-up\n").columns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,age\nA,3\n", "A history must have a column `epoch`"),
        ("epoch,cost\n1,3\n", "must have a column of loss, accuracy"),
        ("epoch,loss\nfirst,0.3\n", "`epoch` of a history must be a number in every row"),
        ("epoch,loss\n1,low\n", "`loss` of a history must be numbers"),
        ("epoch,loss\n1\n2,0.5\n", "must have 2 values in each line. Received: others in line 2"),
    ],
)
def test_foreign_tables_are_refused(text, message):
    with pytest.raises(SpecMismatchError, match=message):
        parse_history(text)


def test_foreign_files_are_refused_by_name(tmp_path):
    path = tmp_path / "history.csv"
    with pytest.raises(SpecMismatchError, match=r"`history\.csv` must be a readable file"):
        read_history(path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    with pytest.raises(SpecMismatchError, match=r"`history\.csv` must be text"):
        read_history(path)
    path.write_bytes(b"1" * (MAX_BYTES + 1))
    with pytest.raises(SpecMismatchError, match=r"must be at most 8,000,000 bytes"):
        read_history(path)


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.6, 0.95])
def test_smoothing_equals_the_plain_loop(weight):
    values = np.random.default_rng(0).normal(size=40)
    average, expected = 0.0, []
    for count, value in enumerate(values, start=1):
        average = average * weight + (1 - weight) * value
        expected.append(average / (1 - weight**count))
    np.testing.assert_allclose(smoothed(values, weight), expected, rtol=1e-12)


def test_smoothing_by_hand():
    """1; (0.5*0.5 + 0.5*3)/(1 - 0.25) = 1.75/0.75."""
    np.testing.assert_allclose(smoothed([1.0, 3.0], 0.5), [1.0, 7 / 3])


def test_smoothing_keeps_constants_gaps_and_its_input():
    values = np.array([2.0, np.nan, 2.0, np.inf, 2.0])
    before = values.copy()
    np.testing.assert_allclose(smoothed(values, 0.9), before)
    np.testing.assert_array_equal(values, before)
    assert smoothed([], 0.5).shape == (0,)


@pytest.mark.parametrize("weight", [-0.1, 1.0, float("nan")])
def test_a_weight_outside_its_range_is_refused(weight):
    with pytest.raises(ValueError, match=r"`weight` must be in \[0, 1\)\. Received: weight="):
        smoothed([1.0], weight)


def test_rows_that_are_not_mappings_are_refused():
    with pytest.raises(SpecMismatchError, match="Received: none in 1"):
        history_from_rows([3])  # type: ignore[list-item]
    assert isinstance(history_from_rows([]), History)
