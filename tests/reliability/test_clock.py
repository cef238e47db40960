"""The clock is set back or forward, the zone changes, a leap day comes: nothing depends on it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path

import pytest

from cxr_core.batch.run import write_scores
from cxr_core.io import read
from cxr_core.io.dicomweb.query import QueryError, _date
from cxr_core.predict import PublishedModels
from cxr_core.reader_study import Study
from cxr_core.report.page_block import date_words
from cxr_core.training_run import find_runs
from tests.conftest import write_film
from tests.http.live import serving, until
from tests.reader_study.material import Clock, given, make_study
from tests.reliability.many import film
from tests.run_folders import CONFIG, history_rows, write_history, write_json

ROOT = Path(__file__).resolve().parents[2]
LEAP = datetime(2028, 2, 29, 23, 30, tzinfo=UTC)


@pytest.fixture
def jumping(monkeypatch):
    """A clock that is set a day back or a year forward whenever somebody looks."""
    true, looks = time.time, count()

    def look():
        return true() + (-86_400.0 if next(looks) % 2 else 3.2e7)

    monkeypatch.setattr(time, "time", look)
    monkeypatch.setattr(time, "time_ns", lambda: int(look() * 1e9))


@pytest.fixture
def zone(monkeypatch):
    """Set the zone of this process."""

    def set_to(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_to
    monkeypatch.undo()
    time.tzset()


def test_durations_are_never_negative(tiny_predictor, jumping):
    for n in range(5):
        reading = tiny_predictor.read(read(film(n), name="x"))
        assert all(ms >= 0 for ms in reading.timing_ms.values())


def test_a_table_and_its_progress_do_not_look_at_the_clock(tiny_predictor, tmp_path, monkeypatch):
    for n in range(6):
        write_film(tmp_path / f"{n}.png", seed=n)
    films = sorted(tmp_path.glob("*.png"))
    write_scores(tiny_predictor, films, tmp_path / "plain.csv")

    def look():
        raise AssertionError("somebody looks at the clock")

    monkeypatch.setattr(time, "time", look)
    told = []
    write_scores(tiny_predictor, films[:3], tmp_path / "t.csv", on_progress=told.append)
    write_scores(tiny_predictor, films, tmp_path / "t.csv", resume=True, on_progress=told.append)
    monkeypatch.undo()
    assert (tmp_path / "t.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()
    assert told
    for progress in told:
        assert (progress.rate or 0) >= 0
        assert (progress.left_s or 0) >= 0


def test_a_server_answers_while_the_clock_jumps(tiny_bundle_dir, jumping):
    models = PublishedModels(tiny_bundle_dir)
    models.predictor()
    with serving(lambda: models) as live:
        until(lambda: live.service.is_ready)
        for n in range(8):
            answer = live.predict_raw(film(n))
            assert answer.status == 200
            assert all(ms >= 0 for ms in answer.json["results"][0]["timing_ms"].values())


def test_answers_keep_their_order_when_the_clock_is_set_back():
    clock = Clock()
    study = make_study(["COVID19", "NORMAL", "PNEUMONIA"], now=clock)
    study.begin("r1")
    for n in range(6):
        clock.now += timedelta(days=1) * (-1) ** n * (n + 1)
        study.answer("r1", study.standing("r1").next.index, given("NORMAL"))
    again = Study(study.shelf, now=clock).standing("r1").journal
    assert [answer.task for answer in again.answers] == list(range(6))
    assert {answer.at[-6:] for answer in again.answers} == {"+00:00"}
    assert {answer.time_s for answer in again.answers} == {4.0}  # the browser's, not the clock's


def test_a_second_session_opens_after_a_leap_day():
    clock = Clock(LEAP - timedelta(days=1))
    study = make_study(["COVID19", "NORMAL"], now=clock, arm="crossover", washout_days=1)
    study.begin("r1")
    while (task := study.standing("r1").next).session == 1:
        study.answer("r1", task.index, given("NORMAL"))
    assert study.standing("r1").opens_at == LEAP
    clock.now = LEAP + timedelta(minutes=1)
    assert study.standing("r1").opens_at is None


def test_runs_written_in_the_future_do_not_run_for_ever(tmp_path):
    run = tmp_path / "run"
    write_json(run / "config.json", {"schema": "cxr-run/1", "config": CONFIG})
    write_history(run / "runs" / "vgg16", history_rows())
    now = 1.9e9
    for written, state in ((now, "running"), (now - 1e6, "stopped"), (now + 1e6, "stopped")):
        for path in run.rglob("*"):
            os.utime(path, (written, written))
        assert [found.state for found in find_runs(run, now=now).runs] == [state]


@pytest.mark.parametrize("name", ["Pacific/Kiritimati", "America/Anchorage", "Asia/Kathmandu"])
def test_stamps_are_utc_in_every_zone(zone, name):
    zone(name)
    assert date_words(LEAP) == "2028-02-29 23:30 UTC"
    assert date_words(LEAP.astimezone(timezone(timedelta(hours=14)))) == "2028-02-29 23:30 UTC"
    study = make_study(["COVID19"], now=lambda: datetime.now(UTC))
    at = datetime.fromisoformat(study.created)
    assert at.utcoffset() == timedelta(0)
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_leap_day_is_a_date_in_leap_years_only():
    assert _date("2028-02-29", "date") == "20280229"
    with pytest.raises(QueryError, match="must be a date"):
        _date("2027-02-29", "date")


def test_no_cache_of_the_dashboard_goes_by_the_clock():
    for path in (ROOT / "ui").rglob("*.py"):
        assert not re.search(r"\bttl\s*=", path.read_text("utf-8")), path


@pytest.mark.slow
@pytest.mark.parametrize("day", ["2028-02-29", "1999-12-31", "2039-01-01"])
def test_commands_at_other_times(tiny_bundle_dir, tmp_path, day):
    if shutil.which("faketime") is None:
        pytest.skip("faketime is not installed")
    write_film(tmp_path / "film.png", seed=0)

    def run(*wrapper):
        out = tmp_path / f"t{len(wrapper)}.csv"
        command = ["-m", "cxr_core", "score", tmp_path / "film.png", "--out", out]
        done = subprocess.run(
            [*wrapper, sys.executable, *map(str, command), "--bundle", str(tiny_bundle_dir)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return out.read_bytes()

    assert run("faketime", "-f", f"@{day} 23:59:58 x30") == run()
