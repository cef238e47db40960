"""The table of hand-made defects fits the code; `make mutants` runs the tests on each."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tools import mutate
from tools.mutants import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
ONE = MUTANTS[0]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.breaks)
def test_a_change_still_has_its_place(mutant):
    assert mutate.has_place(mutant), f"{mutant.file} no longer holds once: {mutant.old!r}"
    changed = (ROOT / mutant.file).read_text("utf-8").replace(mutant.old, mutant.new)
    assert ast.unparse(ast.parse(changed)) != ast.unparse(
        ast.parse((ROOT / mutant.file).read_text("utf-8"))
    )
    for test in mutant.tests:
        assert (ROOT / test.partition("::")[0]).is_file(), test


def test_every_change_is_another_one_and_stands_in_the_table():
    assert len({(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}) == len(MUTANTS)
    table = (ROOT / "BENCHMARKS.md").read_text("utf-8")
    for mutant in MUTANTS:
        assert f"| `{mutant.file}` | {mutant.breaks} | found |" in table


def test_a_change_without_a_place_ends_with_1(monkeypatch, capsys):
    lost = replace(ONE, old="no such text")
    monkeypatch.setattr(mutate, "MUTANTS", (lost,))
    assert mutate.main([]) == 1
    assert capsys.readouterr().out == f"{ONE.file} no longer holds once: 'no such text'\n"


@pytest.mark.parametrize(
    ("status", "output", "verdict", "said"),
    [
        (0, "3 passed", mutate.SURVIVED, "no test"),
        (1, "FAILED tests/a/test_b.py::test_c[1] - x\n", mutate.KILLED, "`test_c`"),
        (2, "ERROR tests/a/test_b.py\n1 error in 1 s", mutate.BROKEN, "1 error in 1 s"),
        (-1, "no end within 900 s", mutate.BROKEN, "no end within 900 s"),
    ],
)
def test_only_a_failing_test_finds_a_change(tmp_path, monkeypatch, status, output, verdict, said):
    path = tmp_path / ONE.file
    path.parent.mkdir(parents=True)
    path.write_text(f"a\n{ONE.old}\n", "utf-8")
    seen = []

    def run_tests(copy, tests):
        seen.append((path.read_text("utf-8"), tests))
        return status, output

    monkeypatch.setattr(mutate, "run_tests", run_tests)
    assert mutate.try_one(tmp_path, ONE) == (verdict, said)
    assert seen == [(f"a\n{ONE.new}\n", ONE.tests)]
    assert path.read_text("utf-8") == f"a\n{ONE.old}\n"


@pytest.mark.parametrize(("verdicts", "status"), [(["found"] * 2, 0), (["found", "NOT FOUND"], 1)])
def test_one_change_that_no_test_finds_ends_with_1(monkeypatch, capsys, verdicts, status):
    answers = iter(verdicts)
    monkeypatch.setattr(mutate, "copy_to", lambda *_: None)
    monkeypatch.setattr(mutate, "run_tests", lambda *_: (0, ""))
    monkeypatch.setattr(mutate, "try_one", lambda *_: (next(answers), "x"))
    assert mutate.try_all(MUTANTS[:2]) == status
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(rf"{verdicts.count('found')} of 2 found in \d+ s of one core", last)


def test_tests_that_fail_before_anything_is_changed_end_with_1(monkeypatch, capsys):
    monkeypatch.setattr(mutate, "copy_to", lambda *_: None)
    monkeypatch.setattr(mutate, "run_tests", lambda *_: (1, "1 failed"))
    assert mutate.try_all(MUTANTS[:1]) == 1
    assert "must pass before anything is changed" in capsys.readouterr().out
