"""Statistics of studies whose every answer is known, against counts made by hand and oracles."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import accuracy_score, cohen_kappa_score

from cxr_core.__main__ import main
from cxr_core.evaluate.metrics import wilson
from cxr_core.evaluate.subgroup import TOO_FEW
from cxr_core.reader_study import FolderShelf, statistics
from cxr_core.reader_study.kappa import ALL_THE_SAME, ONE_READER
from cxr_core.reader_study.measure import median_figure, share
from cxr_core.reader_study.switching import Pair, switching
from cxr_core.reader_study.table import COLUMNS, answers_csv, statistics_json
from tests.reader_study.material import answer_all, digest, given, make_study

CLASSES = ["COVID19", "NORMAL", "PNEUMONIA"]
TRUTHS = [CLASSES[n % 3] for n in range(30)]
NAMED = [truth if n % 5 else CLASSES[(n + 1) % 3] for n, truth in enumerate(TRUTHS)]
"""What the systems name: wrong on every fifth film."""


def careful(n, condition):
    """Wrong alone on every third film; aided always takes what the system names."""
    if condition == "aided":
        return NAMED[n]
    return CLASSES[(n + 1) % 3] if n % 3 == 0 else TRUTHS[n]


def stubborn(n, condition):
    """The same answer in both conditions; cannot say on every tenth film."""
    return "CANNOT_SAY" if n % 10 == 0 else TRUTHS[n]


@pytest.fixture(scope="module")
def study():
    made = make_study(TRUTHS, NAMED)
    answer_all(made, "r1", careful, time_s=6.0, n_loads=2, hidden_s=1.0)
    answer_all(made, "r2", stubborn)
    answer_all(made, "r3", lambda *_: "NORMAL")
    return made


@pytest.fixture(scope="module")
def found(study):
    return statistics(study)


def test_accuracy_is_that_of_scikit_learn_with_wilsons_interval(found):
    alone = [careful(n, "alone") for n in range(30)]
    accuracy = found["readers"]["r1"]["alone"]["accuracy"]
    assert accuracy["value"] == accuracy_score(TRUTHS, alone)
    expected = wilson(accuracy["n_hits"], 30)
    assert (accuracy["low"], accuracy["high"]) == pytest.approx((expected.low, expected.high))


def test_who_cannot_say_is_not_right_and_is_told_apart(found):
    alone = found["readers"]["r2"]["alone"]
    assert (alone["accuracy"]["n_hits"], alone["accuracy"]["n"]) == (27, 30)
    assert (alone["accuracy_decided"]["n_hits"], alone["accuracy_decided"]["n"]) == (27, 27)
    assert alone["cannot_say"]["n_hits"] == alone["n_by_choice"]["CANNOT_SAY"] == 3
    assert alone["confidence"]["n"] == 27


def test_times_and_interruptions(found):
    alone = found["readers"]["r1"]["alone"]
    assert alone["time_s"] == {"value": 6.0, "low": 6.0, "high": 6.0, "n": 30}
    assert (alone["n_with_hidden_time"], alone["n_reloaded_or_paused"]) == (30, 30)
    assert found["all_readers"]["alone"]["time_s"]["value"] == 4.0
    assert found["readers"]["r1"]["alone"]["confidence"]["n_by_level"]["3"] == 30


@pytest.mark.parametrize("condition", ["alone", "aided"])
def test_kappas_equal_scikit_learn(found, condition):
    answers = {
        "r1": [careful(n, condition) for n in range(30)],
        "r2": [stubborn(n, condition) for n in range(30)],
        "r3": ["NORMAL"] * 30,
    }
    agreement = found["agreement"][condition]
    assert len(agreement["between_readers"]) == 3
    for pair in agreement["between_readers"]:
        expected = cohen_kappa_score(answers[pair["a"]], answers[pair["b"]])
        assert pair["kappa"]["value"] == pytest.approx(expected)
    assert len(agreement["with_systems"]) == 6
    for pair in agreement["with_systems"]:
        expected = cohen_kappa_score(answers[pair["reader"]], NAMED)
        assert pair["kappa"]["value"] == pytest.approx(expected)
    assert agreement["all_readers"]["n_readers"] == 3
    assert agreement["all_readers"]["low"] < agreement["all_readers"]["value"]


def test_switching_counts_by_hand(found):
    """Alone r1 is wrong where 3 divides n; aided, where 5 does."""
    films = range(30)
    moved = found["readers"]["r1"]["switching"]
    wrong_before = {n for n in films if n % 3 == 0}
    wrong_after = {n for n in films if n % 5 == 0}
    assert moved["n"] == moved["n_with_truth"] == 30
    assert moved["changed_to_right"]["n_hits"] == len(wrong_before - wrong_after) == 8
    assert moved["changed_to_wrong"]["n_hits"] == len(wrong_after - wrong_before) == 4
    assert moved["kept_right"]["n_hits"] == 30 - len(wrong_before | wrong_after)
    assert moved["kept_wrong"]["n_hits"] == 2  # 0 and 15: wrong alone as the system is
    assert moved["changed"]["n_hits"] == 12
    assert moved["when_right"]["n"] == 24
    assert (moved["when_right"]["followed"]["n_hits"], moved["when_right"]["followed"]["n"]) == (
        8,
        8,
    )
    assert (moved["when_wrong"]["misled"]["n_hits"], moved["when_wrong"]["misled"]["n"]) == (4, 4)
    assert moved["when_wrong"]["n_to_system"] == 4
    assert moved["when_wrong"]["resisted"]["n_hits"] == 0
    gain = moved["accuracy_gain"]
    assert gain["value"] == pytest.approx(4 / 30)
    assert gain["low"] < gain["value"] < gain["high"]


def test_small_groups_have_counts_and_no_share(found):
    followed = found["readers"]["r1"]["switching"]["when_right"]["followed"]
    assert (followed["value"], followed["reason"]) == (None, TOO_FEW)
    assert (followed["n_hits"], followed["n"]) == (8, 8)


def test_every_kind_of_pair_is_counted_once():
    kinds = ("changed_to_right", "changed_to_wrong", "changed_wrong_to_wrong")
    choices = [*CLASSES, "CANNOT_SAY"]
    pairs = [
        Pair(digest(i), before, after, system, truth)
        for i, (before, after, system, truth) in enumerate(
            (b, a, s, t) for b in choices for a in choices for s in CLASSES for t in CLASSES
        )
    ]
    moved = switching(pairs)
    counted = [moved[name]["n_hits"] for name in (*kinds, "kept_right", "kept_wrong")]
    assert sum(counted) == len(pairs) == 144
    assert sum(counted[:3]) == moved["changed"]["n_hits"]
    right, wrong = moved["when_right"], moved["when_wrong"]
    assert right["followed"]["n_hits"] + right["ignored"]["n_hits"] == right["followed"]["n"]
    assert wrong["resisted"]["n_hits"] + wrong["misled"]["n_hits"] == wrong["resisted"]["n"]
    assert right["n"] + wrong["n"] == 144


def test_the_median_lies_between_ranks_of_the_binomial():
    """For 30 values the ranks are 10 and 21 (Conover 1999, table A3)."""
    values = [float(n) for n in np.random.default_rng(0).permutation(30)]
    found = median_figure(values, "none")
    assert (found["value"], found["low"], found["high"]) == (14.5, 9.0, 20.0)
    assert binom.cdf(9, 30, 0.5) <= 0.025 < binom.cdf(10, 30, 0.5)
    for n in (20, 25, 101, 400):
        rank = int(median_figure([float(v) for v in range(n)], "none")["low"]) + 1
        assert binom.cdf(rank - 1, n, 0.5) <= 0.025 < binom.cdf(rank, n, 0.5)


def test_answers_of_several_readers_to_one_film_are_not_independent():
    films = [digest(n) for n in range(30)] * 3
    is_hit = [n % 2 == 0 for n in range(30)] * 3
    found = share(is_hit, films, "none")
    lone = share(is_hit[:30], films[:30], "none")
    assert found["n"] == 90
    assert found["high"] - found["low"] == pytest.approx(lone["high"] - lone["low"], rel=0.05)


def no_nan(value):
    """Walk through everything."""
    if isinstance(value, dict):
        if "value" in value and value["value"] is None:
            assert value["reason"]
        return all(no_nan(each) for each in value.values())
    if isinstance(value, list):
        return all(no_nan(each) for each in value)
    return not (isinstance(value, float) and np.isnan(value))


@pytest.mark.parametrize(
    ("truths", "readers"),
    [
        (["NORMAL"], 0),
        (["NORMAL"], 1),
        ([None], 2),
        ([None] * 25, 2),
        (["NORMAL"] * 25, 3),
        (["COVID19", None] * 13, 2),
    ],
)
@pytest.mark.parametrize(
    ("arm", "choice"), [("alone", "CANNOT_SAY"), ("sequential", "NORMAL"), ("crossover", "NORMAL")]
)
def test_degenerate_studies_give_typed_results(truths, readers, arm, choice):
    made = make_study(truths, arm=arm)
    for number in range(readers):
        answer_all(made, f"r{number}", lambda *_: choice)
    found = statistics(made)
    assert no_nan(found)
    assert json.loads(statistics_json(made)) == json.loads(json.dumps(found))
    alone = found["agreement"]["alone"]
    if len(truths) == 25 and readers > 1:
        assert {pair["kappa"]["reason"] for pair in alone["between_readers"]} == {ALL_THE_SAME}
        assert alone["all_readers"]["reason"] == ALL_THE_SAME
    if readers == 1:
        assert alone["between_readers"] == []
        assert alone["all_readers"]["reason"] == ONE_READER


def test_a_study_without_systems_and_a_reader_who_only_began():
    from cxr_core.reader_study import MemoryShelf, StudyFilm, create_study
    from tests.reader_study.material import design

    made = create_study(MemoryShelf(), design=design("alone"), films=[StudyFilm(digest(0))])
    made.begin("r1")
    found = statistics(made)
    assert no_nan(found)
    assert found["systems"] == {}
    assert found["readers"]["r1"]["n_done"] == 0


def rows_of(data):
    lines = [line for line in data.decode().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def test_the_table_holds_every_answer():
    made = make_study(TRUTHS[:4], NAMED[:4], can_go_back=True)
    answer_all(made, "r1", careful)
    last = made.standing("r1").plan[-1]
    made.answer("r1", last.index, given("CANNOT_SAY"), revision=1)
    data = answers_csv(made)
    rows = rows_of(data)
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 9
    assert [row["is_final"] for row in rows] == ["1"] * 7 + ["0", "1"]
    assert rows[-1]["choice"] == "CANNOT_SAY"
    assert (rows[-1]["confidence"], rows[-1]["is_right"], rows[-1]["revision"]) == ("", "0", "1")
    assert {row["system"] for row in rows} == {"ensemble_dense"}
    assert float(rows[0]["system_COVID19"]) in (0.8, 0.1)
    assert b"# digest: " + b"ab" * 32 in data
    assert b"a name" not in data
    assert rows_of(data)[0]["answered_at"] == "2026-03-01T09:00:00+00:00"


def test_statistics_say_what_made_the_readings(found):
    assert found["models"]["bundle"]["digest"] == "ab" * 32
    assert found["truth"] == {"n_by_class": dict.fromkeys(CLASSES, 10), "n_unknown": 0}
    assert found["systems"]["ensemble_dense"]["is_shown"]
    assert found["systems"]["vgg16"]["accuracy"]["n_hits"] == 24


def test_summarise_on_the_command_line(tmp_path, capsys):
    made = make_study(TRUTHS, NAMED, shelf=FolderShelf(tmp_path))
    for reader in ("r1", "r2", "r3"):
        answer_all(made, reader, careful)
    out = tmp_path / "new" / "out"
    assert main(["reader-study", "summarise", str(tmp_path), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "Films: 30. Readers: 3. Intervals: 95%." in said
    assert "  alone: right 0.67 (0.49 to 0.81, 20 of 30)" in said
    assert "kappa alone, r1 and r2: 1.00 (1.00 to 1.00, n = 30)" in said
    assert "Fleiss's kappa alone, all readers: 1.00" in said
    assert (out / "answers.csv").read_bytes() == answers_csv(made)
    assert json.loads((out / "statistics.json").read_text("utf-8"))["n_films"] == 30
    assert main(["reader-study", "summarise", str(out), "--out", str(out)]) == 1
    assert "what to do: Name the folder of a reader study" in capsys.readouterr().err
    taken = tmp_path / "taken"
    taken.write_text("x", "utf-8")
    assert main(["reader-study", "summarise", str(tmp_path), "--out", str(taken)]) == 1
    assert "must be a file that can be written" in capsys.readouterr().err


def test_the_table_is_read_by_other_programs(study):
    import pandas

    frame = pandas.read_csv(io.BytesIO(answers_csv(study)), comment="#")
    assert len(frame) == 180
    assert set(frame["reader"]) == {"r1", "r2", "r3"}
