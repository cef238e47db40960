"""Designs and plans: what is refused, and that the seed alone decides the order."""

from __future__ import annotations

import pytest

from cxr_core.errors import StudyError
from cxr_core.reader_study.design import Aid, Design, reader_code
from cxr_core.reader_study.plan import plan_of
from tests.reader_study.material import design, digest

FILMS = [digest(n) for n in range(21)]


def order(plan, session=1):
    return [task.digest for task in plan if task.session == session and task.is_last]


def test_alone_asks_each_film_once():
    plan = plan_of(design("alone"), FILMS, "r1")
    assert [task.index for task in plan] == list(range(21))
    assert sorted(order(plan)) == sorted(FILMS)
    assert {task.condition for task in plan} == {"alone"}
    assert all(task.is_last for task in plan)


def test_sequential_asks_each_film_alone_then_aided():
    plan = plan_of(design("sequential"), FILMS, "r1")
    assert len(plan) == 42
    for first, second in zip(plan[::2], plan[1::2], strict=True):
        assert first.digest == second.digest
        assert (first.condition, second.condition) == ("alone", "aided")
        assert (first.is_last, second.is_last) == (False, True)
        assert first.position == second.position == first.index // 2


def test_crossover_turns_the_conditions_round():
    plan = plan_of(design("crossover"), FILMS, "r1")
    first = {task.digest: task.condition for task in plan if task.session == 1}
    second = {task.digest: task.condition for task in plan if task.session == 2}
    assert len(first) == len(second) == 21
    assert all({first[film], second[film]} == {"alone", "aided"} for film in FILMS)
    assert list(first.values()).count("alone") == 11
    assert order(plan, 1) != order(plan, 2)


@pytest.mark.parametrize("arm", ["alone", "sequential", "crossover"])
def test_the_seed_decides_and_nothing_else(arm):
    plan = plan_of(design(arm), FILMS, "r1")
    assert plan_of(design(arm), FILMS[::-1], "r1") == plan
    assert order(plan_of(design(arm, seed=8), FILMS, "r1")) != order(plan)
    assert order(plan_of(design(arm), FILMS, "r2")) != order(plan)
    shared = design(arm, is_own_order=False)
    assert plan_of(shared, FILMS, "r1") == plan_of(shared, FILMS, "r2")


def test_the_order_stays_the_same_in_every_version():
    plan = plan_of(design("alone"), [digest(n) for n in range(5)], "r1")
    numbers = {digest(n): n for n in range(5)}
    assert [numbers[film] for film in order(plan)] == [4, 1, 0, 2, 3]


def test_a_design_survives_its_manifest():
    made = design("crossover", washout_days=14, can_go_back=True)
    assert Design.from_dict(made.to_dict()) == made
    assert Design.from_dict(design("alone").to_dict()) == design("alone")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"arm": "blind"}, "`arm` must be one of"),
        ({"arm": "alone", "aid": Aid("vgg16")}, "`aid` must be given unless"),
        ({"arm": "sequential", "aid": None}, "`aid` must be given unless"),
        ({"seed": -1}, r"`seed` must be in \[0, 4294967295\]. Received: seed=-1"),
        ({"washout_days": 3}, "`washout_days` must be 0 in one session"),
        ({"arm": "crossover", "washout_days": 1000}, r"`washout_days` must be in \[0, 366\]"),
    ],
)
def test_what_cannot_be_run_is_refused(fields, words):
    with pytest.raises(StudyError, match=words):
        Design(**{"arm": "sequential", "seed": 7, "aid": Aid("vgg16"), **fields})


@pytest.mark.parametrize(
    "change",
    [
        {"seed": "7"},
        {"seed": True},
        {"more": 1},
        {"aid": {"system": "vgg16"}},
        {"aid": {"system": 3, "has_heatmap": True, "has_trust_notes": True}},
    ],
)
def test_a_manifest_of_other_fields_is_refused(change):
    with pytest.raises(StudyError, match="`design` must have the fields"):
        Design.from_dict({**design().to_dict(), **change})


def test_codes():
    assert reader_code(" R1 ") == "r1"
    assert reader_code("a_b-3") == "a_b-3"
    for typed in ("", "Jane Doe", "ä", "-a", "../x", "a" * 21, "a/b", "a.b"):
        with pytest.raises(StudyError, match="`code` must have 1 to 20 letters"):
            reader_code(typed)
