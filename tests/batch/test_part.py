"""Readings of many machines on disk: whole or not there, by the same models or not used."""

from __future__ import annotations

import hashlib

import pytest
from pyarrow import parquet

from cxr_core.batch.part import Digests, Parts, default_place
from cxr_core.batch.table import columns
from cxr_core.errors import OutputError
from cxr_core.labels import SYSTEMS

ABOUT = {"variant": "clean", "software": "0"}


def digest_of(n):
    return hashlib.sha256(str(n).encode()).hexdigest()


def a_row(n):
    values = dict.fromkeys(columns(SYSTEMS))
    return {**values, "file": f"{n}.png", "sha256": digest_of(n), "status": "ok", "warnings": []}


@pytest.fixture(params=["path", "address"])
def place(request, tmp_path):
    folder = tmp_path / "parts"
    return str(folder) if request.param == "path" else f"file://{folder}"


def known_to(place, *, about=ABOUT, resume=True):
    with Parts.begin(place, about, SYSTEMS).opened(resume=resume) as readings:
        return len(readings.known)


def test_digests_are_found_even_those_that_end_in_zeros():
    digests = [*(digest_of(n) for n in range(100)), "00" * 32, "ab" * 30 + "0000", "ff" * 32]
    known = Digests.from_hex([*digests, digests[0]])
    assert len(known) == len(digests)
    assert all(digest in known for digest in digests)
    assert "ab" * 30 + "0001" not in known
    assert digest_of(100) not in known
    assert digest_of(1) not in Digests.from_hex([])


def test_a_part_has_the_columns_of_score_and_says_who_read(place, tmp_path):
    parts = Parts.begin(place, ABOUT, SYSTEMS)
    with parts.opened(resume=False):
        name = parts.write(7, [a_row(7), a_row(8)])
    assert name == f"part-{parts.run}-000000007.parquet"
    table = parquet.read_table(tmp_path / "parts" / name)
    assert tuple(table.column_names) == columns(SYSTEMS)
    assert table.column("file").to_pylist() == ["7.png", "8.png"]
    assert b'"variant": "clean"' in table.schema.metadata[b"cxr_score"]
    assert [path.name for path in (tmp_path / "parts").glob("*") if path.name[0] != "."] == [name]


def test_rows_come_in_the_order_that_is_asked_for(place):
    parts = Parts.begin(place, ABOUT, SYSTEMS)
    with parts.opened(resume=False) as readings:
        assert list(readings.rows([])) == []
        readings.add(parts.write(0, [a_row(n) for n in range(1500)]))
        readings.add(parts.write(1500, [a_row(1500), a_row(3)]))
        wanted = [1500, 3, 3, *range(1200)]
        got = [values for some in readings.rows([digest_of(n) for n in wanted]) for values in some]
        assert got == [a_row(n) for n in wanted]


def test_parts_count_only_for_the_same_models(place):
    parts = Parts.begin(place, ABOUT, SYSTEMS)
    with parts.opened(resume=False):
        parts.write(0, [a_row(0)])
    assert known_to(place) == 1
    assert known_to(place, about={**ABOUT, "software": "1"}) == 0
    assert known_to(place, resume=False) == 0
    assert known_to(place) == 1  # the run did not end: kept


def test_a_run_that_ended_is_begun_anew_unless_resumed(place):
    parts = Parts.begin(place, ABOUT, SYSTEMS)
    with parts.opened(resume=False) as readings:
        parts.write(0, [a_row(0)])
        readings.end()
    with Parts.begin(place, ABOUT, SYSTEMS).opened(resume=True) as readings:
        assert digest_of(0) in readings.known
        readings.end()
    assert known_to(place, resume=False) == 0
    assert known_to(place) == 0


def test_a_damaged_part_is_read_again(tmp_path):
    parts = Parts.begin(str(tmp_path), ABOUT, SYSTEMS)
    with parts.opened(resume=False):
        names = [parts.write(n, [a_row(n)]) for n in range(2)]
    data = (tmp_path / names[0]).read_bytes()
    (tmp_path / names[0]).write_bytes(data[: len(data) // 2])
    assert known_to(str(tmp_path)) == 1


def test_a_part_that_is_gone_at_the_end(tmp_path):
    parts = Parts.begin(str(tmp_path), ABOUT, SYSTEMS)
    with parts.opened(resume=False) as readings:
        readings.add("part-gone.parquet")
        with pytest.raises(OutputError, match=r"must stay as it was written.*part-gone"):
            list(readings.rows([digest_of(0)]))


def test_two_runs_do_not_write_into_one_folder(tmp_path):
    pytest.importorskip("fcntl")
    parts = Parts.begin(str(tmp_path / "parts"), ABOUT, SYSTEMS)
    with (
        parts.opened(resume=False),
        pytest.raises(OutputError, match="`parts` must be written by one run at a time"),
        parts.opened(resume=False),
    ):
        pass


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x", "utf-8")
    with (
        pytest.raises(OutputError, match="must be one that can be written"),
        Parts.begin(str(tmp_path / "file"), ABOUT, SYSTEMS).opened(resume=False),
    ):
        pass


def test_parts_lie_beside_the_table_and_are_no_films(tmp_path):
    from cxr_core.batch import list_items

    place = default_place(tmp_path / "r.csv")
    assert place == str(tmp_path / "r.csv.parts")
    parts = Parts.begin(place, ABOUT, SYSTEMS)
    with parts.opened(resume=False) as readings:
        parts.write(0, [a_row(0)])
        readings.end()
        assert list_items([tmp_path]).items == ()
