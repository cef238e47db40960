"""The load generator against real servers with tiny networks: no error, nothing mixed up."""

from __future__ import annotations

import re

import pytest

from benchmarks import users


@pytest.mark.slow
@pytest.mark.parametrize("where", [[], ["--dashboard"]])
def test_three_users_at_once_get_their_own_answers(tiny_bundle_dir, capsys, where):
    few = ["--users", "1", "3", "--minutes", "0.05", "--films", "9"]
    users.main([*few, "--bundle", str(tiny_bundle_dir), *where])
    rows = re.findall(r"^\| [13] \|.*$", capsys.readouterr().out, re.MULTILINE)
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in cells] == ["1", "3"]
    assert all(int(row[1]) > 0 for row in cells)
    assert [row[7:9] for row in cells] == [["0", "0"]] * 2


def test_an_answer_of_another_film_and_an_error_are_counted(monkeypatch):
    films, known = [b"a", b"b", b"c", b"d"], ["a", "b", "c", "x"]
    monkeypatch.setattr(users.ProcessMemory, "of", lambda _: users.ProcessMemory(1, 1, 1, 1))

    def send(film):
        if film == b"b":
            msg = "gone"
            raise OSError(msg)
        return film.decode(), 0.01

    load = users.under_load(lambda: users.nullcontext(send), films, known, 2, 0.1, 1)
    assert load.n_users == 2
    assert load.errors
    assert set(load.errors) == {"OSError: gone"}
    assert load.n_wrong == 1
